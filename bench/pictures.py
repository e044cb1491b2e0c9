"""Photos to measure with: made up, as large and as hard to compress as those of a phone."""

import io
import random

import pillow_heif
from PIL import Image

PHONE = (4000, 3000)  # 12 megapixels
LARGEST = (8640, 5760)  # 49.8 megapixels
OCTAVES = ((16, 0.5), (64, 0.3), (300, 0.15), (1600, 0.08))  # cells across, and share of contrast


def scene(full: tuple[int, int], shrink: int = 1) -> Image.Image:
    """Return a picture with structure at every scale, the same one each time."""
    size = full[0] // shrink, full[1] // shrink
    chance = random.Random(1)
    whole = Image.new("RGB", size, (96, 112, 120))
    for cells, share in OCTAVES:
        small = (cells, max(1, cells * size[1] // size[0]))
        noise = Image.frombytes("RGB", small, chance.randbytes(3 * small[0] * small[1]))
        whole = Image.blend(whole, noise.resize(size, Image.Resampling.BICUBIC), share)
    return whole


def jpeg(picture: Image.Image, quality: int = 90) -> bytes:
    """Return it as a camera's JPEG."""
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality, subsampling="4:2:0")
    return out.getvalue()


def heic(picture: Image.Image) -> bytes:
    """Return it as HEIC, encoded fast: what is measured is the way back."""
    made = pillow_heif.from_pillow(picture)
    out = io.BytesIO()
    made.save(out, quality=60, enc_params={"preset": "ultrafast"})
    return out.getvalue()


def portable(picture: Image.Image) -> bytes:
    """Return it as PPM, as the command-line encoder reads it."""
    out = io.BytesIO()
    picture.save(out, "PPM")
    return out.getvalue()
