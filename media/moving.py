"""Copying what the rows promise from one store to another, while both may be in use.

Nothing is deleted, and nothing that arrived whole is sent again, so it can be cut off and run anew
at any time. An object counts as copied once it was read back.
"""

import hashlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from typing import BinaryIO, Final

from media import inventory
from media.errors import ObjectMissing, StoreAway
from media.inventory import Promise
from media.models import Variant
from media.objects import SHARDS, PhotoStore, object_name

CHUNK: Final = 1 << 20
AT_ONCE: Final = 4  # objects; most of the time goes by waiting for the store
PAUSES: Final = (1, 2, 4, 8)  # seconds before a store that is away is asked again


class Outcome(Enum):
    """What became of one object."""

    COPIED = auto()
    THERE = auto()
    MISSING = auto()
    CHANGED = auto()
    GONE = auto()


@dataclass(frozen=True, slots=True)
class Moved:
    """One object: whose it is, which, and what became of it."""

    promise: Promise
    variant: Variant
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Move:
    """From where to where; `fast` takes an object of the same size for the same."""

    source: PhotoStore
    target: PhotoStore
    fast: bool = False

    def run(self) -> Iterator[Moved]:
        """Copy everything and say of each object what became of it.

        Raises:
            StoreAway: one of the stores stayed away; run it again.
        """
        for shard in SHARDS:
            there = {stored.name: stored.size for stored in self.target.objects(shard)}
            for page in inventory.promises(shard):
                yield from self._page(page, there)

    def _page(self, page: list[Promise], there: dict[str, int]) -> Iterator[Moved]:
        wanted = [(promise, variant) for promise in page for variant in promise.variants]
        pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="photo-move")
        try:
            for moved in pool.map(partial(self._one, there=there), wanted):
                yield _settled(moved)
        finally:
            pool.shutdown(cancel_futures=True)

    def _one(self, wanted: tuple[Promise, Variant], there: dict[str, int]) -> Moved:
        promise, variant = wanted
        size = there.get(object_name(promise.key, variant))
        for pause in PAUSES:
            try:
                return Moved(promise, variant, self._copied(promise, variant, size))
            except StoreAway:
                time.sleep(pause)
        return Moved(promise, variant, self._copied(promise, variant, size))

    def _copied(self, promise: Promise, variant: Variant, size: int | None) -> Outcome:
        name, expected = object_name(promise.key, variant), _expected(promise, variant)
        try:
            if self.fast and size is not None and self.source.stat(name).size == size:
                return Outcome.THERE
            with self.source.open(name) as stream:
                return self._sent(name, stream, expected, size)
        except ObjectMissing:
            return self._only_there(name, expected, size)

    def _sent(self, name: str, stream: BinaryIO, expected: str | None, size: int | None) -> Outcome:
        digest = sha256(stream)
        if expected not in {None, digest}:
            return Outcome.CHANGED
        if size == stream.tell() and self._arrived(name) == digest:
            return Outcome.THERE
        self.target.put({name: stream})
        if self._arrived(name) != digest:
            raise StoreAway
        return Outcome.COPIED

    def _arrived(self, name: str) -> str | None:
        try:
            with self.target.open(name) as stream:
                return sha256(stream)
        except ObjectMissing:
            return None

    def _only_there(self, name: str, expected: str | None, size: int | None) -> Outcome:
        """Once the service uses the target, new photos are there alone."""
        if not size or (expected is not None and self._arrived(name) != expected):
            return Outcome.MISSING
        return Outcome.THERE


def sha256(stream: BinaryIO) -> str:
    """Return the digest of everything from here to the end."""
    digest = hashlib.sha256()
    while chunk := stream.read(CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def _expected(promise: Promise, variant: Variant) -> str | None:
    return promise.sha256 if variant is Variant.ORIGINAL else None


def _settled(moved: Moved) -> Moved:
    """Of a row that was deleted meanwhile, nothing is missing."""
    lost = moved.outcome is Outcome.MISSING
    if lost and not inventory.known({moved.promise.key}):
        return Moved(moved.promise, moved.variant, Outcome.GONE)
    return moved
