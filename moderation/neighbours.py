"""Which earlier reports are probably about the same thing, and which photos were seen before."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, bindparam, select
from sqlalchemy.orm import Session

from citizen import geo
from citizen.geo import Point
from citizen.models import Report
from citizen.states import Status
from media import service as media
from moderation import duplicates
from moderation.duplicates import Limits, Sighting

MOST_COMPARED = 200
NEARBY = (  # every case that is shown asks it, so it is built once
    select(Report)
    .where(
        Report.category == bindparam("category"),
        Report.latitude.between(bindparam("south"), bindparam("north")),
        Report.longitude.between(bindparam("west"), bindparam("east")),
        Report.submitted_at.between(bindparam("first"), bindparam("last")),
        Report.status.not_in((Status.WITHDRAWN, Status.MERGED)),
        Report.id != bindparam("own"),
    )
    .order_by(Report.submitted_at.desc())
    .limit(MOST_COMPARED)
)


def likely_duplicates(
    session: Session, case: Report, visible: ColumnElement[bool]
) -> list[dict[str, Any]]:
    """Return likely duplicates among what the reader may see, likeliest first, with reasons."""
    limits = Limits()
    nearby = session.scalars(NEARBY.where(visible), _around(case, limits))
    others = {other.number: other for other in nearby}
    ranked = duplicates.rank(_sighting(case), map(_sighting, others.values()), limits)
    return [
        {
            "number": found.number,
            "distance_m": found.distance_m,
            "reasons": list(found.reasons),
            "status": others[found.number].status,
            "description": others[found.number].description,
        }
        for found in ranked
    ]


def _around(case: Report, limits: Limits) -> dict[str, Any]:
    """Return what NEARBY asks for: the box and the span of time around a case."""
    point = Point(case.longitude, case.latitude)
    box = geo.box_around(point, limits.reach_m(case.category))
    return {
        "category": case.category,
        "south": box.south,
        "north": box.north,
        "west": box.west,
        "east": box.east,
        "first": case.submitted_at - limits.window,
        "last": case.submitted_at + limits.window,
        "own": case.id,
    }


def _sighting(report: Report) -> Sighting:
    return Sighting(
        number=report.number,
        category=report.category,
        point=Point(report.longitude, report.latitude),
        at=report.submitted_at,
        description=report.description,
        ended_at=report.ended_at,
    )


def same_pictures(
    session: Session, case: Report, photos: Sequence[Any], visible: ColumnElement[bool]
) -> list[dict[str, Any]]:
    """Return in which other cases that the reader may see the very same picture was used."""
    uses = [
        (twin, twin.subject[1])
        for twin in media.twins(photos, kinds=("report", "supplement"))
        if twin.subject[1] != case.number
    ]
    if not uses:
        return []
    numbers = {number for _, number in uses}
    owners = _reporters(session, numbers, visible)
    return [
        {
            "media": twin.media,
            "number": number,
            "distance": twin.distance,
            "same_account": owners[number] == case.reporter_id,
        }
        for twin, number in uses
        if number in owners
    ]


def _reporters(
    session: Session, numbers: Collection[str], visible: ColumnElement[bool]
) -> dict[str, int | None]:
    """Return who reported, for comparison only; it is never shown."""
    wanted = select(Report.number, Report.reporter_id).where(Report.number.in_(numbers), visible)
    return dict(session.execute(wanted).all())
