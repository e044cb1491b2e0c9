"""Likely duplicates of a case, and of a report that was not sent yet."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from citizen import places
from citizen import service as reports
from citizen.geo import Point
from citizen.models import Report
from citizen.states import STATUS_LABELS, Status
from core.clock import day_start, local_day
from media import publication
from moderation import views
from moderation.access import Officer
from moderation.suggestions import grid

MOST_LOOKED_AT = 200
# Once a department is at work, whoever is reported knows of it; before, a hint could warn them.
PUBLIC_ENOUGH = (Status.HANDLING, Status.PARKED, Status.RESOLVED)


def of_case(session: Session, case: Report, who: Officer) -> list[dict[str, Any]]:
    """Return likely duplicates of a case with status, time, words and photos of each."""
    checks = views.checks(session, case, views.own_photos(session, case), who)
    found = views.similar(session, case, who, checks)
    shown = reports.photos_of([likely["number"] for likely in found], views.CASE_PHOTOS)
    return [
        {
            **likely,
            "status_label": STATUS_LABELS[likely["status"]],
            "media": publication.for_staff(shown[likely["number"]]),
        }
        for likely in found
    ]


def while_reporting(
    session: Session, sent: Mapping[str, Any], now: datetime
) -> list[dict[str, Any]]:
    """Say roughly what is at work near a place, to somebody who is about to report.

    No number, place, text, photo or count: equal hints are one. Of what insiders report, nothing.

    Raises:
        Invalid and its kin: as a submission would.
    """
    reports.check_category(sent["category"], sent["channel"])
    spot = reports.find_spot(sent["location"], sent["channel"])
    category = places.category(sent["category"])
    if category is None or category.whistle:
        return []
    asked = grid.cell_of(spot.point)
    hints = {_hint(asked, row, now) for row in session.execute(_nearby(category.code, asked, now))}
    kept = sorted(hint for hint in hints if None not in hint)
    return [
        {"category": category.code, "within_km": km, "within_days": days, "status": status}
        | {"status_label": STATUS_LABELS[Status(status)]}
        for km, days, status in kept
    ]


def _nearby(category: str, asked: grid.Cell, now: datetime) -> Any:
    box = grid.around(asked)
    first = day_start(local_day(now) - timedelta(days=max(grid.WITHIN_DAYS)))
    columns = (Report.longitude, Report.latitude, Report.submitted_at, Report.status)
    return (
        select(*columns)
        .where(Report.category == category, Report.status.in_(PUBLIC_ENOUGH))
        .where(Report.latitude.between(box.south, box.north))
        .where(Report.longitude.between(box.west, box.east))
        .where(Report.submitted_at >= first)
        .limit(MOST_LOOKED_AT)
    )


def _hint(asked: grid.Cell, row: Any, now: datetime) -> tuple[Any, Any, str]:
    cell = grid.cell_of(Point(row.longitude, row.latitude))
    passed = local_day(now) - local_day(row.submitted_at)  # by days: asking often tells no hour
    return grid.within_km(asked, cell), grid.within_days(passed), row.status.value
