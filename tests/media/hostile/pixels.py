"""Every layout of pixels that PNG and JPEG have, and those that they do not have."""

import struct
from collections.abc import Iterator

from tests.media import forgery
from tests.media.hostile.sound import (
    PICTURE,
)
from tests.media.hostile.verdicts import (
    ACCEPTED,
    DAMAGED,
    Hostile,
    either,
    hostile,
)
from tests.media.pictures import (
    chunk,
    heic,
    jpeg,
    png,
    webp,
)


def modes() -> Iterator[Hostile]:
    """Every layout of pixels that a PNG has, and the inks of JPEG."""
    depths = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
    for colour, bits in ((colour, bit) for colour, all_bits in depths.items() for bit in all_bits):
        row = b"\0" + b"\x55" * ((40 * bits * samples[colour] + 7) // 8)
        palette = [chunk(b"PLTE", bytes(range(6)) * (2 ** min(bits, 8) // 2))] * (colour == 3)
        see_through = chunk(b"tRNS", {0: b"\0\1", 2: b"\0\1" * 3, 3: b"\0\x80"}.get(colour, b""))
        name = f"png-{colour}-{bits}"
        yield hostile(name, forgery.png_raw((40, 30), bits, colour, row * 30, *palette), ACCEPTED)
        if colour in {0, 2, 3}:
            pieces = [*palette, see_through]
            data = forgery.png_raw((40, 30), bits, colour, row * 30, *pieces)
            yield hostile(f"{name}-see-through", data, ACCEPTED)
        woven = forgery.png_raw((40, 30), bits, colour, row * 60, *palette, interlaced=1)
        yield either(f"{name}-woven", woven)
    yield from _odd_png()
    inks = PICTURE.convert("CMYK")
    for transform in (None, 0, 1, 2, 9):
        yield hostile(f"jpeg-inks-adobe-{transform}", _adobe(jpeg(inks), transform), ACCEPTED)
        data = _adobe(jpeg(PICTURE), transform)
        yield hostile(f"jpeg-rgb-adobe-{transform}", data, ACCEPTED)
    yield hostile("jpeg-grey", jpeg(PICTURE.convert("L")), ACCEPTED)
    for alpha in ("RGBA", "LA", "P", "1"):
        yield hostile(f"png-mode-{alpha}", png(PICTURE.convert(alpha)), ACCEPTED)
    yield hostile("webp-alpha", webp(PICTURE.convert("RGBA"), lossless=True), ACCEPTED)
    yield hostile("heic-alpha", heic(PICTURE.convert("RGBA")), ACCEPTED)


def _odd_png() -> Iterator[Hostile]:
    row = b"\0" + b"\x55" * 40
    make = forgery.png_raw
    small = chunk(b"PLTE", bytes(range(6)))
    yield either("png-palette-short", make((40, 30), 8, 3, row * 30, small))
    yield either("png-palette-none", make((40, 30), 8, 3, row * 30))
    long_one = chunk(b"tRNS", b"\0" * 300)
    yield either("png-see-through-long", make((40, 30), 8, 3, row * 30, small, long_one))
    for bits, colour in ((3, 0), (16, 3), (4, 2), (8, 5), (0, 0), (64, 2)):
        yield hostile(f"png-impossible-{bits}-{colour}", make((40, 30), bits, colour, b""), DAMAGED)
    yield hostile("png-filter-9", make((40, 30), 8, 0, (b"\x09" + row[1:]) * 30), DAMAGED)
    yield hostile("png-rows-missing", make((40, 30), 8, 0, row * 29), DAMAGED)
    yield hostile("png-one-row-of-many", make((4000, 3000), 8, 0, row), DAMAGED)
    wrong = bytearray(png(PICTURE))
    wrong[wrong.index(b"IDAT") + 8] ^= 1
    yield hostile("png-checksum", bytes(wrong), DAMAGED)
    yield either("png-no-header", forgery.SIGNATURE + chunk(b"IEND", b""))
    yield either("png-apple", _crushed())
    yield either(
        "png-control-alone", forgery.before_data(png(PICTURE), chunk(b"acTL", b"\xff" * 8))
    )
    order = forgery.frame_control(7, (96, 72))
    yield either("png-frames-disordered", forgery.before_data(png(PICTURE), order, order))
    yield either("png-frame-data-short", forgery.before_end(png(PICTURE), chunk(b"fdAT", b"\0")))
    critical = forgery.before_data(png(PICTURE), chunk(b"ABCD", b"x"))
    yield either("png-critical-unknown", critical)


def _crushed() -> bytes:
    """What Xcode makes of a PNG: a chunk in front of the header, pixels without a zlib head."""
    data = png(PICTURE)
    return data[:8] + chunk(b"CgBI", b"\x50\0\x20\x06") + data[8:]


def _adobe(data: bytes, transform: int | None) -> bytes:
    """The JPEG with that colour transform in its Adobe segment, or with none."""
    at = data.find(b"\xff\xee")
    if at >= 0:
        data = data[:at] + data[at + 2 + struct.unpack(">H", data[at + 2 : at + 4])[0] :]
    if transform is None:
        return data
    return forgery.with_segments(
        data, forgery.segment(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes([transform]))
    )
