"""What dispatchers decide about a case: accept, decline, ask, verify, dispatch, park, correct."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from citizen import places, workflow
from citizen import service as reports
from citizen.atlas import Place
from citizen.edges import edge_of
from citizen.errors import AlreadyVerified
from citizen.geo import Point
from citizen.models import AssistingDepartment, Report
from citizen.states import Action, Asking, Status, Verdict
from core.clock import day_start, local_day
from core.errors import Invalid
from core.messages import say
from core.rows import put
from core.settings import settings
from core.tokens import Caller
from moderation import draws, registry, terms
from moderation.bodies import DECLINE_LABELS
from moderation.deadlines import Term
from moderation.draws import Judgement
from moderation.models import Dispatch, Stage, VerdictFact

Sent = Mapping[str, Any]


def fact(report: Report, actor: Caller | None, now: datetime) -> dict[str, Any]:
    """Return what every fact row says."""
    return {"report_id": report.id, "actor_id": actor and actor.account_id, "at": now}


def request_info(
    session: Session, report: Report, sent: Sent, actor: Caller, now: datetime
) -> None:
    """Ask the resident; the clock pauses, at most as long as the setting says."""
    changes = {"review_at": now + timedelta(days=settings().info_days)}
    workflow.advance(
        session,
        report,
        Action.REQUEST_INFO,
        actor=actor,
        now=now,
        changes=changes,
        note=sent["question"],
    )


def accept(session: Session, report: Report, _sent: Sent, actor: Caller, now: datetime) -> None:
    """Take a report on."""
    workflow.advance(session, report, Action.ACCEPT, actor=actor, now=now)


def decline(session: Session, report: Report, sent: Sent, actor: Caller, now: datetime) -> None:
    """Refuse a report with a coded reason; `not_ours` names who is competent."""
    words = DECLINE_LABELS[sent["reason"]]
    if sent["competent"]:
        words += f"，应由{sent['competent']}处理"
    if sent["note"]:
        words += f"。{sent['note']}"
    workflow.advance(session, report, Action.DECLINE, actor=actor, now=now, note=words)


def verify(session: Session, report: Report, sent: Sent, actor: Caller, now: datetime) -> None:
    """Give the first verdict of a round on an accepted case, or the closing one on a resolved case.

    Raises:
        AlreadyVerified: the round has its first verdict.
    """
    edge_of(Action.VERIFY, report.status)
    closing = report.status is Status.RESOLVED
    if not closing and report.verified_round >= report.round:
        raise AlreadyVerified
    verdict: Verdict = sent["verdict"]
    target = Status.CLOSED if closing or not verdict.true else Status.ACCEPTED
    changes = {
        "status": target,
        "verdict": verdict,
        "severity": sent["severity"],
        "verified_round": report.round,
    }
    draws.draw(session, report, now)
    _record(
        session, report, Stage.CLOSING if closing else Stage.FIRST, sent, sent["note"], actor, now
    )
    workflow.advance(
        session,
        report,
        Action.VERIFY,
        actor=actor,
        now=now,
        changes=changes,
        note=sent["note"],
    )


def overturn(session: Session, report: Report, sent: Sent, actor: Caller, now: datetime) -> None:
    """Replace a verdict; points follow by new entries."""
    changes = {"verdict": sent["verdict"], "severity": sent["severity"]}
    if report.verdict is not None:
        _record(session, report, Stage.OVERTURN, sent, sent["reason"], actor, now)
    second = Judgement(sent["verdict"], sent["severity"])
    draws.overturned(session, report, second, actor, now)
    workflow.advance(
        session, report, Action.OVERTURN, actor=actor, now=now, changes=changes, note=sent["reason"]
    )


def _record(
    session: Session,
    report: Report,
    stage: Stage,
    sent: Sent,
    note: str | None,
    actor: Caller,
    now: datetime,
) -> None:
    values = {
        "round": report.round,
        "stage": stage,
        "verdict": sent["verdict"],
        "severity": sent["severity"],
    }
    put(session, VerdictFact, {**fact(report, actor, now), **values, "note": note})


def dispatch(session: Session, report: Report, sent: Sent, actor: Caller, now: datetime) -> None:
    """Give a case to a lead department, by default the suggested one, with a due time.

    Raises:
        Invalid: an unknown department, one that would assist itself, or a due time that is past.
    """
    lead = sent["department"] or report.suggested_department
    helpers = list(dict.fromkeys(sent["assisting"]))
    _check_departments(session, lead, helpers)
    chosen = future(sent["due_at"], now)
    term = terms.begin(session, report.category, Term.HANDLING, now, until=chosen)
    values = {
        "lead": lead,
        "assisting": helpers,
        "suggested": report.suggested_department,
        "due_at": term.due_at,
    }
    put(session, Dispatch, {**fact(report, actor, now), **values})
    case = {"report_id": report.id, "submitted_at": report.submitted_at, "due_at": term.due_at}
    put(
        session,
        AssistingDepartment,
        *({**case, "department": code} for code in helpers),
    )
    changes = {
        "lead_department": lead,
        "assignee_id": None,
        "dispatched_at": now,
        "extension": Asking.NONE,
        **term.columns,
    }
    workflow.advance(
        session, report, Action.DISPATCH, actor=actor, now=now, changes=changes, note=sent["reason"]
    )


def _check_departments(session: Session, lead: str, helpers: list[str]) -> None:
    """Require departments that are open; a suggested one may have closed since the report came."""
    known = registry.rules(session).departments
    if lead not in known:
        message = say("没有该部门，或已停用", "No such department, or it is closed")
        raise Invalid(errors={"department": [message]})
    for index, code in enumerate(helpers):
        if code not in known or code == lead:
            raise Invalid(
                errors={
                    f"assisting.{index}": [
                        say("没有该部门，或已是主办部门", "Unknown, or the lead")
                    ]
                }
            )


UNASSIGNED: Mapping[str, Any] = {
    "lead_department": None,
    "assignee_id": None,
    "dispatched_at": None,
    "extension": Asking.NONE,
}


def dismiss(session: Session, report: Report) -> None:
    """Let the assisting departments go; with UNASSIGNED, the case is no department's any more."""
    session.execute(delete(AssistingDepartment).where(AssistingDepartment.report_id == report.id))


def future(moment: datetime | None, now: datetime) -> datetime | None:
    """Require that a due time lies ahead, where one is given."""
    if moment is not None and moment <= now:
        raise Invalid(errors={"due_at": [say("应晚于现在", "Must lie in the future")]})
    return moment


def park(session: Session, report: Report, sent: Sent, actor: Caller, now: datetime) -> None:
    """Put a case aside until its review date; the clock pauses."""
    if sent["review_on"] <= local_day(now):
        raise Invalid(errors={"review_on": [say("应晚于今天", "Must lie after today")]})
    changes = {"review_at": day_start(sent["review_on"])}
    workflow.advance(
        session, report, Action.PARK, actor=actor, now=now, changes=changes, note=sent["reason"]
    )


def unpark(session: Session, report: Report, _sent: Sent, actor: Caller, now: datetime) -> None:
    """Take a case up again; what is due moves by the working days, or days, of the pause."""
    workflow.advance(
        session, report, Action.UNPARK, actor=actor, now=now, changes={"review_at": None}
    )


def rework(session: Session, report: Report, sent: Sent, actor: Caller, now: datetime) -> None:
    """Send a result back; the department's time begins again, and with it an unanswered request."""
    changes = dict(terms.again(session, report, now))
    if report.extension is Asking.ASKED:
        changes["extension"] = Asking.NONE
    workflow.advance(
        session, report, Action.REWORK, actor=actor, now=now, changes=changes, note=sent["reason"]
    )


def correct(
    session: Session, report: Report, sent: Sent, actor: Caller, now: datetime
) -> dict[str, Any]:
    """Correct category or place; return what that changes, due time and routing too.

    As `{name: {from, to}}`.
    """
    changes, place = _corrected(report, sent)
    category = changes.get("category", report.category)
    old = places.locate(Point(report.longitude, report.latitude))
    words = registry.suggest(session, report.category, old, report.submitted_at).words
    routed = registry.suggest(session, category, place, report.submitted_at)
    changes["suggested_department"] = routed.lead
    changes.update(terms.correct(session, report, category, now).columns)
    before = {name: getattr(report, name) for name in changes}
    workflow.advance(
        session, report, Action.CORRECT, actor=actor, now=now, changes=changes, note=sent["reason"]
    )
    before["rule"], changes["rule"] = words, routed.words
    shown = ("category", "area", "address", "suggested_department", "rule", "due_at")
    return {
        name: {"from": workflow.plain(before[name]), "to": workflow.plain(changes[name])}
        for name in shown
        if name in changes and before[name] != changes[name]
    }


def _corrected(report: Report, sent: Sent) -> tuple[dict[str, Any], Place]:
    changes: dict[str, Any] = {}
    if sent["category"]:
        reports.check_category(sent["category"], report.channel)
        changes["category"] = sent["category"]
    if sent["address"]:
        changes["address"] = sent["address"]
    if not sent["location"]:
        return changes, places.locate(Point(report.longitude, report.latitude))
    spot = reports.find_spot(sent["location"], report.channel)
    changes.update(reports.place_values(spot))
    return changes, spot.place
