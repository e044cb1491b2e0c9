"""Verdicts drawn for a second look: which, whether it is over, and what waits for it.

The draw of a case's round is a keyed hash, not chance at the moment: nobody can foresee it, and
nobody can try again until it falls otherwise. A round is drawn once, with its first verdict, and a
case has one open review at a time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from citizen.models import Report
from citizen.states import Verdict
from core.crypto import blind_index
from core.database import known
from core.rows import change, put_once
from core.settings import settings
from core.tokens import Caller
from moderation.models import Look, SecondReview

SECOND_LOOK: Final = "second_look"
OPEN_OF = select(SecondReview.report_id).where(  # every verdict asks it, so it is built once
    SecondReview.report_id.in_(bindparam("reports", expanding=True)),
    SecondReview.state == Look.OPEN,
)
DRAWS: Final = "draws"  # a verdict draws, and the points that follow ask: by report, is it drawn


@dataclass(frozen=True)
class Judgement:
    """A verdict, and how serious it is where true."""

    verdict: Verdict | None
    severity: int | None


def judged(report: Report) -> Judgement:
    """Return what a case's row says."""
    return Judgement(report.verdict, report.severity)


def is_drawn(number: str, round_: int, percent: int) -> bool:
    """Say whether a round of a case is among so many of a hundred; the same each time."""
    digest = blind_index(f"{number}:{round_}", "second_review").partition(":")[2]
    return int(digest, 16) * 100 < percent << (4 * len(digest))


def draw(session: Session, report: Report, now: datetime) -> None:
    """Draw with the first verdict of a round, before it is written; what is open stays so."""
    if report.verified_round >= report.round:
        return
    drawn = is_drawn(report.number, report.round, settings().second_review_percent)
    if drawn:
        fact = {"report_id": report.id, "round": report.round, "drawn_at": now}
        put_once(session, SecondReview, {**fact, "state": Look.OPEN})
    if report.round == 1:  # so nothing was open before
        known(session, DRAWS)[report.id] = drawn


def open_of(session: Session, report: Report) -> SecondReview | None:
    """Return a case's open review, as the database has it; the case is locked."""
    found = select(SecondReview).where(
        SecondReview.report_id == report.id, SecondReview.state == Look.OPEN
    )
    return session.scalars(found.execution_options(populate_existing=True)).one_or_none()


def close(
    session: Session,
    review: SecondReview,
    report: Report,
    second: Judgement,
    actor: Caller,
    now: datetime,
) -> None:
    """Note what the reviewer makes of the present verdict; the case's row is not written."""
    first = judged(report)
    values = {
        "state": Look.AGREED if first == second else Look.DISAGREED,
        "first_verdict": first.verdict,
        "first_severity": first.severity,
        "second_verdict": second.verdict,
        "second_severity": second.severity,
        "actor_id": actor.account_id,
        "decided_at": now,
    }
    change(session, SecondReview, review.id, values)


def overturned(
    session: Session, report: Report, second: Judgement, actor: Caller, now: datetime
) -> None:
    """Close what is open as a reviewer replaces the verdict: that was the second look."""
    review = open_of(session, report)
    if review is not None:
        close(session, review, report, second, actor, now)


def holds_of(session: Session, reports: Sequence[Report]) -> Mapping[int, tuple[str, ...]]:
    """Return which awards wait for a second look, by report: all claims on a case that was drawn.

    A follower's own review rests while it follows.
    """
    found = known(session, DRAWS)
    heads = {report.primary_id or report.id for report in reports}
    drawn = {head for head in heads if found.get(head)}
    if unknown := sorted(heads - found.keys()):
        drawn |= set(session.scalars(OPEN_OF, {"reports": unknown}))
    waiting = [report.id for report in reports if (report.primary_id or report.id) in drawn]
    return dict.fromkeys(waiting, (SECOND_LOOK,))
