"""What is due by the clock: questions that nobody answered, and alarms."""

from datetime import datetime

import structlog
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from citizen import service as reports
from citizen import workflow
from citizen.models import Report
from citizen.states import Action, Status
from core.database import reading, writing
from core.worker import Job
from moderation import alarms

BATCH = 100
ALARMS = 1000
log = structlog.get_logger()
NO_ANSWER = "逾期未补充材料"


def lapse_questions(now: datetime) -> int:
    """Decline what waited for its reporter too long (reason `no_answer`); return how many."""
    with reading() as session:
        numbers = list(session.scalars(select(Report.number).where(*_overdue(now)).limit(BATCH)))
    for number in numbers:
        with writing() as session:
            _lapse(session, number, now)
    return len(numbers)


def _overdue(now: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return Report.status == Status.INFO_REQUESTED, Report.review_at <= now


def _lapse(session: Session, number: str, now: datetime) -> None:
    """Decline one case, unless it was answered since the look."""
    report = reports.locked_report(session, number)
    if (
        report.status is Status.INFO_REQUESTED
        and report.review_at is not None
        and report.review_at <= now
    ):
        workflow.advance(session, report, Action.LAPSE, actor=None, now=now, note=NO_ANSWER)


def ring_alarms(now: datetime) -> int:
    """Ring what is due; return how many rang. One that fails is logged, and waits for the next run.

    The look comes first, since SQLite's write lock is the dear part.
    """
    with reading() as session:
        numbers = alarms.waiting(session, now, limit=ALARMS)
    return sum(_ring(number, now) for number in numbers)


def _ring(number: str, now: datetime) -> bool:
    try:
        with writing() as session:
            return alarms.ring(session, number, now) is not None
    except Exception:
        log.exception("alarm_failed", case=number)
        return False


JOBS = (Job("lapse_questions", 60, lapse_questions), Job("ring_alarms", 30, ring_alarms))
