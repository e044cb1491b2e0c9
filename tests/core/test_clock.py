"""Instants are UTC, days are Shanghai's (B32)."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from core import clock

FIRST, LAST = datetime(1992, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
INSTANTS = st.integers(0, int((LAST - FIRST).total_seconds() * 10**6)).map(
    lambda past: FIRST + timedelta(microseconds=past)
)


def test_now_is_aware_utc() -> None:
    with time_machine.travel(datetime(2026, 3, 1, 7, 30, tzinfo=UTC), tick=False):
        assert clock.now() == datetime(2026, 3, 1, 7, 30, tzinfo=UTC)
        assert clock.now().utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        (datetime(2026, 3, 5, 15, 59, 59, tzinfo=UTC), date(2026, 3, 5)),
        (datetime(2026, 3, 5, 16, 0, tzinfo=UTC), date(2026, 3, 6)),
        (datetime(2026, 3, 5, 23, 59, tzinfo=timezone(timedelta(hours=8))), date(2026, 3, 5)),
        (datetime(2025, 12, 31, 16, 0, tzinfo=UTC), date(2026, 1, 1)),
        (datetime(2024, 2, 29, 0, 0, tzinfo=UTC), date(2024, 2, 29)),
    ],
)
def test_a_day_begins_at_four_in_the_afternoon_utc(instant: datetime, day: date) -> None:
    assert clock.local_day(instant) == day


@given(INSTANTS)
def test_every_instant_lies_in_exactly_its_day(instant: datetime) -> None:
    day = clock.local_day(instant)
    assert clock.day_start(day) <= instant < clock.day_end(day)
    assert clock.day_end(day) == clock.day_start(day + timedelta(days=1))
    assert clock.day_end(day) - clock.day_start(day) == timedelta(days=1)


@given(INSTANTS)
def test_shown_time_is_the_same_instant_at_plus_eight(instant: datetime) -> None:
    shown = clock.shanghai(instant)
    assert shown == instant
    assert shown.isoformat().endswith("+08:00")


def test_days_are_given_in_utc() -> None:
    assert clock.day_start(date(2026, 11, 25)) == datetime(2026, 11, 24, 16, tzinfo=UTC)
    assert clock.day_start(date(2026, 11, 25)).utcoffset() == timedelta(0)
