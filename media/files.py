"""Photos as files: how large, of which kind, and what becomes of one. Knows no decoder.

Sizes are in bytes, or in pixels of the upright picture.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from media.errors import EmptyFile, FileTooLarge
from media.evidence import Claims

MOST_BYTES: Final = 20 * 1024 * 1024
MOST_PIXELS: Final = 50_000_000
THUMB: Final = 400
LARGE: Final = 1600
GIST: Final = 32
COPY_TYPE: Final = "image/jpeg"
HEAD: Final = 12  # bytes that tell the format

WALL_SECONDS: Final = 12.0  # after which a child that decodes is killed
MOST_ORDER: Final = 64 * 1024  # what goes to the decoder and comes from it
MOST_ANSWER: Final = 16 * 1024 * 1024
FINISHED, CRASHED, STOPPED, UNABLE = b"f", b"c", b"s", b"u"  # the last word about a child

EXTENSIONS: Final = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/heic": "heic",
    "image/heif": "heif",
}

_HEIF_BRANDS: Final = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
)


@dataclass(frozen=True, slots=True)
class Weight:
    """A file before it is looked into: its digests and its size in bytes; `sm3` if asked for."""

    sha256: str
    byte_size: int
    sm3: str | None = None


@dataclass(frozen=True, slots=True)
class Copies:
    """The two JPEG files that may leave."""

    thumb: bytes
    large: bytes


@dataclass(frozen=True, slots=True)
class Picture:
    """A photo that was decoded whole; `width` and `height` are those of the upright picture.

    `gist` is the upright picture squeezed into 32 rows of 32 grey bytes.
    """

    mime_type: str
    width: int
    height: int
    thumb: bytes
    large: bytes
    gist: bytes
    claims: Claims


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels of the upright picture, counted from its top left corner."""

    x: int
    y: int
    width: int
    height: int


def weigh(stream: BinaryIO, *, sm3: bool = False) -> Weight:
    """Hash a file without keeping it in memory.

    Raises:
        EmptyFile, FileTooLarge: as contract 3 says.
    """
    digests, size = [hashlib.new(name) for name in ("sha256", "sm3")[: 1 + sm3]], 0
    for chunk in chunks(stream):
        size += len(chunk)
        if size > MOST_BYTES:
            raise FileTooLarge
        for digest in digests:
            digest.update(chunk)
    if not size:
        raise EmptyFile
    sha256, *rest = (digest.hexdigest() for digest in digests)
    return Weight(sha256, size, *rest)


def format_of(head: bytes) -> str | None:
    """Return the media type that the first bytes name, None for what is no photo that we read.

    HEIC and HEIF begin alike: both are `image/heif` here, the decoder knows which.
    """
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS:
        return "image/heif"
    return None


def chunks(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the whole stream from its beginning, a mebibyte at a time."""
    stream.seek(0)
    while chunk := stream.read(1 << 20):
        yield chunk
