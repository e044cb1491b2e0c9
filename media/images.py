"""Pixels: is it really a photo, is it too large, stand it upright, strip it, shrink it.

Runs only inside the decoder program; with copies.py and webp.py the only user of Pillow. What
leaves is encoded anew from pixels alone, so nothing that a file holds beside them (position, serial
number, comment, preview, trailer) leaves with it. Decoders raise whatever they like on hostile
bytes; all of it becomes one of three named errors here.
"""

import itertools
import math
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO, Final

import pillow_heif
from PIL import Image
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from media import webp, whole
from media.copies import SHRINKING, Corners, Sheet, encode, fitted, gist, in_srgb, shrunk
from media.errors import DamagedImage, TooManyPixels, UnsupportedFormat
from media.evidence import Claims, read_claims
from media.files import HEAD, LARGE, MOST_PIXELS, THUMB, Box, Copies, Picture, format_of

MOST_SCANS: Final = 100  # cameras write 1, the web 10; each costs a pass over the whole picture
BLOCK: Final = 16  # pixels that a JPEG mixes: what was inside a block is seen all over it
REACH: Final = 2  # pixels that decoders look to the side for colours, and lose by rounding

pillow_heif.options.THUMBNAILS = False  # never shown, so never read
pillow_heif.options.DEPTH_IMAGES = pillow_heif.options.AUX_IMAGES = False
pillow_heif.options.DECODE_THREADS = 2

_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(slots=True)
class Source:
    """An opened photo; `size` is that of the stored pixels, `sheet` decodes them when asked."""

    mime_type: str
    size: tuple[int, int]
    exif: bytes = b""
    xmp: bytes = b""
    profile: object = None
    is_upright: bool = False
    block: int = 1
    claims: Claims = field(init=False)

    def __post_init__(self) -> None:
        if self.size[0] * self.size[1] > MOST_PIXELS:
            raise TooManyPixels
        self.claims = read_claims(self.exif, self.xmp)
        if self.is_upright:
            self.claims = self.claims.upright()

    @property
    def upright(self) -> tuple[int, int]:
        """The size of the picture that stands upright."""
        width, height = self.size
        return (height, width) if self.claims.orientation >= 5 else (width, height)

    def sheet(self, target: tuple[int, int]) -> Sheet:
        """Decode, as small as the target allows."""
        raise NotImplementedError


@dataclass(slots=True)
class _Pillow(Source):
    """A JPEG or a PNG; `stream` is its file, where the decoder does not say that it is cut."""

    image: ImageFile = field(kw_only=True)
    stream: BinaryIO | None = None

    def sheet(self, target: tuple[int, int]) -> Sheet:
        if isinstance(self.image, JpegImageFile):
            self.image.draft(None, target)
        expected = self.image.size
        self.image.load()
        if self.image.size != expected:
            raise DamagedImage
        if self.stream is not None and _ends_empty(self.image):
            whole.check_rows(self.stream)
        return self.image


def _ends_empty(image: Image.Image) -> bool:
    """Say whether one of the last two rows is nothing but zeros, as missing ones are."""
    width, height = image.size
    rows = (image.crop((0, at, width, at + 1)) for at in range(max(0, height - 2), height))
    return not all(any(row.tobytes()) for row in rows)


@dataclass(slots=True)
class _WebP(Source):
    opened: webp.WebP = field(kw_only=True)

    def sheet(self, target: tuple[int, int]) -> Sheet:
        return self.opened.decoded((2 * target[0], 2 * target[1]))


@dataclass(slots=True)
class _Heif(Source):
    """Its decoder turns it, and keeps its pixels: Pillow's own would be a second copy of all."""

    file: pillow_heif.HeifFile = field(kw_only=True)

    def sheet(self, _target: tuple[int, int]) -> Sheet:
        pixels = memoryview(self.file.data)
        if self.file.size != self.size:  # a header that lied
            raise DamagedImage
        return _Rows(self.size, self.file.mode, pixels, self.file.stride)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Pixels as rows in somebody else's memory."""

    size: tuple[int, int]
    mode: str
    pixels: memoryview
    stride: int

    def crop(self, box: Corners, /) -> Image.Image:
        left, top, right, bottom = box
        rows = self.pixels[top * self.stride : bottom * self.stride]
        size = self.size[0], bottom - top
        strip = Image.frombytes(self.mode, size, rows, "raw", self.mode, self.stride)
        return strip if (left, right) == (0, size[0]) else strip.crop((left, 0, right, size[1]))


def examine(stream: BinaryIO) -> Picture:
    """Decode a photo once and make both copies.

    Raises:
        UnsupportedFormat: the first bytes are of none of the formats.
        TooManyPixels: found in the header, before a pixel is decoded.
        DamagedImage: it can't be decoded to its end.
    """
    with _refusing(), _quietly():
        source = _opened(stream)
        large = _upright(source, ())
        thumb = _thumb(large)
        copies, outline = (encode(thumb), encode(large)), gist(thumb)
        return Picture(source.mime_type, *source.upright, *copies, outline, source.claims)


def redacted(stream: BinaryIO, boxes: Sequence[Box]) -> Copies:
    """Decode a photo once and make both copies with black boxes, in pixels of the upright picture.

    The original is asked, not a copy: what is hidden never took part in any average around it.

    Raises:
        UnsupportedFormat, TooManyPixels, DamagedImage: as `examine`.
    """
    with _refusing(), _quietly():
        large = _upright(_opened(stream), boxes)
        return Copies(encode(_thumb(large)), encode(large))


def _thumb(large: Image.Image) -> Image.Image:
    return large.resize(fitted(large.size, THUMB), SHRINKING, reducing_gap=1.0)


def _opened(stream: BinaryIO) -> Source:
    """Read the header with the one decoder that the first bytes name; no other is ever tried.

    JPEG passes Pillow's reader of several pictures by, so no hidden one is found.
    """
    stream.seek(0)
    kind = format_of(stream.read(HEAD))
    stream.seek(0)
    match kind:
        case "image/jpeg":
            return _jpeg(stream)
        case "image/png":
            source = _pillow("image/png", PngImageFile(stream))
            source.stream = stream
            return source
        case "image/webp":
            found = webp.opened(stream.read())
            beside = (found.chunks.get(name) for name in (b"EXIF", b"XMP ", b"ICCP"))
            exif, xmp, profile = beside
            return _WebP(kind, found.size, exif or b"", xmp or b"", profile, opened=found)
        case "image/heif":
            return _heif(stream)
    raise UnsupportedFormat


def _jpeg(stream: BinaryIO) -> Source:
    if _has_endless_scans(stream):
        raise DamagedImage
    stream.seek(0)
    source = _pillow("image/jpeg", JpegImageFile(stream))
    source.block = BLOCK
    return source


def _pillow(mime_type: str, image: ImageFile) -> _Pillow:
    info = image.info
    packet = info.get("xmp", info.get("XML:com.adobe.xmp", b""))
    xmp = packet.encode() if isinstance(packet, str) else bytes(packet)
    return _Pillow(mime_type, image.size, _exif(image), xmp, info.get("icc_profile"), image=image)


def _heif(stream: BinaryIO) -> Source:
    """Open HEIF, which says itself which of its kinds it is."""
    data = stream.read()
    whole.check_tiles(data)
    file = pillow_heif.open_heif(
        data, convert_hdr_to_8bit=True, hdr_to_16bit=True, remove_stride=False
    )
    kind = "image/heic" if file.mimetype == "image/heic" else "image/heif"
    info = file.info
    exif, xmp = info.get("exif") or b"", info.get("xmp") or b""
    return _Heif(kind, file.size, exif, xmp, info.get("icc_profile"), is_upright=True, file=file)


def _exif(image: ImageFile) -> bytes:
    block = image.info.get("exif")
    if isinstance(block, bytes):
        return block
    profile = image.info.get("Raw profile type exif")  # how older tools hide it in PNG text
    try:
        return bytes.fromhex("".join(str(profile).split("\n")[3:])) if profile else b""
    except ValueError:
        return b""


def _has_endless_scans(stream: BinaryIO) -> bool:
    scans = re.finditer(rb"\xff\xda", stream.read())
    return len(list(itertools.islice(scans, MOST_SCANS + 1))) > MOST_SCANS


def _upright(source: Source, boxes: Sequence[Box]) -> Image.Image:
    """Decode once; return the picture at the size of the large copy, upright and in sRGB."""
    target = fitted(source.size, LARGE)
    sheet = source.sheet(target)
    large = shrunk(sheet, target, [_stored(box, source, sheet.size) for box in boxes])
    turn = _TURNS.get(source.claims.orientation)
    turned = large if turn is None else large.transpose(turn)
    return in_srgb(turned, source.profile)


def _stored(box: Box, source: Source, decoded: tuple[int, int]) -> Corners:
    """Return where a box lies in the decoded pixels, each side moved out to what it touches."""
    columns, rows = (box.x, box.x + box.width), (box.y, box.y + box.height)
    width, height = source.upright
    if source.claims.orientation in {2, 3, 6, 7}:
        columns = width - columns[1], width - columns[0]
    if source.claims.orientation in {3, 4, 7, 8}:
        rows = height - rows[1], height - rows[0]
    if source.claims.orientation >= 5:
        columns, rows = rows, columns
    left, right = _outward(columns, source.block, source.size[0], decoded[0])
    upper, lower = _outward(rows, source.block, source.size[1], decoded[1])
    return left, upper, right, lower


def _outward(span: tuple[int, int], block: int, size: int, decoded: int) -> tuple[int, int]:
    start, end = span[0] // block * block, -(-span[1] // block) * block
    low, high = math.floor(start * decoded / size), math.ceil(end * decoded / size)
    return max(0, low - REACH), min(decoded, high + REACH)


@contextmanager
def _refusing() -> Iterator[None]:
    """Turn whatever a decoder raises into a refusal of the file; refusals themselves pass."""
    try:
        yield
    except (DamagedImage, TooManyPixels, UnsupportedFormat):
        raise
    except Image.DecompressionBombError as error:
        raise TooManyPixels from error
    except Exception as error:
        raise DamagedImage from error


@contextmanager
def _quietly() -> Iterator[None]:
    """Ignore warnings about headers (broken EXIF, many pixels): elsewhere they may be errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
