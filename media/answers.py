"""What a decoder says about a photo: a line of JSON, then the copies and the gist as they are.

Written by a program that a hostile file may have taken over, so it is read without trust: plain
values of the right kind and size, texts that are clean already, files that begin and end as JPEG.
"""

import dataclasses
import json
import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, get_type_hints

from media.errors import DamagedImage, TooManyPixels, UnsupportedFormat
from media.evidence import EARLIEST_YEAR, LATEST_YEAR, Claims, cleaned
from media.files import EXTENSIONS, GIST, MOST_ANSWER, MOST_ORDER, MOST_PIXELS, Copies, Picture

_REFUSALS: Final = {
    refusal.code: refusal for refusal in (DamagedImage, TooManyPixels, UnsupportedFormat)
}
_KINDS: Final = get_type_hints(Claims)


def told(made: Picture | Copies) -> bytes:
    """Write a picture or its copies as the other side reads them."""
    facts = {field.name: getattr(made, field.name) for field in dataclasses.fields(made)}
    blobs = [value for value in facts.values() if isinstance(value, bytes)]
    plain = {
        name: len(value) if isinstance(value, bytes) else value for name, value in facts.items()
    }
    return b"".join([line(plain), *blobs])


def line(facts: dict[str, object]) -> bytes:
    return json.dumps(facts, default=_simple).encode() + b"\n"


def _simple(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    raise TypeError(type(value))


def read_picture(answer: bytes) -> Picture:
    """Read what a decoder says of a photo; it may lie, but only with plain and short words.

    Raises:
        DamagedImage: the answer is no answer.
        UnsupportedFormat, TooManyPixels, DamagedImage: the answer is a refusal.
    """
    facts, blobs = _parts(answer, ("thumb", "large", "gist"))
    width, height = _whole(facts, "width"), _whole(facts, "height")
    mime_type, claims = facts.get("mime_type"), facts.get("claims")
    if not (0 < width * height <= MOST_PIXELS and len(blobs[2]) == GIST * GIST):
        raise DamagedImage
    if not isinstance(mime_type, str) or mime_type not in EXTENSIONS:
        raise DamagedImage
    return Picture(mime_type, width, height, *_jpegs(blobs), blobs[2], _claims(claims))


def read_copies(answer: bytes) -> Copies:
    """Read redacted copies, as `read_picture`."""
    _, blobs = _parts(answer, ("thumb", "large"))
    return Copies(*_jpegs(blobs))


def _parts(answer: bytes, names: Sequence[str]) -> tuple[dict[str, object], list[bytes]]:
    try:
        line, rest = answer.split(b"\n", 1)
        facts = json.loads(line) if len(line) <= MOST_ORDER else None
    except (ValueError, RecursionError) as error:
        raise DamagedImage from error
    if not isinstance(facts, dict):
        raise DamagedImage
    if "refused" in facts:
        raise _REFUSALS.get(str(facts["refused"]), DamagedImage)
    blobs = []
    for name in names:
        size = _whole(facts, name)
        blobs.append(rest[:size])
        rest = rest[size:]
    if rest or any(len(blob) != facts[name] for name, blob in zip(names, blobs, strict=True)):
        raise DamagedImage
    return facts, blobs


def _whole(facts: dict[str, object], name: str) -> int:
    value = facts.get(name)
    if type(value) is not int or not 0 < value <= MOST_ANSWER + MOST_PIXELS:
        raise DamagedImage
    return value


def _jpegs(blobs: Sequence[bytes]) -> tuple[bytes, bytes]:
    thumb, large = blobs[:2]
    for copy in (thumb, large):
        if not (copy.startswith(b"\xff\xd8\xff") and copy.endswith(b"\xff\xd9")):
            raise DamagedImage
    return thumb, large


def _claims(told: object) -> Claims:
    if not isinstance(told, dict) or set(told) != {
        field.name for field in dataclasses.fields(Claims)
    }:
        raise DamagedImage
    checked: dict[str, Any] = {n: _claim(_KINDS[n], value) for n, value in told.items()}
    claims = Claims(**checked)
    if not (is_place(claims.latitude, claims.longitude) and 1 <= claims.orientation <= 8):
        raise DamagedImage
    return claims


def is_place(latitude: float | None, longitude: float | None) -> bool:
    """Say whether both name a place on earth, or neither is there."""
    if latitude is None or longitude is None:
        return latitude is longitude
    return abs(latitude) <= 90 and abs(longitude) <= 180


def _claim(kind: object, value: object) -> object:
    """Return a claim's value if it is of the kind that the field holds."""
    try:
        if kind == datetime | None and isinstance(value, str):
            value = datetime.fromisoformat(value)
            sound = value.utcoffset() is not None
            sound = sound and EARLIEST_YEAR - 1 <= value.year <= LATEST_YEAR + 1  # in UTC
        elif isinstance(value, str):
            sound = value == cleaned(value)
        elif isinstance(value, float):
            sound = math.isfinite(value)
        else:
            sound = value is None or type(value) in {int, bool}
    except ValueError as error:
        raise DamagedImage from error
    if not sound or not isinstance(value, kind):  # type: ignore[arg-type]
        raise DamagedImage
    return value
