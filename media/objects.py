"""The names of stored objects, and what every store can do.

Keys are random and never come from a file name.
"""

import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Final, Protocol

from media.models import Variant

LARGEST: Final = 32 << 20  # bytes of an object; the largest file that is accepted has 20 MiB
SHARDS: Final = "0123456789abcdef"  # the first letters of all names: so large stores are walked
NAME: Final = re.compile(r"[0-9a-f]{2}/[0-9a-f]{32}/(?:thumb|large|original)")


def new_key() -> str:
    """Return 128 random bits that name a photo's objects."""
    return secrets.token_hex(16)


def object_name(key: str, variant: Variant) -> str:
    """Return the name of one object; the first letters spread a folder of millions."""
    return f"{key[:2]}/{key}/{variant.value}"


def key_of(name: str) -> str:
    """Return the photo's key that an object belongs to."""
    return name.split("/")[1]


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as a store lists it."""

    name: str
    at: datetime
    size: int


class PhotoStore(Protocol):
    """What a store can do; every method may raise StoreAway."""

    def put(self, objects: Mapping[str, BinaryIO]) -> None:
        """Keep all of them, durably, or raise; what was begun may stay behind and is swept."""

    def open(self, name: str) -> BinaryIO:
        """Open one object, from its beginning.

        Raises:
            ObjectMissing: there is none of that name.
        """

    def stat(self, name: str) -> Stored:
        """Say what one object is without reading it.

        Raises:
            ObjectMissing: there is none of that name.
        """

    def delete(self, names: Iterable[str]) -> None:
        """Delete objects; one that is not there is no fault."""

    def objects(self, shard: str = "") -> Iterator[Stored]:
        """List everything that has the form of an object's name and begins with that letter."""

    def tidy(self, before: datetime) -> int:
        """Delete what unfinished writes left before that instant; return how many."""

    def probe(self) -> None:
        """Do what a put would need, cheaply: a store that is away or full is found out."""
