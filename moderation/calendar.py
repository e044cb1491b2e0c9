"""Pure: which days are worked. Statutory holidays and make-up days (调休) are a yearly decree.

The library knows the years that the State Council has published; the city's own table overrides it
day by day and brings later years before a new release of the library does. Beyond both, Monday to
Friday is assumed, and whatever rests on it is provisional.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, Protocol

import chinese_calendar

SATURDAY = 5
LONGEST_SEARCH = 60


class Calendar(Protocol):
    """What deadlines ask of a calendar."""

    def works(self, day: date) -> bool:
        """Say whether offices work on the day."""

    def published(self, day: date) -> bool:
        """Say whether that is decreed, not assumed."""


@dataclass(frozen=True)
class WorkCalendar:
    """The published calendar and the city's own table: `overrides` says of a day whether it works.

    A year counts as published in the table once its 1 January and its 1 October are there: every
    decree names both, a single day of an emergency names neither.
    """

    overrides: Mapping[date, bool] = field(default_factory=dict)

    def works(self, day: date) -> bool:
        known = self.overrides.get(day)
        if known is None:
            known = _decreed(day)
        return day.weekday() < SATURDAY if known is None else known

    def published(self, day: date) -> bool:
        own = date(day.year, 1, 1) in self.overrides and date(day.year, 10, 1) in self.overrides
        return own or _decreed(day) is not None


def overrides_from_json(rows: Iterable[Mapping[str, Any]]) -> dict[date, bool]:
    """Read rows `{"day": "2027-01-01", "working": false, "note": …}`.

    Raises:
        ValueError, KeyError: a row is not of that form.
    """
    return {date.fromisoformat(row["day"]): _yes_or_no(row["working"]) for row in rows}


def previous_working_day(day: date, calendar: Calendar) -> date:
    """Give the last worked day before the day.

    Raises:
        ValueError: none within two months; the longest holiday is far shorter.
    """
    for back in range(1, LONGEST_SEARCH):
        if calendar.works(day - timedelta(days=back)):
            return day - timedelta(days=back)
    raise ValueError(f"no working day within {LONGEST_SEARCH} days before {day}")


@lru_cache(maxsize=4096)
def _decreed(day: date) -> bool | None:
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        return None


def _yes_or_no(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("working must be true or false")  # noqa: TRY004  bad data, not a bad call
    return value
