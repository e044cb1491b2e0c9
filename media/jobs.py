"""What media does in the background: unused photos go after a day, and so does what has no row."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any, Final

from sqlalchemy import delete, select

from core import outbox
from core.database import db, reading, writing
from core.worker import Job
from media import storage
from media.models import Photo
from media.objects import key_of
from media.service import GRACE, WINDOW, names_of

DELETE: Final = "media.delete"  # the outbox topic
BATCH: Final = 200


def sweep_unused(now: datetime) -> int:
    """Delete the rows of photos that nothing used in time; their objects follow by the outbox."""
    due = Photo.claimed_at.is_(None), Photo.touched_at <= now - WINDOW
    with reading() as session:
        if session.scalar(select(Photo.id).where(*due).limit(1)) is None:
            return 0
    with writing() as session:
        some = select(Photo.id).where(*due).limit(BATCH).scalar_subquery()
        gone = delete(Photo).where(*due, Photo.id.in_(some)).returning(Photo.key)
        keys = session.scalars(gone).all()
        for key in keys:
            outbox.put(DELETE, {"key": key})
    return len(keys)


def delete_objects(payload: dict[str, Any], _message_id: str) -> None:
    """Delete a photo's objects; a second delivery finds nothing left to delete."""
    storage.store().delete(names_of(payload["key"]))


def sweep_orphans(now: datetime) -> int:
    """Delete objects that an hour later still have no row: uploads cut off before they counted."""
    store = storage.store()
    store.tidy(now - GRACE)
    left = 0
    old = (stored.name for stored in store.objects() if stored.at < now - GRACE)
    for names in _batches(old, 3 * BATCH):
        known = _known({key_of(name) for name in names})
        orphans = [name for name in names if key_of(name) not in known]
        store.delete(orphans)
        left += len(orphans)
    return left


def _known(keys: Iterable[str]) -> set[str]:
    with reading():
        return set(db.session.scalars(select(Photo.key).where(Photo.key.in_(keys))))


def _batches(names: Iterable[str], size: int) -> Iterator[list[str]]:
    walk = iter(names)
    while batch := list(islice(walk, size)):
        yield batch


JOBS: Final = (
    Job("sweep_unused_photos", 60, sweep_unused),
    Job("sweep_orphan_objects", 6 * 3600, sweep_orphans),
)
