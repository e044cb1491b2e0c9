"""What is due by the clock: questions that nobody answered."""

from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from citizen import service as reports
from citizen import workflow
from citizen.models import Report
from citizen.states import Action, Status
from core.database import reading, writing
from core.worker import Job

BATCH = 100
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


JOBS = (Job("lapse_questions", 60, lapse_questions),)
