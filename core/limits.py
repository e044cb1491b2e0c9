"""Limits that hold across processes: in Redis where it is set and answers, else in the database.

Fixed windows. A count commits in its own short transaction: it must stand although the request is
refused.
"""

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING

from flask import Flask, current_app
from sqlalchemy import String, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from core.clock import now as present
from core.database import BigId, Model, UtcDateTime, reading, writing
from core.errors import TooMany
from core.settings import Settings, settings
from core.sharing import SharedCounts
from core.upsert import insert_into

if TYPE_CHECKING:
    import redis


class LimitCount(Model):
    """Hits of one subject in one window; the subject is a digest, never a phone or an address."""

    __tablename__ = "limit_counts"
    subject: Mapped[str] = mapped_column(String(64), primary_key=True)
    window: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    hits: Mapped[int]
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


def count(scope: str, key: str, limit: int, seconds: int) -> None:
    """Count one hit.

    Raises:
        TooMany: the window already holds `limit` hits; `Retry-After` is the rest of the window.
    """
    window, left = _window(seconds)
    if _hit(_subject(scope, key), window, seconds) > limit * settings().limits_factor:
        raise TooMany(retry_after=left)


def check(scope: str, key: str, limit: int, seconds: int) -> None:
    """Refuse where the window is full, without counting (only failures count at a sign-in).

    Raises:
        TooMany: the window already holds `limit` hits.
    """
    window, left = _window(seconds)
    if _hits(_subject(scope, key), window) >= limit * settings().limits_factor:
        raise TooMany(retry_after=left)


def give_back(scope: str, key: str, seconds: int) -> None:
    """Take one hit back: a sign-in is counted before its password is known to be right.

    Counted only afterwards, guesses sent at once would all pass before the first one counts.
    """
    window, _ = _window(seconds)
    subject = _subject(scope, key)
    if _hits(subject, window) > 0:
        _hit(subject, window, seconds, by=-1)


def _window(seconds: int) -> tuple[int, int]:
    instant = int(present().timestamp())
    return instant // seconds * seconds, seconds - instant % seconds


def _subject(scope: str, key: str) -> str:
    return hashlib.sha256(f"{scope}\0{key}".encode()).hexdigest()


def _hit(subject: str, window: int, seconds: int, *, by: int = 1) -> int:
    def count_up(client: "redis.Redis") -> int:
        pipeline = client.pipeline()
        pipeline.incr(_name(subject, window), by)
        pipeline.expire(_name(subject, window), seconds)
        return int(pipeline.execute()[0])

    counted = shared_counts().ask(count_up)
    if counted is not None:
        return counted
    with writing() as session:
        return _hit_database(session, subject, window, seconds, by=by)


def _name(subject: str, window: int) -> str:
    return f"limit:{subject}:{window}"


def _hit_database(session: Session, subject: str, window: int, seconds: int, *, by: int) -> int:
    expires_at = datetime.fromtimestamp(window + seconds, present().tzinfo)
    first = insert_into(session, LimitCount).values(
        subject=subject, window=window, hits=by, expires_at=expires_at
    )
    again = first.on_conflict_do_update(
        index_elements=["subject", "window"], set_={"hits": LimitCount.hits + by}
    )
    hits: int = session.scalars(again.returning(LimitCount.hits)).one()
    return hits


def _hits(subject: str, window: int) -> int:
    def read(client: "redis.Redis") -> int:
        return int(client.get(_name(subject, window)) or 0)

    counted = shared_counts().ask(read)
    if counted is not None:
        return counted
    with reading() as session:
        kept = select(LimitCount.hits).where(
            LimitCount.subject == subject, LimitCount.window == window
        )
        return session.scalar(kept) or 0


def init_app(app: Flask, made: Settings) -> None:
    """Give the process its way to Redis."""
    app.extensions["shared_counts"] = SharedCounts(made.redis_url)


def shared_counts() -> SharedCounts:
    """Return the process's way to Redis; it answers nothing where none is set."""
    found: SharedCounts = current_app.extensions["shared_counts"]
    return found


def forget(session: Session, now: datetime) -> None:
    """Delete windows that are past."""
    session.execute(delete(LimitCount).where(LimitCount.expires_at <= now))
