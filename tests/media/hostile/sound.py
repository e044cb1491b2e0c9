"""Sound pictures of every kind: what all the hostile ones are made of."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

from PIL import Image

from tests.media.forgery import Coded, coded, grid
from tests.media.hostile.verdicts import (
    MAGENTA,
)
from tests.media.pictures import (
    ORIENTATION,
    exif,
    heic,
    jpeg,
    noise,
    png,
    quarters,
    short,
    text,
    webp,
)

PICTURE: Final = quarters((96, 72))
MAKERS: Final[Mapping[str, Callable[..., bytes]]] = {
    "jpeg": jpeg,
    "png": png,
    "webp": webp,
    "heic": heic,
}
MIMES: Final = {kind: f"image/{kind}" for kind in MAKERS}


@cache
def grain() -> Image.Image:
    return noise((96, 72))


@cache
def seeds() -> Mapping[str, bytes]:
    """Every way in which a format lays its pixels out, small, with some metadata in front."""
    block = exif({ORIENTATION: short(6), 0x10F: text("Maker")})
    return {
        "jpeg": jpeg(grain(), exif=block),
        "jpeg-progressive": jpeg(grain(), progressive=True),
        "png": png(grain(), exif=block),
        "png-palette": png(grain().quantize(64), transparency=3),
        "webp": webp(grain(), exif=block),
        "webp-lossless": webp(grain(), lossless=True),
        "heic": heic(grain(), exif=block),
        "heic-grid": grid(tile(), 2, 2, (128, 128)).made(),
    }


@cache
def tile() -> Coded:
    return coded(quarters((64, 64)))


@cache
def magenta() -> Coded:
    return coded(Image.new("RGB", (64, 64), MAGENTA))
