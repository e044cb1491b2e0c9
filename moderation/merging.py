"""Reports of the same fact: joined to a primary case and parted again, points following."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from citizen import service as reports
from citizen import workflow
from citizen.errors import HasFollowers
from citizen.models import Report
from citizen.numbers import NumberInvalid, normalise
from citizen.states import Action, Status
from core.errors import Invalid
from core.messages import say
from core.tokens import Caller
from moderation.errors import DecidedBefore
from moderation.models import Merge
from moderation.triage import fact

Sent = Mapping[str, Any]
ENDED = frozenset({Status.MERGED, Status.CLOSED, Status.DECLINED, Status.WITHDRAWN})


def lock_pair(session: Session, first: str, second: str | None) -> None:
    """Lock two cases in the order of their ids, so that two merges across each other can't wait in a circle."""
    numbers = [number for number in (_known(first), second and _known(second)) if number]
    if len(numbers) > 1:
        session.scalars(
            reports.locked(select(Report).where(Report.number.in_(numbers)).order_by(Report.id))
        ).all()


def _known(text: str) -> str | None:
    try:
        return normalise(text)
    except NumberInvalid:
        return None


def merge(session: Session, report: Report, sent: Sent, actor: Caller, now: datetime) -> None:
    """Let a report follow a primary case; whose claim is first is decided by receipt, not by who is primary.

    Raises:
        HasFollowers: others follow this report. Invalid: the primary is unknown, itself, or ended.
    """
    workflow.edge_of(Action.MERGE, report.status)
    if report.followers:
        raise HasFollowers
    primary = _primary(session, report, sent["into"])
    row = {"into_id": primary.id, "joined": True, "reason": None}
    session.execute(insert(Merge).values(**fact(report, actor, now), **row))
    workflow.advance(
        session, report, Action.MERGE, actor=actor, now=now, changes={"primary_id": primary.id}
    )
    workflow.adopt(session, primary, 1)
    _settle(session, primary, f"merge:{report.number}:{report.version}", now)


def _primary(session: Session, report: Report, into: str) -> Report:
    number = _known(into)
    primary = (
        number
        and session.scalars(
            reports.locked(select(Report).where(Report.number == number))
        ).one_or_none()
    )
    if not primary or primary.id == report.id:
        raise Invalid(
            errors={"into": [say("没有该件，或即为本件", "No such case, or this one itself")]}
        )
    if primary.status in ENDED:
        raise Invalid(
            errors={
                "into": [say("主办件已合并或已结束", "The primary case is merged or has ended")]
            }
        )
    return primary


def unmerge(session: Session, report: Report, sent: Sent, actor: Caller, now: datetime) -> None:
    """Part a report from its primary; by another person than who joined them once points moved.

    Raises:
        DecidedBefore: the same person joined them, and a verdict has moved points since.
    """
    workflow.edge_of(Action.UNMERGE, report.status)
    primary = session.scalars(
        reports.locked(select(Report).where(Report.id == report.primary_id))
    ).one()
    if primary.verdict is not None and _joined_by(session, report) == actor.account_id:
        raise DecidedBefore
    row = {"into_id": primary.id, "joined": False, "reason": sent["reason"]}
    session.execute(insert(Merge).values(**fact(report, actor, now), **row))
    workflow.advance(
        session,
        report,
        Action.UNMERGE,
        actor=actor,
        now=now,
        changes={"primary_id": None},
        note=sent["reason"],
    )
    workflow.adopt(session, primary, -1)
    _settle(session, primary, f"unmerge:{report.number}:{report.version}:primary", now)
    _settle(session, report, f"unmerge:{report.number}:{report.version}", now)


def _joined_by(session: Session, report: Report) -> int | None:
    latest = (
        select(Merge.actor_id)
        .where(Merge.report_id == report.id, Merge.joined)
        .order_by(Merge.id.desc())
        .limit(1)
    )
    return session.scalar(latest)


def _settle(session: Session, case: Report, decision: str, now: datetime) -> None:
    claims = workflow.claims_of(session, case)
    workflow.settle(case, workflow.effect_now(case), claims, now, decision=decision)


def primary_of(session: Session, number: str) -> str | None:
    """Return the number of the case that a report follows now."""
    known = _known(number)
    follower = select(Report.primary_id).where(Report.number == known).scalar_subquery()
    return session.scalar(select(Report.number).where(Report.id == follower)) if known else None
