"""Reports of the same fact: joined to a primary case and parted again, points following."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from citizen import claims, workflow
from citizen.edges import edge_of
from citizen.errors import HasFollowers
from citizen.models import Report
from citizen.numbers import NumberInvalid, normalise
from citizen.states import Action, Status
from core.database import locked
from core.errors import Invalid
from core.messages import say
from core.tokens import Caller
from moderation.models import Merge
from moderation.triage import fact

Sent = Mapping[str, Any]
ENDED = frozenset({Status.MERGED, Status.CLOSED, Status.DECLINED, Status.WITHDRAWN})


def lock_pair(session: Session, first: str, second: str | None) -> Sequence[Report]:
    """Lock two cases in the order of their ids, so that nobody waits in a circle; return them."""
    numbers = {number for number in (_known(first), second and _known(second)) if number}
    if len(numbers) < 2:
        return ()
    pair = select(Report).where(Report.number.in_(numbers)).order_by(Report.id)
    return session.scalars(locked(pair)).all()


def _known(text: str) -> str | None:
    try:
        return normalise(text)
    except NumberInvalid:
        return None


def merge(session: Session, report: Report, sent: Sent, actor: Caller, now: datetime) -> None:
    """Let a report follow a primary case; the first claim is the first received, whoever leads.

    Raises:
        HasFollowers: others follow this report. Invalid: the primary is unknown, itself, or ended.
    """
    primary = _primary(session, report, sent["into"])
    if report.followers:
        raise HasFollowers
    row = {"into_id": primary.id, "joined": True, "reason": None}
    session.execute(insert(Merge).values(**fact(report, actor, now), **row))
    workflow.advance(
        session, report, Action.MERGE, actor=actor, now=now, changes={"primary_id": primary.id}
    )
    workflow.adopt(session, primary, 1)
    claims.settle(session, primary, now, decision=f"merge:{report.number}:{report.version}")


def _primary(session: Session, report: Report, into: str) -> Report:
    number = _known(into)
    primary = (
        number
        and session.scalars(locked(select(Report).where(Report.number == number))).one_or_none()
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
    """Part a report from its primary; each is then settled by what its own row says."""
    edge_of(Action.UNMERGE, report.status)
    primary = session.scalars(locked(select(Report).where(Report.id == report.primary_id))).one()
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
    decision = f"unmerge:{report.number}:{report.version}"
    claims.settle(session, primary, now, decision=f"{decision}:primary")
    claims.settle(session, report, now, decision=decision)


def primary_of(session: Session, number: str) -> str | None:
    """Return the number of the case that a report follows now."""
    known = _known(number)
    follower = select(Report.primary_id).where(Report.number == known).scalar_subquery()
    return session.scalar(select(Report.number).where(Report.id == follower)) if known else None
