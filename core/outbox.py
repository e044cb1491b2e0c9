"""What leaves the database: a row beside its cause, delivered by the worker at least once.

A lease is a later due time, so a dead worker's messages come back by themselves; handlers carry the
message's id outwards, so that the receiver can tell a second delivery.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import current_app
from sqlalchemy import Index, String, Text, and_, delete, or_, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from core import crypto, rows
from core.clock import now as present
from core.database import BigId, Model, UtcDateTime, db, public_id

LEASE = timedelta(minutes=2)
ATTEMPTS = 12
KEPT = timedelta(days=7)
UNCLAIMED = datetime(9999, 1, 1, tzinfo=UTC)  # when a message is due whose topic nobody delivers
Handler = Callable[[dict[str, Any], str], None]


class OutboxMessage(Model):
    """One thing to deliver; the payload is encrypted, since it may name a person."""

    __tablename__ = "outbox_messages"
    __table_args__ = (
        Index(
            "ix_outbox_messages_due",
            "due_at",
            "id",
            sqlite_where=text("sent_at IS NULL AND failed_at IS NULL"),
            postgresql_where=text("sent_at IS NULL AND failed_at IS NULL"),
        ),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True, default=public_id)
    topic: Mapped[str] = mapped_column(String(64))
    payload_ciphertext: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    attempts: Mapped[int] = mapped_column(default=0)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_error: Mapped[str | None] = mapped_column(Text)


@dataclass(frozen=True)
class Due:
    """A leased message, still closed: one that can't be read must not hold up the others."""

    id: int
    public_id: str
    topic: str
    payload_ciphertext: bytes
    attempts: int


def put(topic: str, payload: dict[str, Any], *, due_at: datetime | None = None) -> None:
    """Leave a message in the caller's unit of work.

    A topic without a handler is no fault: its messages wait for one, a week at most.
    """
    now = present()
    if topic not in current_app.extensions["outbox"]:
        due_at = UNCLAIMED
    rows.put(
        db.session(),
        OutboxMessage,
        {
            "topic": topic,
            "public_id": public_id(),
            "payload_ciphertext": crypto.encrypt(json.dumps(payload), "outbox"),
            "created_at": now,
            "due_at": due_at or now,
            "attempts": 0,
        },
    )


def waiting(session: Session, now: datetime) -> bool:
    """Say whether anything is due: the cheap look before a write lock is taken."""
    due = select(OutboxMessage.id).where(*_open(now)).limit(1)
    return session.scalar(due) is not None


def _open(now: datetime) -> tuple[Any, ...]:
    return (
        OutboxMessage.sent_at.is_(None),
        OutboxMessage.failed_at.is_(None),
        OutboxMessage.due_at <= now,
    )


def lease(session: Session, now: datetime, *, limit: int = 20) -> list[Due]:
    """Take due messages for two minutes, in one statement (SQLite knows no SKIP LOCKED)."""
    due = select(OutboxMessage.id).where(*_open(now)).order_by(OutboxMessage.due_at).limit(limit)
    taken = (
        update(OutboxMessage)
        .where(OutboxMessage.id.in_(due.with_for_update(skip_locked=True).scalar_subquery()))
        .values(due_at=now + LEASE, attempts=OutboxMessage.attempts + 1)
        .returning(OutboxMessage)
    )
    return [_due(message) for message in sorted(session.scalars(taken), key=lambda m: m.id)]


def _due(message: OutboxMessage) -> Due:
    return Due(
        message.id, message.public_id, message.topic, message.payload_ciphertext, message.attempts
    )


def opened(message: Due) -> dict[str, Any]:
    """Return what a message says.

    Raises:
        UnreadableSecret: its key is gone, or it was changed.
    """
    payload: dict[str, Any] = json.loads(crypto.decrypt(message.payload_ciphertext, "outbox"))
    return payload


def sent(session: Session, message_id: int, now: datetime) -> None:
    """Mark a message as delivered."""
    session.execute(update(OutboxMessage).where(OutboxMessage.id == message_id).values(sent_at=now))


def failed(session: Session, message: Due, error: str, now: datetime) -> bool:
    """Put a message off, each time twice as long up to a day; say whether that was the last try.

    What was given up stays in the table with its error, until an operator clears `failed_at`.
    """
    delay = min(timedelta(seconds=5) * 2**message.attempts, timedelta(days=1))
    values: dict[str, Any] = {"last_error": error[:500], "due_at": now + delay}
    lost = message.attempts >= ATTEMPTS
    if lost:
        values["failed_at"] = now
    session.execute(update(OutboxMessage).where(OutboxMessage.id == message.id).values(**values))
    return lost


def claim(session: Session, topics: Iterable[str], now: datetime) -> None:
    """Let what waited for a handler go out, now that its topic has one."""
    waited = OutboxMessage.due_at == UNCLAIMED, OutboxMessage.topic.in_(list(topics))
    session.execute(update(OutboxMessage).where(*waited).values(due_at=now))


def forget(session: Session, now: datetime) -> None:
    """Delete what was delivered a week ago, or waited so long for a handler: it may name people."""
    past = now - KEPT
    unclaimed = and_(OutboxMessage.due_at == UNCLAIMED, OutboxMessage.created_at <= past)
    session.execute(delete(OutboxMessage).where(or_(OutboxMessage.sent_at <= past, unclaimed)))
