"""What residents may say about an outcome, and who decides about it: ratings and appeals."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from citizen import places, workflow
from citizen.edges import edge_of, possible
from citizen.errors import AlreadyAppealed, AlreadyRated, AppealClosed, InvalidTransition
from citizen.events import CaseRated
from citizen.geo import Point
from citizen.guards import appealable
from citizen.models import Report
from citizen.states import Action, Asking, Status
from core.database import locked
from core.events import announce
from core.tokens import Caller
from moderation import terms
from moderation.models import Appeal, Origin, Rating, Step
from moderation.triage import UNASSIGNED, dismiss, fact

Sent = Mapping[str, Any]
OUTCOMES = {Step.GRANTED: Asking.GRANTED, Step.REFUSED: Asking.REFUSED}


def rate(session: Session, report: Report, sent: Sent, resident: Caller, now: datetime) -> None:
    """Rate a closed case, or the primary's result where the report was merged; once.

    Who is not satisfied opens an appeal with origin `rating`, where the case still may be appealed.

    Raises:
        AlreadyRated, InvalidTransition.
    """
    edge_of(Action.RATE, report.status)
    case = _outcome_of(session, report)
    if case.status is not Status.CLOSED:
        raise InvalidTransition(status=report.status.value, action=Action.RATE.value)
    if report.rated_at is not None:
        raise AlreadyRated
    row = {
        "satisfied": sent["satisfied"],
        "score": sent["score"],
        "comment": sent["comment"],
        "at": now,
    }
    session.execute(
        insert(Rating).values(report_id=report.id, account_id=resident.account_id, **row)
    )
    workflow.advance(
        session, report, Action.RATE, actor=resident, now=now, changes={"rated_at": now}
    )
    found_true = case.verdict is not None and case.verdict.true
    announce(CaseRated(report.id, report.number, resident.account_id, now, found_true))
    if not sent["satisfied"] and case.appeal is Asking.NONE and appealable(case, now):
        _file(
            session,
            case,
            Origin.RATING,
            sent["comment"] or f"评价不满意（{sent['score']} 分）",
            resident,
            now,
        )


def _outcome_of(session: Session, report: Report) -> Report:
    if report.primary_id is None:
        return report
    return session.scalars(locked(select(Report).where(Report.id == report.primary_id))).one()


def appeal(session: Session, report: Report, sent: Sent, resident: Caller, now: datetime) -> None:
    """Appeal against a declined or closed case, once, within 30 days of its end.

    Raises:
        AlreadyAppealed, AppealClosed, InvalidTransition.
    """
    edge_of(Action.APPEAL, report.status)
    if report.appeal is not Asking.NONE:
        raise AlreadyAppealed
    if not appealable(report, now):
        raise AppealClosed
    _file(session, report, Origin.APPEAL, sent["reason"], resident, now)


def _file(
    session: Session, case: Report, origin: Origin, reason: str, resident: Caller, now: datetime
) -> None:
    _step(session, case, Step.ASKED, origin, reason, resident, now)
    workflow.advance(
        session,
        case,
        Action.APPEAL,
        actor=resident,
        now=now,
        changes={"appeal": Asking.ASKED},
        note=reason,
    )


def grant(session: Session, report: Report, sent: Sent, actor: Caller, now: datetime) -> None:
    """Grant an appeal: a new round with a new deadline; points count by the original time."""
    possible(Action.GRANT_APPEAL, report, now)
    target = Status.SUBMITTED if report.status is Status.DECLINED else Status.ACCEPTED
    place = places.locate(Point(report.longitude, report.latitude))
    assessed = terms.assess(session, report.category, place, now)
    changes: dict[str, Any] = {
        "status": target,
        "appeal": _decide(session, report, Step.GRANTED, sent["reason"], actor, now),
        "round": report.round + 1,
        **assessed.deadline.columns,
        **UNASSIGNED,
    }
    dismiss(session, report)
    if report.verdict is not None and not report.verdict.true:
        changes.update(verdict=None, severity=None)
    workflow.advance(
        session,
        report,
        Action.GRANT_APPEAL,
        actor=actor,
        now=now,
        changes=changes,
        note=sent["reason"],
    )


def reject(session: Session, report: Report, sent: Sent, actor: Caller, now: datetime) -> None:
    """Reject an appeal with a reason; the outcome stands."""
    possible(Action.REJECT_APPEAL, report, now)
    changes = {"appeal": _decide(session, report, Step.REFUSED, sent["reason"], actor, now)}
    workflow.advance(
        session,
        report,
        Action.REJECT_APPEAL,
        actor=actor,
        now=now,
        changes=changes,
        note=sent["reason"],
    )


def _decide(
    session: Session, report: Report, step: Step, reason: str, actor: Caller, now: datetime
) -> Asking:
    """Keep what was decided on the last appeal; return what the case's row says of appeals now.

    One that a follower's rating opened does not use up that of the case's own reporter, who is not
    told of it either.
    """
    asked = select(Appeal).where(Appeal.report_id == report.id, Appeal.step == Step.ASKED)
    last = session.scalars(asked.order_by(Appeal.id.desc()).limit(1)).one()
    _step(session, report, step, last.origin, reason, actor, now)
    return OUTCOMES[step] if last.actor_id == report.reporter_id else Asking.NONE


def _step(
    session: Session,
    case: Report,
    step: Step,
    origin: Origin,
    reason: str,
    actor: Caller,
    now: datetime,
) -> None:
    session.execute(
        insert(Appeal).values(**fact(case, actor, now), origin=origin, step=step, reason=reason)
    )
