"""The copies that may leave: shrunk, flat, in sRGB, and encoded from pixels alone."""

from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from typing import Final

from PIL import Image, ImageCms

LARGE: Final = 1600
THUMB: Final = 400
QUALITY: Final = 82
LONGEST_PROFILE: Final = 4 * 1024 * 1024
STRIP_PIXELS: Final = 4_000_000
FLAT: Final = 12  # of 255: a picture with less contrast than this has no likeness worth comparing
COPY_TYPE: Final = "image/jpeg"

_SPACES: Final = {"RGB": "RGB", "CMYK": "CMYK", "GRAY": "L"}


def fitted(size: tuple[int, int], limit: int) -> tuple[int, int]:
    """Return the size that fits a square of `limit` pixels; a smaller picture stays as it is."""
    longest = max(size)
    if longest <= limit:
        return size
    return max(1, round(size[0] * limit / longest)), max(1, round(size[1] * limit / longest))


def likeness(image: Image.Image) -> int | None:
    """Return the difference hash: in 8 rows of 9, which is darker than its right neighbour."""
    grey = image.convert("L").resize((9, 8), Image.Resampling.BOX).tobytes()
    if max(grey) - min(grey) < FLAT:
        return None
    bits = 0
    for at in range(72):
        if at % 9 < 8:
            bits = bits << 1 | (grey[at] < grey[at + 1])
    return bits - (1 << 64) if bits >> 63 else bits


def shrunk(image: Image.Image, target: tuple[int, int]) -> Image.Image:
    """Return the picture at the target size without alpha, palette or 16-bit samples.

    The way there leads over strips, averaged to at least twice the target, so that 50 megapixels
    are never held twice.
    """
    if image.mode == "RGB" and image.width < 4 * target[0] and not image.has_transparency_data:
        return image.resize(target, Image.Resampling.BICUBIC)
    factor = max(1, min(image.width // target[0], image.height // target[1]) // 2)
    rows = max(1, STRIP_PIXELS // (image.width * factor)) * factor
    strips = [_plain(strip).reduce(factor) for strip in _strips(image, rows)]
    whole = Image.new(strips[0].mode, (strips[0].width, sum(strip.height for strip in strips)))
    for at, strip in enumerate(strips):
        whole.paste(strip, (0, at * rows // factor))
    box = (0, 0, image.width / factor, image.height / factor)
    return whole.resize(target, Image.Resampling.BICUBIC, box=box)


def _strips(image: Image.Image, rows: int) -> Iterator[Image.Image]:
    for top in range(0, image.height, rows):
        yield image.crop((0, top, image.width, min(top + rows, image.height)))


def _plain(strip: Image.Image) -> Image.Image:
    """Return the strip as 8-bit grey, RGB or CMYK; what is transparent becomes white."""
    if strip.mode.startswith("I"):
        return strip.convert("I").point(lambda value: value * (1 / 257)).convert("L")
    if strip.has_transparency_data:
        colours = strip.convert("RGBA")
        white = Image.new("RGB", strip.size, "white")
        white.paste(colours, mask=colours.getchannel("A"))
        return white
    if strip.mode in {"L", "RGB", "CMYK"}:
        return strip
    return strip.convert("L" if strip.mode == "1" else "RGB")


def in_srgb(image: Image.Image, profile: object) -> Image.Image:
    """Return the picture as sRGB by its own profile; a profile that can't be used is left out."""
    if isinstance(profile, bytes) and len(profile) <= LONGEST_PROFILE and not _is_srgb(profile):
        # A colour reader on hostile bytes: the pixels are good without it.
        with suppress(Exception):
            source = ImageCms.ImageCmsProfile(BytesIO(profile))
            if _SPACES.get(source.profile.xcolor_space.strip()) == image.mode:
                srgb = ImageCms.createProfile("sRGB")
                image = ImageCms.profileToProfile(image, source, srgb, outputMode="RGB") or image
    return image.convert("RGB")


def _is_srgb(profile: bytes) -> bool:
    return b"sRGB" in profile or "sRGB".encode("utf-16-be") in profile


def encode(image: Image.Image) -> bytes:
    """Return JPEG bytes of the pixels alone; the encoder would take a comment from `info`."""
    image.info = {}
    out = BytesIO()
    image.save(out, "JPEG", quality=QUALITY, subsampling="4:2:0")
    return out.getvalue()
