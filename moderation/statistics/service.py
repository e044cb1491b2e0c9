"""Counting: one statement for all that a case's row tells, one for each measure that it doesn't."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session

from citizen.models import Report
from core.api import PREFIX
from core.paging import Page, page
from moderation.access import Officer, visible
from moderation.statistics.groups import GROUPINGS, NOBODY, By, filters_of, of_key
from moderation.statistics.measures import MEASURES, Counted
from moderation.statistics.periods import Period

Numbers = dict[Counted, int]
PART = "part"  # no column's name: databases would group by that instead


@dataclass(frozen=True)
class Question:
    """What is counted for whom, as of when."""

    who: Officer
    period: Period
    by: By
    now: datetime

    @property
    def conditions(self) -> list[ColumnElement[bool]]:
        return [visible(self.who), *self.period.holds]


def handling(session: Session, asked: Question) -> dict[str, Any]:
    """Return all numbers by group and in total, each with the address of its list."""
    parted = _counted(session, asked)
    names = GROUPINGS[asked.by].names(session)
    total = {code: sum(numbers[code] for numbers in parted.values()) for code in Counted}
    return {
        "items": [
            {"code": key, "name": names(key), **_told(asked, parted[key], key)}
            for key in sorted(parted)
        ],
        "total": _told(asked, total, None),
    }


def _told(asked: Question, numbers: Mapping[Counted, int], group: str | None) -> dict[str, Any]:
    """Return the numbers beside what lists them."""
    lists = {code: address(asked, code, group) for code in Counted}
    return {**{code.value: numbers[code] for code in Counted}, "lists": lists}


def _counted(session: Session, asked: Question) -> dict[str, Numbers]:
    own = [code for code in Counted if not MEASURES[code].beside]
    found: defaultdict[str, Numbers] = defaultdict(lambda: dict.fromkeys(Counted, 0))
    for key, *counts in _rows(session, asked, own):
        found[key or NOBODY].update(zip(own, counts, strict=True))
    for code in Counted:
        if MEASURES[code].beside:
            for key, count in _beside(session, asked, code):
                found[key or NOBODY][code] = count
    return dict(found)


def _rows(session: Session, asked: Question, codes: list[Counted]) -> Any:
    sums = [func.sum(case((MEASURES[code].condition(asked.now), 1), else_=0)) for code in codes]
    key = GROUPINGS[asked.by].key(session).label(PART)
    return session.execute(select(key, *sums).where(*asked.conditions).group_by(PART))


def _beside(session: Session, asked: Question, code: Counted) -> Any:
    key = GROUPINGS[asked.by].key(session).label(PART)
    met = MEASURES[code].condition(asked.now)
    return session.execute(
        select(key, func.count()).select_from(Report).where(*asked.conditions, met).group_by(PART)
    )


def listed(
    session: Session,
    asked: Question,
    measure: Counted,
    group: str | None,
    *,
    limit: int,
    cursor: str | None,
) -> Page[Report]:
    """Return a page of the cases that a number counted, newest first."""
    wanted = [*asked.conditions, MEASURES[measure].condition(asked.now)]
    if group is not None:
        wanted.append(of_key(session, asked.by, group))
    return page(
        session,
        select(Report).where(*wanted),
        keys=(Report.submitted_at, Report.id),
        limit=limit,
        cursor=cursor,
        descending=True,
    )


def address(asked: Question, measure: Counted, group: str | None) -> str:
    """Return what to GET for the list: the case list where its filters find the same cases."""
    own = MEASURES[measure].filters
    grouped = filters_of(asked.by, asked.period, group)
    if own is not None and grouped is not None:
        return f"{PREFIX}/cases?{urlencode({**grouped, **own})}"
    named = {} if group is None else {"group": group}
    days = {"from": asked.period.start, "to": asked.period.end}
    query = {"measure": measure.value, "by": asked.by.value, **named, **days}
    return f"{PREFIX}/stats/handling/cases?{urlencode(query)}"
