"""Which earlier reports are probably about the same thing."""

from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from citizen import geo
from citizen.models import Report
from citizen.states import Status
from moderation import access, duplicates
from moderation.access import Officer
from moderation.duplicates import Sighting

DATA = Path(__file__).resolve().parent / "data"
LIMITS: Final = duplicates.limits_from_json((DATA / "duplicates.json").read_text("utf-8"))
MOST_COMPARED = 200
BLUR_M = 100  # more than three decimals can move a place
NEARBY = (  # every case that is shown asks it, so it is built once, and loads what it compares
    select(
        Report.number,
        Report.category,
        Report.longitude,
        Report.latitude,
        Report.submitted_at,
        Report.ended_at,
        Report.status,
        Report.description,
    )
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
    session: Session,
    case: Report,
    who: Officer,
    pictured: Collection[str] = (),
) -> list[dict[str, Any]]:
    """Return likely duplicates among what the reader may see, likeliest first, with reasons.

    `pictured` are the numbers of cases in which the same picture was found, see
    `photos.recycling.seen_before`. Distances are between the places as the reader may know them.
    """
    seen = NEARBY if who.sees_all else NEARBY.where(access.visible(who))
    nearby = session.execute(seen, _around(case, who))
    others = {other.number: other for other in nearby}
    ranked = duplicates.rank(
        _sighting(case, who),
        (_sighting(other, who, pictured) for other in others.values()),
        LIMITS,
    )
    return [
        {
            "number": found.number,
            "distance_m": found.distance_m,
            "reasons": list(found.reasons),
            "status": others[found.number].status,
            "submitted_at": others[found.number].submitted_at,
            "description": others[found.number].description,
        }
        for found in ranked
    ]


def _around(case: Report, who: Officer) -> dict[str, Any]:
    """Return what NEARBY asks for: the box and the span of time around a case."""
    blur = BLUR_M if access.blurred(who, case.category) else 0
    box = geo.box_around(access.spot(who, case), LIMITS.reach_m(case.category) + blur)
    return {
        "category": case.category,
        "south": box.south,
        "north": box.north,
        "west": box.west,
        "east": box.east,
        "first": case.submitted_at - LIMITS.window,
        "last": case.submitted_at + LIMITS.window,
        "own": case.id,
    }


def _sighting(report: Any, who: Officer, pictured: Collection[str] = ()) -> Sighting:
    """Return a report or its row as the officer may know it."""
    return Sighting(
        number=report.number,
        category=report.category,
        point=access.spot(who, report),
        at=report.submitted_at,
        description=report.description,
        ended_at=report.ended_at,
        pictured=report.number in pictured,
    )
