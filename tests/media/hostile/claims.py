"""Metadata that makes readers loop, reach out of bounds, or ask for a lot of memory."""

import random
import struct
from collections.abc import Iterator, Mapping
from functools import cache

from PIL.PngImagePlugin import PngInfo

from tests.media import forgery
from tests.media.forgery import Item, single, tiff
from tests.media.hostile.sound import (
    PICTURE,
    tile,
)
from tests.media.hostile.verdicts import (
    ACCEPTED,
    SEED,
    UPRIGHT,
    Hostile,
    either,
    hostile,
)
from tests.media.pictures import (
    chunk,
    jpeg,
    png,
    webp,
)


def in_every_format(name: str, block: bytes, **more: object) -> Iterator[Hostile]:
    """A sound picture in each format with this TIFF block of claims."""
    whole = forgery.with_exif(jpeg(PICTURE), block[:65_527])
    yield hostile(f"jpeg-{name}", whole, ACCEPTED, corners=UPRIGHT, **more)
    whole = forgery.before_data(png(PICTURE), chunk(b"eXIf", block))
    yield hostile(f"png-{name}", whole, ACCEPTED, corners=UPRIGHT, **more)
    whole = forgery.extended(webp(PICTURE), 8, forgery.riff_chunk(b"EXIF", block))
    yield hostile(f"webp-{name}", whole, ACCEPTED, corners=UPRIGHT, **more)
    made = single(tile())
    made.items.append(Item(b"Exif", struct.pack(">I", 0) + block))
    made.references.append((b"cdsc", 2, (1,)))
    yield hostile(f"heic-{name}", made.made(), ACCEPTED, corners=UPRIGHT, **more)


def claims() -> Iterator[Hostile]:
    for name, block in traps().items():
        yield from in_every_format(name, block)
    photo = jpeg(PICTURE)
    maker = tiff({0x8769: {0x927C: (7, b"\x5a" * 65_400)}})
    many = [forgery.segment(0xE0 + at % 16, bytes([at]) * 300) for at in range(200)]
    blocks = [forgery.segment(0xE1, b"Exif\0\0" + tiff({})) for _ in range(200)]
    whole = {
        "maker-note-64k": forgery.with_exif(photo, maker),
        "segments-200": forgery.with_segments(photo, *many),
        "blocks-200": forgery.with_segments(photo, *blocks),
        "segment-empty": forgery.with_segments(photo, forgery.segment(0xE1, b"")),
        "prefix-only": forgery.with_segments(photo, forgery.segment(0xE1, b"Exif\0\0")),
        "comments-300": forgery.with_segments(photo, *[forgery.segment(0xFE, b"x" * 900)] * 300),
        "fill-bytes": photo[:2] + b"\xff" * 500 + photo[2:],
    }
    for name, data in whole.items():
        yield hostile(f"jpeg-{name}", data, ACCEPTED, corners=UPRIGHT)
    for length in (0, 1):
        short_one = photo[:2] + b"\xff\xe1" + struct.pack(">H", length) + photo[2:]
        yield either(f"jpeg-segment-length-{length}", short_one)
    past = photo[:2] + b"\xff\xe1\xff\xff" + photo[2:]
    yield either("jpeg-segment-past-end", past)
    for raw in ("zz", "\nexif\n 8\n" + "00" * 5, "\nexif\n999999999\n" + "45" * 40):
        told = PngInfo()
        told.add_text("Raw profile type exif", raw)
        yield hostile(f"png-raw-{len(raw)}", png(PICTURE, pnginfo=told), ACCEPTED, corners=UPRIGHT)


def _entry(tag: int, kind: int, count: int, value: int) -> bytes:
    return struct.pack("<HHII", tag, kind, count, value)


def _loop(*entries: bytes, following: int = 0, count: int | None = None) -> bytes:
    number = len(entries) if count is None else count
    head = b"II*\0\x08\0\0\0" + struct.pack("<H", number)
    return head + b"".join(entries) + struct.pack("<I", following)


@cache
def traps() -> Mapping[str, bytes]:
    """Blocks that make readers loop, reach out of bounds, or ask for a lot of memory."""
    chance = random.Random(SEED)
    most = 0xFFFFFFFF
    nested: dict[int, object] = {}
    for _ in range(60):
        nested = {0x8769: nested}
    chain = b"".join(struct.pack("<HI", 0, 8 + 6 * (at + 1)) for at in range(5000))
    return {
        "itself": _loop(_entry(0x8769, 4, 1, 8), _entry(0x8825, 4, 1, 8), following=8),
        "next-cycle": _loop(_entry(0x10F, 2, 4, 0x41414141), following=8),
        "sub-cycle": _loop(_entry(0x8769, 4, 1, 26)) + _loop(_entry(0x8769, 4, 1, 8))[8:],
        "position-cycle": _loop(_entry(0x8825, 4, 1, 8)),
        "interop-cycle": tiff({0x8769: {0xA005: (4, struct.pack("<I", 8))}}),
        "sub-ifds-cycle": _loop(_entry(0x14A, 4, 3, 8), _entry(0x14A, 4, 1, 8)),
        "nested-60": tiff(nested),  # type: ignore[arg-type]
        "chain-5000": b"II*\0\x08\0\0\0" + chain + b"\0" * 6,
        "entries-65535": _loop(count=65535),
        "entries-65535-real": _loop(*[_entry(0x10F, 2, 4, 0x41414141)] * 5000, count=65535),
        "count-huge": _loop(_entry(0x10F, 2, most, 26), _entry(0x110, 5, most, 26)),
        "count-wraps": _loop(_entry(0x10F, 5, 0x20000001, 26), _entry(0x110, 12, 1 << 29, 26)),
        "count-zero": _loop(*(_entry(tag, 2, 0, 8) for tag in (0x10E, 0x10F, 0x110))),
        "offset-past": _loop(_entry(0x10F, 2, 64, most), _entry(0x8769, 4, 1, most)),
        "offset-first-past": b"II*\0\xff\xff\xff\xff",
        "offset-first-zero": b"II*\0\0\0\0\0",
        "type-unknown": _loop(*(_entry(0x10F, kind, 9, 8) for kind in (0, 14, 99, 65535))),
        "type-wrong": _loop(_entry(0x8769, 2, 4, 8), _entry(0x8825, 5, 1, 8)),
        "orientation-text": _loop(_entry(0x112, 2, 4, 0x36363636)),
        "orientation-many": tiff({0x112: (3, b"\1\0" * 900)}),
        "rational-zero": tiff({0x8825: dict.fromkeys((2, 4), (5, b"\x00" * 24))}),
        "rational-huge": tiff({0x8825: dict.fromkeys((2, 4), (5, b"\xff" * 24))}),
        "double-nan": tiff({0x8825: dict.fromkeys((2, 4), (12, b"\xff" * 24))}),
        "stamp-broken": tiff({0x8769: {0x9003: (2, b"2026:99:99 99:99:99\0")}}),
        "stamp-year-0": tiff({0x8769: {0x9003: (2, b"0000:00:00 00:00:00\0")}}),
        "stamp-digits": tiff({0x8769: {0x9003: (2, "٢٠٢٦:٠١:٠١ ٠٠:٠٠:٠٠\0".encode())}}),
        "text-endless": tiff({0x10F: (2, b"A" * 65_000)}),
        "text-bidi": tiff({0x10F: (2, "\u202egpj.exe\0".encode())}),
        "comment-jis": tiff({0x8769: {0x9286: (7, b"JIS\0\0\0\0\0\xff\xff\xff")}}),
        "preview-past": tiff({}, {0x201: (4, b"\xff" * 4), 0x202: (4, b"\xff" * 4)}),
        "preview-itself": tiff({}, {0x201: (4, b"\0" * 4), 0x202: (4, b"\xff\xff\0\0")}),
        "big-tiff": b"II+\0\x08\0\0\0" + b"\xff" * 64,
        "only-order": b"II",
        "random": chance.randbytes(64),
        "random-behind-head": b"MM\0*\0\0\0\x08" + chance.randbytes(300),
        "random-4k": b"II*\0\x08\0\0\0" + chance.randbytes(4000),
    }
