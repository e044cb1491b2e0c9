"""Pixels: is it really a photo, is it too large, stand it upright, strip it, shrink it.

With copies.py the only user of Pillow. What leaves is encoded anew from pixels alone, so nothing
that a file holds beside them (position, serial number, comment, preview, trailer) leaves with it.
Decoders raise whatever they like on hostile bytes; all of it becomes one of five named errors here.
"""

import hashlib
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Final

from PIL import Image
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile
from pillow_heif import HeifImageFile, options

from media.copies import LARGE, THUMB, encode, fitted, in_srgb, likeness, shrunk
from media.errors import (
    DamagedImage,
    DecoderBusy,
    EmptyFile,
    FileTooLarge,
    TooManyPixels,
    UnsupportedFormat,
)
from media.evidence import Claims, read_claims

MOST_BYTES: Final = 20 * 1024 * 1024
MOST_PIXELS: Final = 50_000_000
DECODERS: Final = 2  # at once in a process: a 50 megapixel HEIC takes 380 MB
LONGEST_WAIT: Final = 12.0  # seconds for a free decoder
MOST_SCANS: Final = 100  # cameras write 1, the web 10; each costs a pass over the whole picture

EXTENSIONS: Final = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/heic": "heic",
    "image/heif": "heif",
}

options.THUMBNAILS = options.DEPTH_IMAGES = options.AUX_IMAGES = False  # never shown, so never read
options.DECODE_THREADS = 2

_HEIF_BRANDS: Final = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
)
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_TYPES: Final[dict[type[ImageFile], str]] = {
    JpegImageFile: "image/jpeg",
    PngImageFile: "image/png",
    WebPImageFile: "image/webp",
}

_decoders = threading.BoundedSemaphore(DECODERS)
_filters = threading.Lock()


@dataclass(frozen=True, slots=True)
class Weight:
    """A file before it is looked into: its SHA-256 and its size in bytes."""

    sha256: str
    byte_size: int


@dataclass(frozen=True, slots=True)
class Picture:
    """A photo that was decoded whole; `width` and `height` are those of the upright picture.

    `likeness` is a 64-bit difference hash as a signed integer, None for a picture without contrast.
    """

    mime_type: str
    width: int
    height: int
    thumb: bytes
    large: bytes
    likeness: int | None
    claims: Claims


def weigh(stream: BinaryIO) -> Weight:
    """Hash a file without keeping it in memory.

    Raises:
        EmptyFile, FileTooLarge: as contract 3 says.
    """
    digest, size = hashlib.sha256(), 0
    for chunk in _chunks(stream):
        size += len(chunk)
        if size > MOST_BYTES:
            raise FileTooLarge
        digest.update(chunk)
    if not size:
        raise EmptyFile
    return Weight(digest.hexdigest(), size)


def examine(stream: BinaryIO) -> Picture:
    """Decode a photo once and make both copies; at most `DECODERS` at a time in a process.

    Raises:
        UnsupportedFormat: the first bytes are of none of the formats.
        TooManyPixels: found in the header, before a pixel is decoded.
        DamagedImage: it can't be decoded to its end.
        DecoderBusy: no decoder was free for `LONGEST_WAIT` seconds.
    """
    if not _decoders.acquire(timeout=LONGEST_WAIT):
        raise DecoderBusy
    try:
        return _picture(stream)
    finally:
        _decoders.release()


def _picture(stream: BinaryIO) -> Picture:
    with _open(stream) as image:
        width, height = image.size
        if width * height > MOST_PIXELS:
            raise TooManyPixels
        with _refusing():
            large, claims = _decode(image)
            thumb = large.resize(fitted(large.size, THUMB), Image.Resampling.BICUBIC)
            upright = (height, width) if claims.orientation >= 5 else (width, height)
            copies = encode(thumb), encode(large)
            return Picture(_type_of(image), *upright, *copies, likeness(thumb), claims)


def _open(stream: BinaryIO) -> ImageFile:
    """Read the header with the one decoder that the first bytes name; no other is ever tried."""
    stream.seek(0)
    opener = _opener(stream.read(12))
    if opener is JpegImageFile and _scans(stream) > MOST_SCANS:
        raise DamagedImage
    stream.seek(0)
    with _refusing(), _quietly():
        return opener(stream)


def _opener(head: bytes) -> Callable[[BinaryIO], ImageFile]:
    """Choose by content; JPEG passes the multi-picture reader by, so no hidden frame is found."""
    if head.startswith(b"\xff\xd8\xff"):
        return JpegImageFile
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PngImageFile
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return WebPImageFile
    if head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS:
        opener: Callable[[BinaryIO], ImageFile] = HeifImageFile
        return opener
    raise UnsupportedFormat


def _type_of(image: ImageFile) -> str:
    """Return the true type: the decoder's, where HEIF says itself which of its kinds it is."""
    if isinstance(image, HeifImageFile):
        return "image/heic" if image.custom_mimetype == "image/heic" else "image/heif"
    return _TYPES[type(image)]


def _decode(image: ImageFile) -> tuple[Image.Image, Claims]:
    """Decode once, as small as the large copy allows; return it upright and in sRGB."""
    size, target = image.size, fitted(image.size, LARGE)
    if isinstance(image, JpegImageFile):
        image.draft(None, target)
    decoded = image.size
    image.load()
    if image.size != decoded:  # a header that lied about the size
        raise DamagedImage
    claims = read_claims(_exif(image))
    if isinstance(image, HeifImageFile):
        claims = claims.upright()  # its decoder has turned it already
    large = shrunk(image, fitted(size, LARGE))
    turn = _TURNS.get(claims.orientation)
    turned = large if turn is None else large.transpose(turn)
    return in_srgb(turned, image.info.get("icc_profile")), claims


def _exif(image: ImageFile) -> bytes:
    block = image.info.get("exif")
    if isinstance(block, bytes):
        return block
    profile = image.info.get("Raw profile type exif")  # how older tools hide it in PNG text
    try:
        return bytes.fromhex("".join(str(profile).split("\n")[3:])) if profile else b""
    except ValueError:
        return b""


def _scans(stream: BinaryIO) -> int:
    found, tail = 0, b""
    for chunk in _chunks(stream):
        found += (tail + chunk).count(b"\xff\xda")
        tail = chunk[-1:]
    return found


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    stream.seek(0)
    while chunk := stream.read(1 << 20):
        yield chunk


@contextmanager
def _refusing() -> Iterator[None]:
    """Turn whatever a decoder raises into a refusal of the file; refusals themselves pass."""
    try:
        yield
    except (DamagedImage, TooManyPixels):
        raise
    except Image.DecompressionBombError as error:
        raise TooManyPixels from error
    except Exception as error:
        raise DamagedImage from error


@contextmanager
def _quietly() -> Iterator[None]:
    """Ignore warnings about headers (broken EXIF, many pixels): elsewhere they may be errors."""
    with _filters, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
