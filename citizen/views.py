"""What a resident's answers are made of: the report's row, its steps in words, its photos and points."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from citizen import geo, places, service, workflow
from citizen.geo import Crs, Point
from citizen.models import HistoryEntry, Report
from citizen.states import (
    ACTION_LABELS,
    STATUS_LABELS,
    VERDICT_LABELS,
    Action,
    Clock,
    Earning,
    Status,
)
from core.tokens import Caller

TOLD = frozenset(
    {Action.REQUEST_INFO, Action.DECLINE, Action.SUPPLEMENT, Action.RESOLVE, Action.APPEAL}
)
SILENT = frozenset(
    {Action.REASSIGN, Action.CORRECT, Action.EXTEND, Action.REFUSE_EXTENSION, Action.RETURN}
)
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
        "points": points.get(report.id, {"state": "none", "amount": 0}),
        "points_note": EARNING_NOTES[report.earning],
    }


def items(reports: Sequence[Report], crs: Crs) -> list[dict[str, Any]]:
    """Return what a list shows, points of the whole page in one query."""
    points = service.points_of([report.id for report in reports])
    return [item(report, points, crs) for report in reports]


def receipt(report: Report, photos: Sequence[Any], now: datetime) -> dict[str, Any]:
    """Return the answer to a submission."""
    first = step(Action.SUBMIT, report.status, now, None)
    return {
        **item(report, service.points_of([report.id]), Crs.WGS84),
        "media": photos,
        "timeline": [first],
    }


def whole(session: Session, report: Report, viewer: Caller, crs: Crs) -> dict[str, Any]:
    """Return all that its reporter may read of a report."""
    history = service.history_of(session, report)
    return {
        **item(report, service.points_of([report.id]), crs),
        "media": service.photos_of([report.number])[report.number],
        "timeline": [_step_of(entry) for entry in history if entry.action not in SILENT],
        "question": _question(report, history),
        "verdict_label": report.verdict and VERDICT_LABELS[report.verdict],
        "outcome": _outcome(session, report),
        "actions": own_actions(report, viewer),
    }


def own_actions(report: Report, viewer: Caller) -> list[str]:
    """Return the names of what the reporter may do now, from the one table."""
    edges = (
        edge
        for edge in workflow.TABLE
        if workflow.plays(edge, viewer) and workflow.fits(report, edge)
    )
    return [edge.action.value for edge in edges]


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


def _step_of(entry: HistoryEntry) -> dict[str, Any]:
    note = entry.note if entry.action in TOLD else None
    return step(entry.action, entry.target, entry.at, note)


def _question(report: Report, history: Sequence[HistoryEntry]) -> str | None:
    if report.status is not Status.INFO_REQUESTED:
        return None
    return next(
        (entry.note for entry in reversed(history) if entry.action is Action.REQUEST_INFO), None
    )


def _outcome(session: Session, report: Report) -> dict[str, Any] | None:
    if report.primary_id is None:
        return None
    primary = session.scalars(select(Report).where(Report.id == report.primary_id)).one()
    return {
        "status": primary.status,
        "status_label": STATUS_LABELS[primary.status],
        "verdict": primary.verdict,
    }
