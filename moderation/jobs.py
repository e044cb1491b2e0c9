"""What is due by the clock: questions that nobody answered, and alarms."""

from collections.abc import Callable, Sequence
from datetime import datetime

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from citizen import service as reports
from citizen import workflow
from citizen.edges import EDGES, fits
from citizen.models import Report
from citizen.states import Action, Status
from core.database import reading, writing
from core.worker import Job
from moderation import alarms

Work = Callable[[Session, str, datetime], object]
BATCH = 1000
log = structlog.get_logger()
NO_ANSWER = "逾期未补充材料"


def lapse_questions(now: datetime) -> int:
    """Decline what waited for its reporter too long (reason `no_answer`); return how many."""
    due = Report.status == Status.INFO_REQUESTED, Report.review_at <= now
    with reading() as session:
        numbers = list(session.scalars(select(Report.number).where(*due).limit(BATCH)))
    return _each(numbers, _lapse, now)


def ring_alarms(now: datetime) -> int:
    """Ring what is due; return how many rang."""
    with reading() as session:
        numbers = alarms.waiting(session, now, limit=BATCH)
    return _each(numbers, alarms.ring, now)


def _lapse(session: Session, number: str, now: datetime) -> bool:
    """Decline one case, unless it was answered since the look."""
    report = reports.locked_report(session, number)
    if not fits(report, EDGES[Action.LAPSE], now):
        return False
    workflow.advance(session, report, Action.LAPSE, actor=None, now=now, note=NO_ANSWER)
    return True


def _each(numbers: Sequence[str], work: Work, now: datetime) -> int:
    """Do the work for each case in a unit of its own; return for how many it was needed.

    One that fails is logged, holds up nobody, and comes again with the next run.
    """
    return sum(_one(number, work, now) for number in numbers)


def _one(number: str, work: Work, now: datetime) -> bool:
    try:
        with writing() as session:
            return bool(work(session, number, now))
    except Exception:
        log.exception("job_failed_for_case", job=work.__name__, case=number)
        return False


JOBS = (Job("lapse_questions", 60, lapse_questions), Job("ring_alarms", 30, ring_alarms))
