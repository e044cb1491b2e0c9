"""Lists of cases: filters that are each an index, pages that cost the same wherever they are."""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from citizen.geo import COARSE_DECIMALS
from citizen.models import AssistingDepartment, Report
from citizen.states import Clock
from core.accounts import Credential
from core.clock import day_end, day_start
from core.paging import Page, page
from moderation.access import Officer, precise, visible
from moderation.schemas import Sort

Asked = Mapping[str, Any]
ROUNDING = 1e-6  # of a thousandth degree: what is left over when a decimal is multiplied
EXACT = ("status", "area", "category", "channel")


def found(session: Session, asked: Asked, who: Officer, now: datetime) -> Page[Report]:
    """Return one page of the cases that exist for the officer and meet the filters."""
    return page(
        session,
        select(Report).where(*wanted(asked, who, now)),
        keys=order(asked["sort"]),
        limit=asked["limit"],
        cursor=asked["cursor"],
        descending=asked["sort"] is Sort.NEWEST,
    )


def order(sort: Sort) -> tuple[InstrumentedAttribute[Any], ...]:
    """Return the columns that a list is sorted by; newest first is their descending order."""
    return (Report.due_at if sort is Sort.DUE else Report.submitted_at, Report.id)


def wanted(asked: Asked, who: Officer, now: datetime) -> list[ColumnElement[bool]]:
    """Return the conditions of a whole list: what exists for the officer, and the filters."""
    return [visible(who), *conditions(asked, who, now)]


def conditions(asked: Asked, who: Officer, now: datetime) -> list[ColumnElement[bool]]:
    """Return the conditions of the filters that were given."""
    given: list[ColumnElement[bool]] = [
        getattr(Report, name) == asked[name] for name in EXACT if asked[name] is not None
    ]
    if asked["department"] is not None:
        given.append(_of_department(asked["department"]))
    if asked["overdue"] is not None:
        late = (Report.clock == Clock.RUNNING) & (Report.due_at <= now)
        given.append(late if asked["overdue"] else ~late)
    if asked["assignee"] is not None:
        given.append(Report.assignee_id == _account_of(asked["assignee"]).scalar_subquery())
    if asked["q"] is not None:
        given.append(
            or_(
                *(
                    column.icontains(asked["q"], autoescape=True)
                    for column in (Report.description, Report.address)
                )
            )
        )
    return [*given, *_when(asked), *_where(asked, precise(who))]


def _of_department(code: str) -> ColumnElement[bool]:
    helping = select(AssistingDepartment.report_id).where(AssistingDepartment.department == code)
    return or_(Report.lead_department == code, Report.id.in_(helping))


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
    exact = Report.longitude.between(west, east) & Report.latitude.between(south, north)
    if precisely is None:
        return [exact]
    known = Report.category.in_(precisely)
    coarse = _coarsely(Report.longitude, west, east) & _coarsely(Report.latitude, south, north)
    return [(known & exact) | (~known & coarse)]


def _coarsely(
    degrees: InstrumentedAttribute[float], least: float, most: float
) -> ColumnElement[bool]:
    scale = 10**COARSE_DECIMALS
    first, last = math.ceil(least * scale - ROUNDING), math.floor(most * scale + ROUNDING)
    return func.round(degrees * scale).between(first, last)
