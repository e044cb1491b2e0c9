"""What may be said of a file, and a file with what may be said of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

ACCEPTED, EMPTY, DAMAGED = "accepted", "empty_file", "damaged_image"
PIXELS, BYTES, FORMAT = "too_many_pixels", "too_large", "unsupported_format"
REFUSALS: Final = frozenset({EMPTY, DAMAGED, PIXELS, BYTES, FORMAT})
LYING: Final = frozenset({DAMAGED, PIXELS})  # refused by its header, whichever reader sees it first
STATUS: Final = {ACCEPTED: 201, EMPTY: 422, DAMAGED: 422, PIXELS: 413, BYTES: 413, FORMAT: 415}
MAGENTA: Final = (255, 0, 255)  # the colour of what must stay hidden
EITHER: Final = (ACCEPTED, *sorted(REFUSALS))
SEED: Final = 20261125
FLIPS: Final = 2000
SPLICES: Final = 500
MOST_PIXELS: Final = 50_000_000
UPRIGHT: Final = ("red", "green", "blue", "white")
TURNED: Final[Mapping[int, tuple[str, ...]]] = {
    2: ("green", "red", "white", "blue"),
    3: ("white", "blue", "green", "red"),
    4: ("blue", "white", "red", "green"),
    5: ("red", "blue", "green", "white"),
    6: ("blue", "red", "white", "green"),
    7: ("white", "green", "blue", "red"),
    8: ("green", "white", "red", "blue"),
}


@dataclass(frozen=True, slots=True)
class Hostile:
    """A file and what may come of it.

    `may` holds the verdicts that are right. Of an accepted one: `mime` is what it must be taken
    for, `corners` how it must stand, with no magenta anywhere, and its copies hold no `absent`.
    """

    name: str
    data: bytes
    may: frozenset[str]
    sent_as: str = "photo.jpg"
    declared: str = "image/jpeg"
    mime: str | None = None
    corners: tuple[str, ...] | None = None
    absent: tuple[bytes, ...] = ()


def hostile(name: str, data: bytes, *may: str, **more: object) -> Hostile:
    return Hostile(name, data, frozenset(may), **more)  # type: ignore[arg-type]


def either(name: str, data: bytes, **more: object) -> Hostile:
    """Sound enough to take and broken enough to refuse: both are right, a failure never is."""
    return hostile(name, data, ACCEPTED, *REFUSALS, **more)
