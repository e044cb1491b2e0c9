"""Departments, routing and deadline rules, and the calendar: rows that operators edit.

They are kept in memory; each process reads them again after 30 s. What the pure rules need is put
together here.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from flask import current_app
from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from citizen.atlas import Place
from core.clock import local_day
from core.upsert import insert_into
from moderation import routing
from moderation.calendar import WorkCalendar, overrides_from_json
from moderation.deadlines import DeadlineRule
from moderation.models import CalendarDay, Department, RoutingRule
from moderation.models import DeadlineRule as DeadlineRow
from moderation.routing import Decision, Facts, Rule

DATA = Path(__file__).resolve().parent / "data"
KEPT_SECONDS = 30
NOTE = 200


@dataclass(frozen=True)
class Rules:
    """All that decides routing and deadlines, as of one reading; closed departments keep names."""

    departments: Mapping[str, routing.Department]
    names: Mapping[str, str]
    routing: tuple[Rule, ...]
    deadlines: tuple[DeadlineRule, ...]
    calendar: WorkCalendar
    read_at: float
    version: str  # of the routing table


def rules(session: Session) -> Rules:
    """Return the rules in force, from memory or the database."""
    caches: dict[str, Any] = current_app.extensions["caches"]
    kept: Rules | None = caches.get("rules")
    if kept is None or time.monotonic() > kept.read_at + KEPT_SECONDS:
        kept = caches["rules"] = _read(session)
    return kept


def forget() -> None:
    """Let this process read the rules again at once; others do so within 30 s."""
    current_app.extensions["caches"].pop("rules", None)


def _read(session: Session) -> Rules:
    rows = session.execute(select(Department.code, Department.name, Department.active)).all()
    days = session.execute(select(CalendarDay.day, CalendarDay.working))
    version, table = _edition(session, RoutingRule)
    _, terms = _edition(session, DeadlineRow)
    return Rules(
        departments={
            row.code: routing.Department(row.code, row.name) for row in rows if row.active
        },
        names={row.code: row.name for row in rows},
        routing=tuple(Rule.from_json(body) for body in table),
        deadlines=tuple(DeadlineRule.from_json(body) for body in terms),
        calendar=WorkCalendar(dict(days.all())),
        read_at=time.monotonic(),
        version=version,
    )


def _edition(session: Session, model: Any) -> tuple[str, list[dict[str, Any]]]:
    """Return the latest version and its rows, in order; `-` where nothing was loaded yet."""
    latest = select(func.max(model.version)).scalar_subquery()
    rows = select(model.version, model.body).where(model.version == latest)
    found = session.execute(rows.order_by(model.position)).all()
    return (found[0].version if found else "-"), [row.body for row in found]


def departments(session: Session) -> Mapping[str, str]:
    """Return the names of departments by code, of closed ones too: old cases name them."""
    return rules(session).names


def suggest(session: Session, category: str, place: Place, received_at: datetime) -> Decision:
    """Return whose job a report probably is, with the rule that says so."""
    known = rules(session)
    facts = Facts.at(category, place)
    on = local_day(received_at)
    return routing.route(known.routing, facts, on=on, departments=known.departments)


def explain(session: Session, facts: Facts, on: date) -> tuple[routing.Explanation, str]:
    """Decide for facts on a Shanghai day, with every rule that was tried, and the table's version.

    Raises:
        LookupError: no rule takes the case.
    """
    known = rules(session)
    found = routing.explain(known.routing, facts, on=on, departments=known.departments)
    return found, known.version


def load_shipped(session: Session, folder: Path = DATA) -> list[str]:
    """Bring the shipped departments and rules into the database; return what was new."""
    loaded = [
        name
        for name, load in (
            ("departments", _load_departments),
            ("routing", _load_routing),
            ("deadlines", _load_deadlines),
            ("calendar", _load_calendar),
        )
        if load(session, json.loads((folder / f"{name}.json").read_text(encoding="utf-8")))
    ]
    forget()
    return loaded


def load_calendar(session: Session, document: Mapping[str, Any]) -> int:
    """Load days of a decree, also over days that are there; return how many.

    Raises:
        ValueError, KeyError, TypeError: the document is not of the form of data/calendar.json.
    """
    working = overrides_from_json(document["days"])
    notes = {date.fromisoformat(body["day"]): body.get("note") for body in document["days"]}
    if any(note is not None and not 0 < len(note) <= NOTE for note in notes.values()):
        raise ValueError(f"a note has 1 to {NOTE} characters")
    rows = [{"day": day, "working": works, "note": notes[day]} for day, works in working.items()]
    if rows:
        added = insert_into(session, CalendarDay).values(rows)
        renewed = {name: added.excluded[name] for name in ("working", "note")}
        session.execute(added.on_conflict_do_update(index_elements=["day"], set_=renewed))
    forget()
    return len(rows)


def _load_departments(session: Session, document: Mapping[str, Any]) -> bool:
    known = set(session.scalars(select(Department.code)))
    rows = [
        {"code": body["code"], "name": body["name"], "active": True}
        for body in document["departments"]
        if body["code"] not in known
    ]
    if rows:
        session.execute(insert(Department), rows)
    return bool(rows)


def _load_routing(session: Session, document: Mapping[str, Any]) -> bool:
    found = tuple(Rule.from_json(body) for body in document["rules"])
    named = {
        row.code: routing.Department(row.code, row.name)
        for row in session.scalars(select(Department))
    }
    routing.check(found, named, on=date.today())  # noqa: DTZ011  any day in force will do
    return _load_version(session, RoutingRule, document["version"], document["rules"])


def _load_deadlines(session: Session, document: Mapping[str, Any]) -> bool:
    for body in document["rules"]:
        DeadlineRule.from_json(body)
    return _load_version(session, DeadlineRow, document["version"], document["rules"])


def _load_version(session: Session, model: Any, version: Any, bodies: list[Any]) -> bool:
    name = f"{version:04d}" if isinstance(version, int) else str(version)
    if session.scalar(select(model.id).where(model.version == name).limit(1)) is not None:
        return False
    rows = [{"version": name, "position": at, "body": body} for at, body in enumerate(bodies)]
    session.execute(insert(model), rows)
    return True


def _load_calendar(session: Session, document: Mapping[str, Any]) -> bool:
    known = set(session.scalars(select(CalendarDay.day)))
    rows = [
        {
            "day": date.fromisoformat(body["day"]),
            "working": body["working"],
            "note": body.get("note"),
        }
        for body in document["days"]
        if date.fromisoformat(body["day"]) not in known
    ]
    if rows:
        session.execute(insert(CalendarDay), rows)
    return bool(rows)
