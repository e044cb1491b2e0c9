from datetime import date, timedelta

import pytest

from moderation.calendar import WorkCalendar, overrides_from_json, previous_working_day

NATIONAL_DAY = date(2026, 10, 1)
PLAIN = WorkCalendar()


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2026, 11, 25), True),  # a Wednesday
        (date(2026, 11, 28), False),  # a Saturday
        (NATIONAL_DAY, False),  # a holiday on a Thursday
        (date(2026, 2, 14), True),  # a Saturday made up for the Spring Festival
        (date(2025, 9, 28), True),  # a Sunday made up for the National Day
        (date(2026, 1, 1), False),
    ],
)
def test_the_published_calendar_knows_holidays_and_make_up_days(day: date, works: bool) -> None:
    assert PLAIN.works(day) is works
    assert PLAIN.published(day)


def test_beyond_the_published_calendar_monday_to_friday_is_assumed() -> None:
    monday = date(2031, 1, 6)
    week = [PLAIN.works(monday + timedelta(days=ahead)) for ahead in range(7)]
    assert week == [True] * 5 + [False] * 2
    assert not PLAIN.published(monday)


def test_the_citys_table_wins_over_the_library() -> None:
    calendar = WorkCalendar({NATIONAL_DAY: True, date(2026, 11, 25): False})
    assert calendar.works(NATIONAL_DAY)
    assert not calendar.works(date(2026, 11, 25))
    assert calendar.works(date(2026, 11, 26))


def test_a_year_in_the_citys_table_is_published_once_its_two_landmarks_are_there() -> None:
    landmarks = {date(2031, 1, 1): False, date(2031, 10, 1): False}
    calendar = WorkCalendar({**landmarks, date(2031, 1, 4): True})
    assert calendar.works(date(2031, 1, 4))  # a Saturday
    assert calendar.published(date(2031, 5, 5))
    assert not calendar.published(date(2032, 1, 1))


def test_a_single_day_of_an_emergency_publishes_no_year() -> None:
    calendar = WorkCalendar({date(2031, 7, 15): False})
    assert not calendar.works(date(2031, 7, 15))
    assert not calendar.published(date(2031, 7, 15))


def test_the_working_day_before_skips_the_holiday() -> None:
    assert previous_working_day(date(2026, 10, 8), PLAIN) == date(2026, 9, 30)


def test_a_table_without_any_working_day_is_an_error_and_no_endless_search() -> None:
    closed = {date(2031, 1, 1) + timedelta(days=ahead): False for ahead in range(100)}
    with pytest.raises(ValueError, match="no working day"):
        previous_working_day(date(2031, 3, 20), WorkCalendar(closed))


def test_rows_of_the_table_are_read_and_odd_ones_refused() -> None:
    assert overrides_from_json([{"day": "2031-01-04", "working": True, "note": "补班"}]) == {
        date(2031, 1, 4): True
    }
    for row in ({"day": "2031-02-30", "working": True}, {"day": "2031-01-04", "working": 1}):
        with pytest.raises(ValueError, match=r".+"):
            overrides_from_json([row])
