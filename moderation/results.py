"""What came of a case, for its reporters: what was found and done, and what it looks like now."""

from collections.abc import Mapping, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from citizen.models import Report
from citizen.ports import Result
from media import publication
from media import service as media
from moderation.models import Resolution


def results_of(session: Session, report_ids: Sequence[int]) -> Mapping[int, Result]:
    """Return the last result of each case that has one, with the photos that are published.

    The body of `citizen.ports.ResultsOf`: at most three queries, however many cases.
    """
    latest = select(func.max(Resolution.id)).where(Resolution.report_id.in_(report_ids))
    wanted = select(Resolution, Report.number).join(Report, Report.id == Resolution.report_id)
    found = session.execute(
        wanted.where(Resolution.id.in_(latest.group_by(Resolution.report_id)))
    ).all()
    taken = media.of([("resolution", number) for _, number in found])
    shown = publication.for_public([photo for some in taken.values() for photo in some])
    return {
        last.report_id: Result(
            at=last.at,
            finding=last.finding,
            measures=last.measures,
            media=[
                each
                for each in shown
                if each.photo.subject_id == number and each.photo.claimed_at == last.at
            ],
        )
        for last, number in found
    }
