"""What a photo's file claims about itself: when, where, with what device. Pure, and never trusted.

The block is read by hand, tag by tag: general readers give up on a whole block, or warn, when one
tag of it is broken, and phones break single tags all the time. Every read is bounded by the block
itself, so no block can make it loop. Where the block is silent, the XMP packet is asked.
"""

import re
import struct
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Final, NamedTuple

from media import packets

ASSUMED_ZONE: Final = timezone(timedelta(hours=8))  # of stamps without an offset: Jining
EARLIEST_YEAR: Final = 1900  # scans of old prints are real, year 5 is a camera's empty battery
LATEST_YEAR: Final = 2999  # still a date after any shift of zone, on both databases
LONGEST_TEXT: Final = 64
LONGEST_VALUE: Final = 4096

_PREFIX: Final = re.compile(rb"(?:Exif\x00\x00){0,2}")  # some WebP and PNG writers add another
_BLANKS: Final = frozenset({"Cc", "Zl", "Zp", "Zs"})
_BYTE_ORDERS: Final = {b"II*\x00": "<", b"MM\x00*": ">"}
_ASCII, _SHORT, _LONG, _RATIONAL, _UNDEFINED, _SIGNED_RATIONAL = 2, 3, 4, 5, 7, 10
_DIRECTORY, _UTF8 = 13, 129
_SIZES: Final = (
    dict.fromkeys((_ASCII, _UTF8, _UNDEFINED), 1)
    | dict.fromkeys((_LONG, _DIRECTORY), 4)
    | {_SHORT: 2, _RATIONAL: 8, _SIGNED_RATIONAL: 8}
)

_DESCRIPTION, _MAKE, _MODEL, _ORIENTATION = 0x010E, 0x010F, 0x0110, 0x0112
_SOFTWARE, _CHANGED = 0x0131, 0x0132
_DETAILS, _POSITION = 0x8769, 0x8825  # where the directories of the shot and of the place begin
_TAKEN, _DIGITIZED, _COMMENT = 0x9003, 0x9004, 0x9286
_CHANGED_OFFSET, _TAKEN_OFFSET, _DIGITIZED_OFFSET = 0x9010, 0x9011, 0x9012
_LATITUDE, _LONGITUDE = 2, 4  # the tag before each is the letter of its hemisphere
_READ: Final = frozenset(  # the others' values are not even copied: 65,535 could hold 268 MB
    {_DESCRIPTION, _MAKE, _MODEL, _ORIENTATION, _SOFTWARE, _CHANGED, _DETAILS, _POSITION}
    | {_TAKEN, _DIGITIZED, _COMMENT, _CHANGED_OFFSET, _TAKEN_OFFSET, _DIGITIZED_OFFSET}
    | {_LATITUDE - 1, _LATITUDE, _LONGITUDE - 1, _LONGITUDE}
)

_STAMP: Final = re.compile(  # EXIF's and XMP's, which may leave the seconds out and ends in a zone
    r"(\d{4})[:/-](\d\d)[:/-](\d\d)[ T](\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?(Z|[+-][\d:]+)?",
    re.ASCII,
)
_ZONE: Final = re.compile(r"([+-])(\d\d):?(\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Claims:
    """What the file says; None where it says nothing, or nothing that can be true.

    `orientation` is 1 to 8 and says how the stored pixels must be turned to stand upright.
    `remark` is the file's comment, else its description; `creator_tool` the program of its XMP.
    """

    captured_at: datetime | None = None
    zone_assumed: bool = False
    latitude: float | None = None
    longitude: float | None = None
    make: str | None = None
    model: str | None = None
    software: str | None = None
    orientation: int = 1
    modified_at: datetime | None = None
    creator_tool: str | None = None
    remark: str | None = None

    def upright(self) -> "Claims":
        """The same claims about pixels that stand upright already."""
        return replace(self, orientation=1)


Value = tuple[int, bytes]  # the type's number, and the raw bytes


class _Block(NamedTuple):
    """The three directories of a block, and the byte order of their numbers."""

    main: Mapping[int, Value] = {}
    details: Mapping[int, Value] = {}
    position: Mapping[int, Value] = {}
    order: str = "<"


def read_claims(exif: bytes, xmp: bytes = b"") -> Claims:
    """Read an EXIF block, with or without its `Exif` prefix, and an XMP packet.

    Both as the file holds them; broken ones claim nothing. A tag of the block that is there but
    can't be true is not replaced by what the packet says.
    """
    block, packet = _opened(exif), packets.properties(xmp)
    captured_at, zone_assumed = _captured(block.details, packet)
    latitude, longitude = _location(block.position, block.order, packet)
    return Claims(
        captured_at=captured_at,
        zone_assumed=zone_assumed,
        latitude=latitude,
        longitude=longitude,
        make=_text(block.main.get(_MAKE)),
        model=_text(block.main.get(_MODEL)),
        software=_text(block.main.get(_SOFTWARE)),
        orientation=_orientation(block.main.get(_ORIENTATION), block.order),
        modified_at=_modified(block, packet),
        creator_tool=cleaned(packet.get(packets.CREATOR_TOOL, "")) or None,
        remark=_remark(block, packet),
    )


def cleaned(text: str, longest: int = LONGEST_TEXT) -> str:
    """Return outside text as one short printable line: no controls, no bidi marks."""
    spaced = (" " if unicodedata.category(mark) in _BLANKS else mark for mark in text)
    kept = "".join(mark for mark in spaced if not unicodedata.category(mark).startswith("C"))
    return " ".join(kept.split())[:longest].strip()


def _opened(exif: bytes) -> _Block:
    prefix = _PREFIX.match(exif)
    tiff = exif[prefix.end() if prefix else 0 :]
    order = _BYTE_ORDERS.get(tiff[:4])
    if order is None or len(tiff) < 8:
        return _Block()
    main = _directory(tiff, order, _number(order, "I", tiff[4:8]))
    details, position = (
        _sub_directory(tiff, order, main.get(pointer)) for pointer in (_DETAILS, _POSITION)
    )
    return _Block(main, details, position, order)


def _directory(tiff: bytes, order: str, start: int) -> dict[int, Value]:
    """The entries of `_READ` in one directory that lie within the block, the first of each tag."""
    found: dict[int, Value] = {}
    count = _number(order, "H", tiff[start : start + 2]) if start + 2 <= len(tiff) else 0
    for at in range(start + 2, min(start + 2 + 12 * count, len(tiff) - 11), 12):
        tag, kind, length = struct.unpack_from(f"{order}HHI", tiff, at)
        size = _SIZES.get(kind, 0) * length
        if tag not in _READ or not 0 < size <= LONGEST_VALUE:
            continue
        where = at + 8 if size <= 4 else _number(order, "I", tiff[at + 8 : at + 12])
        if where + size <= len(tiff):
            found.setdefault(tag, (kind, tiff[where : where + size]))
    return found


def _sub_directory(tiff: bytes, order: str, pointer: Value | None) -> dict[int, Value]:
    if pointer is None or pointer[0] not in {_LONG, _DIRECTORY}:
        return {}
    return _directory(tiff, order, _number(order, "I", pointer[1][:4]))


def _number(order: str, letter: str, raw: bytes) -> int:
    number: int = struct.unpack(order + letter, raw)[0]
    return number


def _text(value: Value | None) -> str | None:
    if value is None or value[0] not in {_ASCII, _UTF8}:
        return None
    return cleaned(_decoded(value[1])) or None


def _decoded(raw: bytes) -> str:
    """Text up to its NUL: UTF-8, else what Chinese programs write."""
    text = raw.split(b"\x00", 1)[0]
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("gb18030", errors="ignore")


def _remark(block: _Block, packet: Mapping[str, str]) -> str | None:
    comment = _comment(block.details.get(_COMMENT), block.order)
    description = _text(block.main.get(_DESCRIPTION))
    return comment or description or cleaned(packet.get(packets.COMMENT, "")) or None


def _comment(value: Value | None, order: str) -> str | None:
    """A comment by the character set that its first eight bytes name."""
    if value is None or value[0] not in {_ASCII, _UTF8, _UNDEFINED}:
        return None
    charset, body = value[1][:8].rstrip(b"\x00 "), value[1][8:]
    if charset == b"UNICODE":
        return cleaned(_utf16(body, order)) or None
    if charset == b"JIS":
        return cleaned(body.decode("iso2022_jp", errors="ignore")) or None
    return cleaned(_decoded(body if charset in {b"ASCII", b""} else value[1])) or None


def _utf16(body: bytes, order: str) -> str:
    """Text in the block's byte order, unless its mark or its Latin letters show the other one."""
    if body[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return body.decode("utf-16", errors="ignore").split("\x00", 1)[0]
    little, big = body[1::2].count(0), body[::2].count(0)
    name = "utf-16-le" if (little, order == "<") > (big, order == ">") else "utf-16-be"
    return body.decode(name, errors="ignore").split("\x00", 1)[0]


def _orientation(value: Value | None, order: str) -> int:
    if value is None or value[0] not in {_SHORT, _LONG}:
        return 1
    letter, size = ("H", 2) if value[0] == _SHORT else ("I", 4)
    number = _number(order, letter, value[1][:size])
    return number if 1 <= number <= 8 else 1


def _captured(
    details: Mapping[int, Value], packet: Mapping[str, str]
) -> tuple[datetime | None, bool]:
    """When it was taken as an instant, and whether the zone had to be assumed."""
    for stamp, offset in ((_TAKEN, _TAKEN_OFFSET), (_DIGITIZED, _DIGITIZED_OFFSET)):
        if stamp in details:
            return _instant(_text(details[stamp]), _text(details.get(offset)))
    return _instant(packet.get(packets.ORIGINAL) or packet.get(packets.CREATED))


def _modified(block: _Block, packet: Mapping[str, str]) -> datetime | None:
    """When it was written last; without an offset of its own by the clock that took it."""
    if _CHANGED not in block.main:
        return _instant(packet.get(packets.MODIFIED))[0]
    offset = block.details.get(_CHANGED_OFFSET) or block.details.get(_TAKEN_OFFSET)
    return _instant(_text(block.main[_CHANGED]), _text(offset))[0]


def _instant(text: str | None, offset: str | None = None) -> tuple[datetime | None, bool]:
    """A stamp as an instant, and whether its zone had to be assumed; its own goes first."""
    stamp = _STAMP.fullmatch(text or "")
    if stamp is None or not EARLIEST_YEAR <= int(stamp[1]) <= LATEST_YEAR:
        return None, False
    zone = _zone(stamp[7] or offset or "")
    try:
        year, month, day, hour, minute, second = (int(part or 0) for part in stamp.groups()[:6])
        local = datetime(year, month, day, hour, minute, second, tzinfo=zone or ASSUMED_ZONE)
    except ValueError:
        return None, False
    return local.astimezone(UTC), zone is None


def _zone(text: str) -> timezone | None:
    """An offset such as +08:00; None when there is none that exists on earth."""
    if text == "Z":
        return UTC
    match = _ZONE.fullmatch(text)
    if match is None or int(match[3]) > 59:
        return None
    distance = timedelta(hours=int(match[2]), minutes=int(match[3]))
    if distance > timedelta(hours=14):
        return None
    return timezone(-distance if match[1] == "-" else distance)


def _location(
    position: Mapping[int, Value], order: str, packet: Mapping[str, str]
) -> tuple[float | None, float | None]:
    """Return WGS-84 (latitude, longitude), both or neither; 0/0 is a phone without a fix."""
    if _LATITUDE in position or _LONGITUDE in position:
        latitude = _angle(position, _LATITUDE, order)
        longitude = _angle(position, _LONGITUDE, order)
    else:
        latitude = _signed(*packets.angle(packet, packets.LATITUDE), "NS")
        longitude = _signed(*packets.angle(packet, packets.LONGITUDE), "EW")
    if latitude is None or longitude is None or (latitude == 0 and longitude == 0):
        return None, None
    return latitude, longitude


def _angle(position: Mapping[int, Value], tag: int, order: str) -> float | None:
    """The signed angle of a tag; without a letter that names a hemisphere none is guessed."""
    parts = _rationals(position.get(tag), order)
    if parts is None or len(parts) != 3:
        return None
    return _signed(parts, _text(position.get(tag - 1)), "NS" if tag == _LATITUDE else "EW")


def _signed(parts: Sequence[float], letter: str | None, hemispheres: str) -> float | None:
    """Degrees, minutes, seconds as degrees south or west below zero; None if that is no angle."""
    upper = (letter or "").upper()
    degrees, minutes, seconds = (*parts, 0.0, 0.0, 0.0)[:3]
    if upper not in tuple(hemispheres) or min(parts) < 0 or minutes >= 60 or seconds > 60:
        return None
    total = degrees + minutes / 60 + seconds / 3600
    if total > (90 if hemispheres == "NS" else 180):
        return None
    return total if upper == hemispheres[0] else -total


def _rationals(value: Value | None, order: str) -> list[float] | None:
    if value is None or value[0] not in {_RATIONAL, _SIGNED_RATIONAL}:
        return None
    letter = "I" if value[0] == _RATIONAL else "i"
    numbers = struct.unpack(f"{order}{len(value[1]) // 4}{letter}", value[1])
    pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
    if any(below == 0 for _, below in pairs):
        return None
    return [above / below for above, below in pairs]
