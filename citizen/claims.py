"""Reports as claims on the points of a case, and what a step of the case means for them."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from citizen.edges import Edge
from citizen.events import CaseSettled, Claim
from citizen.models import Report
from citizen.states import Earning, PointsEffect, Status
from core.events import announce

Holds = Mapping[int, tuple[str, ...]]
VOIDED = frozenset({Status.DECLINED, Status.WITHDRAWN})


def follow(session: Session, report: Report, edge: Edge, now: datetime, holds: Holds) -> None:
    """Announce the edge's effect on points; what was found true stays so until the next verdict."""
    if edge.points is PointsEffect.NONE:
        return
    reopened = edge.points is PointsEffect.PENDING and report.verdict is not None
    effect = PointsEffect.SETTLE if reopened else edge.points
    settle(session, report, now, effect=effect, holds=holds)


def settle(
    session: Session,
    report: Report,
    now: datetime,
    *,
    effect: PointsEffect | None = None,
    decision: str | None = None,
    holds: Holds | None = None,
) -> None:
    """Announce what the claims on a case should earn, by default what its row now says.

    `decision` must be unique; without one the row's own step is the decision. `holds` names, by
    report id, why an award must wait.
    """
    announce(
        CaseSettled(
            decision=decision or f"decision:{report.number}:{report.version}",
            number=report.number,
            effect=effect or effect_now(report),
            verdict=report.verdict,
            severity=report.severity,
            claims=claims_of(session, report, holds or {}),
            at=now,
        )
    )


def effect_now(report: Report) -> PointsEffect:
    """Return what the claims on a case should be by its row."""
    if report.status in VOIDED:
        return PointsEffect.VOID
    return PointsEffect.PENDING if report.verdict is None else PointsEffect.SETTLE


def claims_of(session: Session, report: Report, holds: Holds) -> tuple[Claim, ...]:
    """Return the claims on a case: its own and those of the reports merged into it, by receipt."""
    family = [report]
    if report.followers:
        family += session.scalars(select(Report).where(Report.primary_id == report.id))
    family.sort(key=lambda member: (member.submitted_at, member.id))
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
