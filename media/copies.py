"""The copies that may leave: shrunk, flat, in sRGB, and encoded from pixels alone."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from io import BytesIO
from typing import Final, Protocol

from PIL import Image, ImageCms

from media.files import GIST

QUALITY: Final = 82
LONGEST_PROFILE: Final = 4 * 1024 * 1024
TILE_PIXELS: Final = 4_000_000
SHRINKING: Final = Image.Resampling.HAMMING  # as sharp as bicubic when shrinking, at 60 % of it

_SPACES: Final = {"RGB": "RGB", "CMYK": "CMYK", "GRAY": "L"}

Corners = tuple[int, int, int, int]  # left, top, right, bottom; the last two are not inside


class Sheet(Protocol):
    """A decoded picture, or what lends one by parts."""

    @property
    def size(self) -> tuple[int, int]: ...

    @property
    def mode(self) -> str: ...

    def crop(self, box: Corners, /) -> Image.Image: ...


def fitted(size: tuple[int, int], limit: int) -> tuple[int, int]:
    """Return the size that fits a square of `limit` pixels; a smaller picture stays as it is."""
    longest = max(size)
    if longest <= limit:
        return size
    return max(1, round(size[0] * limit / longest)), max(1, round(size[1] * limit / longest))


def gist(image: Image.Image) -> bytes:
    """Return 32 rows of 32 grey bytes, to which the upright picture is squeezed."""
    return image.convert("L").resize((GIST, GIST), Image.Resampling.BOX).tobytes()


def shrunk(sheet: Sheet, target: tuple[int, int], black: Sequence[Corners]) -> Image.Image:
    """Return the picture at the target size without alpha, palette or 16-bit samples.

    What is to be black is so before anything is averaged. The way there leads over parts, averaged
    to at least twice the target, so that 50 megapixels are never held twice.
    """
    width, height = sheet.size
    if isinstance(sheet, Image.Image) and _is_simple(sheet, target):
        return _blackened(sheet, 0, 0, black).resize(target, SHRINKING)
    across, down = (
        max(1, own // wanted // 2) for own, wanted in zip(sheet.size, target, strict=True)
    )
    whole: Image.Image | None = None
    for left, top, tile in _tiles(sheet, across, down):
        small = _plain(_blackened(tile, left, top, black)).reduce((across, down))
        if whole is None:
            whole = Image.new(small.mode, (-(-width // across), -(-height // down)))
        whole.paste(small, (left // across, top // down))
    assert whole is not None  # noqa: S101 - a picture has a pixel
    box = (0, 0, width / across, height / down)
    return whole.resize(target, SHRINKING, box=box)


def _is_simple(image: Image.Image, target: tuple[int, int]) -> bool:
    return image.mode in {"RGB", "L"} and (
        image.width < 4 * target[0] and not image.has_transparency_data
    )


def _tiles(sheet: Sheet, across: int, down: int) -> Iterator[tuple[int, int, Image.Image]]:
    """Yield parts that are whole rows where these are not too long, each with its left and top."""
    width, height = sheet.size
    columns = min(width, TILE_PIXELS // across * across)
    rows = max(1, TILE_PIXELS // (columns * down)) * down
    for top in range(0, height, rows):
        for left in range(0, width, columns):
            box = (left, top, min(left + columns, width), min(top + rows, height))
            yield left, top, sheet.crop(box)


def _blackened(image: Image.Image, left: int, top: int, black: Sequence[Corners]) -> Image.Image:
    """Return a part of the picture, which begins at `left` and `top`, with the areas in black."""
    if not black:
        return image
    flat = _plain(image).convert("RGB")
    for start, upper, end, lower in black:
        area = (max(start - left, 0), max(upper - top, 0), max(end - left, 0), max(lower - top, 0))
        flat.paste((0, 0, 0), area)
    return flat


def _plain(strip: Image.Image) -> Image.Image:
    """Return the part as 8-bit grey, RGB or CMYK; what is transparent becomes white."""
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
