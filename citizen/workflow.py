"""`advance`: the only writer of a report's row after its submission, and of its history.

Row, history, audit, version and points change together; what is allowed stands in `citizen.edges`.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from citizen import claims, proof
from citizen.edges import EDGES, OPEN, SYSTEM, Edge, plays, possible, target_of
from citizen.errors import InvalidTransition
from citizen.models import AssistingDepartment, HistoryEntry, Report, ReportWords
from citizen.ports import Resume
from citizen.states import Action, Clock, Status
from core import audit, outbox
from core.clock import shanghai
from core.events import port
from core.permissions import Kind
from core.rows import change, put, table_of
from core.tokens import Caller

STEP = "case.step"  # the topic of what the outbox keeps for whom a step is told to
HELPERS_DUE = (  # built once
    update(table_of(AssistingDepartment))
    .where(AssistingDepartment.report_id == bindparam("the_report"))
    .values(due_at=bindparam("due"))
)


def advance(
    session: Session,
    report: Report,
    action: Action,
    *,
    actor: Caller | None,
    now: datetime,
    changes: Mapping[str, Any] | None = None,
    note: str | None = None,
) -> None:
    """Take one step: row, history, audit, version and points. The caller has locked the row.

    `changes` are further columns of the row; `status` among them is the target where the table
    leaves a choice.

    Raises:
        InvalidTransition: the table or the row does not allow it.
    """
    edge = possible(action, report, now)
    if not plays(edge, actor):
        raise InvalidTransition(status=report.status.value, action=action.value)
    source, wanted = report.status, {**_resumed(session, edge, report, now), **(changes or {})}
    wanted.update(_silenced(report, wanted))
    reached = target_of(edge, report, wanted.pop("status", None))
    values = {**_effects(edge, report, reached, now), **wanted}
    entry = {"action": action, "source": source, "at": now, "note": note}
    entry["changes"] = _differences(report, wanted)
    entry["department"] = values.get("lead_department") or report.lead_department
    _write(session, report, values)
    _record(session, report, actor, entry)
    _tell(report, edge)
    claims.follow(session, report, edge, now)


def _effects(edge: Edge, report: Report, reached: Status, now: datetime) -> dict[str, Any]:
    """Return what the step itself does to the row."""
    return {
        "status": reached,
        "version": report.version + 1,
        **_clock(edge, report, reached, now),
        **_origin(edge, report, reached),
        **_end(report, reached, now),
    }


def _resumed(session: Session, edge: Edge, report: Report, now: datetime) -> dict[str, Any]:
    """Return the term of a case whose time runs again; what ended for good has no `paused_at`."""
    if edge.clock is not Clock.RUNNING or report.paused_at is None:
        return {}
    return port(Resume)(session, report, now).columns  # type: ignore[type-abstract]


def _silenced(report: Report, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Take back the alarm of a due time that moves; the new one has its own."""
    moves = wanted.get("due_at", report.due_at) != report.due_at
    return {"alarm": None} if moves else {}


def _clock(edge: Edge, report: Report, reached: Status, now: datetime) -> dict[str, Any]:
    """Run, pause or stop. What was merged may be parted again: until then its time stands still."""
    wanted = None if edge.clock is Clock.STOPPED and reached in OPEN else edge.clock
    if wanted is None or wanted is report.clock:
        return {}
    still = wanted is Clock.PAUSED or reached is Status.MERGED
    return {"clock": wanted, "paused_at": now if still else None}


def _origin(edge: Edge, report: Report, reached: Status) -> dict[str, Any]:
    """Remember where a case came from when it may have to go back there."""
    if reached in {Status.INFO_REQUESTED, Status.MERGED}:
        return {"origin": report.status}
    return {"origin": None} if edge.back else {}


def _end(report: Report, reached: Status, now: datetime) -> dict[str, Any]:
    """Note when a case ended; one that is open again has no end."""
    if reached in OPEN:
        return {"ended_at": None}
    return {"ended_at": now} if report.status in OPEN else {}


def _write(session: Session, report: Report, values: Mapping[str, Any]) -> None:
    change(session, Report, report.id, values)
    if "due_at" in values and report.lead_department is not None:
        session.execute(HELPERS_DUE, {"the_report": report.id, "due": values["due_at"]})
    for name, value in values.items():
        set_committed_value(report, name, value)  # the object shows the row, unwritten
    if "address" in values:
        change(session, ReportWords, report.id, {"grams": words_of(report)})


def words_of(report: Report) -> tuple[str, str]:
    """Return the texts that a report is found by."""
    return report.description, report.address or ""


def _differences(report: Report, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return what changes beyond the step itself, `{column: {from, to}}`."""
    return {
        name: {"from": plain(getattr(report, name)), "to": plain(value)}
        for name, value in wanted.items()
        if getattr(report, name) != value
    }


def _record(
    session: Session, report: Report, actor: Caller | None, entry: Mapping[str, Any]
) -> None:
    """Write the step into history and audit trail; `entry` holds what the row does not."""
    action, source = entry["action"], entry["source"]
    step = {
        "report_id": report.id,
        "version": report.version,
        "target": report.status,
        "actor_id": actor and actor.account_id,
        "actor_role": role_in(action, actor),
    }
    taken = {**entry, **step}
    put(session, HistoryEntry, taken)
    audit.record(
        f"case.{action.value}",
        actor=actor,
        subject=("report", report.number),
        details={
            "from": source,
            "to": report.status.value,
            "version": report.version,
            "seal": proof.seal_of(taken),
        },
        at=entry["at"],
    )


def _tell(report: Report, edge: Edge) -> None:
    """Leave word of the step for those whom the table names; who they are is asked when it goes."""
    if edge.tells:
        step = {"number": report.number, "version": report.version, "action": edge.action.value}
        outbox.put(STEP, {**step, "to": [told.value for told in edge.tells]})


def role_in(action: Action, actor: Caller | None) -> str:
    """Return the one role in which the actor acted; an officer may hold several."""
    if actor is None:
        return SYSTEM
    edge = EDGES.get(action)
    return edge.who if edge is not None and actor.kind is Kind.STAFF else actor.acting_as


def plain(value: Any) -> Any:
    """Return a value as JSON holds it; instants at +08:00, as answers show them."""
    return shanghai(value).isoformat(timespec="seconds") if isinstance(value, datetime) else value


def opened(session: Session, report: Report, actor: Caller, now: datetime) -> None:
    """Write the first line of a new report's history, and what it is found by."""
    put(session, ReportWords, {"rowid": report.id, "grams": words_of(report)})
    entry = {"action": Action.SUBMIT, "source": None, "at": now, "note": None}
    _record(session, report, actor, {**entry, "department": None, "changes": {}})


def follow(session: Session, follower: Report, heir: Report, now: datetime) -> None:
    """Let a locked follower follow its primary's heir; its own status and version stay."""
    _write(session, follower, {"primary_id": heir.id})
    subject, details = ("report", follower.number), {"into": heir.number}
    audit.record("case.follow", actor=None, subject=subject, details=details, at=now)


def rang(session: Session, report: Report, alarm: str | None, following: datetime | None) -> None:
    """Keep which alarm of a locked case rang last, and when the next one is due.

    No step of the case: version and history stay, and so does what officers have in hand.
    """
    _write(session, report, {"alarm": alarm, "next_alarm_at": following})


def recounted(session: Session, report: Report, values: Mapping[str, Any], now: datetime) -> None:
    """Keep the due time of a locked case that was counted anew because the calendar is known now.

    It is no step either, but a new version: who acts on the old date is told by its ETag.
    """
    details = _differences(report, {name: values[name] for name in ("due_at", "due_provisional")})
    stepped = {"version": report.version + 1, **_silenced(report, values)}
    _write(session, report, {**values, **stepped})
    subject = "report", report.number
    audit.record("case.recounted", actor=None, subject=subject, details=details, at=now)


def adopt(session: Session, primary: Report, count: int) -> None:
    """Count followers in or out of a locked primary; its status and version stay."""
    _write(session, primary, {"followers": primary.followers + count})
