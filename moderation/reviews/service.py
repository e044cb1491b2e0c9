"""Second looks: what waits for one, and what a reviewer makes of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from citizen import claims
from citizen.edges import possible
from citizen.models import Report
from citizen.states import VERDICT_LABELS, Action
from core import audit
from core.errors import Invalid
from core.messages import say
from core.paging import Page, page
from core.tokens import Caller
from moderation import access, draws, triage
from moderation.access import Officer
from moderation.draws import Judgement
from moderation.errors import NotDrawn
from moderation.models import Look, SecondReview

Sent = Mapping[str, Any]
ANSWERS = ("agree", "disagree")


def agree(session: Session, report: Report, _sent: Sent, actor: Caller, now: datetime) -> None:
    """Confirm the verdict of a locked case; the awards that waited for it go on.

    Raises:
        NotDrawn: nothing waits. InvalidTransition: there is no verdict to judge.
    """
    review = _waiting(session, report, now)
    draws.close(session, review, report, draws.judged(report), actor, now)
    _record("agree", report, review, actor, now)
    decision = f"second_review:{report.number}:{review.round}"
    claims.settle(session, report, now, decision=decision)


def disagree(session: Session, report: Report, sent: Sent, actor: Caller, now: datetime) -> None:
    """Replace the verdict of a locked case by the reviewer's own; points follow.

    Raises:
        Invalid: it is the same verdict. NotDrawn, InvalidTransition: as for agreement.
    """
    review = _waiting(session, report, now)
    if Judgement(sent["verdict"], sent["severity"]) == draws.judged(report):
        raise Invalid(errors={"verdict": [say("与原认定相同", "The verdict is the same")]})
    _record("disagree", report, review, actor, now)
    triage.overturn(session, report, sent, actor, now)


def _waiting(session: Session, report: Report, now: datetime) -> SecondReview:
    possible(Action.OVERTURN, report, now)
    review = draws.open_of(session, report)
    if review is None:
        raise NotDrawn
    return review


def _record(said: str, report: Report, review: SecondReview, actor: Caller, now: datetime) -> None:
    subject, details = ("report", report.number), {"round": review.round}
    audit.record(f"second_review.{said}", actor=actor, subject=subject, details=details, at=now)


def queue(session: Session, *, limit: int, cursor: str | None) -> Page[SecondReview]:
    """Return a page of open reviews, the oldest first; what follows another case waits for it."""
    wanted = (
        select(SecondReview)
        .join(Report, Report.id == SecondReview.report_id)
        .where(SecondReview.state == Look.OPEN)
        .where(Report.verdict.is_not(None), Report.primary_id.is_(None))
    )
    return page(session, wanted, keys=(SecondReview.id,), limit=limit, cursor=cursor)


def shown(
    session: Session, reviews: Sequence[SecondReview], who: Officer, now: datetime
) -> list[dict[str, Any]]:
    """Return what the queue shows, and to whom the answers are open; a few queries a page."""
    wanted = select(Report).where(Report.id.in_([review.report_id for review in reviews]))
    cases = {case.id: case for case in session.scalars(wanted)}
    offered = access.actions(session, list(cases.values()), who, now)
    return [_item(cases[review.report_id], review, offered) for review in reviews]


def _item(case: Report, review: SecondReview, offered: Mapping[int, list[str]]) -> dict[str, Any]:
    may = Action.OVERTURN.value in offered[case.id]
    return {
        "number": case.number,
        "category": case.category,
        "status": case.status,
        "round": review.round,
        "verdict": case.verdict,
        "verdict_label": case.verdict and VERDICT_LABELS[case.verdict],
        "severity": case.severity,
        "drawn_at": review.drawn_at,
        "actions": list(ANSWERS) if may else [],
    }
