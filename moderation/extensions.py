"""More time for a department: asked for once, granted or refused by a dispatcher."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from citizen import workflow
from citizen.edges import edge_of, possible
from citizen.models import Report
from citizen.states import Action, Asking
from core.errors import Invalid
from core.messages import say
from core.tokens import Caller
from moderation import terms
from moderation.errors import ExtensionUsed
from moderation.models import Extension, Step
from moderation.triage import fact, future

Sent = Mapping[str, Any]


def extend(session: Session, report: Report, sent: Sent, actor: Caller, now: datetime) -> None:
    """Ask for up to 10 more working days, once.

    Raises:
        ExtensionUsed: it was asked before. Invalid: earlier than what is due, or too late.
    """
    edge_of(Action.EXTEND, report.status)
    if report.extension is not Asking.NONE:
        raise ExtensionUsed
    _check(session, report, sent["due_at"])
    row = {"step": Step.ASKED, "due_at": sent["due_at"], "reason": sent["reason"]}
    session.execute(insert(Extension).values(**fact(report, actor, now), **row))
    changes = {"extension": Asking.ASKED}
    workflow.advance(
        session, report, Action.EXTEND, actor=actor, now=now, changes=changes, note=sent["reason"]
    )


def grant(session: Session, report: Report, sent: Sent, actor: Caller, now: datetime) -> None:
    """Give the time asked for, or another within the same limits; warnings follow the new end.

    Raises:
        InvalidTransition: nobody asks.
        Invalid: the date is past, too early or too late. So may be what was asked for, if nobody
            answered in time or a pause moved the end beyond it; then the dispatcher names a date.
    """
    possible(Action.GRANT_EXTENSION, report, now)
    due_at = future(sent["due_at"] or _asked(session, report), now) or report.due_at
    _check(session, report, due_at)
    row = {"step": Step.GRANTED, "due_at": due_at, "reason": None}
    session.execute(insert(Extension).values(**fact(report, actor, now), **row))
    term = terms.extended(session, report, due_at, now)
    changes = {"extension": Asking.GRANTED, **term.columns}
    workflow.advance(session, report, Action.GRANT_EXTENSION, actor=actor, now=now, changes=changes)


def refuse(session: Session, report: Report, sent: Sent, actor: Caller, now: datetime) -> None:
    """Refuse more time, and say why; the term runs on as it was."""
    row = {"step": Step.REFUSED, "due_at": None, "reason": sent["reason"]}
    session.execute(insert(Extension).values(**fact(report, actor, now), **row))
    workflow.advance(
        session,
        report,
        Action.REFUSE_EXTENSION,
        actor=actor,
        now=now,
        changes={"extension": Asking.REFUSED},
        note=sent["reason"],
    )


def _check(session: Session, report: Report, due_at: datetime) -> None:
    latest = terms.extension_ends_at(session, report)
    if not report.due_at < due_at <= latest:
        message = say(
            "应晚于原期限且不超过 10 个工作日", "After what is due, by at most 10 working days"
        )
        raise Invalid(errors={"due_at": [message]})


def _asked(session: Session, report: Report) -> datetime | None:
    asked = select(Extension.due_at).where(
        Extension.report_id == report.id, Extension.step == Step.ASKED
    )
    return session.scalar(asked.order_by(Extension.id.desc()).limit(1))
