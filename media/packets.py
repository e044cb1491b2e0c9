"""The few properties of an XMP packet that matter here, found by pattern. Pure.

No XML parser reads bytes from outside: its entities can grow without end or name other files, and
one broken tag costs it the whole packet. A pattern at a known name can do neither. Every search is
bounded by the packet's first megabyte, a number of tries for each name and a length for each value.
"""

import codecs
import html
import re
from collections.abc import Mapping
from typing import Final

MOST_BYTES: Final = 1 << 20
MOST_TRIES: Final = 50  # occurrences of one name that are looked at, closing tags among them

ORIGINAL, CREATED = "exif:DateTimeOriginal", "photoshop:DateCreated"
MODIFIED, CREATOR_TOOL, COMMENT = "xmp:ModifyDate", "xmp:CreatorTool", "exif:UserComment"
LATITUDE, LONGITUDE, _REF = "exif:GPSLatitude", "exif:GPSLongitude", "Ref"
# Not xmp:CreateDate: design programs write there when their document began, not when it was shot.
NAMES: Final = (
    *(ORIGINAL, CREATED, MODIFIED, CREATOR_TOOL, COMMENT),
    *(LATITUDE, LATITUDE + _REF, LONGITUDE, LONGITUDE + _REF),
)

_ENCODINGS: Final = (  # by the first bytes, the longer marks first
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (b"<\x00\x00\x00", "utf-32-le"),
    (b"\x00\x00\x00<", "utf-32-be"),
    (b"<\x00", "utf-16-le"),
    (b"\x00<", "utf-16-be"),
)
_ATTRIBUTE: Final = re.compile(r"""\s{0,9}=\s{0,9}(?:"([^"<]{1,1000})"|'([^'<]{1,1000})')""")
_ELEMENT: Final = re.compile(
    r"(?:\s[^<>]{0,200})?(?<!/)>"
    r"(?:\s{0,99}<rdf:(?:Alt|Bag|Seq)>\s{0,99}<rdf:li(?:\s[^<>]{0,200})?(?<!/)>)?"
    r"([^<]{1,1000})</"
)
_BEHIND: Final = {"<": _ELEMENT} | dict.fromkeys(" \t\r\n", _ATTRIBUTE)
_ANGLE: Final = re.compile(  # 35,24,54N or 35,24.9N or 35.415N or -35.415
    r"(-?)(\d{1,3}(?:\.\d+)?)(?:,(\d\d?(?:\.\d+)?))?(?:,(\d\d?(?:\.\d+)?))?([NSEWnsew]?)",
    re.ASCII,
)


def properties(packet: bytes) -> dict[str, str]:
    """Return the texts of `NAMES` as written, each from where it first stands; blank ones never."""
    text = _decoded(packet).replace("xap:", "xmp:")  # as it was called before 2004
    found = ((name, _value(text, name)) for name in NAMES)
    return {name: value for name, value in found if value}


def _decoded(packet: bytes) -> str:
    head = packet[:MOST_BYTES]
    encoding = next((name for mark, name in _ENCODINGS if head.startswith(mark)), "utf-8")
    return head.decode(encoding, errors="ignore")


def _value(text: str, name: str) -> str:
    """Return what the first attribute or element of that name holds; empty when there is none."""
    at = -1
    for _ in range(MOST_TRIES):
        at = text.find(name, at + 1)
        if at < 1:
            break
        pattern = _BEHIND.get(text[at - 1])
        found = pattern.match(text, at + len(name)) if pattern else None
        value = html.unescape("".join(filter(None, found.groups()))).strip() if found else ""
        if value:
            return value
    return ""


def angle(found: Mapping[str, str], name: str) -> tuple[list[float], str | None]:
    """Return degrees, minutes and seconds as far as written, and the letter of the hemisphere.

    A decimal number without a letter has its own sign; a letter and a sign are no angle.
    """
    match = _ANGLE.fullmatch(found.get(name, ""))
    if match is None:
        return [], None
    sign, *numbers, letter = match.groups()
    parts = [float(number) for number in numbers if number]
    letter = letter or found.get(name + _REF)
    if letter is None and len(parts) == 1:
        return parts, ("NS" if name == LATITUDE else "EW")[bool(sign)]
    return parts, None if sign else letter
