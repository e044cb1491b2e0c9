"""What a department does with a case: sign, pass on, give back, resolve."""

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
from citizen.states import Action
from core.errors import Invalid
from core.messages import say
from core.permissions import Role
from core.tokens import Caller
from media import service as media
from moderation import staff, terms
from moderation.deadlines import Term
from moderation.models import Resolution
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
    """Return a case within 2 working days that is not the department's; the desk begins again.

    Raises:
        ReturnClosed: the two days are over.
    """
    edge_of(Action.RETURN, report.status)
    if terms.return_closed(session, report, now):
        raise ReturnClosed
    desk = terms.begin(session, report.category, Term.ACCEPT, now)
    workflow.advance(
        session,
        report,
        Action.RETURN,
        actor=actor,
        now=now,
        note=sent["reason"],
        changes={**UNASSIGNED, **desk.columns},
    )
    dismiss(session, report)


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
