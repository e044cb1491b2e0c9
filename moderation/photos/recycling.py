"""Photos that were used before: what staff are told, and which awards must wait.

Who used a picture first is never suspected. Somebody else's picture is suspicious wherever it is,
one's own where it was used for another place; at the same place it is a second try.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, select, true
from sqlalchemy.orm import Session

from citizen.geo import Point, distance_m
from citizen.models import Report
from core.database import known
from media import service as media

RECYCLED: Final = "recycled"
SAME_PLACE_M: Final = 250
REPORTED: Final = ("report", "supplement")
SHOWN: Final = (*REPORTED, "resolution")
Photos = Mapping[tuple[str, str], list[Any]]
SpotOf = Callable[[Any], Point]
PICTURES: Final = "pictures"  # a verdict and the answer to it ask the same


class Use(NamedTuple):
    """Where else a picture is: the photo asked about, its twin, and the twin's case."""

    photo: Any
    twin: Any
    number: str
    spot: Point


def photos_of(session: Session, numbers: Sequence[str]) -> Photos:
    """Return the photos of cases by kind and number; within a unit of work they are read once."""
    asked = tuple(sorted(numbers))
    kept = known(session, PICTURES)
    if asked not in kept:
        kept[asked] = media.of([(kind, number) for number in asked for kind in SHOWN])
    found: Photos = kept[asked]
    return found


def _twins(session: Session, photos: Sequence[Any]) -> list[Any]:
    asked = frozenset(photo.id for photo in photos)
    kept = known(session, PICTURES)
    if asked not in kept:
        kept[asked] = media.twins(photos, kinds=SHOWN)
    found: list[Any] = kept[asked]
    return found


def exactly(case: Any) -> Point:
    """Return where a case or its row is."""
    return Point(case.longitude, case.latitude)


def seen_before(
    session: Session,
    case: Report,
    photos: Sequence[Any],
    visible: ColumnElement[bool],
    spot_of: SpotOf = exactly,
) -> list[dict[str, Any]]:
    """Return in which other cases that the reader may see the same pictures are.

    Each with the differing bits of 63, whether one account used both, and whether that may be
    fraud, by the places as the reader may know them. A picture that stands twice in a case is named
    once.
    """
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for use in _uses(session, photos, visible, spot_of):
        if use.number == case.number:
            continue
        entry = _entry(use, spot_of(case))
        first = found.setdefault((entry["media"], entry["number"]), entry)
        first["possible_fraud"] |= entry["possible_fraud"]
        first["distance"] = min(first["distance"], entry["distance"])
    return list(found.values())


def _entry(use: Use, spot: Point) -> dict[str, Any]:
    return {
        "media": use.photo.public_id,
        "number": use.number,
        "distance": use.twin.distance,
        "same_account": use.twin.owner_id == use.photo.owner_id,
        "possible_fraud": _suspicious(use, spot),
    }


def holds_of(session: Session, reports: Sequence[Report]) -> Mapping[int, tuple[str, ...]]:
    """Return why awards for reports must wait, by report id; reports without a reason are not in.

    All photos of all reports in a few statements. The body of `citizen.ports.HoldsOf`.
    """
    spots = {report.number: report for report in reports}
    found = photos_of(session, list(spots))
    photos = [photo for (kind, _), some in found.items() if kind in REPORTED for photo in some]
    held = set()
    for use in _uses(session, photos, true(), exactly):
        report = spots[use.photo.subject_id]
        if use.number != report.number and _suspicious(use, exactly(report)):
            held.add(report.id)
    return dict.fromkeys(sorted(held), (RECYCLED,))


def _uses(
    session: Session, photos: Sequence[Any], visible: ColumnElement[bool], spot_of: SpotOf
) -> list[Use]:
    found = _twins(session, photos)
    spots = _spots(session, {twin.subject[1] for twin in found}, visible, spot_of)
    named = {photo.public_id: photo for photo in photos}
    return [
        Use(named[twin.media], twin, twin.subject[1], spots[twin.subject[1]])
        for twin in found
        if twin.subject[1] in spots
    ]


def _spots(
    session: Session, numbers: Collection[str], visible: ColumnElement[bool], spot_of: SpotOf
) -> dict[str, Point]:
    if not numbers:
        return {}
    wanted = select(Report.number, Report.category, Report.longitude, Report.latitude)
    rows = session.execute(wanted.where(Report.number.in_(numbers), visible))
    return {row.number: spot_of(row) for row in rows}


def _suspicious(use: Use, spot: Point) -> bool:
    """Say whether a report's picture was used before by somebody else, or for another place."""
    photo, twin = use.photo, use.twin
    if twin.subject[0] not in REPORTED or not _earlier(twin, photo):
        return False
    return twin.owner_id != photo.owner_id or distance_m(spot, use.spot) > SAME_PLACE_M


def _earlier(twin: Any, photo: Any) -> bool:
    return bool((twin.claimed_at, twin.photo_id) < (photo.claimed_at, photo.id))
