"""What an officer's answers are made of; the reporter is in none of them."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from citizen import geo, places
from citizen import service as reports
from citizen.geo import Crs, Point
from citizen.models import AssistingDepartment, HistoryEntry, Report
from citizen.states import ACTION_LABELS, STATUS_LABELS, VERDICT_LABELS, Clock
from media import publication
from moderation import access, alarms, neighbours, registry
from moderation.access import Officer
from moderation.models import Resolution
from moderation.photos import recycling
from moderation.photos.checks import PhotoFacts, ReportFacts, check

CASE_PHOTOS = ("report", "supplement")
# Of what a step changed; a place may name its reporter, and officers are not named either.
SHOWN_CHANGES = (
    "category",
    "address",
    "area",
    "suggested_department",
    "lead_department",
    "due_at",
    "verdict",
    "severity",
)


def etag(case: Report) -> str:
    """Return a case's ETag: its version, for the audience of staff."""
    return f'"{case.version}-staff"'


def matches(case: Report, sent: str) -> bool:
    """Say whether an `If-Match` names the present version, perhaps among others."""
    return etag(case) in {part.strip() for part in sent.split(",")}


def item(
    session: Session, case: Report, who: Officer, actions: list[str], now: datetime, crs: Crs
) -> dict[str, Any]:
    """Return what a list shows of a case."""
    departments = registry.departments(session)
    return {
        "number": case.number,
        "channel": case.channel,
        "category": case.category,
        "status": case.status,
        "status_label": STATUS_LABELS[case.status],
        "description": case.description,
        "location": place(case, who, crs),
        "area": places.area_named(case.area),
        "address": case.address,
        "occurred_at": case.occurred_at,
        "submitted_at": case.submitted_at,
        "department": case.lead_department and _department(departments, case.lead_department),
        "suggested_department": _department(departments, case.suggested_department),
        "due_at": case.due_at,
        "due_provisional": case.due_provisional,
        "overdue": overdue(case, now),
        **alarms.shown(session, case, now),
        "verdict": case.verdict,
        "verdict_label": case.verdict and VERDICT_LABELS[case.verdict],
        "severity": case.severity,
        "followers": case.followers,
        "version": case.version,
        "actions": actions,
    }


def overdue(case: Any, now: datetime) -> bool:
    """Say whether a running case is past its due time."""
    return case.clock is Clock.RUNNING and case.due_at <= now


def _department(names: Mapping[str, str], code: str) -> dict[str, str]:
    return {"code": code, "name": names.get(code, code)}


def place(case: Any, who: Officer, crs: Crs) -> dict[str, Any]:
    """Return the point of a case or its row; of insiders' categories, departments get 3 decimals.

    A precise place would name the person.
    """
    blurred = access.blurred(who, case.category)
    shown = geo.from_wgs84(access.spot(who, case), crs)
    digits = 3 if blurred else 7
    return {
        "longitude": round(shown.longitude, digits),
        "latitude": round(shown.latitude, digits),
        "crs": crs.value,
        "accuracy_m": None if blurred else case.accuracy_m,
    }


def items(
    session: Session, cases: Sequence[Report], who: Officer, now: datetime, crs: Crs
) -> list[dict[str, Any]]:
    """Return what a list shows, actions of the whole page in at most two queries."""
    offered = access.actions(session, cases, who, now)
    return [item(session, case, who, offered[case.id], now, crs) for case in cases]


def whole(
    session: Session, case: Report, who: Officer, now: datetime, crs: Crs = Crs.WGS84
) -> dict[str, Any]:
    """Return all that an officer may read of a case."""
    own = own_photos(session, case)
    shown = item(session, case, who, access.actions(session, [case], who, now)[case.id], now, crs)
    found = checks(session, case, own, who)
    return {
        **shown,
        "media": publication.for_staff(own),
        "assisting": _assisting(session, case),
        "checks": found,
        "similar": similar(session, case, who, found),
        "merged_into": _primary_number(session, case),
        "results": _results(session, case),
    }


def own_photos(session: Session, case: Report) -> list[Any]:
    """Return the photos that came with a case, and with its supplements."""
    photos = recycling.photos_of(session, [case.number])
    return [photo for kind in CASE_PHOTOS for photo in photos.get((kind, case.number), [])]


def similar(
    session: Session, case: Report, who: Officer, found: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return likely duplicates; what `checks` found says where the same pictures are."""
    pictured = {seen["number"] for seen in found["seen_before"]}
    return neighbours.likely_duplicates(session, case, who, pictured)


def _assisting(session: Session, case: Report) -> list[dict[str, str]]:
    if case.lead_department is None:
        return []
    helpers = select(AssistingDepartment.department).where(AssistingDepartment.report_id == case.id)
    departments = registry.departments(session)
    return [_department(departments, code) for code in sorted(session.scalars(helpers))]


def _primary_number(session: Session, case: Report) -> str | None:
    if case.primary_id is None:
        return None
    return session.scalar(select(Report.number).where(Report.id == case.primary_id))


def _results(session: Session, case: Report) -> list[dict[str, Any]]:
    """Return what departments found and did; each has photos, claimed at the instant of it."""
    photos = recycling.photos_of(session, [case.number]).get(("resolution", case.number), [])
    if not photos:
        return []
    found = list(
        session.scalars(
            select(Resolution).where(Resolution.report_id == case.id).order_by(Resolution.id)
        )
    )
    departments = registry.departments(session)
    return [
        {
            "at": result.at,
            "department": _department(departments, result.department),
            "finding": result.finding,
            "measures": result.measures,
            "media": publication.for_staff([p for p in photos if p.claimed_at == result.at]),
        }
        for result in found
    ]


def checks(session: Session, case: Report, photos: Sequence[Any], who: Officer) -> dict[str, Any]:
    """Compare what photos claim with what the resident says; unknown is null and proves nothing.

    Whoever may not know the precise place is told by what three decimals say, and not with what
    it was taken: in a plant, a phone names its owner. Nothing for a party to the case, who may have
    sent it: it would be a manual for fraud.
    """
    if access.parties(session, [case], who):
        return {"photos": [], "seen_before": []}
    blurred = access.blurred(who, case.category)
    report = ReportFacts(
        point=access.spot(who, case),
        submitted_at=case.submitted_at,
        occurred_at=case.occurred_at,
        accuracy_m=case.accuracy_m,
        crs=Crs(case.declared_crs),
    )
    return {
        "photos": [_checked(photo, report, blurred=blurred) for photo in photos],
        "seen_before": recycling.seen_before(
            session, case, photos, access.visible(who), partial(access.spot, who)
        ),
    }


def _checked(photo: Any, report: ReportFacts, *, blurred: bool) -> dict[str, Any]:
    found = check(_facts(photo, blurred=blurred), report)
    return {**found, "device": None} if blurred else found


def _facts(photo: Any, *, blurred: bool) -> PhotoFacts:
    """Return what a photo's row says of its file, under the names that it has there."""
    named = (name.name for name in fields(PhotoFacts) if name.name not in {"media", "received_at"})
    rest = {name: getattr(photo, name) for name in named}
    facts = PhotoFacts(media=photo.public_id, received_at=photo.created_at, **rest)
    if not blurred or facts.longitude is None or facts.latitude is None:
        return facts
    claimed = geo.coarse(Point(facts.longitude, facts.latitude))
    return replace(facts, longitude=claimed.longitude, latitude=claimed.latitude)


def history(session: Session, case: Report) -> dict[str, Any]:
    """Return all steps of a case, by role and department, never by name, and what rang for it."""
    departments = registry.departments(session)
    steps = [_step(entry, departments) for entry in reports.history_of(session, case)]
    return {"items": steps, "alarms": alarms.told(session, case), "next_cursor": None}


def _step(entry: HistoryEntry, departments: Mapping[str, str]) -> dict[str, Any]:
    return {
        "at": entry.at,
        "action": entry.action,
        "label": ACTION_LABELS[entry.action],
        "source": entry.source,
        "target": entry.target,
        "actor_role": entry.actor_role,
        "department": entry.department and _department(departments, entry.department),
        "note": entry.note,
        "changes": {name: entry.changes[name] for name in SHOWN_CHANGES if name in entry.changes},
        "version": entry.version,
    }
