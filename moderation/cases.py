"""Lists of cases: filters that are each an index, pages that cost the same wherever they are."""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from citizen.geo import COARSE_DECIMALS
from citizen.models import Report
from citizen.states import Clock
from core.accounts import Credential
from core.clock import day_end, day_start
from core.database import unsought
from core.paging import Page, Part, page
from moderation.access import Officer, departments, of_department, precise, within
from moderation.narrowing import narrowed, plan_anew
from moderation.parts import shares
from moderation.schemas import Sort

Asked = Mapping[str, Any]
ROUNDING = 1e-6  # of a thousandth degree: what is left over when a decimal is multiplied
UNSHOWN = 0.5e-7  # degrees: what is rounded off where a place is shown
EXACT = ("status", "area", "category", "channel")
BESIDE = ("department", "overdue", "assignee", "q", "submitted_from", "submitted_to", "bbox")
FILTERS = (*EXACT, *BESIDE)


def found(session: Session, asked: Asked, who: Officer, now: datetime) -> Page[Report]:
    """Return one page of the cases that exist for the officer and meet the filters."""
    if not (who.sees_all and all(asked[name] is None for name in FILTERS)):
        plan_anew(session)  # the plain list has but one plan
    departments, met = scope(asked, who), given(session, asked, who, now)
    keys = order(asked["sort"])
    parted = [Part(*share.cases((Report.id,), keys[0].key, met)) for share in shares(departments)]
    return page(
        session,
        select(Report) if departments else select(Report).where(*met),
        keys=keys,
        limit=asked["limit"],
        cursor=asked["cursor"],
        descending=asked["sort"] is Sort.NEWEST,
        parts=parted if departments else (),
    )


def scope(asked: Asked, who: Officer) -> frozenset[str]:
    """Return the departments to which every case of the list must belong."""
    return departments(who) | ({asked["department"]} if asked["department"] else set())


def given(session: Session, asked: Asked, who: Officer, now: datetime) -> list[ColumnElement[bool]]:
    """Return what a case of these departments must meet besides."""
    return [*within(who), *conditions(asked, who, now), *narrowed(session, asked)]


def order(sort: Sort) -> tuple[InstrumentedAttribute[Any], ...]:
    """Return the columns that a list is sorted by; newest first is their descending order."""
    return (Report.due_at if sort is Sort.DUE else Report.submitted_at, Report.id)


def wanted(asked: Asked, who: Officer, now: datetime) -> list[ColumnElement[bool]]:
    """Return the conditions of a whole list: what exists for the officer, and the filters."""
    belonging = [of_department(code) for code in sorted(scope(asked, who))]
    return [*belonging, *within(who), *conditions(asked, who, now)]


def conditions(asked: Asked, who: Officer, now: datetime) -> list[ColumnElement[bool]]:
    """Return the conditions of the filters that were given, but for the department's."""
    met = [_exact(asked, name) for name in EXACT if asked[name] is not None]
    if asked["overdue"] is not None:
        late = (Report.clock == Clock.RUNNING) & (Report.due_at <= now)
        met.append(late if asked["overdue"] else ~late)
    if asked["assignee"] is not None:
        met.append(Report.assignee_id == _account_of(asked["assignee"]).scalar_subquery())
    if asked["q"] is not None:
        met.append(
            or_(
                *(
                    column.icontains(asked["q"], autoescape=True)
                    for column in (Report.description, Report.address)
                )
            )
        )
    return [*met, *_when(asked), *_where(asked, precise(who))]


def _exact(asked: Asked, name: str) -> ColumnElement[bool]:
    """Return a filter by one column; by due time, only those of a status have an index in order."""
    column = getattr(Report, name)
    walked = asked["sort"] is Sort.DUE and name != "status"
    met: ColumnElement[bool] = (unsought(column) if walked else column) == asked[name]
    return met


def _account_of(username: str) -> Select[int]:
    return select(Credential.account_id).where(Credential.username == username)


def _when(asked: Asked) -> list[ColumnElement[bool]]:
    wanted = []
    if asked["submitted_from"] is not None:
        wanted.append(Report.submitted_at >= day_start(asked["submitted_from"]))
    if asked["submitted_to"] is not None:
        wanted.append(Report.submitted_at < day_end(asked["submitted_to"]))
    return wanted


def _where(asked: Asked, precisely: frozenset[str] | None) -> list[ColumnElement[bool]]:
    """Return the box, all its edges included; half-open boxes would lose what lies on a corner.

    What is shown with three decimals is found by three decimals, lest small boxes find the rest.
    """
    if asked["bbox"] is None:
        return []
    west, south, east, north = asked["bbox"]
    longitude, latitude = unsought(Report.longitude), unsought(Report.latitude)  # see narrowing
    exact = _as_shown(longitude, west, east) & _as_shown(latitude, south, north)
    if precisely is None:
        return [exact]
    known = Report.category.in_(precisely)
    coarse = _coarsely(Report.longitude, west, east) & _coarsely(Report.latitude, south, north)
    return [(known & exact) | (~known & coarse)]


def _as_shown(degrees: ColumnElement[float], least: float, most: float) -> ColumnElement[bool]:
    """Return whether a coordinate lies in a span as it is shown, with 7 decimals.

    Converted ones have more, so a box drawn around what a list shows would lose its corners.
    """
    met: ColumnElement[bool] = degrees.between(least - UNSHOWN, most + UNSHOWN)
    return met


def _coarsely(
    degrees: InstrumentedAttribute[float], least: float, most: float
) -> ColumnElement[bool]:
    scale = 10**COARSE_DECIMALS
    first, last = math.ceil(least * scale - ROUNDING), math.floor(most * scale + ROUNDING)
    return func.round(degrees * scale).between(first, last)
