"""Due times that rested on assumed working days, counted anew now that more are published."""

from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from citizen import service as reports
from citizen import workflow
from citizen.models import Report
from citizen.states import Clock, Status
from moderation import terms

SEEN = ("due_at", "due_provisional")


def provisional(session: Session) -> list[str]:
    """Return the numbers of cases whose due time is provisional and may yet matter.

    None of them has a date that an officer chose: such a one rests on nothing assumed.
    """
    may_run = or_(Report.clock != Clock.STOPPED, Report.status == Status.MERGED)
    waiting = select(Report.number).where(Report.due_provisional, may_run)
    return list(session.scalars(waiting.order_by(Report.id)))


def recount(session: Session, number: str, now: datetime) -> bool:
    """Count a due time anew, pauses and all, and its next alarm; say whether the time changed."""
    case = reports.locked_report(session, number)
    if not case.due_provisional:
        return False
    term = terms.recount(session, case, now)
    changed = any(getattr(term, name) != getattr(case, name) for name in SEEN)
    if changed:
        workflow.recounted(session, case, term.columns, now)
    elif term.next_alarm_at != case.next_alarm_at:
        workflow.rang(session, case, case.alarm, term.next_alarm_at)
    return changed
