"""Pictures of exactly 50 megapixels in every way that takes memory or time to decode.

They take seconds to make and to decode, so the suite leaves them to `make hostile`.
"""

import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from PIL import Image

from tests.media import forgery
from tests.media.hostile.verdicts import ACCEPTED, DAMAGED, MOST_PIXELS, Hostile, hostile
from tests.media.pictures import chunk, heic, jpeg, saved, webp

SIZE: Final = (10_000, MOST_PIXELS // 10_000)
GREEN: Final = (1, 99, 3)
PASSES: Final = (
    *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4)),
    *((0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)),
)
WHOLE: Final = ((0, 0, 1, 1),)


def heavy() -> Iterator[Hostile]:
    for name, make in MAKERS.items():
        yield hostile(f"{name}-at-limit", make(), ACCEPTED)
    # Four inks, all coefficients at once: 400 MB before the first pixel. No camera writes that.
    inks = jpeg(Image.new("CMYK", SIZE, (1, 99, 3, 4)), progressive=True)
    yield hostile("jpeg-inks-progressive-at-limit", inks, ACCEPTED, DAMAGED)
    data = _scans_of_all()
    yield hostile("jpeg-100-scans-at-limit", data, ACCEPTED, DAMAGED)


def _png(bits: int, colour: int, samples: int, *chunks: bytes, woven: bool = False) -> bytes:
    """A PNG of nothing but zeros, never held whole."""
    squeeze, parts = zlib.compressobj(6), []
    for left, top, across, down in PASSES if woven else WHOLE:
        columns, rows = -(-(SIZE[0] - left) // across), -(-(SIZE[1] - top) // down)
        row = b"\0" * (1 + columns * bits * samples // 8)
        parts += [squeeze.compress(row) for _ in range(rows)]
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", *SIZE, bits, colour, 0, 0, int(woven)))
    pixels = chunk(b"IDAT", b"".join([*parts, squeeze.flush()]))
    return forgery.SIGNATURE + head + b"".join(chunks) + pixels + chunk(b"IEND", b"")


def _scans_of_all() -> bytes:
    """Each scan is a pass over coefficients of 300 MB."""
    whole = jpeg(Image.new("RGB", SIZE, GREEN), progressive=True, subsampling=0)
    head, scans = forgery.scans(whole)
    return head + b"".join(scans) + scans[-1] * (100 - len(scans)) + b"\xff\xd9"


def _moving_webp() -> bytes:
    other = Image.new("RGB", SIZE, (9, 9, 9))
    options = {"save_all": True, "append_images": [other], "lossless": True, "quality": 0}
    return saved(Image.new("RGB", SIZE, GREEN), "WEBP", method=0, **options)


MAKERS: Final[Mapping[str, Callable[[], bytes]]] = {
    "png-rgba-8": lambda: _png(8, 6, 4),
    "png-rgba-16": lambda: _png(16, 6, 4),
    "png-rgb-16": lambda: _png(16, 2, 3),
    "png-rgb-key": lambda: _png(8, 2, 3, chunk(b"tRNS", b"\0\1" * 3)),
    "png-grey-16": lambda: _png(16, 0, 1),
    "png-grey-alpha": lambda: _png(8, 4, 2),
    "png-palette": lambda: _png(8, 3, 1, chunk(b"PLTE", b"\1\2\3" * 256), chunk(b"tRNS", b"\0")),
    "png-woven": lambda: _png(8, 2, 3, woven=True),
    "jpeg-full-colour": lambda: jpeg(Image.new("RGB", SIZE, GREEN), subsampling=0),
    "jpeg-progressive": lambda: jpeg(Image.new("RGB", SIZE, GREEN), progressive=True),
    "jpeg-progressive-full-colour": lambda: jpeg(
        Image.new("RGB", SIZE, GREEN), subsampling=0, progressive=True
    ),
    "jpeg-inks": lambda: jpeg(Image.new("CMYK", SIZE, (1, 99, 3, 4))),
    "webp-lossy": lambda: webp(Image.new("RGB", SIZE, GREEN), method=0),
    "webp-alpha": lambda: webp(
        Image.new("RGBA", SIZE, (*GREEN, 9)), lossless=True, quality=0, method=0
    ),
    "webp-moving": _moving_webp,
    "heic": lambda: heic(Image.new("RGB", SIZE, GREEN), quality=10),
}
