"""Reports as claims on the points of a case, and what a step of the case means for them."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from citizen.edges import Edge
from citizen.events import CaseSettled, Claim
from citizen.models import Report
from citizen.ports import HoldsOf
from citizen.states import Earning, PointsEffect, Status
from core.events import announce, port

VOIDED = frozenset({Status.DECLINED, Status.WITHDRAWN})


def follow(session: Session, report: Report, edge: Edge, now: datetime) -> None:
    """Announce the edge's effect on points; what was found true stays so until the next verdict.

    A case that was declined earns nothing, whatever a reviewer then says of its verdict: an appeal
    opens it again.
    """
    if edge.points is PointsEffect.NONE:
        return
    reopened = edge.points is PointsEffect.PENDING and report.verdict is not None
    effect = PointsEffect.SETTLE if reopened else edge.points
    if report.status in VOIDED:
        effect = PointsEffect.VOID
    settle(session, report, now, effect=effect)


def settle(
    session: Session,
    report: Report,
    now: datetime,
    *,
    effect: PointsEffect | None = None,
    decision: str | None = None,
) -> None:
    """Announce what the claims on a case should earn, by default what its row now says.

    `decision` must be unique; without one the row's own step is the decision.
    """
    meant = effect or effect_now(report)
    found_true = report.verdict is not None and report.verdict.true
    pays = meant is PointsEffect.SETTLE and found_true
    announce(
        CaseSettled(
            decision=decision or f"decision:{report.number}:{report.version}",
            number=report.number,
            effect=meant,
            verdict=report.verdict,
            severity=report.severity,
            claims=claims_of(session, report, pays=pays),
            at=now,
        )
    )


def effect_now(report: Report) -> PointsEffect:
    """Return what the claims on a case should be by its row."""
    if report.status in VOIDED:
        return PointsEffect.VOID
    return PointsEffect.PENDING if report.verdict is None else PointsEffect.SETTLE


def claims_of(session: Session, report: Report, *, pays: bool) -> tuple[Claim, ...]:
    """Return the claims on a case: its own and those of the reports merged into it, by receipt.

    Where they are to be paid, it is asked anew which of them must wait: two uploads at once could
    not see each other, and a closing verdict must not drop what the first one held.
    """
    family = [report]
    if report.followers:
        family += session.scalars(select(Report).where(Report.primary_id == report.id))
    family.sort(key=lambda member: (member.submitted_at, member.id))
    holds = port(HoldsOf)(session, family) if pays else {}  # type: ignore[type-abstract]
    return tuple(claim_on(member, holds=holds.get(member.id, ())) for member in family)


def claim_on(report: Report, *, holds: tuple[str, ...] = ()) -> Claim:
    """Return a report as a claim on points."""
    return Claim(
        report_id=report.id,
        number=report.number,
        account_id=report.reporter_id,
        received_at=report.submitted_at,
        earns=report.earning is Earning.YES,
        channel=report.channel,
        category=report.category,
        holds=holds,
    )
