"""Which objects the rows promise: three for each photo, two copies for each of its redactions.

A million photos are walked shard by shard, so that only a sixteenth is held in memory at once.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, Select, func, select, union_all
from sqlalchemy.orm import InstrumentedAttribute

from core.database import reading
from media.models import Photo, Redaction, Variant
from media.objects import SHARDS, object_name

BATCH: Final = 500
COPIES: Final = (Variant.THUMB, Variant.LARGE)


@dataclass(frozen=True, slots=True)
class Promise:
    """What one row says is in the store; `label` names it to an operator."""

    key: str
    label: str
    sha256: str | None = None
    sm3: str | None = None

    @property
    def variants(self) -> tuple[Variant, ...]:
        """Return the objects that must be there: only a photo has an original."""
        return COPIES if self.sha256 is None else tuple(Variant)

    @property
    def names(self) -> list[str]:
        return [object_name(self.key, variant) for variant in self.variants]


def promises(shard: str) -> Iterator[list[Promise]]:
    """Yield what the rows of one shard promise, a page at a time, with no transaction open."""
    photos = select(Photo.key, Photo.public_id, Photo.sha256, Photo.sm3)
    for page in _pages(photos, Photo.key, shard):
        yield [Promise(key, f"photo {name}", sha256, sm3) for key, name, sha256, sm3 in page]
    versions = select(Redaction.key, Redaction.number, Photo.public_id)
    owned = versions.join(Photo, Photo.id == Redaction.photo_id)
    for page in _pages(owned, Redaction.key, shard):
        yield [Promise(key, f"redaction {number} of photo {name}") for key, number, name in page]


def promised() -> int:
    """Return how many objects all rows promise."""
    photos = select(func.count()).select_from(Photo)
    redactions = select(func.count()).select_from(Redaction)
    with reading() as session:
        found = session.scalar(photos) or 0, session.scalar(redactions) or 0
    return found[0] * len(Variant) + found[1] * len(COPIES)


def known(keys: Collection[str]) -> set[str]:
    """Return those keys that any row has, in one short read."""
    photos = select(Photo.key).where(Photo.key.in_(keys))
    redactions = select(Redaction.key).where(Redaction.key.in_(keys))
    with reading() as session:
        return set(session.scalars(union_all(photos, redactions)))


def lost_versions() -> list[str]:
    """Return the photos whose public version is none of their own redactions."""
    own = select(Redaction.id).where(
        Redaction.photo_id == Photo.id, Redaction.key == Photo.public_key
    )
    lost = select(Photo.public_id).where(Photo.public_key.is_not(None), ~own.exists())
    with reading() as session:
        return list(session.scalars(lost.order_by(Photo.id)))


def _pages(
    columns: Select[*tuple[Any, ...]], key: InstrumentedAttribute[str], shard: str
) -> Iterator[list[Row[*tuple[Any, ...]]]]:
    """Yield the rows whose key begins with that letter; the key is their first column."""
    last = shard
    while True:
        following = columns.where(key > last, key < _end(shard)).order_by(key).limit(BATCH)
        with reading() as session:
            page = list(session.execute(following))
        if not page:
            return
        yield page
        last = page[-1][0]


def _end(shard: str) -> str:
    """Return what follows the last key of a shard, in any order of letters."""
    following = SHARDS.index(shard) + 1
    return SHARDS[following] if following < len(SHARDS) else "g"
