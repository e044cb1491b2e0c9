"""Instants are aware UTC; days, months and caps are those of Asia/Shanghai."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")


def now() -> datetime:
    """Return the present instant; routes, jobs and commands ask, rules are told."""
    return datetime.now(UTC)


def shanghai(instant: datetime) -> datetime:
    """Return the same instant at +08:00, as every answer shows it."""
    return instant.astimezone(SHANGHAI)


def local_day(instant: datetime) -> date:
    """Return the Shanghai calendar day that holds the instant."""
    return shanghai(instant).date()


def day_start(day: date) -> datetime:
    """Return the UTC instant of 00:00 Shanghai time."""
    return datetime.combine(day, time.min, SHANGHAI).astimezone(UTC)


def day_end(day: date) -> datetime:
    """Return the exclusive end of a Shanghai day: the first instant of the next one, in UTC."""
    return day_start(day + timedelta(days=1))
