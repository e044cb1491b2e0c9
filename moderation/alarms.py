"""Alarms of cases whose time runs out: rung by the worker, each once for a due time."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from citizen import service as reports
from citizen import workflow
from citizen.models import RUNNING, Report
from citizen.states import Clock, Status
from core import audit, outbox
from core.rows import put_once
from moderation import terms, urgency
from moderation.models import AlarmFact
from moderation.urgency import Alarm, Level

RANG = "case.alarm"  # the topic of what the outbox keeps for whom an alarm names
ONCE = ("report_id", "level", "due_at")


def waiting(session: Session, now: datetime, *, limit: int) -> list[str]:
    """Return the numbers of cases that an alarm is due for, the longest due first."""
    due = select(Report.number).where(RUNNING, Report.next_alarm_at <= now)
    return list(session.scalars(due.order_by(Report.next_alarm_at, Report.id).limit(limit)))


def ring(session: Session, number: str, now: datetime) -> Alarm | None:
    """Ring what is due for a case, and return it; None if meanwhile it was rung, or its time moved.

    Of several that are due at once, since no worker was there, only the gravest rings.
    """
    case = reports.locked_report(session, number)
    if not due(case, now):
        return None
    plan = terms.plan(session, case)
    since = case.next_alarm_at or now
    gravest = urgency.gravest(alarm for alarm in plan if since <= alarm.at <= now)
    rung = gravest if gravest and _keep(session, case, gravest, now) else None
    following = urgency.next_alarm(plan, now)
    shown = urgency.graver(case.alarm, gravest) if gravest else case.alarm
    workflow.rang(session, case, shown, following.at if following else None)
    return rung


def due(case: Report, now: datetime) -> bool:
    """Say whether an alarm is due for a case; a case whose time stands still has none."""
    at = case.next_alarm_at
    return case.clock is Clock.RUNNING and at is not None and at <= now


def shown(session: Session, case: Report, now: datetime) -> dict[str, str | None]:
    """Return what an answer says of a case: its gravest alarm, with whom it went to."""
    name = _present(case, now)
    if name is None:
        return {"alarm": None, "alarm_label": None}
    level, step = urgency.read(name)
    to = [rule.to for rule in terms.steps(session, case)][step - 1 : step]
    return {"alarm": level, "alarm_label": urgency.label(level, *to)}


def told(session: Session, case: Report) -> list[dict[str, Any]]:
    """Return what rang for a case, for every due time that it had, in order."""
    rung = select(AlarmFact).where(AlarmFact.report_id == case.id).order_by(AlarmFact.id)
    return [_told(alarm, urgency.read(alarm.level)[0]) for alarm in session.scalars(rung)]


def _told(alarm: AlarmFact, level: Level) -> dict[str, Any]:
    label = urgency.label(level, alarm.target)
    return {"at": alarm.at, "alarm": level, "alarm_label": label, "due_at": alarm.due_at}


def _present(case: Report, now: datetime) -> str | None:
    """Return the alarm that holds now; what is over is red before the worker came by."""
    if case.status is Status.PARKED and case.review_at is not None and case.review_at <= now:
        return Level.REVIEW
    if case.clock is not Clock.RUNNING:
        return None
    over = Alarm(Level.RED, case.due_at)
    return urgency.graver(case.alarm, over) if case.due_at <= now else case.alarm


def _keep(session: Session, case: Report, alarm: Alarm, now: datetime) -> bool:
    """Write an alarm down with its audit row; False where it rang before for the same due time."""
    row = {"report_id": case.id, "level": alarm.name, "due_at": case.due_at}
    if put_once(session, AlarmFact, {**row, "target": alarm.to, "at": now}, ONCE) is None:
        return False
    details = {"level": alarm.name, "due_at": workflow.plain(case.due_at), "to": alarm.to}
    audit.record("case.alarm", actor=None, subject=("report", case.number), details=details, at=now)
    outbox.put(RANG, {"number": case.number, **details})
    return True
