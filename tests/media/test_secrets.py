"""Words planted in every place where a file can carry them, and no copy that repeats one."""

import io
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from media.files import Picture
from media.images import examine
from tests.media.pictures import (
    MAKE,
    MODEL,
    SOFTWARE,
    TAKEN,
    chunk,
    exif,
    heic,
    jpeg,
    mpo,
    place,
    png,
    quarters,
    segments,
    text,
    webp,
    with_segment,
)

CANARY = "CANARY-7f3a"
XMP = f"<x:xmpmeta xmlns:x='adobe:ns:meta/'><a>{CANARY}</a></x:xmpmeta>".encode()
BLOCK = exif(
    {MAKE: text(CANARY), MODEL: text(CANARY), SOFTWARE: text(CANARY), 0x13B: text(CANARY)},
    {TAKEN: text("2026:03:01 07:30:00"), 0xA431: text(CANARY), 0x927C: (7, CANARY.encode() * 3)},
    {**place(35.415, 116.587), 0x1D: text(CANARY)},
)
PLAIN = [0xE0, 0xDB, 0xDB, 0xC0, 0xC4, 0xC4, 0xC4, 0xC4, 0xDA]  # JFIF, tables, frame, scan
BARE = {"ExifToolVersion", "JFIFVersion", "ResolutionUnit", "XResolution", "YResolution"}
BARE |= {"ImageSize", "Megapixels", "ImageWidth", "ImageHeight", "EncodingProcess", "MIMEType"}
BARE |= {"BitsPerSample", "ColorComponents", "YCbCrSubSampling", "FileType", "FileTypeExtension"}
BARE |= {"FileName", "Directory", "FileSize", "FilePermissions"}  # of the file, not in it
BARE |= {"FileModifyDate", "FileAccessDate", "FileInodeChangeDate"}


def profile() -> bytes:
    """A sound colour profile whose description is a secret."""
    raw = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    built_in = "sRGB built-in".encode("utf-16-be")
    assert built_in in raw
    return raw.replace(built_in, f"{CANARY}xx".encode("utf-16-be"))


def dressed_jpeg() -> bytes:
    data = jpeg(exif=BLOCK, xmp=XMP, comment=CANARY, icc_profile=profile())
    data = with_segment(data, 0xED, b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + CANARY.encode())
    data = with_segment(data, 0xE9, CANARY.encode())
    data = with_segment(data, 0xE0, b"JFXX\0\x10" + CANARY.encode())
    return data + CANARY.encode() + jpeg(comment=CANARY)


def dressed_png() -> bytes:
    told = PngInfo()
    told.add_text("Comment", CANARY)
    told.add_text("Author", CANARY, zip=True)
    told.add_itxt("XML:com.adobe.xmp", XMP.decode())
    data = png(exif=BLOCK, pnginfo=told, icc_profile=profile())
    return data[:-12] + chunk(b"prVt", CANARY.encode()) + data[-12:] + CANARY.encode()


def dressed_webp() -> bytes:
    data = webp(exif=BLOCK, xmp=XMP, icc_profile=profile())
    body = data + b"CNRY" + struct.pack("<I", len(CANARY) + 1) + CANARY.encode() + b"\0"
    return body[:4] + struct.pack("<I", len(body) - 8) + body[8:]


def dressed_heic() -> bytes:
    return heic(exif=BLOCK, xmp=XMP, icc_profile=profile()) + CANARY.encode()


def dressed_mpo() -> bytes:
    data = mpo([quarters(), Image.new("RGB", (640, 480), (255, 0, 255))])
    return with_segment(data, 0xE1, BLOCK) + CANARY.encode()


def commented_jpeg() -> bytes:
    """Without a profile nothing but the encoder's own forgetting keeps the comment back."""
    return jpeg(exif=BLOCK, comment=CANARY)


DRESSED = [commented_jpeg, dressed_jpeg, dressed_png, dressed_webp, dressed_heic, dressed_mpo]


def seen(make: Callable[[], bytes]) -> Picture:
    data = make()
    assert CANARY.encode() in data, "the file does carry the secret"
    return examine(io.BytesIO(data))


@pytest.mark.parametrize("make", DRESSED)
def test_no_secret_leaves_with_a_copy(make: Callable[[], bytes]) -> None:
    picture = seen(make)
    for copy in (picture.thumb, picture.large):
        assert CANARY.encode() not in copy
        assert CANARY.encode("utf-16-be") not in copy
        assert CANARY.encode("utf-16-le") not in copy


@pytest.mark.parametrize("make", DRESSED)
def test_a_copy_holds_a_picture_and_nothing_else(make: Callable[[], bytes]) -> None:
    picture = seen(make)
    for copy in (picture.thumb, picture.large):
        assert segments(copy) == PLAIN
        assert copy.index(b"\xff\xd9", copy.index(b"\xff\xda")) == len(copy) - 2, "no trailer"


@pytest.mark.parametrize("make", DRESSED)
def test_the_claims_are_read_all_the_same(make: Callable[[], bytes]) -> None:
    claims = seen(make).claims
    assert claims.make == CANARY
    assert claims.latitude == pytest.approx(35.415)


@pytest.mark.parametrize("make", DRESSED)
def test_an_outside_judge_finds_nothing(make: Callable[[], bytes], tmp_path: Path) -> None:
    tool = shutil.which("exiftool")
    if tool is None:
        pytest.skip("exiftool is not installed")
    picture = seen(make)
    (tmp_path / "thumb.jpg").write_bytes(picture.thumb)
    (tmp_path / "large.jpg").write_bytes(picture.large)
    command = [tool, "-s", "-a", "-u", "-ee", "thumb.jpg", "large.jpg"]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, text=True).stdout
    tags = {line.split(":")[0].strip() for line in told.splitlines() if " : " in line}
    assert "ImageSize" in tags, told
    assert tags <= BARE
