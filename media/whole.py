"""Files that end too early where their decoders do not say so: tiles of a HEIF, rows of a PNG.

What is missing would be evidence in black. Pure.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Final

from media.errors import DamagedImage

MOST_ENTRIES: Final = 200_000  # of one table in a HEIF
PASSES: Final = (  # of an interlaced PNG: first column and row, and the steps between them
    (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4),
    (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2),
)  # fmt: skip
SAMPLES: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def check_tiles(data: bytes) -> None:
    """A HEIF whose tiles are missing is decoded without a word; each must lie within the file.

    Raises:
        DamagedImage: an item's bytes lie outside the file.
    """
    if any(start + length > len(data) for start, length in extents(data)):
        raise DamagedImage


def extents(data: bytes) -> Iterator[tuple[int, int]]:
    """Where the items lie that are kept in the file itself (construction method 0)."""
    meta = _box(data, 0, len(data), b"meta")
    found = meta and _box(data, meta[0] + 4, meta[1], b"iloc")
    if not found:
        return
    at = found[0]
    version, sizes, more = data[at], data[at + 4], data[at + 5]
    offset_size, length_size, base_size = sizes >> 4, sizes & 15, more >> 4
    index_size = more & 15 if version else 0
    wide = 4 if version == 2 else 2
    count, at = _number(data, at + 6, wide), at + 6 + wide
    for _ in range(min(count, MOST_ENTRIES)):
        at += wide
        method = _number(data, at, 2) & 15 if version else 0
        at += 4 if version else 2
        base, at = _number(data, at, base_size), at + base_size
        pieces, at = _number(data, at, 2), at + 2
        for _ in range(pieces):
            at += index_size
            offset, at = _number(data, at, offset_size), at + offset_size
            length, at = _number(data, at, length_size), at + length_size
            if not method:
                yield base + offset, length
        if at > found[1]:
            raise DamagedImage


def _box(data: bytes, at: int, end: int, kind: bytes) -> tuple[int, int] | None:
    """Where the body of the first box of a kind begins and ends."""
    while at + 8 <= end:
        size, head = _number(data, at, 4), 8
        if size == 1:
            size, head = _number(data, at + 8, 8), 16
        size = size or end - at
        if data[at + 4 : at + 8] == kind:
            return at + head, min(at + size, end)
        at += max(size, head)
    return None


def _number(data: bytes, at: int, size: int) -> int:
    if at + size > len(data):
        raise DamagedImage
    return int.from_bytes(data[at : at + size], "big")


def check_rows(stream: BinaryIO) -> None:
    """A PNG whose pixels end with a whole row is decoded without a word; it must hold all rows.

    Raises:
        DamagedImage: its pixels inflate to less than its header says.
    """
    stream.seek(8)
    if stream.read(8) != b"\0\0\0\x0dIHDR":  # its decoder knows what to think of that
        return
    width, height, bits, colour, _, _, interlaced = struct.unpack(">IIBBBBB", stream.read(13))
    stream.seek(4, 1)
    wanted = _inflated(width, height, bits * SAMPLES.get(colour, 0), interlaced)
    inflater = zlib.decompressobj()
    for piece in _pixels(stream):
        left = piece
        while left and wanted > 0:
            wanted -= len(inflater.decompress(left, 1 << 16))
            left = inflater.unconsumed_tail
        if wanted <= 0 or inflater.eof:
            break
    if wanted > 0:
        raise DamagedImage


def _pixels(stream: BinaryIO) -> Iterator[bytes]:
    while len(head := stream.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind != b"IDAT":
            stream.seek(length + 4, 1)
            continue
        while length:
            piece = stream.read(min(length, 1 << 16))
            if not piece:
                return
            length -= len(piece)
            yield piece
        stream.seek(4, 1)


def _inflated(width: int, height: int, depth: int, interlaced: int) -> int:
    """The bytes of all rows, each with its filter in front."""
    passes = PASSES if interlaced else ((0, 0, 1, 1),)
    total = 0
    for left, top, across, down in passes:
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + (columns * depth + 7) // 8)
    return total
