"""Every format and mode that is taken, all that is refused, and that pictures stand upright."""

import io
import random
import struct
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pillow_heif
import pytest
from PIL import Image, ImageCms, ImageDraw

from media import copies, images
from media.errors import (
    DamagedImage,
    EmptyFile,
    FileTooLarge,
    TooManyPixels,
    UnsupportedFormat,
)
from media.evidence import Claims
from media.files import Box, Picture, weigh
from media.images import examine, redacted
from tests.media.pictures import (
    ORIENTATION,
    corner_colours,
    exif,
    heic,
    jpeg,
    jpeg_of,
    mpo,
    noise,
    opened,
    place,
    png,
    png_of,
    quarters,
    saved,
    short,
    webp,
    webp_of,
    with_segment,
)

UPRIGHT = ["red", "green", "blue", "white"]
TURNED = {
    1: UPRIGHT,
    2: ["green", "red", "white", "blue"],
    3: ["white", "blue", "green", "red"],
    4: ["blue", "white", "red", "green"],
    5: ["red", "blue", "green", "white"],
    6: ["blue", "red", "white", "green"],
    7: ["white", "green", "blue", "red"],
    8: ["green", "white", "red", "blue"],
}
MAKERS = {"image/jpeg": jpeg, "image/png": png, "image/webp": webp, "image/heic": heic}


def seen(data: bytes) -> Picture:
    return examine(io.BytesIO(data))


@pytest.mark.parametrize("kind", MAKERS)
def test_every_format_is_taken_for_what_its_bytes_are(kind: str) -> None:
    picture = seen(MAKERS[kind]())
    assert (picture.mime_type, picture.width, picture.height) == (kind, 640, 480)
    large, thumb = opened(picture.large), opened(picture.thumb)
    assert (large.format, large.mode, large.size) == ("JPEG", "RGB", (640, 480))
    assert (thumb.format, thumb.mode, thumb.size) == ("JPEG", "RGB", (400, 300))
    assert corner_colours(large) == corner_colours(thumb) == UPRIGHT


@pytest.mark.parametrize("kind", ["image/jpeg", "image/png", "image/webp"])
@pytest.mark.parametrize("orientation", range(10))
def test_copies_stand_upright_whatever_the_orientation(kind: str, orientation: int) -> None:
    picture = seen(MAKERS[kind](exif=exif({ORIENTATION: short(orientation)})))
    expected = TURNED.get(orientation, UPRIGHT)
    assert (picture.width, picture.height) == ((480, 640) if 5 <= orientation <= 8 else (640, 480))
    assert corner_colours(opened(picture.large)) == expected
    assert corner_colours(opened(picture.thumb)) == expected
    assert opened(picture.large).size == (picture.width, picture.height)
    assert opened(picture.thumb).getexif().get(ORIENTATION) is None


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_heic_is_never_turned_twice(orientation: int) -> None:
    picture = seen(heic(exif=exif({ORIENTATION: short(orientation)})))
    assert corner_colours(opened(picture.large)) == TURNED[orientation]
    assert (picture.width, picture.height) == ((480, 640) if orientation >= 5 else (640, 480))


def test_a_heic_is_not_turned_by_its_claims_whatever_its_reader_leaves_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(images, "read_claims", lambda *_blocks: Claims(orientation=6))
    picture = seen(heic())
    assert corner_colours(opened(picture.large)) == UPRIGHT
    assert (picture.width, picture.height) == (640, 480)


def test_a_size_that_changes_while_it_is_decoded_is_damaged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loaded = pillow_heif.HeifImage.load

    def load(image: pillow_heif.HeifImage) -> None:
        loaded(image)
        image.size = (8, 8)

    monkeypatch.setattr(pillow_heif.HeifImage, "load", load)
    with pytest.raises(DamagedImage):
        seen(heic())


def test_the_first_of_several_pictures_counts_and_the_hidden_one_leaves_no_trace() -> None:
    picture = seen(mpo([quarters(), Image.new("RGB", (640, 480), (255, 0, 255))]))
    assert (picture.mime_type, picture.width) == ("image/jpeg", 640)
    assert corner_colours(opened(picture.large)) == UPRIGHT
    assert getattr(opened(picture.large), "n_frames", 1) == 1


def test_a_broken_index_of_pictures_does_not_matter() -> None:
    data = with_segment(jpeg(), 0xE2, b"MPF\0" + b"\xff" * 64)
    assert seen(data).mime_type == "image/jpeg"


def test_moving_pictures_stop_at_the_first() -> None:
    still, other = quarters((200, 200)), Image.new("RGB", (200, 200), (255, 0, 255))
    for kind in ("WEBP", "PNG"):
        data = saved(still, kind, save_all=True, append_images=[other], duration=100)
        assert corner_colours(opened(seen(data).large)) == UPRIGHT


def test_deep_grey_keeps_its_shades() -> None:
    ramp = Image.frombytes(
        "I;16", (256, 64), b"".join(struct.pack("<H", x * 256) for x in range(256)) * 64
    )
    row = opened(seen(png(ramp)).large).convert("L")
    assert 100 <= row.getpixel((128, 32)) <= 156
    assert row.getpixel((2, 32)) < 10
    assert row.getpixel((253, 32)) > 245


def test_inks_stay_reddish() -> None:
    picture = opened(seen(jpeg(Image.new("CMYK", (64, 64), (40, 220, 220, 10)))).large)
    red, green, blue = picture.convert("RGB").getpixel((32, 32))
    assert picture.mode == "RGB"
    assert red > green
    assert red > blue


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "PA-bytes", "RGB-key", "L-key", "1"])
def test_what_is_transparent_becomes_white(mode: str) -> None:
    options: dict[str, object] = {}
    image = Image.new("RGBA", (64, 64), (200, 0, 0, 0))
    if mode == "LA":
        image = Image.new("LA", (64, 64), (0, 0))
    elif mode == "P":
        image, options = Image.new("P", (64, 64), 3), {"transparency": 3}
        image.putpalette([9, 9, 9] * 4)
    elif mode == "PA-bytes":
        image, options = Image.new("P", (64, 64), 1), {"transparency": b"\xff\x00"}
        image.putpalette([9, 9, 9] * 2)
    elif mode == "RGB-key":
        image, options = Image.new("RGB", (64, 64), (9, 9, 9)), {"transparency": (9, 9, 9)}
    elif mode == "L-key":
        image, options = Image.new("L", (64, 64), 9), {"transparency": 9}
    elif mode == "1":
        image = Image.new("1", (64, 64), 1)
    copy = opened(seen(png(image, **options)).large)
    assert copy.mode == "RGB"
    assert min(copy.getpixel((32, 32))) > 250


def test_half_transparent_red_becomes_pink() -> None:
    copy = opened(seen(webp(Image.new("RGBA", (64, 64), (255, 0, 0, 128)), lossless=True)).large)
    red, green, blue = copy.getpixel((32, 32))
    assert red > 245
    assert 110 <= green <= 145
    assert 110 <= blue <= 145


def test_colours_are_read_by_their_profile() -> None:
    """A profile with swapped primaries: what is stored as red is meant as something else."""
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    plain = seen(jpeg(icc_profile=lab.tobytes()))
    assert corner_colours(opened(plain.large)) == UPRIGHT, "a profile of another space is left out"
    broken = seen(jpeg(icc_profile=b"\xff" * 300))
    assert corner_colours(opened(broken.large)) == UPRIGHT
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    wide = srgb.replace(b"sRGB", b"wide").replace(b"s\0R\0G\0B", b"w\0i\0d\0e")
    wide = wide.replace("sRGB".encode("utf-16-be"), "wide".encode("utf-16-be"))
    assert corner_colours(opened(seen(jpeg(icc_profile=wide)).large)) == UPRIGHT
    for picture in (plain, broken):
        assert "icc_profile" not in opened(picture.large).info


@pytest.mark.parametrize(
    ("size", "large", "thumb"),
    [
        ((1, 1), (1, 1), (1, 1)),
        ((1600, 1200), (1600, 1200), (400, 300)),
        ((1601, 1200), (1600, 1199), (400, 300)),
        ((4000, 3000), (1600, 1200), (400, 300)),
        ((3000, 4000), (1200, 1600), (300, 400)),
        ((9000, 10), (1600, 2), (400, 1)),
        ((20000, 1), (1600, 1), (400, 1)),
    ],
)
@pytest.mark.parametrize("maker", [jpeg, png])
def test_copies_fit_their_squares_and_never_grow(
    maker: object, size: tuple[int, int], large: tuple[int, int], thumb: tuple[int, int]
) -> None:
    assert callable(maker)
    picture = seen(maker(Image.new("RGB", size, (10, 120, 10))))
    assert (picture.width, picture.height) == size
    assert opened(picture.large).size == large
    assert opened(picture.thumb).size == thumb


@pytest.fixture
def narrow_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many of them as 35 megapixels have, for a tenth."""
    monkeypatch.setattr(copies, "TILE_PIXELS", copies.TILE_PIXELS // 10)


@pytest.mark.usefixtures("narrow_strips")
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "CMYK"])
def test_a_picture_shrunk_in_strips_has_no_seams(mode: str) -> None:
    image = Image.new("RGB", (7000, 500), (128, 128, 128)).convert(mode)
    copy = opened(seen(png(image) if mode != "CMYK" else jpeg(image)).large).convert("L")
    low, high = copy.getextrema()
    assert high - low <= 2


@pytest.mark.usefixtures("narrow_strips")
def test_strips_join_where_they_should() -> None:
    image = quarters((6400, 240)).convert("RGBA")
    assert corner_colours(opened(seen(png(image)).large)) == UPRIGHT
    assert corner_colours(opened(seen(png(image)).thumb)) == UPRIGHT


def test_the_same_bytes_make_the_same_copies() -> None:
    data = jpeg(noise((900, 700)))
    assert seen(data) == seen(data)


def test_claims_come_with_the_picture() -> None:
    where = exif(position=place(35.415, 116.587))
    for maker in MAKERS.values():
        assert seen(maker(exif=where)).claims.latitude == pytest.approx(35.415)


def test_claims_hidden_in_png_text_are_found() -> None:
    from PIL.PngImagePlugin import PngInfo

    block = exif(position=place(35.415, 116.587))
    told = PngInfo()
    told.add_text("Raw profile type exif", f"\nexif\n{len(block):8}\n{block.hex()}\n")
    assert seen(png(pnginfo=told)).claims.latitude == pytest.approx(35.415)
    told.add_text("Raw profile type exif", "\nexif\n 3\nxyz")
    assert seen(png(pnginfo=told)).claims.latitude is None


@pytest.mark.parametrize(
    "broken",
    [
        with_segment(jpeg(), 0xE1, b"Exif\0\0" + bytes(range(64))),
        with_segment(jpeg(), 0xE1, b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\xff" * 40),
        with_segment(jpeg(), 0xE1, exif({0x10F: (2, b"Apple Inc\0")}).replace(b"\x08", b"\xf8")),
    ],
)
def test_a_broken_block_of_claims_spoils_no_picture(broken: bytes) -> None:
    picture = seen(broken)
    assert corner_colours(opened(picture.large)) == UPRIGHT
    assert picture.claims.latitude is None


@pytest.mark.parametrize(
    "data",
    [
        b"<!doctype html><script>alert(1)</script>",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>",
        b"GIF89a\x01\0\x01\0\0\0\0;",
        b"BM" + b"\0" * 60,
        b"%PDF-1.7",
        b"PK\x03\x04",
        b"II*\0\x08\0\0\0",
        b"%!PS-Adobe-3.0 EPSF-3.0",
        b"\0\0\0\x18ftypisom\0\0\0\0",
        b"\0\0\0\x18ftypavif\0\0\0\0",
        b"\0\0\x01\0",
        b"8BPS",
        b"\xff\xd8",
        b"x",
        b"\0" * 4096,
    ],
)
def test_what_is_no_photo_is_unsupported(data: bytes) -> None:
    with pytest.raises(UnsupportedFormat):
        seen(data)


@pytest.mark.parametrize("kind", MAKERS)
def test_a_photo_cut_off_anywhere_is_damaged(kind: str) -> None:
    whole = MAKERS[kind](noise((320, 240)))
    for tenth in range(1, 10):
        with pytest.raises(DamagedImage):
            seen(whole[: len(whole) * tenth // 10])


def test_the_first_bytes_alone_are_damaged() -> None:
    for data in (jpeg()[:20], png()[:20], webp()[:20], heic()[:20], b"\xff\xd8\xff"):
        with pytest.raises(DamagedImage):
            seen(data)


def test_a_jpeg_without_its_last_two_bytes_is_damaged() -> None:
    with pytest.raises(DamagedImage):
        seen(jpeg(noise((320, 240)))[:-2])


BOMBS = {
    "png-65535": png_of(65535, 65535),
    "png-12000": png_of(12000, 12000, data=b"\0" * (1501 * 12000)),
    "png-just-above": png_of(10_000, 5_001, data=b"\0" * (1251 * 5001)),
    "png-rgba-deep": png_of(50_001, 1_000, bits=16, colour=6),
    "jpeg-65500": jpeg_of(65500, 65500),
    "jpeg-8000": jpeg_of(8000, 8000),
    "webp-13000": webp_of(13000, 13000),
    "webp-16383": webp_of(16383, 16383),
    "webp-7100": webp_of(7100, 7100),
}


@pytest.mark.parametrize("name", BOMBS)
def test_too_many_pixels_are_refused_by_the_header(name: str) -> None:
    with pytest.raises(TooManyPixels):
        seen(BOMBS[name])


def test_a_heic_bomb_is_refused_by_its_header() -> None:
    data = bytearray(heic(Image.new("RGB", (64, 64))))
    at = data.index(b"ispe") + 8
    data[at : at + 8] = struct.pack(">II", 20000, 20000)
    with pytest.raises((TooManyPixels, DamagedImage)):
        seen(bytes(data))


def test_a_size_that_the_pixels_belie_is_damaged() -> None:
    data = bytearray(heic(Image.new("RGB", (64, 64))))
    at = data.index(b"ispe") + 8
    data[at : at + 8] = struct.pack(">II", 32, 32)
    with pytest.raises(DamagedImage):
        seen(bytes(data))


def test_bombs_take_no_memory(tmp_path: Path) -> None:
    for name, data in BOMBS.items():
        (tmp_path / name).write_bytes(data)
    grown = _growth(tmp_path, [str(tmp_path / name) for name in BOMBS])
    assert grown < 50, f"{grown} MiB"


def _growth(home: Path, files: list[str]) -> float:
    """MiB that a process gains while it looks at the files, whatever it says to them."""
    script = home / "look.py"
    script.write_text(
        "import io, resource, sys\n"
        "from media.images import examine\n"
        "from core.errors import DomainError\n"
        "def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024\n"
        "before = peak()\n"
        "for name in sys.argv[1:]:\n"
        "    with open(name, 'rb') as file:\n"
        "        try: examine(file)\n"
        "        except DomainError: pass\n"
        "print(peak() - before)\n"
    )
    project = Path(images.__file__).parent.parent
    done = subprocess.run(
        [sys.executable, str(script), *files],
        capture_output=True,
        check=True,
        cwd=project,
        env={"PYTHONPATH": str(project), "PATH": ""},
    )
    return float(done.stdout)


def test_endless_scans_are_refused() -> None:
    """Each scan of a progressive picture costs a pass over all of it, and takes a few bytes."""
    data = jpeg(noise((64, 64)), progressive=True)
    assert seen(data).width == 64
    start = data.rindex(b"\xff\xda")
    scan = data[start:-2]
    with pytest.raises(DamagedImage):
        seen(data[:start] + scan * 200 + b"\xff\xd9")


def test_wrong_sizes_are_known_before_anything_is_decoded() -> None:
    with pytest.raises(EmptyFile):
        weigh(io.BytesIO(b""))
    with pytest.raises(FileTooLarge):
        weigh(io.BytesIO(b"x" * (20 * 1024 * 1024 + 1)))
    weight = weigh(io.BytesIO(b"abc"))
    assert weight.byte_size == 3
    assert weight.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert weigh(io.BytesIO(b"x" * 20 * 1024 * 1024)).byte_size == 20 * 1024 * 1024


@pytest.mark.parametrize("kind", MAKERS)
def test_flipped_bits_give_a_picture_or_a_named_refusal(kind: str) -> None:
    whole = MAKERS[kind](noise((96, 72)), exif=exif({ORIENTATION: short(6)}))
    chance = random.Random(f"{kind} 20261125")
    for _ in range(250):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 8)):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        with suppress(DamagedImage, UnsupportedFormat, TooManyPixels):
            assert max(opened(seen(bytes(data)).thumb).size) <= 400


def test_random_bytes_behind_a_true_beginning_are_damaged() -> None:
    chance = random.Random(5)
    for head in (jpeg()[:12], png()[:12], webp()[:12], heic()[:12]):
        for _ in range(50):
            with pytest.raises((DamagedImage, TooManyPixels)):
                seen(head + chance.randbytes(chance.randint(1, 3000)))


def test_a_gist_survives_another_quality_and_size_and_knows_another_picture() -> None:
    image = Image.new("RGB", (1200, 900), (200, 220, 240))
    draw = ImageDraw.Draw(image)
    for at in range(0, 1200, 150):
        draw.ellipse((at, at // 2, at + 260, at // 2 + 200), fill=(at % 255, 90, 255 - at % 255))
    first = seen(jpeg(image)).gist
    assert len(first) == 1024
    assert _distance(first, seen(jpeg(image, quality=30)).gist) <= 2
    assert _distance(first, seen(webp(image.resize((600, 450)))).gist) <= 2
    assert _distance(first, seen(jpeg(image.rotate(90, expand=True))).gist) > 12


def _distance(one: bytes, other: bytes) -> float:
    return sum(abs(a - b) for a, b in zip(one, other, strict=True)) / len(one)


def test_a_gist_shows_the_upright_picture() -> None:
    image = Image.new("L", (640, 480), 255)
    image.paste(0, (0, 0, 640, 240))
    for maker in MAKERS.values():
        gist = seen(maker(image.convert("RGB"), exif=exif({ORIENTATION: short(3)}))).gist
        assert min(gist[:256]) > 240
        assert max(gist[-256:]) < 15


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_box_blackens_what_stands_upright_there(kind: str, orientation: int) -> None:
    data = MAKERS[kind](exif=exif({ORIENTATION: short(orientation)}))
    width, height = seen(data).width, seen(data).height
    copies = redacted(io.BytesIO(data), [Box(0, 0, width // 2, height // 2)])
    for copy in (copies.large, copies.thumb):
        image = opened(copy)
        assert corner_colours(image)[1:] == TURNED[orientation][1:]
        part = image.convert("L").crop((0, 0, image.width // 2 - 8, image.height // 2 - 8))
        assert part.getextrema()[1] <= 8


def _pair(size: tuple[int, int], inside: tuple[int, int, int, int]) -> list[Image.Image]:
    """Two pictures of noise that differ inside the corners alone."""
    first = Image.effect_noise(size, 90).convert("RGB")
    second = first.copy()
    second.paste(Image.effect_noise((inside[2] - inside[0], inside[3] - inside[1]), 90), inside[:2])
    return [first, second]


def _deep(image: Image.Image) -> Image.Image:
    return image.convert("L").convert("I").point(lambda value: value * 257).convert("I;16")


LOSSLESS = {
    "png": lambda image: png(image, compress_level=1),
    "png-deep": lambda image: png(_deep(image), compress_level=1),
    "png-transparent": lambda image: png(image.convert("RGBA"), compress_level=1),
    "webp": lambda image: webp(image, lossless=True, quality=0, method=0),
}


@pytest.mark.parametrize("size", [(800, 600), (1901, 1203), (9001, 207)])
@pytest.mark.parametrize("kind", LOSSLESS)
def test_nothing_in_a_box_leaves_a_trace(kind: str, size: tuple[int, int]) -> None:
    corners = size[0] // 3 + 1, size[1] // 3 + 1, size[0] // 2, size[1] // 2 + 1
    box = Box(*corners[:2], corners[2] - corners[0], corners[3] - corners[1])
    first, second = (io.BytesIO(LOSSLESS[kind](image)) for image in _pair(size, corners))
    assert redacted(first, [box]) == redacted(second, [box])
    assert redacted(first, []) != redacted(second, []), "without the box they tell"


@pytest.mark.parametrize("size", [(800, 608), (3520, 1600)])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": "4:4:4"}])
def test_no_block_of_a_jpeg_that_a_box_touches_leaves_a_trace(
    size: tuple[int, int], options: dict[str, object]
) -> None:
    inside = 320, 160, 480, 320  # whole blocks; the box touches the outer ones by a pixel
    first, second = (io.BytesIO(jpeg(image, **options)) for image in _pair(size, inside))
    box = Box(335, 175, 130, 130)
    assert redacted(first, [box]) == redacted(second, [box])
    assert redacted(first, []) != redacted(second, [])


def test_the_reach_of_the_decoder_is_what_keeps_a_box_tight(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inside = 320, 160, 480, 320
    first, second = (io.BytesIO(jpeg(image)) for image in _pair((2400, 1600), inside))
    box = Box(335, 175, 130, 130)
    monkeypatch.setattr(images, "REACH", 0)
    monkeypatch.setattr(images, "BLOCK", 1)
    assert redacted(first, [box]) != redacted(second, [box])


@pytest.mark.parametrize("box", [Box(-50, -50, 5000, 5000), Box(0, 0, 640, 480)])
def test_a_box_larger_than_the_picture_hides_all_of_it(box: Box) -> None:
    for maker in MAKERS.values():
        copies = redacted(io.BytesIO(maker()), [box])
        assert opened(copies.large).convert("L").getextrema()[1] <= 2
        assert opened(copies.thumb).convert("L").getextrema()[1] <= 2


def test_without_boxes_the_copies_are_the_plain_ones() -> None:
    data = jpeg(noise((900, 700)))
    made = redacted(io.BytesIO(data), [])
    assert (made.thumb, made.large) == (seen(data).thumb, seen(data).large)


def test_the_first_frame_of_a_moving_webp_stands_where_its_canvas_has_it() -> None:
    still = quarters((200, 200))
    data = saved(still, "WEBP", save_all=True, append_images=[still.rotate(90)], lossless=True)
    assert (seen(data).width, seen(data).height) == (200, 200)
    for at in range(40, len(data), 97):
        with pytest.raises(DamagedImage):
            seen(data[:at])


def test_a_heic_that_lost_its_end_is_damaged_though_its_library_shows_black_tiles() -> None:
    whole = heic(noise((320, 240)))
    with pytest.raises(DamagedImage):
        seen(whole[:-1])
    assert seen(whole + b"behind it").width == 320


def test_a_line_without_end_is_shrunk_in_parts() -> None:
    data = png(Image.new("L", (9_000_001, 1), 90), compress_level=1)
    assert opened(seen(data).large).size == (1600, 1)


def test_packets_of_xmp_are_read_in_every_format() -> None:
    from PIL.PngImagePlugin import PngInfo

    packet = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="r"><rdf:Description '
        b'xmp:CreatorTool="Snap" /></rdf:RDF></x:xmpmeta>'
    )
    told = PngInfo()
    told.add_itxt("XML:com.adobe.xmp", packet.decode())
    files = [jpeg(xmp=packet), webp(xmp=packet), heic(xmp=packet), png(pnginfo=told)]
    assert [seen(data).claims.creator_tool for data in files] == ["Snap"] * 4


def test_sm3_is_weighed_only_when_it_is_asked_for() -> None:
    assert weigh(io.BytesIO(b"abc")).sm3 is None
    assert weigh(io.BytesIO(b"abc"), sm3=True).sm3 == (
        "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    )
