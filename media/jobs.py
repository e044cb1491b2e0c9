"""What media does in the background: unused photos go after a day, and so does what has no row."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any, Final

from sqlalchemy import delete, select

from core import outbox
from core.database import reading, writing
from core.outbox import Due, OutboxMessage
from core.worker import Job
from media import inventory, storage
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
    for names in batched(old):
        known = inventory.known({key_of(name) for name in names})
        orphans = [name for name in names if key_of(name) not in known]
        store.delete(orphans)
        left += len(orphans)
    return left


def batched(names: Iterable[str]) -> Iterator[list[str]]:
    """Yield as many names at a time as one question to the database may hold."""
    walk = iter(names)
    while batch := list(islice(walk, 3 * BATCH)):
        yield batch


def awaiting_deletion() -> set[str]:
    """Return the keys whose rows are gone and whose objects wait for the worker."""
    waiting = OutboxMessage.sent_at.is_(None), OutboxMessage.failed_at.is_(None)
    fields = (
        OutboxMessage.id,
        OutboxMessage.public_id,
        OutboxMessage.topic,
        OutboxMessage.payload_ciphertext,
        OutboxMessage.attempts,
    )
    with reading() as session:
        messages = session.execute(select(*fields).where(OutboxMessage.topic == DELETE, *waiting))
        return {outbox.opened(Due(*message))["key"] for message in messages}


JOBS: Final = (
    Job("sweep_unused_photos", 60, sweep_unused),
    Job("sweep_orphan_objects", 6 * 3600, sweep_orphans),
)
