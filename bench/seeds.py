"""Rows to measure among: cases as a city has them, photos, residents with points."""

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from bench import bulk
from citizen import places, residents
from citizen.geo import Point
from citizen.models import AssistingDepartment, Report, ReportWords
from citizen.numbers import new_number
from citizen.states import Clock, Earning, Status, Unit, Verdict
from core.accounts import Account
from core.clock import local_day
from core.database import public_id
from core.rows import put
from media.models import Photo
from moderation import registry
from moderation.staff import StaffProfile
from rewards.catalogue import Offer
from rewards.models import PointsAccount, PointsLot

SPAN = timedelta(days=730)
PLENTY = 1_000_000
PATTERN = 10_000  # cases that are made one by one
SELDOM = 2_000  # one case in so many holds a word that few hold
# In 1,000: most is over, and what is open is what officers look at.
SHARES: dict[Status, int] = {
    Status.SUBMITTED: 10,
    Status.INFO_REQUESTED: 4,
    Status.ACCEPTED: 8,
    Status.DISPATCHED: 10,
    Status.HANDLING: 22,
    Status.PARKED: 3,
    Status.RESOLVED: 5,
    Status.CLOSED: 858,
    Status.DECLINED: 40,
    Status.MERGED: 25,
    Status.WITHDRAWN: 15,
}
DISPATCHED = {Status.DISPATCHED, Status.HANDLING, Status.PARKED, Status.RESOLVED, Status.CLOSED}
STOPPED = {Status.CLOSED, Status.DECLINED, Status.MERGED, Status.WITHDRAWN}
PAUSED = {Status.INFO_REQUESTED, Status.PARKED}
WORDS = ("排污口", "黑水", "异味", "垃圾", "焚烧", "扬尘", "噪声", "死鱼", "漂浮物", "夜间施工")
CENTRES = ((116.587, 35.415), (116.99, 35.59), (117.13, 34.81), (116.65, 34.99), (116.34, 35.4))


def point(chance: random.Random) -> tuple[Point, str]:
    """Return a point in the city, near one of its towns, and the code of its area."""
    while True:
        longitude, latitude = chance.choice(CENTRES)
        found = Point(chance.gauss(longitude, 0.08), chance.gauss(latitude, 0.08))
        place = places.locate(found)
        if place.in_city and place.area is not None:
            return found, place.area.code


def cases(session: Session, count: int, now: datetime, chance: random.Random) -> None:
    """Insert cases spread over two years, states, departments and areas; new ones are open.

    Many are copies of some thousands, which are made one by one.
    """
    times = max(1, count // PATTERN)
    _some(session, count // times, now, chance)
    if times > 1:
        apart = int(SPAN.total_seconds() / count)
        bulk.multiply(session.connection(), times, apart)


def _some(session: Session, count: int, now: datetime, chance: random.Random) -> None:
    spots = [point(chance) for _ in range(400)]
    people = list(session.scalars(select(Account.id).where(Account.kind == "resident")))
    staff = select(StaffProfile.department, StaffProfile.account_id)
    handlers = dict(session.execute(staff.where(StaffProfile.department.is_not(None))).all())
    departments = sorted(registry.departments(session))
    categories = [category for category in places.categories() if "suishoupai" in category.channels]
    choices = (spots, people, handlers, departments, categories)
    rows = [_case(at, count, now, chance, choices) for at in range(count)]
    put(session, Report, *rows)
    words = [{"rowid": row["id"], "grams": (row["description"], row["address"])} for row in rows]
    put(session, ReportWords, *words)
    _assistants(session, departments, chance)
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text(bulk.LAST_ID))


def _case(
    at: int, count: int, now: datetime, chance: random.Random, choices: Sequence[Any]
) -> dict[str, Any]:
    spots, people, handlers, departments, categories = choices
    spot, area = chance.choice(spots)
    category = chance.choice(categories)
    submitted_at = now - SPAN * (1 - at / count) - timedelta(seconds=chance.randrange(60))
    status = _status(chance, at / count)
    gone = status in DISPATCHED
    true = gone and chance.random() < 0.7
    longitude = spot.longitude + chance.uniform(-0.004, 0.004)
    latitude = spot.latitude + chance.uniform(-0.004, 0.004)
    lead = chance.choice(departments)
    return {
        "id": at + 1,
        "number": new_number("3708", local_day(submitted_at)),
        "channel": "huhutong" if "huhutong" in category.channels and at % 4 == 0 else "suishoupai",
        "category": category.code,
        "description": _told(at, chance),
        "reporter_id": chance.choice(people),
        "anonymous": False,
        "earning": Earning.YES,
        "longitude": longitude,
        "latitude": latitude,
        "declared_crs": "wgs84",
        "declared_longitude": longitude,
        "declared_latitude": latitude,
        "accuracy_m": 15.0,
        "address": f"测试路 {at % 900} 号",
        "area": area,
        "site": None,
        "occurred_at": submitted_at,
        "submitted_at": submitted_at,
        "status": status,
        "origin": Status.SUBMITTED if status in {Status.INFO_REQUESTED, Status.MERGED} else None,
        "version": 6 if gone else 2,
        "primary_id": None,
        "followers": 0,
        "suggested_department": lead,
        "lead_department": lead if gone else None,
        "assignee_id": handlers.get(lead) if gone else None,
        "dispatched_at": submitted_at + timedelta(days=1) if gone else None,
        "ended_at": submitted_at + timedelta(days=9) if status in STOPPED else None,
        "clock": _clock(status),
        "due_at": submitted_at + timedelta(days=chance.choice((2, 7, 15, 30))),
        "due_provisional": False,
        "due_from": submitted_at,
        "due_unit": Unit.WORKING_DAYS,
        "due_amount": None,
        "alarm": None,
        "paused_at": submitted_at + timedelta(days=1) if status in PAUSED else None,
        "next_alarm_at": None,
        "round": 1,
        "verified_round": 1 if gone else 0,
        "verdict": (Verdict.SUBSTANTIATED if true else Verdict.UNSUBSTANTIATED) if gone else None,
        "severity": chance.randint(1, 3) if true else None,
        "extension": "none",
        "appeal": "none",
    }


def _told(at: int, chance: random.Random) -> str:
    """Describe a case by words that are often used, and now and then by one that is not."""
    words = chance.sample(WORDS, 4) + (["沼气"] if at % SELDOM == 0 else [])
    return "，".join(words) + f"，编号{at}"


def _status(chance: random.Random, age: float) -> Status:
    """Draw a status; nine of ten open cases are among the newest tenth."""
    drawn = chance.choices(list(SHARES), list(SHARES.values()))[0]
    if drawn in STOPPED or age > 0.9 or chance.random() < 0.1:
        return drawn
    return Status.CLOSED


def _clock(status: Status) -> Clock:
    if status in STOPPED:
        return Clock.STOPPED
    return Clock.PAUSED if status in PAUSED else Clock.RUNNING


def _assistants(session: Session, departments: Sequence[str], chance: random.Random) -> None:
    """Let one case in twenty have a department that helps."""
    instants = select(Report.id, Report.lead_department, Report.submitted_at, Report.due_at)
    rows = session.execute(instants.where(Report.id % 20 == 0)).all()
    names = ("report_id", "department", "submitted_at", "due_at")
    helped = [
        dict(zip(names, (key, chance.choice(departments), *instants), strict=True))
        for key, lead, *instants in rows
        if lead is not None
    ]
    put(session, AssistingDepartment, *helped)


def photos(session: Session, owners: Sequence[int], now: datetime) -> list[str]:
    """Insert one unused photo for each owner named, and return their public ids."""
    rows = [
        {
            "public_id": public_id(),
            "key": public_id(),
            "owner_id": owner,
            "created_at": now,
            "touched_at": now,
            "sha256": public_id() * 2,
            "byte_size": 2_000_000,
            "mime_type": "image/jpeg",
            "file_name": "photo.jpg",
            "width": 3024,
            "height": 4032,
            "likeness": None,
        }
        for owner in owners
    ]
    session.execute(insert(Photo), rows)
    return [str(row["public_id"]) for row in rows]


def people(session: Session, numbers: Sequence[int], now: datetime) -> Iterator[Account]:
    """Enrol residents by number, with both consents, and points for many vouchers in two lots."""
    for number in numbers:
        account = residents.enrol(session, f"139{number:08d}", now)
        for purpose in residents.Purpose:
            residents.give(session, account.id, purpose, residents.CURRENT[purpose], now)
        session.add(PointsAccount(account_id=account.id, available=2 * PLENTY))
        session.flush()
        for days in (100, 465):
            lot = {"granted": PLENTY, "remaining": PLENTY, "expires_at": now + timedelta(days)}
            session.add(PointsLot(account_id=account.id, **lot))
        yield account


def plenty(session: Session) -> str:
    """Fill the stock of the cheapest offer, and return its public id."""
    offer = session.scalars(select(Offer).order_by(Offer.points_price)).first()
    if offer is None:
        raise LookupError("the demo set has no offers")
    offer.stock_left = PLENTY
    return offer.public_id
