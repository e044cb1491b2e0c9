"""By what cases are parted: each case is in one group, so that groups add up to the total."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, func
from sqlalchemy.orm import Session

from citizen import places
from citizen.models import Report
from moderation import registry
from moderation.statistics.periods import Period

NOBODY = "-"  # the group of cases that no department leads (yet)
Filters = Mapping[str, str]


class By(StrEnum):
    """What cases can be parted by."""

    DEPARTMENT = "department"
    DISTRICT = "district"
    CATEGORY = "category"
    MONTH = "month"
    CHANNEL = "channel"


@dataclass(frozen=True)
class Grouping:
    """A partition: its key in the database, names of keys, and the case list's filter of a group.

    There is no such filter for departments: the list's includes where they only assist.
    """

    key: Callable[[Session], ColumnElement[Any]]
    names: Callable[[Session], Callable[[str], str]]
    filters: Callable[[Period, str], Filters | None]


def of_key(session: Session, by: By, group: str) -> ColumnElement[bool]:
    """Return the condition of one group."""
    key = GROUPINGS[by].key(session)
    return key.is_(None) if group == NOBODY else key == group


def month_of(session: Session, instant: Any) -> ColumnElement[str]:
    """Return the month in Shanghai, whatever the time zone of process, session or machine."""
    if session.get_bind().dialect.name == "sqlite":
        return func.strftime("%Y-%m", instant, "+8 hours")
    return func.to_char(func.timezone("Asia/Shanghai", instant), "YYYY-MM")


def _month(session: Session) -> ColumnElement[str]:
    return month_of(session, Report.submitted_at)


def _departments(session: Session) -> Callable[[str], str]:
    known = {**registry.departments(session), NOBODY: "未派单"}
    return lambda code: known.get(code, code)


def _categories(_session: Session) -> Callable[[str], str]:
    known = {found.code: found.name for found in places.categories()}
    return lambda code: known.get(code, code)


def _channels(_session: Session) -> Callable[[str], str]:
    known = {code: found.name for code, found in places.channels().items()}
    return lambda code: known.get(code, code)


def _within(period: Period) -> dict[str, str]:
    return {"submitted_from": str(period.start), "submitted_to": str(period.end)}


GROUPINGS: Mapping[By, Grouping] = {
    By.DEPARTMENT: Grouping(
        lambda _session: Report.lead_department.expression,
        _departments,
        lambda _period, _group: None,
    ),
    By.DISTRICT: Grouping(
        lambda _session: Report.area.expression,
        lambda _session: lambda code: places.area_named(code).name,
        lambda period, group: {**_within(period), "area": group},
    ),
    By.CATEGORY: Grouping(
        lambda _session: Report.category.expression,
        _categories,
        lambda period, group: {**_within(period), "category": group},
    ),
    By.MONTH: Grouping(
        _month,
        lambda _session: lambda name: f"{int(name[:4])}年{int(name[5:])}月",
        lambda period, group: _within(period.month(group)),
    ),
    By.CHANNEL: Grouping(
        lambda _session: Report.channel.expression,
        _channels,
        lambda period, group: {**_within(period), "channel": group},
    ),
}


def filters_of(by: By, period: Period, group: str | None) -> Filters | None:
    """Return the case list's filters of a group, or of the whole; None where it has none."""
    return _within(period) if group is None else GROUPINGS[by].filters(period, group)
