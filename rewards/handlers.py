"""What rewards does when reports are submitted, cases decided and results rated; and its port."""

from collections.abc import Mapping, Sequence
from typing import Any

from citizen.events import CaseRated, CaseSettled, ReportSubmitted
from core.database import db
from rewards import convergence, points, ratings


def on_report_submitted(event: ReportSubmitted) -> Mapping[str, Any]:
    """Promise the base points, in the submission's own transaction, and answer what they are."""
    return convergence.submitted(db.session(), event.claim)


def on_case_settled(event: CaseSettled) -> None:
    """Bring the awards of the case to their targets, in the decision's own transaction."""
    convergence.settled(db.session(), event)


def on_case_rated(event: CaseRated) -> None:
    """Grant the rating's points, in the rating's own transaction."""
    ratings.rated(db.session(), event)


def points_of(report_ids: Sequence[int]) -> Mapping[int, Mapping[str, Any]]:
    """Tell what each report has earned or may earn: the body of citizen's port."""
    return points.of_reports(db.session(), report_ids)
