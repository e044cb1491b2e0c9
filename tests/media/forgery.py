"""Files put together piece by piece: what no library would write, and some that all should read."""

import io
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from PIL import Image, ImageCms

from tests.media.pictures import chunk, heic, png

FRAMES: Final = (0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF)
SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"


class Far(bytes):
    """Bytes of a TIFF block that a LONG points at, as a preview lies in it."""


Entry = "tuple[int, bytes] | Far | Mapping[int, Entry]"
_SIZES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 9: 4, 10: 8, 12: 8}


def tiff(tags: "Mapping[int, Entry]", second: "Mapping[int, Entry] | None" = None) -> bytes:
    """A block with the tags as given; a mapping is a sub-directory, `second` the preview's."""
    out = bytearray(b"II*\0\x08\0\0\0")
    end = _placed(out, tags)
    if second is not None:
        out[end : end + 4] = struct.pack("<I", len(out))
        _placed(out, second)
    return bytes(out)


def _placed(out: bytearray, tags: "Mapping[int, Entry]") -> int:
    """Append a directory and all that it points at; return where its pointer to the next lies."""
    start = len(out)
    end = start + 2 + 12 * len(tags)
    out += struct.pack("<H", len(tags)) + b"\0" * (12 * len(tags) + 4)
    for at, (tag, entry) in enumerate(sorted(tags.items())):
        kind, length, value = _value(out, entry)
        struct.pack_into("<HHI4s", out, start + 2 + 12 * at, tag, kind, length, value)
    return end


def _value(out: bytearray, entry: "Entry") -> tuple[int, int, bytes]:
    where = struct.pack("<I", len(out))
    if isinstance(entry, Mapping):
        _placed(out, entry)
        return 4, 1, where
    if isinstance(entry, Far):
        out += entry
        return 4, 1, where
    kind, raw = entry
    if len(raw) <= 4:
        return kind, len(raw) // _SIZES[kind], raw.ljust(4, b"\0")
    out += raw
    return kind, len(raw) // _SIZES[kind], where


# ---------------------------------------------------------------------------------- JPEG


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def with_segments(data: bytes, *pieces: bytes) -> bytes:
    """The JPEG with these segments behind its start and its JFIF segment."""
    at = 2
    if data[2:4] == b"\xff\xe0":
        at = 4 + struct.unpack(">H", data[4:6])[0]
    return data[:at] + b"".join(pieces) + data[at:]


def with_exif(data: bytes, block: bytes) -> bytes:
    return with_segments(data, segment(0xE1, b"Exif\0\0" + block))


def frame_at(data: bytes) -> int:
    """Where the frame header of a JPEG begins."""
    at = 2
    while data[at + 1] not in FRAMES:
        at += 2 + int(struct.unpack(">H", data[at + 2 : at + 4])[0])
    return at


def reframed(
    data: bytes,
    *,
    marker: int | None = None,
    size: tuple[int, int] | None = None,
    precision: int | None = None,
) -> bytes:
    """The JPEG with another frame header: another kind, width and height, or depth."""
    at = frame_at(data)
    changed = bytearray(data)
    if marker is not None:
        changed[at + 1] = marker
    if precision is not None:
        changed[at + 4] = precision
    if size is not None:
        changed[at + 5 : at + 9] = struct.pack(">HH", size[1], size[0])
    return bytes(changed)


def scans(data: bytes) -> tuple[bytes, list[bytes]]:
    """A progressive JPEG in its head and its scans, each with the tables before it."""
    starts = [at for at in range(len(data) - 1) if data[at : at + 2] == b"\xff\xda"]
    first = data.rfind(b"\xff\xc4", 0, starts[0])
    ends = [*(_tables(data, start, at) for start, at in pairwise(starts)), len(data) - 2]
    begins = [first, *ends[:-1]]
    return data[:first], [data[a:b] for a, b in zip(begins, ends, strict=True)]


def _tables(data: bytes, start: int, following: int) -> int:
    found = data.find(b"\xff\xc4", start, following)
    return found if found >= 0 else following


def profile_segments(profile: bytes, size: int = 65_519) -> list[bytes]:
    """A colour profile in as many segments as it needs, as the standard numbers them."""
    pieces = [profile[at : at + size] for at in range(0, len(profile), size)] or [b""]
    total = len(pieces)
    return [
        segment(0xE2, b"ICC_PROFILE\0" + bytes([at % 256, total % 256]) + piece)
        for at, piece in enumerate(pieces, 1)
    ]


def extended_packet(packet: bytes, guid: bytes, *, length: int, offset: int) -> bytes:
    head = b"http://ns.adobe.com/xmp/extension/\0" + guid + struct.pack(">II", length, offset)
    return segment(0xE1, head + packet)


def packet_segment(packet: bytes) -> bytes:
    return segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet)


def iptc(*texts: tuple[int, bytes]) -> bytes:
    """An IPTC record in a Photoshop segment."""
    record = b"".join(
        b"\x1c\x02" + bytes([number]) + struct.pack(">H", len(text)) + text
        for number, text in texts
    )
    padded = record + b"\0" * (len(record) % 2)
    head = b"Photoshop 3.0\x008BIM\x04\x04\0\0" + struct.pack(">I", len(record))
    return segment(0xED, head + padded)


def wide_profile() -> bytes:
    """A sound profile that does not say that it is sRGB, and was always made at the same time."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    dated = srgb[:24] + struct.pack(">6H", 2026, 11, 25, 0, 0, 0) + srgb[36:]
    return dated.replace("sRGB".encode("utf-16-be"), "wide".encode("utf-16-be"))


def profile_with(profile: bytes, told: str) -> bytes:
    """The colour profile with this text as its description and its copyright."""
    words = told.encode("utf-16-be")
    text = b"mluc\0\0\0\0" + struct.pack(">II2s2sII", 1, 12, b"zh", b"CN", len(words), 28) + words
    out = bytearray(profile + b"\0" * (-len(profile) % 4))
    for at in range(132, 132 + 12 * int(struct.unpack(">I", out[128:132])[0]), 12):
        if bytes(out[at : at + 4]) in {b"desc", b"cprt"}:
            out[at + 4 : at + 12] = struct.pack(">II", len(out), len(text))
    out += text + b"\0" * (-len(text) % 4)
    return struct.pack(">I", len(out)) + bytes(out[4:])


# ---------------------------------------------------------------------------------- PNG


def before_data(data: bytes, *chunks: bytes) -> bytes:
    """The PNG with these chunks right before its first pixels."""
    at = data.index(b"IDAT") - 4
    return data[:at] + b"".join(chunks) + data[at:]


def before_end(data: bytes, *chunks: bytes) -> bytes:
    return data[:-12] + b"".join(chunks) + data[-12:]


def png_raw(
    size: tuple[int, int], bits: int, colour: int, rows: bytes, *chunks: bytes, interlaced: int = 0
) -> bytes:
    """A PNG of raw, filtered rows."""
    header = struct.pack(">IIBBBBB", *size, bits, colour, 0, 0, interlaced)
    pixels = chunk(b"IDAT", zlib.compress(rows, 9))
    return SIGNATURE + chunk(b"IHDR", header) + b"".join(chunks) + pixels + chunk(b"IEND", b"")


def frame_control(number: int, size: tuple[int, int]) -> bytes:
    body = struct.pack(">IIIIIHHBB", number, *size, 0, 0, 1, 10, 0, 0)
    return chunk(b"fcTL", body)


def animated_png(hidden: Image.Image, shown: Image.Image) -> bytes:
    """Two pictures of one size; the first is no frame, so a browser never shows it."""
    base, other = png(hidden), png(shown)
    start = other.index(b"IDAT") - 4
    length = struct.unpack(">I", other[start : start + 4])[0]
    pixels = other[start + 8 : start + 8 + length]
    control = chunk(b"acTL", struct.pack(">II", 1, 0))
    frame = frame_control(0, shown.size) + chunk(b"fdAT", struct.pack(">I", 1) + pixels)
    return before_end(before_data(base, control), frame)


# ---------------------------------------------------------------------------------- WebP


def riff(*chunks: bytes) -> bytes:
    body = b"".join(chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def riff_chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def canvas(size: tuple[int, int], flags: int = 0) -> bytes:
    """The header of an extended WebP: its sides have 24 bits each."""
    sides = b"".join(struct.pack("<I", side - 1)[:3] for side in size)
    return riff_chunk(b"VP8X", bytes([flags, 0, 0, 0]) + sides)


def lossy_head(size: tuple[int, int]) -> bytes:
    """The first bytes of a lossy picture of up to 16,383 a side, and nothing behind them."""
    head = b"\x10\0\0\x9d\x01\x2a" + struct.pack("<HH", *size)
    return riff_chunk(b"VP8 ", head + b"\0" * 10)


def parts_of(data: bytes) -> list[bytes]:
    """The chunks of a WebP."""
    found, at = [], 12
    while at + 8 <= len(data):
        size = struct.unpack("<I", data[at + 4 : at + 8])[0]
        end = at + 8 + size + size % 2
        found.append(data[at:end])
        at = end
    return found


def extended(data: bytes, flags: int, *chunks: bytes) -> bytes:
    """A simple WebP made an extended one with more chunks, whatever they are."""
    with Image.open(io.BytesIO(data)) as image:
        size = image.size
    pixels = [part for part in parts_of(data) if part[:4] in {b"VP8 ", b"VP8L"}]
    return riff(canvas(size, flags), *pixels, *chunks)


# ---------------------------------------------------------------------------------- HEIF


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", 8 + len(body)) + kind + body


def full(kind: bytes, *parts: bytes, version: int = 0, flags: int = 0) -> bytes:
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


@dataclass(frozen=True)
class Item:
    """One thing in a HEIF: `properties` are places in its container, counted from 1."""

    kind: bytes
    data: bytes
    properties: Sequence[int] = ()
    content: bytes = b""  # the type of a `mime` item
    name: bytes = b""
    hidden: bool = False


@dataclass(frozen=True)
class Coded:
    """A picture as HEVC, taken out of a file of our own making."""

    data: bytes
    setup: bytes  # the hvcC box
    size: tuple[int, int]

    @property
    def extent(self) -> bytes:
        return extent(self.size)


@dataclass
class Heif:
    """A HEIF to be: the first item is the primary one."""

    items: list[Item]
    properties: list[bytes]
    references: list[tuple[bytes, int, Sequence[int]]] = field(default_factory=list)
    brand: bytes = b"heic"

    def made(self, between: bytes = b"") -> bytes:
        """The file, with more boxes between its tables and its pixels."""
        kinds = box(b"ftyp", self.brand, b"\0\0\0\0", b"mif1heic")
        start = len(kinds) + len(self._meta(0)) + len(between) + 8
        data = b"".join(item.data for item in self.items)
        return kinds + self._meta(start) + between + box(b"mdat", data)

    def _meta(self, start: int) -> bytes:
        handler = full(b"hdlr", b"\0\0\0\0pict" + b"\0" * 13)
        primary = full(b"pitm", struct.pack(">H", 1))
        places = self._places(start)
        return full(b"meta", handler, primary, self._infos(), self._links(), self._traits(), places)

    def _infos(self) -> bytes:
        entries = []
        for number, item in enumerate(self.items, 1):
            tail = item.content + b"\0" if item.content else b""
            body = struct.pack(">HH", number, 0) + item.kind + item.name + b"\0" + tail
            entries.append(full(b"infe", body, version=2, flags=int(item.hidden)))
        return full(b"iinf", struct.pack(">H", len(entries)), *entries)

    def _links(self) -> bytes:
        links = [
            box(kind, struct.pack(f">HH{len(to)}H", source, len(to), *to))
            for kind, source, to in self.references
        ]
        return full(b"iref", *links) if links else b""

    def _traits(self) -> bytes:
        entries = [
            struct.pack(">HB", number, len(item.properties)) + bytes(item.properties)
            for number, item in enumerate(self.items, 1)
            if item.properties
        ]
        links = full(b"ipma", struct.pack(">I", len(entries)), *entries)
        return box(b"iprp", box(b"ipco", *self.properties), links)

    def _places(self, start: int) -> bytes:
        entries, at = [], start
        for number, item in enumerate(self.items, 1):
            entries.append(struct.pack(">HHHII", number, 0, 1, at, len(item.data)))
            at += len(item.data)
        return full(b"iloc", struct.pack(">BBH", 0x44, 0, len(entries)), *entries)


def extent(size: tuple[int, int]) -> bytes:
    return full(b"ispe", struct.pack(">II", *size))


def coded(image: Image.Image) -> Coded:
    data = heic(image)
    at = data.index(b"hvcC") - 4
    length = struct.unpack(">I", data[at : at + 4])[0]
    return Coded(data[data.index(b"mdat") + 4 :], data[at : at + length], image.size)


def single(picture: Coded, *more: bytes, size: tuple[int, int] | None = None) -> Heif:
    """One picture; `more` are properties that it gets too, such as a turn."""
    traits = [picture.setup, extent(size or picture.size), *more]
    item = Item(b"hvc1", picture.data, range(1, len(traits) + 1))
    return Heif([item], traits)


def grid(tile: Coded, across: int, down: int, size: tuple[int, int]) -> Heif:
    """A picture of equal tiles, as phones write it; the claimed size is free."""
    plan = bytes([0, 1, down - 1, across - 1]) + struct.pack(">II", *size)
    tiles = [Item(b"hvc1", tile.data, (1, 2), hidden=True)] * (across * down)
    numbers = range(2, 2 + len(tiles))
    return Heif(
        [Item(b"grid", plan, (3,)), *tiles],
        [tile.setup, tile.extent, extent(size)],
        [(b"dimg", 1, numbers)],
    )
