"""What reports wait for: the words of those that a server of the release before received."""

from datetime import datetime, timedelta

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from citizen.models import Report, ReportWords
from citizen.workflow import words_of
from core.database import reading, writing
from core.rows import put
from core.worker import Job

RECENT = timedelta(days=2)
BATCH = 500


def index_words(now: datetime) -> int:
    """Let recent reports be found that came without their words; return how many."""
    with reading() as session:
        if session.scalars(_wordless(now).limit(1)).first() is None:
            return 0
    with writing() as session:
        return _index(session, now)


def _index(session: Session, now: datetime) -> int:
    alone = _wordless(now).with_for_update(of=Report, skip_locked=True)
    found = session.scalars(alone.limit(BATCH)).all()
    rows = [{"rowid": report.id, "grams": words_of(report)} for report in found]
    put(session, ReportWords, *rows)
    return len(rows)


def _wordless(now: datetime) -> Select[Report]:
    beside = ReportWords.report_id == Report.id
    recent = select(Report).outerjoin(ReportWords, beside).where(Report.submitted_at > now - RECENT)
    return recent.where(ReportWords.report_id.is_(None))


JOBS = (Job("index_words", 3600, index_words),)
