"""The proof that every step of a case has its audit row and says the same (invariant 10).

History and audit trail are written together and kept apart: who changes one without the AUDIT_KEY
can't make the other agree. Cases are read some hundreds at a time, so that memory does not grow
with the city.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from citizen.edges import EDGES, RESIDENT, SYSTEM
from citizen.models import HistoryEntry, Report
from citizen.states import Action
from core import crypto
from core.audit import AuditEvent

BATCH = 500  # cases
STEPS = {f"case.{action.value}": action for action in Action}
STEP = (
    HistoryEntry.version,
    HistoryEntry.at,
    HistoryEntry.action,
    HistoryEntry.source,
    HistoryEntry.target,
    HistoryEntry.actor_id,
    HistoryEntry.actor_role,
    HistoryEntry.department,
    HistoryEntry.note,
    HistoryEntry.changes,
)
TRACE = (
    AuditEvent.id,
    AuditEvent.at,
    AuditEvent.action,
    AuditEvent.actor_id,
    AuditEvent.actor_role,
    AuditEvent.details,
)
Rows = Mapping[Any, Sequence[Row[Any]]]


def seal_of(step: Mapping[str, Any]) -> str:
    """Return what an audit row keeps of a step: keyed, so that nobody can guess at its note."""
    return crypto.seal(_canonical(step))


def _canonical(step: Mapping[str, Any]) -> bytes:
    """Return the bytes of a step; the same for one in the making and one that is read back."""
    plain = {column.key: step[column.key] for column in STEP}
    plain["at"] = step["at"].astimezone(UTC).isoformat(timespec="microseconds")
    return json.dumps(plain, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def steps(session: Session) -> Iterator[str]:
    """Yield, in words, every step without its audit row, and every audit row without its step."""
    last = 0
    columns = (Report.id, Report.number, Report.status, Report.version)
    first = select(*columns).order_by(Report.id).limit(BATCH)
    while cases := session.execute(first.where(Report.id > last)).all():
        taken = _taken(session, [case.id for case in cases])
        noted = _noted(session, [case.number for case in cases])
        for case in cases:
            yield from _compare(case, taken[case.id], noted[case.number])
        last = cases[-1].id
    yield from _strays(session)


def _taken(session: Session, ids: Sequence[int]) -> Rows:
    found: defaultdict[int, list[Row[Any]]] = defaultdict(list)
    wanted = select(HistoryEntry.report_id, *STEP).where(HistoryEntry.report_id.in_(ids))
    for row in session.execute(wanted.order_by(HistoryEntry.report_id, HistoryEntry.version)):
        found[row.report_id].append(row)
    return found


def _noted(session: Session, numbers: Sequence[str]) -> Rows:
    found: defaultdict[str, list[Row[Any]]] = defaultdict(list)
    wanted = select(AuditEvent.subject_id, *TRACE).where(
        AuditEvent.subject_kind == "report",
        AuditEvent.subject_id.in_(numbers),
        AuditEvent.action.in_(STEPS),
    )
    for row in session.execute(wanted.order_by(AuditEvent.id)):
        found[row.subject_id].append(row)
    return found


def _compare(case: Any, taken: Sequence[Any], noted: Sequence[Any]) -> Iterator[str]:
    """Compare a case's steps with its audit rows, and the last of them with its row."""
    name = f"case {case.number}"
    versions = [step.version for step in taken]
    if versions != list(range(1, case.version + 1)):
        yield f"{name}: its version is {case.version}, its steps are {versions}"
    elif taken[-1].target is not case.status:
        yield f"{name}: it is {case.status}, its last step led to {taken[-1].target}"
    traces = defaultdict(list)
    for trace in noted:
        traces[trace.details.get("version")].append(trace)
    for step in taken:
        yield from _faults(f"{name}, step {step.version}", step, traces.pop(step.version, []))
    for stray in (trace for left in traces.values() for trace in left):
        yield f"{name}: audit event {stray.id} tells of a step that is not there"


def _faults(name: str, step: Any, traces: Sequence[Any]) -> Iterator[str]:
    if len(traces) != 1:
        yield f"{name}: it has {len(traces)} audit rows"
        return
    if not _same(step, traces[0]):
        yield f"{name}: audit event {traces[0].id} tells it otherwise"
    if not _allowed(step, traces[0].actor_role):
        yield f"{name}: {step.actor_role} may not {step.action}, or the actor was not that"


def _same(step: Any, trace: Any) -> bool:
    told = (STEPS[trace.action], trace.actor_id, trace.at)
    held = (trace.details.get("from"), trace.details.get("to"))
    if told != (step.action, step.actor_id, step.at) or held != (step.source, step.target):
        return False
    seal = trace.details.get("seal")  # rows older than seals have none, and a code against changes
    held_so = {column.key: getattr(step, column.key) for column in STEP}
    return seal is None or crypto.seal_holds(_canonical(held_so), seal)


def _allowed(step: Any, roles: str) -> bool:
    """Say whether the role is the one that the step needs, and one that the actor then had."""
    edge = EDGES.get(step.action)
    needed = edge.who if edge is not None else RESIDENT
    held = {SYSTEM} if step.actor_id is None else set(roles.split(","))
    return bool(step.actor_role == needed and needed in held)


def _strays(session: Session) -> Iterator[str]:
    """Yield the audit rows of cases that are gone."""
    there = select(Report.id).where(Report.number == AuditEvent.subject_id)
    gone = select(AuditEvent.id).where(
        AuditEvent.subject_kind == "report", AuditEvent.action.in_(STEPS), ~there.exists()
    )
    for event in session.scalars(gone.execution_options(yield_per=BATCH)):
        yield f"audit event {event}: its case is gone"
