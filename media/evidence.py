"""What a photo's file claims about itself: when, where, with what device. Pure, and never trusted.

The block is read by hand, tag by tag: general readers give up on a whole block, or warn, when one
tag of it is broken, and phones break single tags all the time. Every read is bounded by the block
itself, so no block can make it loop.
"""

import re
import struct
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

ASSUMED_ZONE: Final = timezone(timedelta(hours=8))  # of stamps without an offset: Jining
EARLIEST_YEAR: Final = 1900  # scans of old prints are real, year 5 is a camera's empty battery
LATEST_YEAR: Final = 2999  # still a date after any shift of zone, on both databases
LONGEST_TEXT: Final = 64
LONGEST_VALUE: Final = 4096

_PREFIX: Final = b"Exif\x00\x00"
_BLANKS: Final = frozenset({"Cc", "Zl", "Zp", "Zs"})
_BYTE_ORDERS: Final = {b"II*\x00": "<", b"MM\x00*": ">"}
_ASCII, _SHORT, _LONG, _RATIONAL, _SIGNED_RATIONAL = 2, 3, 4, 5, 10
_SIZES: Final = {_ASCII: 1, _SHORT: 2, _LONG: 4, _RATIONAL: 8, _SIGNED_RATIONAL: 8}

_MAKE, _MODEL, _ORIENTATION, _SOFTWARE = 0x010F, 0x0110, 0x0112, 0x0131
_DETAILS, _POSITION = 0x8769, 0x8825  # where the directories of the shot and of the place begin
_TAKEN, _OFFSET = 0x9003, 0x9011
_LATITUDE_REF, _LATITUDE, _LONGITUDE_REF, _LONGITUDE = 1, 2, 3, 4

_STAMP: Final = re.compile(
    r"(\d{4})[:/-](\d\d)[:/-](\d\d)[ T](\d\d):(\d\d):(\d\d)(?:\.\d+)?", re.ASCII
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


def read_claims(exif: bytes, xmp: bytes = b"") -> Claims:  # noqa: ARG001
    """Read an EXIF block, with or without its `Exif` prefix; a broken one claims nothing."""
    tiff = exif.removeprefix(_PREFIX)
    order = _BYTE_ORDERS.get(tiff[:4])
    if order is None or len(tiff) < 8:
        return Claims()
    main = _directory(tiff, order, _number(order, "I", tiff[4:8]))
    details = _sub_directory(tiff, order, main.get(_DETAILS))
    position = _sub_directory(tiff, order, main.get(_POSITION))
    captured_at, zone_assumed = _captured(details)
    latitude, longitude = _location(position, order)
    return Claims(
        captured_at=captured_at,
        zone_assumed=zone_assumed,
        latitude=latitude,
        longitude=longitude,
        make=_text(main.get(_MAKE)),
        model=_text(main.get(_MODEL)),
        software=_text(main.get(_SOFTWARE)),
        orientation=_orientation(main.get(_ORIENTATION), order),
    )


def cleaned(text: str, longest: int = LONGEST_TEXT) -> str:
    """Return outside text as one short printable line: no controls, no bidi marks."""
    spaced = (" " if unicodedata.category(mark) in _BLANKS else mark for mark in text)
    kept = "".join(mark for mark in spaced if not unicodedata.category(mark).startswith("C"))
    return " ".join(kept.split())[:longest].strip()


def _directory(tiff: bytes, order: str, start: int) -> dict[int, Value]:
    """The entries of one directory that lie within the block, the first of each tag."""
    found: dict[int, Value] = {}
    count = _number(order, "H", tiff[start : start + 2]) if start + 2 <= len(tiff) else 0
    for at in range(start + 2, min(start + 2 + 12 * count, len(tiff) - 11), 12):
        tag, kind, length = struct.unpack_from(f"{order}HHI", tiff, at)
        size = _SIZES.get(kind, 0) * length
        if not 0 < size <= LONGEST_VALUE:
            continue
        where = at + 8 if size <= 4 else _number(order, "I", tiff[at + 8 : at + 12])
        if where + size <= len(tiff):
            found.setdefault(tag, (kind, tiff[where : where + size]))
    return found


def _sub_directory(tiff: bytes, order: str, pointer: Value | None) -> dict[int, Value]:
    if pointer is None or pointer[0] != _LONG:
        return {}
    return _directory(tiff, order, _number(order, "I", pointer[1][:4]))


def _number(order: str, letter: str, raw: bytes) -> int:
    number: int = struct.unpack(order + letter, raw)[0]
    return number


def _text(value: Value | None) -> str | None:
    if value is None or value[0] != _ASCII:
        return None
    raw = value[1].split(b"\x00", 1)[0]
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("gb18030", errors="ignore")
    return cleaned(text) or None


def _orientation(value: Value | None, order: str) -> int:
    if value is None or value[0] not in {_SHORT, _LONG}:
        return 1
    letter, size = ("H", 2) if value[0] == _SHORT else ("I", 4)
    number = _number(order, letter, value[1][:size])
    return number if 1 <= number <= 8 else 1


def _captured(details: Mapping[int, Value]) -> tuple[datetime | None, bool]:
    """When it was taken as an instant, and whether the zone had to be assumed."""
    stamp = _STAMP.fullmatch(_text(details.get(_TAKEN)) or "")
    if stamp is None or not EARLIEST_YEAR <= int(stamp[1]) <= LATEST_YEAR:
        return None, False
    zone = _zone(_text(details.get(_OFFSET)) or "")
    try:
        year, month, day, hour, minute, second = (int(part) for part in stamp.groups())
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


def _location(position: Mapping[int, Value], order: str) -> tuple[float | None, float | None]:
    """Return WGS-84 (latitude, longitude), both or neither; 0/0 is a phone without a fix."""
    latitude = _degrees(position.get(_LATITUDE), order, limit=90)
    latitude = _signed(latitude, position.get(_LATITUDE_REF), "NS")
    longitude = _degrees(position.get(_LONGITUDE), order, limit=180)
    longitude = _signed(longitude, position.get(_LONGITUDE_REF), "EW")
    if latitude is None or longitude is None or (latitude == 0 and longitude == 0):
        return None, None
    return latitude, longitude


def _signed(degrees: float | None, reference: Value | None, hemispheres: str) -> float | None:
    """Apply the hemisphere; without a letter that names one there is no place, none is guessed."""
    letter = (_text(reference) or "").upper()
    if degrees is None or letter not in tuple(hemispheres):
        return None
    return degrees if letter == hemispheres[0] else -degrees


def _degrees(value: Value | None, order: str, *, limit: float) -> float | None:
    """Return degrees, minutes and seconds as degrees; None for anything that is no angle."""
    parts = _rationals(value, order)
    if parts is None or len(parts) != 3:
        return None
    degrees, minutes, seconds = parts
    if min(parts) < 0 or minutes >= 60 or seconds > 60:
        return None
    total = degrees + minutes / 60 + seconds / 3600
    return total if total <= limit else None


def _rationals(value: Value | None, order: str) -> list[float] | None:
    if value is None or value[0] not in {_RATIONAL, _SIGNED_RATIONAL}:
        return None
    letter = "I" if value[0] == _RATIONAL else "i"
    numbers = struct.unpack(f"{order}{len(value[1]) // 4}{letter}", value[1])
    pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
    if any(below == 0 for _, below in pairs):
        return None
    return [above / below for above, below in pairs]
