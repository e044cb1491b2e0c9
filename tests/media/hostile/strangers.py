"""Photos under other names, other things under the names of photos, and both in one file."""

import io
import itertools
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final

from PIL import Image

from tests.media import forgery
from tests.media.forgery import box, tiff
from tests.media.hostile.sound import (
    MAKERS,
    MIMES,
    PICTURE,
)
from tests.media.hostile.verdicts import (
    ACCEPTED,
    DAMAGED,
    FORMAT,
    MAGENTA,
    UPRIGHT,
    Hostile,
    either,
    hostile,
)
from tests.media.pictures import (
    chunk,
    heic,
    jpeg,
    png,
    saved,
    webp,
)

NAMES: Final = {
    "photo.jpg": "image/jpeg",
    "photo.png": "image/png",
    "photo.webp": "image/webp",
    "photo.heic": "image/heic",
    "photo.gif": "image/gif",
    "photo.php": "application/x-php",
    "照片": "",
    "photo.exe": "application/octet-stream",
}


def misnamed() -> Iterator[Hostile]:
    """The bytes decide: a photo under any name is taken for what it is, anything else is not."""
    for (kind, make), (name, declared) in itertools.product(MAKERS.items(), NAMES.items()):
        sent = {"sent_as": name, "declared": declared, "mime": MIMES[kind]}
        yield hostile(f"{kind}-as-{name}", make(PICTURE), ACCEPTED, corners=UPRIGHT, **sent)
    for kind, data in foreign().items():
        for name, declared in list(NAMES.items())[:4]:
            sent = {"sent_as": name, "declared": declared}
            yield hostile(f"{kind}-as-{name}", data, FORMAT, **sent)
    yield hostile("avif-as-mif1", b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", FORMAT, DAMAGED)


@cache
def foreign() -> Mapping[str, bytes]:
    """What Pillow could open, browsers could run or phones could send, and is no photo here."""
    kinds = ("AVIF", "JPEG2000", "TIFF", "BMP", "GIF", "ICO", "TGA", "PPM", "PCX", "EPS", "PDF")
    made = {kind.lower(): saved(PICTURE, kind) for kind in kinds}
    return made | {
        "psd": b"8BPS\0\1" + b"\0" * 6 + struct.pack(">HIIHH", 3, 8, 8, 8, 3) + b"\0" * 300,
        "svg": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        "svg-xml": b"<?xml version='1.0'?><!DOCTYPE svg SYSTEM 'file:///etc/passwd'><svg/>",
        "html": b"<!doctype html><script>alert(1)</script>",
        "php": b"<?php system($_GET['c']);",
        "zip": _zip(),
        "mp4": b"\0\0\0\x18ftypisom\0\0\0\0isomiso2" + b"\0" * 300,
        "mov": b"\0\0\0\x14ftypqt  \0\0\0\0qt  " + b"\0" * 300,
        "riff-wave": b"RIFF\x24\0\0\0WAVEfmt " + b"\0" * 40,
        "jxl": b"\xff\x0a" + b"\0" * 60,
        "jxl-box": b"\0\0\0\x0cJXL \r\n\x87\n" + b"\0" * 60,
        "dng": tiff({0xC612: (1, b"\1\4\0\0"), 0x100: (4, b"\x08\0\0\0")}),
        "elf": b"\x7fELF" + b"\0" * 200,
        "exe": b"MZ" + b"\0" * 200,
        "text": "照片".encode(),
        "base64": b"data:image/jpeg;base64,/9j/4AAQSkZJRg==",
        "gzip": zlib.compress(b"x", wbits=31),
        "bom-jpeg": b"\xef\xbb\xbf" + jpeg(PICTURE),
        "newline-jpeg": b"\r\n" + jpeg(PICTURE),
        "newline-png": png(PICTURE).replace(b"\r\n", b"\n"),
        "mng": b"\x8aMNG\r\n\x1a\n" + b"\0" * 60,
        "jng": b"\x8bJNG\r\n\x1a\n" + b"\0" * 60,
    }


def _zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo("META-INF/MANIFEST.MF"), "Main-Class: Evil")
    return out.getvalue()


HTML: Final = b"<html><script>alert('polyglot')</script></html>"
PHP: Final = b"<?php system('polyglot'); ?>"
LINE: Final = b"*/=alert('polyglot')/*"


def polyglots() -> Iterator[Hostile]:
    """Two kinds in one file: a photo that comes first is taken, and only its pixels leave."""
    archive, photo = _zip(), jpeg(PICTURE)
    comment = forgery.with_segments(photo, forgery.segment(0xFE, HTML))
    pdf = foreign()["pdf"]
    taken = {
        "jpeg-zip": (photo + archive, b"PK\x03\x04"),
        "jpeg-jar-in-comment": (
            forgery.with_segments(photo, forgery.segment(0xFE, archive)),
            b"Main-Class",
        ),
        "jpeg-html-comment": (comment, b"<script"),
        "jpeg-html-trailer": (photo + HTML, b"<script"),
        "jpeg-js": (forgery.with_segments(photo, forgery.segment(0xFE, LINE)), b"alert("),
        "jpeg-js-length": (_long_first_segment(photo), b"alert("),
        "jpeg-pdf": (forgery.with_segments(photo, forgery.segment(0xFE, pdf[:60_000])), b"%PDF"),
        "jpeg-php-exif": (forgery.with_exif(photo, tiff({0x10F: (2, PHP + b"\0")})), b"<?php"),
        "png-php-text": (
            forgery.before_data(png(PICTURE), chunk(b"tEXt", b"Comment\0" + PHP)),
            b"<?php",
        ),
        "png-php-trailer": (png(PICTURE) + PHP, b"<?php"),
        "png-html-chunk": (forgery.before_end(png(PICTURE), chunk(b"prVt", HTML)), b"<script"),
        "png-zip": (png(PICTURE) + archive, b"PK\x03\x04"),
        "webp-js-chunk": (
            forgery.extended(webp(PICTURE), 0, forgery.riff_chunk(b"evil", LINE)),
            b"alert(",
        ),
        "webp-zip-chunk": (
            forgery.extended(webp(PICTURE), 0, forgery.riff_chunk(b"evil", archive)),
            b"PK\x03\x04",
        ),
        "heic-zip-box": (heic(PICTURE) + box(b"free", archive), b"PK\x03\x04"),
    }
    for name, (data, trace) in taken.items():
        assert trace in data
        yield hostile(name, data, ACCEPTED, corners=UPRIGHT, absent=(trace,))
    yield either("webp-js-size", b"RIFF/*" + webp(PICTURE)[6:] + LINE, absent=(b"alert(",))
    yield either("webp-zip-trailer", webp(PICTURE) + archive, absent=(b"PK\x03\x04",))
    yield hostile("pdf-jpeg", b"%PDF-1.4\n" + photo, FORMAT)
    yield hostile("gifar", foreign()["gif"] + archive, FORMAT)
    yield hostile("html-jpeg", HTML + photo, FORMAT)
    yield hostile("zip-jpeg", archive + photo, FORMAT)


def _long_first_segment(photo: bytes) -> bytes:
    """The length of the first segment is the beginning of a comment in a script: `/*`."""
    body = LINE + b"\0" * (0x2F2A - 2 - len(LINE))
    return (
        photo[:2]
        + forgery.segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0" + body[14:])
        + (forgery.segment(0xFE, LINE) + photo[20:])
    )


def trailers() -> Iterator[Hostile]:
    """Whatever stands behind the picture: it does not matter, and does not leave."""
    mark = b"behind-the-end"
    other = jpeg(Image.new("RGB", (96, 72), MAGENTA), comment=mark.decode())
    for kind, make in MAKERS.items():
        whole = make(PICTURE)
        told = {"corners": UPRIGHT, "absent": (mark,)}
        wrap = box(b"mpvd", mark) if kind == "heic" else mark
        yield hostile(f"{kind}-mark", whole + wrap, ACCEPTED, **told)
        yield hostile(f"{kind}-zeros", whole + b"\0" * 1_000_000, *_loose(kind), **told)
        yield hostile(f"{kind}-photo", whole + other, *_loose(kind), **told)
        yield hostile(f"{kind}-newline", whole + b"\r\n", *_loose(kind), **told)
        yield hostile(f"{kind}-twice", whole + whole, *_loose(kind), **told)
    film = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + box(b"mdat", mark)
    yield hostile("jpeg-motion-photo", jpeg(PICTURE) + film, ACCEPTED, corners=UPRIGHT)
    samsung = mark + b"SEFH\x6b\0\0\0\1\0\0\0" + b"\0" * 12 + b"\x18\0\0\0SEFT"
    yield hostile("jpeg-samsung", jpeg(PICTURE) + samsung, ACCEPTED, absent=(b"SEFT",))


def _loose(kind: str) -> tuple[str, ...]:
    """Behind a HEIC everything must be a box; its reader may give up on what is none."""
    return (ACCEPTED, DAMAGED) if kind == "heic" else (ACCEPTED,)
