"""The audit trail: append-only rows with a MAC each, sealed into a hash chain by one sealer.

Details are ids and digests, never personal data: a chain can't forget. A chain head inside every
transaction would make all writers wait for each other, so rows are appended at once and sealed
within a second.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, func, insert, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from core import crypto
from core.clock import now as present
from core.database import BigId, Model, UtcDateTime, append_only, db
from core.tokens import Caller

FIRST = "0" * 64
BATCH = 1000


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
    db.session.execute(insert(AuditEvent).values(**row, mac=crypto.mac(_canonical(row))))


def _canonical(row: dict[str, Any]) -> bytes:
    """Return the bytes that a MAC covers; the same for a row in the making and one read back."""
    plain = {**row, "at": row["at"].isoformat(timespec="microseconds")}
    return json.dumps(plain, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def _fields(event: AuditEvent) -> dict[str, Any]:
    names = ("at", "actor_id", "actor_role", "action", "subject_kind", "subject_id", "details")
    return {name: getattr(event, name) for name in names}


def seal(session: Session) -> int:
    """Seal what is not sealed yet, in order of id; return how many. Must run alone."""
    last = session.scalars(select(AuditSeal).order_by(AuditSeal.seq.desc()).limit(1)).first()
    sequence, previous = (last.seq, last.hash) if last else (0, FIRST)
    rows: list[dict[str, Any]] = []
    for event in session.scalars(_unsealed()):
        sequence += 1
        link = _link(previous, event)
        rows.append({"seq": sequence, "event_id": event.id, "previous": previous, "hash": link})
        previous = link
    if rows:
        session.execute(insert(AuditSeal), rows)
    return len(rows)


def _unsealed() -> Any:
    sealed = select(AuditSeal.event_id).where(AuditSeal.event_id == AuditEvent.id)
    return select(AuditEvent).where(~sealed.exists()).order_by(AuditEvent.id).limit(BATCH)


def _link(previous: str, event: AuditEvent) -> str:
    return crypto.digest(f"{previous}|{event.id}|{event.mac}".encode())


def check(session: Session) -> Iterator[str]:
    """Yield, in words, every row whose MAC fails and every broken link of the chain."""
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
            or sealed.hash != _link(previous, event)
        ):
            yield f"audit seal {sealed.seq}: the chain is broken"
        previous, expected = sealed.hash, sealed.seq + 1
    for event in session.scalars(select(AuditEvent).execution_options(yield_per=BATCH)):
        if not crypto.mac_holds(_canonical(_fields(event)), event.mac):
            yield f"audit event {event.id}: the row was changed"


def counts(session: Session) -> tuple[int, int]:
    """Return the number of events and of seals."""
    events = session.scalar(select(func.count()).select_from(AuditEvent))
    return events or 0, session.scalar(select(func.count()).select_from(AuditSeal)) or 0
