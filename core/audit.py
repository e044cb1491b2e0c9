"""The audit trail: append-only rows with a MAC each, sealed into a hash chain by one sealer.

Details are ids and digests, never personal data: a chain can't forget. A chain head inside every
transaction would make all writers wait for each other, so rows are appended at once and sealed
within a second. Links are keyed like the rows: who can write to the database but has no AUDIT_KEY
can't take a row out and tie the ends together.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Select, String, func, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from core import crypto
from core.clock import now as present
from core.database import BigId, Model, UtcDateTime, append_only, db, writing
from core.rows import put
from core.tokens import Caller, caller

FIRST = "0" * 64
BATCH = 1000
LATE = 10_000
PATIENCE = timedelta(minutes=1)


@append_only
class AuditEvent(Model):
    """Who did what to what; `actor_role` is what the actor was at that time."""

    __tablename__ = "audit_events"
    __table_args__ = (Index("ix_audit_events_subject", "subject_kind", "subject_id"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor_id: Mapped[int | None] = mapped_column(BigId)
    actor_role: Mapped[str] = mapped_column(String(128))
    action: Mapped[str] = mapped_column(String(64))
    subject_kind: Mapped[str] = mapped_column(String(32))
    subject_id: Mapped[str] = mapped_column(String(64))
    details: Mapped[dict[str, Any]] = mapped_column(JSON)
    mac: Mapped[str] = mapped_column(String(160))


@append_only
class AuditSeal(Model):
    """One link of the chain: the hash over the link before and the event's MAC."""

    __tablename__ = "audit_seals"
    seq: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    event_id: Mapped[int] = mapped_column(ForeignKey("audit_events.id"), unique=True)
    previous: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


def record(
    action: str,
    *,
    actor: Caller | None,
    subject: tuple[str, str],
    details: dict[str, Any] | None = None,
    at: datetime | None = None,
) -> None:
    """Append one row in the caller's unit of work; without an actor it was the system itself."""
    row = {
        "at": at or present(),
        "actor_id": actor and actor.account_id,
        "actor_role": actor.acting_as if actor else "system",
        "action": action,
        "subject_kind": subject[0],
        "subject_id": subject[1],
        "details": details or {},
    }
    put(db.session(), AuditEvent, {**row, "mac": crypto.mac(_canonical(row))})


def look(
    action: str,
    subject: tuple[str, str],
    details: dict[str, Any] | None = None,
    *,
    by: Caller | None = None,
) -> None:
    """Append the row of a look, in its own transaction, before the bytes leave.

    By the caller, unless the route is one that lets in anybody and names who it found.
    """
    with writing():
        record(action, actor=by or caller(), subject=subject, details=details)


def _canonical(row: dict[str, Any]) -> bytes:
    """Return the bytes that a MAC covers; the same for a row in the making and one read back."""
    plain = {**row, "at": row["at"].astimezone(UTC).isoformat(timespec="microseconds")}
    return json.dumps(plain, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def _fields(event: AuditEvent) -> dict[str, Any]:
    names = ("at", "actor_id", "actor_role", "action", "subject_kind", "subject_id", "details")
    return {name: getattr(event, name) for name in names}


def recent(session: Session) -> int:
    """Return the event id behind which `seal` looks: ids are dealt at insert, not at commit.

    So an event may appear behind later ones that are sealed already, but never by more events than
    the slowest transaction lets pass. A sealer that looked at all of them each second would read
    the whole trail each second.
    """
    return (session.scalar(select(func.max(AuditSeal.event_id))) or 0) - LATE


def waiting(session: Session, after: int) -> bool:
    """Say whether an event behind the id is unsealed: the cheap look before a write lock."""
    return session.scalar(_unsealed(AuditEvent.id, after).limit(1)) is not None


def seal(session: Session, after: int) -> int:
    """Seal up to a thousand events behind the id, in order of id; return how many.

    Must run alone: the link before is read once.
    """
    last = session.scalars(select(AuditSeal).order_by(AuditSeal.seq.desc()).limit(1)).first()
    sequence, previous = (last.seq, last.hash) if last else (0, FIRST)
    rows: list[dict[str, Any]] = []
    events = _unsealed(AuditEvent, after).order_by(AuditEvent.id).limit(BATCH)
    for event in session.scalars(events):
        sequence += 1
        link = crypto.seal(_link(previous, event))
        rows.append({"seq": sequence, "event_id": event.id, "previous": previous, "hash": link})
        previous = link
    if rows:
        session.execute(insert(AuditSeal), rows)
    return len(rows)


def _unsealed(wanted: Any, after: int) -> Select[Any]:
    """Select events without a seal; both sides name the id, so that no plan begins at the first."""
    sealed = select(AuditSeal.event_id).where(
        AuditSeal.event_id == AuditEvent.id, AuditSeal.event_id > after
    )
    return select(wanted).where(AuditEvent.id > after, ~sealed.exists())


def _link(previous: str, event: AuditEvent) -> bytes:
    return f"{previous}|{event.id}|{event.mac}".encode()


def check(session: Session, now: datetime) -> Iterator[str]:
    """Yield, in words, whatever is wrong with a row, a link of the chain, or the sealer."""
    yield from _broken_links(session)
    for event in session.scalars(select(AuditEvent).execution_options(yield_per=BATCH)):
        if not crypto.mac_holds(_canonical(_fields(event)), event.mac):
            yield f"audit event {event.id}: the row was changed"
    overdue = _unsealed(AuditEvent.id, 0).where(AuditEvent.at < now - PATIENCE)
    for event_id in session.scalars(overdue.order_by(AuditEvent.id)):
        yield f"audit event {event_id}: not sealed within a minute"


def _broken_links(session: Session) -> Iterator[str]:
    previous, expected = FIRST, 1
    pairs = (
        select(AuditSeal, AuditEvent)
        .join(AuditEvent, AuditEvent.id == AuditSeal.event_id)
        .order_by(AuditSeal.seq)
    )
    for sealed, event in session.execute(pairs.execution_options(yield_per=BATCH)):
        if (
            sealed.seq != expected
            or sealed.previous != previous
            or not crypto.seal_holds(_link(previous, event), sealed.hash)
        ):
            yield f"audit seal {sealed.seq}: the chain is broken"
        previous, expected = sealed.hash, sealed.seq + 1


def head(session: Session) -> str:
    """Return the last link, `seq:hash`; kept elsewhere, it shows later whether the end was cut."""
    last = session.scalars(select(AuditSeal).order_by(AuditSeal.seq.desc()).limit(1)).first()
    return f"{last.seq}:{last.hash}" if last else f"0:{FIRST}"


def holds(session: Session, noted: str) -> bool:
    """Say whether a head that was noted earlier still stands in the chain."""
    sequence, _, link = noted.partition(":")
    if not sequence.isdecimal() or len(sequence) > 18:
        return False
    if noted == f"0:{FIRST}":
        return True
    found = select(AuditSeal.hash).where(AuditSeal.seq == int(sequence))
    return session.scalar(found) == link


def counts(session: Session) -> tuple[int, int]:
    """Return the number of events and of seals."""
    events = session.scalar(select(func.count()).select_from(AuditEvent))
    return events or 0, session.scalar(select(func.count()).select_from(AuditSeal)) or 0
