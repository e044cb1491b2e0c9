"""What a resident's answers are made of: the row, its steps in words, photos and points."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from citizen import edges, geo, places, service
from citizen.geo import Crs, Point
from citizen.models import HistoryEntry, Report
from citizen.ports import Result, ResultsOf
from citizen.states import (
    ACTION_LABELS,
    STATUS_LABELS,
    VERDICT_LABELS,
    Action,
    Clock,
    Earning,
    Status,
    Told,
)
from core.events import port
from core.tokens import Caller

TOLD = frozenset(
    {Action.REQUEST_INFO, Action.DECLINE, Action.SUPPLEMENT, Action.RESOLVE, Action.APPEAL}
)
SHOWN = frozenset(
    edge.action for edge in edges.TABLE if edge.who == edges.RESIDENT or Told.REPORTER in edge.tells
) | {Action.SUBMIT}
NOT_ONES_OWN = frozenset({Action.APPEAL, Action.REJECT_APPEAL})  # where somebody else appealed
REOPENED: Mapping[str, str] = {"action": "reopen", "label": "重新办理"}
EARNING_NOTES: dict[Earning, str] = {
    Earning.YES: "提交得待定积分，查实后按认定结果发放",
    Earning.ANONYMOUS: "匿名举报不计积分",
    Earning.NO_CONSENT: "未同意积分规则，本次举报不计积分",
    Earning.STAFF: "工作人员举报不计积分",
}


def place_in(report: Report, crs: Crs) -> dict[str, Any]:
    """Return a report's point in the system asked for; degrees."""
    point = geo.from_wgs84(Point(report.longitude, report.latitude), crs)
    return {
        "longitude": round(point.longitude, 7),
        "latitude": round(point.latitude, 7),
        "crs": crs.value,
        "accuracy_m": report.accuracy_m,
    }


def item(report: Report, points: Mapping[int, Mapping[str, Any]], crs: Crs) -> dict[str, Any]:
    """Return what a list shows of a report."""
    return {
        "number": report.number,
        "channel": report.channel,
        "category": report.category,
        "status": report.status,
        "status_label": STATUS_LABELS[report.status],
        "description": report.description,
        "location": place_in(report, crs),
        "area": places.area_named(report.area),
        "address": report.address,
        "site": report.site,
        "anonymous": report.anonymous,
        "occurred_at": report.occurred_at,
        "submitted_at": report.submitted_at,
        "due_at": None if report.clock is Clock.STOPPED else report.due_at,
        "verdict": report.verdict,
        "points": points.get(report.id, service.NOTHING),
        "points_note": EARNING_NOTES[report.earning],
    }


def items(reports: Sequence[Report], crs: Crs) -> list[dict[str, Any]]:
    """Return what a list shows, points of the whole page in one query."""
    points = service.points_of([report.id for report in reports])
    return [item(report, points, crs) for report in reports]


def receipt(report: Report, photos: Sequence[Any], points: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer to a submission."""
    first = step(Action.SUBMIT, report.status, report.submitted_at, None)
    return {
        **item(report, {report.id: points}, Crs.WGS84),
        "media": photos,
        "timeline": [first],
    }


def whole(
    session: Session, report: Report, viewer: Caller, now: datetime, crs: Crs = Crs.WGS84
) -> dict[str, Any]:
    """Return all that its reporter may read of a report."""
    history = service.history_of(session, report)
    primary = session.get(Report, report.primary_id) if report.primary_id else None
    return {
        **item(report, service.points_of([report.id]), crs),
        "media": service.photos_of([report.number])[report.number],
        "timeline": _timeline(history, report.reporter_id),
        "question": _question(report, history),
        "verdict_label": report.verdict and VERDICT_LABELS[report.verdict],
        "outcome": primary and _outcome(primary),
        "result": _result(session, primary or report),
        "actions": own_actions(report, primary, viewer, now),
    }


def own_actions(report: Report, primary: Report | None, viewer: Caller, now: datetime) -> list[str]:
    """Return the names of what the reporter may do now, from the one table.

    A merged report is rated by its primary's outcome, so not before there is one.
    """
    possible = (edge for edge in edges.TABLE if edges.plays(edge, viewer))
    waits = primary is not None and primary.status is not Status.CLOSED
    return [
        edge.action.value
        for edge in possible
        if edges.fits(report, edge, now) and not (waits and edge.action is Action.RATE)
    ]


def step(action: Action, status: Status, at: datetime, note: str | None) -> dict[str, Any]:
    """Return one line of the timeline."""
    return {
        "at": at,
        "action": action.value,
        "label": ACTION_LABELS[action],
        "status": status,
        "status_label": STATUS_LABELS[status],
        "note": note,
    }


def _timeline(history: Sequence[HistoryEntry], reporter_id: int | None) -> list[dict[str, Any]]:
    """Return the steps that a reporter is told, without the office's own.

    Whoever follows a case may appeal against its outcome too; its other reporters see what comes of
    that, and neither that somebody else did nor why.
    """
    told, others = [], False
    for entry in history:
        if entry.action is Action.APPEAL:
            others = entry.actor_id != reporter_id
        if others and entry.action is Action.GRANT_APPEAL:
            told.append({**_step_of(entry), **REOPENED})
        elif entry.action in SHOWN and not (others and entry.action in NOT_ONES_OWN):
            told.append(_step_of(entry))
    return told


def _step_of(entry: HistoryEntry) -> dict[str, Any]:
    note = entry.note if entry.action in TOLD else None
    return step(entry.action, entry.target, entry.at, note)


def _question(report: Report, history: Sequence[HistoryEntry]) -> str | None:
    if report.status is not Status.INFO_REQUESTED:
        return None
    return next(
        (entry.note for entry in reversed(history) if entry.action is Action.REQUEST_INFO), None
    )


def _outcome(primary: Report) -> dict[str, Any]:
    return {
        "status": primary.status,
        "status_label": STATUS_LABELS[primary.status],
        "verdict": primary.verdict,
        "verdict_label": primary.verdict and VERDICT_LABELS[primary.verdict],
    }


def _result(session: Session, case: Report) -> Result | None:
    """Return what was found and done, of a case that is closed."""
    if case.status is not Status.CLOSED:
        return None
    return port(ResultsOf)(session, [case.id]).get(case.id)  # type: ignore[type-abstract]
