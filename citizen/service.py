"""Receiving reports, and what their reporters may do and read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from citizen import claims, geo, places, residents, workflow
from citizen.atlas import Place
from citizen.errors import LocationInvalid, OutsideLakeArea, OutsideServiceArea
from citizen.events import ReportSubmitted
from citizen.geo import Crs, Point
from citizen.models import HistoryEntry, Report
from citizen.numbers import NumberInvalid, new_number, normalise
from citizen.ports import Assess, PointsOf
from citizen.states import Action, Clock, Status
from core.clock import local_day
from core.database import locked
from core.errors import Invalid, NotFound
from core.events import announce, port
from core.messages import say
from core.rows import make_once
from core.settings import settings
from core.tokens import Caller
from media import service as media

PHOTOS = 9
CLOCK_SKEW = timedelta(minutes=5)
OWN_PHOTOS = ("report", "supplement")
EARNING = (("earning", residents.EARNING),)
NOTHING: Mapping[str, Any] = {"state": "none", "amount": 0}


@dataclass(frozen=True)
class Spot:
    """A checked point: what was declared, the same in WGS-84, and what lies there."""

    declared: Point
    crs: Crs
    point: Point
    accuracy_m: float | None
    place: Place
    area: str


def submit(
    session: Session, sent: Mapping[str, Any], reporter: Caller, now: datetime
) -> tuple[Report, Sequence[Any], Mapping[str, Any]]:
    """Receive a report, and return it with its photos and the points that it was promised.

    Raises:
        Invalid and its kin: a field is wrong, by path; media errors as contract 4 says.
    """
    check_photos(sent["media"])
    check_category(sent["category"], sent["channel"])
    spot = find_spot(sent["location"], sent["channel"])
    check_site(session, sent["site"])
    report = _insert(session, _values(sent, spot, reporter, now))
    subject = "report", report.number
    photos = media.claim(sent["media"], owner_id=reporter.account_id, subject=subject, now=now)
    workflow.opened(session, report, reporter, now)
    promised = announce(ReportSubmitted(claims.claim_on(report)))
    return report, photos, next(iter(promised), NOTHING)


def check_photos(ids: Sequence[str]) -> None:
    """Require one to nine photos."""
    if not 1 <= len(ids) <= PHOTOS:
        raise Invalid(
            errors={"media": [say(f"应有 1 至 {PHOTOS} 张照片", f"Must hold 1 to {PHOTOS} photos")]}
        )


def check_category(code: str, channel: str) -> None:
    """Require a known channel, and a category of that channel."""
    if channel not in places.channels():
        raise Invalid(errors={"channel": [say("没有该渠道", "No such channel")]})
    category = places.category(code)
    if category is None or channel not in category.channels:
        raise Invalid(
            errors={"category": [say("该渠道没有此类别", "Not a category of this channel")]}
        )


def check_site(session: Session, code: str | None) -> None:
    """Require that a scanned code stands for a site."""
    if code is not None and places.site(session, code) is None:
        raise Invalid(errors={"site": [say("没有该点位", "No such site")]})


def find_spot(location: Mapping[str, Any], channel: str) -> Spot:
    """Find what lies at a point of the city that the channel takes.

    Raises:
        LocationInvalid, OutsideServiceArea, OutsideLakeArea: with the fields at fault.
    """
    spot = spot_in_city(location)
    if places.channels()[channel].lake_only and not spot.place.near_lake:
        raise OutsideLakeArea(
            errors={"location": [say("不在南四湖及入湖河流范围内", "Away from the lake")]}
        )
    return spot


def spot_in_city(location: Mapping[str, Any]) -> Spot:
    """Check a point, turn it into WGS-84 and find what lies there.

    Raises:
        LocationInvalid, OutsideServiceArea: with the fields at fault.
    """
    declared = Point(location["longitude"], location["latitude"])
    faults = geo.faults(declared.longitude, declared.latitude)
    if faults:
        raise LocationInvalid(errors=faults)
    crs = location["crs"]
    point = geo.to_wgs84(declared, crs)
    place = places.locate(point)
    if not place.in_city or place.area is None:
        raise OutsideServiceArea(
            errors={"location": [say("该位置不在本市范围内", "Outside the service area")]}
        )
    return Spot(declared, crs, point, location.get("accuracy_m"), place, place.area.code)


def place_values(spot: Spot) -> dict[str, Any]:
    """Return the columns of a report that a point fills."""
    return {
        "longitude": spot.point.longitude,
        "latitude": spot.point.latitude,
        "declared_crs": spot.crs.value,
        "declared_longitude": spot.declared.longitude,
        "declared_latitude": spot.declared.latitude,
        "accuracy_m": spot.accuracy_m,
        "area": spot.area,
    }


def _values(sent: Mapping[str, Any], spot: Spot, reporter: Caller, now: datetime) -> dict[str, Any]:
    occurred_at = sent["occurred_at"] or now
    if occurred_at > now + CLOCK_SKEW:
        raise Invalid(
            errors={"occurred_at": [say("时间不能晚于现在", "May not lie in the future")]}
        )
    assessment = port(Assess)(sent["category"], spot.place, now)  # type: ignore[type-abstract]
    return {
        **place_values(spot),
        "channel": sent["channel"],
        "category": sent["category"],
        "description": sent["description"],
        "address": sent["address"],
        "site": sent["site"],
        "occurred_at": occurred_at,
        "submitted_at": now,
        "reporter_id": reporter.account_id,
        "anonymous": sent["anonymous"],
        "account": reporter.account_id,
        "unnamed": sent["anonymous"],
        "status": Status.SUBMITTED,
        "clock": Clock.RUNNING,
        "suggested_department": assessment.department,
        **assessment.deadline.columns,
    }


def _insert(session: Session, values: dict[str, Any]) -> Report:
    """Insert under a fresh case number; a number that is taken already is drawn again."""
    while True:
        number = new_number(settings().case_prefix, local_day(values["submitted_at"]))
        row = {"number": number, **values}
        report = make_once(session, Report, row, ("number",), EARNING)
        if report is not None:
            return report


def read_number(text: str) -> str:
    """Return a case number as it is stored, read as people type it; a wrong one is not there."""
    try:
        return normalise(text)
    except NumberInvalid as error:
        raise NotFound from error


def own_report(session: Session, number: str, reporter: Caller, *, lock: bool = False) -> Report:
    """Return one of the caller's reports; somebody else's is not there.

    With `lock`, all reports of its case are locked in the order of their ids, so that nobody waits
    in a circle.
    """
    own = Report.number == read_number(number), Report.reporter_id == reporter.account_id
    statement = select(Report).where(*own)
    if lock:
        mine = select(func.coalesce(Report.primary_id, Report.id)).where(*own).scalar_subquery()
        family = select(Report).where(or_(Report.id == mine, Report.primary_id == mine))
        session.scalars(locked(family.order_by(Report.id))).all()
    report = session.scalars(locked(statement) if lock else statement).one_or_none()
    if report is None:
        raise NotFound
    return report


def locked_report(session: Session, number: str) -> Report:
    """Lock and return a report by its number.

    Raises:
        NotFound: there is none.
    """
    report = session.scalars(
        locked(select(Report).where(Report.number == read_number(number)))
    ).one_or_none()
    if report is None:
        raise NotFound
    return report


def withdraw(session: Session, report: Report, reporter: Caller, now: datetime) -> None:
    """Take a report back before its acceptance; the earliest follower then leads the case."""
    heir = promote_follower(session, report, now) if report.followers else None
    changes = {"followers": 0} if heir else {}
    workflow.advance(session, report, Action.WITHDRAW, actor=reporter, now=now, changes=changes)
    if heir is not None:
        claims.settle(session, heir, now)


def promote_follower(session: Session, report: Report, now: datetime) -> Report:
    """Let the earliest follower lead the case, the other followers with it."""
    family = select(Report).where(Report.primary_id == report.id).order_by(Report.id)
    heir, *others = sorted(
        session.scalars(locked(family)), key=lambda follower: (follower.submitted_at, follower.id)
    )
    changes = {"primary_id": None, "followers": len(others)}
    workflow.advance(session, heir, Action.LEAD, actor=None, now=now, changes=changes)
    for other in others:
        workflow.follow(session, other, heir, now)
    return heir


def supplement(
    session: Session, report: Report, sent: Mapping[str, Any], reporter: Caller, now: datetime
) -> None:
    """Answer a question with words, photos or both; the case goes back to where it came from."""
    if not sent["text"] and not sent["media"]:
        raise Invalid(errors={"text": [say("请填写说明或上传照片", "Words or photos are needed")]})
    if len(sent["media"]) > PHOTOS:
        raise Invalid(errors={"media": [say(f"最多 {PHOTOS} 张照片", f"At most {PHOTOS} photos")]})
    if sent["media"]:
        subject = "supplement", report.number
        media.claim(sent["media"], owner_id=reporter.account_id, subject=subject, now=now)
    workflow.advance(session, report, Action.SUPPLEMENT, actor=reporter, now=now, note=sent["text"])


def history_of(session: Session, report: Report) -> list[HistoryEntry]:
    """Return all steps of a case, in order."""
    steps = (
        select(HistoryEntry)
        .where(HistoryEntry.report_id == report.id)
        .order_by(HistoryEntry.version)
    )
    return list(session.scalars(steps))


def photos_of(numbers: Sequence[str], kinds: Sequence[str] = OWN_PHOTOS) -> dict[str, list[Any]]:
    """Return the photos of many reports by number, in the order of upload, in one query."""
    found = media.of([(kind, number) for number in numbers for kind in kinds])
    return {
        number: [photo for kind in kinds for photo in found.get((kind, number), [])]
        for number in numbers
    }


def points_of(report_ids: Sequence[int]) -> Mapping[int, Mapping[str, Any]]:
    """Return what reports have earned, through the port that rewards fills."""
    return port(PointsOf)(report_ids)  # type: ignore[type-abstract]
