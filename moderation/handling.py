"""What a department does with a case: sign, pass on, give back, ask for time, resolve."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from citizen import service as reports
from citizen import workflow
from citizen.edges import edge_of
from citizen.errors import ReturnClosed
from citizen.models import Report
from citizen.states import Action, Asking
from core.errors import Invalid
from core.messages import say
from core.permissions import Role
from core.tokens import Caller
from media import service as media
from moderation import registry, staff
from moderation.errors import ExtensionUsed
from moderation.models import Extension, Resolution, Step
from moderation.triage import UNASSIGNED, dismiss, fact

Sent = Mapping[str, Any]


def sign(session: Session, report: Report, _sent: Sent, actor: Caller, now: datetime) -> None:
    """Take a dispatched case on; whoever signs is its assignee."""
    workflow.advance(
        session,
        report,
        Action.SIGN,
        actor=actor,
        now=now,
        changes={"assignee_id": actor.account_id},
    )


def reassign(session: Session, report: Report, sent: Sent, actor: Caller, now: datetime) -> None:
    """Pass a case to a colleague of the same department.

    Raises:
        Invalid: there is no such handler in the department, or the area is not theirs.
    """
    colleague = staff.colleague(session, sent["username"], Role.HANDLER, report.lead_department)
    if colleague is None or not staff.scope(session, colleague).covers(report.area):
        raise Invalid(
            errors={"username": [say("本部门没有该办理人员", "No such handler in this department")]}
        )
    workflow.advance(
        session, report, Action.REASSIGN, actor=actor, now=now, changes={"assignee_id": colleague}
    )


def give_back(session: Session, report: Report, sent: Sent, actor: Caller, now: datetime) -> None:
    """Return a case that is not the department's, within 2 working days of its dispatch.

    Raises:
        ReturnClosed: the two days are over.
    """
    edge_of(Action.RETURN, report.status)
    if registry.return_closed(session, report, now):
        raise ReturnClosed
    workflow.advance(
        session,
        report,
        Action.RETURN,
        actor=actor,
        now=now,
        note=sent["reason"],
        changes=UNASSIGNED,
    )
    dismiss(session, report)


def extend(session: Session, report: Report, sent: Sent, actor: Caller, now: datetime) -> None:
    """Ask for up to 10 more working days, once.

    Raises:
        ExtensionUsed: it was asked before. Invalid: earlier than what is due, or too late.
    """
    edge_of(Action.EXTEND, report.status)
    if report.extension is not Asking.NONE:
        raise ExtensionUsed
    latest = registry.extension_ends_at(session, report.category, report.due_at)
    if not report.due_at < sent["due_at"] <= latest:
        message = say(
            "应晚于原期限且不超过 10 个工作日", "After what is due, by at most 10 working days"
        )
        raise Invalid(errors={"due_at": [message]})
    row = {"step": Step.ASKED, "due_at": sent["due_at"], "reason": sent["reason"]}
    session.execute(insert(Extension).values(**fact(report, actor, now), **row))
    changes = {"extension": Asking.ASKED}
    workflow.advance(
        session, report, Action.EXTEND, actor=actor, now=now, changes=changes, note=sent["reason"]
    )


def resolve(session: Session, report: Report, sent: Sent, actor: Caller, now: datetime) -> None:
    """Report what was found and done, with photos taken afterwards."""
    reports.check_photos(sent["media"])
    subject = "resolution", report.number
    media.claim(sent["media"], owner_id=actor.account_id, subject=subject, now=now)
    values = {
        "round": report.round,
        "department": report.lead_department,
        "finding": sent["finding"],
    }
    session.execute(
        insert(Resolution).values(**fact(report, actor, now), **values, measures=sent["measures"])
    )
    workflow.advance(session, report, Action.RESOLVE, actor=actor, now=now, note=sent["finding"])
