"""Terms against a slow and obvious reference."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from citizen.states import Unit
from core.clock import SHANGHAI
from moderation.calendar import WorkCalendar
from moderation.deadlines import Level, Pause, alarms, due, resume

CALENDAR = WorkCalendar()


def reference(start: datetime, amount: int, unit: Unit, pauses: Sequence[Pause]) -> datetime:
    day = start.astimezone(SHANGHAI).date()
    counted = 0
    while True:
        day += timedelta(days=1)
        midnight = datetime(day.year, day.month, day.day, tzinfo=SHANGHAI) + timedelta(days=1)
        stood_still = False
        for one in pauses:
            if one.start < midnight and one.end >= midnight:
                stood_still = True
        if stood_still:
            continue
        if unit is Unit.DAYS or CALENDAR.works(day):
            counted += 1
        if counted >= amount and CALENDAR.works(day):
            return midnight


def reference_hours(start: datetime, hours: int, pauses: Sequence[Pause]) -> datetime:
    """Walk quarter hour by quarter hour; starts and pauses lie on quarter hours."""
    quarter, left, now = timedelta(minutes=15), hours * 4, start
    while left:
        if not any(one.start <= now < one.end for one in pauses):
            left -= 1
        now += quarter
    return now


def quarters(first: datetime, spread_days: int) -> st.SearchStrategy[datetime]:
    return st.integers(0, spread_days * 96).map(lambda n: first + n * timedelta(minutes=15))


starts = quarters(datetime(2025, 9, 20, tzinfo=UTC), 400)


@st.composite
def terms(draw: st.DrawFn) -> tuple[datetime, list[Pause]]:
    start = draw(starts)
    pauses = []
    for _ in range(draw(st.integers(0, 4))):
        begins = start + draw(st.integers(0, 40 * 96)) * timedelta(minutes=15)
        lasts = draw(st.integers(1, 9 * 96)) * timedelta(minutes=15)
        pauses.append(Pause(begins, begins + lasts))
    return start, pauses


@given(terms(), st.integers(1, 60), st.sampled_from([Unit.WORKING_DAYS, Unit.DAYS]))
def test_a_term_in_days_ends_where_the_reference_says(
    term: tuple[datetime, list[Pause]], amount: int, unit: Unit
) -> None:
    start, pauses = term
    assert due(start, amount, unit, CALENDAR, pauses).at == reference(start, amount, unit, pauses)


@given(terms(), st.integers(1, 96))
def test_a_term_in_hours_ends_where_the_reference_says(
    term: tuple[datetime, list[Pause]], hours: int
) -> None:
    start, pauses = term
    expected = reference_hours(start, hours, pauses)
    found = due(start, hours, Unit.HOURS, CALENDAR, pauses).at
    inside = [one for one in pauses if one.start == found]
    assert found == expected or inside  # a pause that begins as the term ends changes nothing


@given(terms(), st.integers(1, 20), st.sampled_from([Unit.WORKING_DAYS, Unit.HOURS]))
def test_ending_one_pause_after_the_other_gives_what_all_at_once_give(
    term: tuple[datetime, list[Pause]], amount: int, unit: Unit
) -> None:
    start, pauses = term
    apart: list[Pause] = []
    for one in sorted(pauses, key=lambda one: one.start):
        if not apart or one.start > apart[-1].end:
            apart.append(one)
    found = due(start, amount, unit, CALENDAR).at
    for one in apart:
        found = resume(found, start, one, unit, CALENDAR).at
    assert found == due(start, amount, unit, CALENDAR, apart).at


@given(terms(), st.integers(1, 20), st.sampled_from(list(Unit)))
def test_no_term_ends_inside_a_pause_or_before_it_would_without_pauses(
    term: tuple[datetime, list[Pause]], amount: int, unit: Unit
) -> None:
    start, pauses = term
    found = due(start, amount, unit, CALENDAR, pauses).at
    assert not any(one.start < found <= one.end for one in pauses)
    assert found >= due(start, amount, unit, CALENDAR).at > start


@given(starts, st.integers(1, 30), st.integers(1, 30))
def test_more_time_never_ends_earlier(start: datetime, one: int, more: int) -> None:
    for unit in Unit:
        assert due(start, one, unit, CALENDAR).at <= due(start, one + more, unit, CALENDAR).at


@given(terms(), st.integers(1, 20), st.sampled_from(list(Unit)))
def test_alarms_are_in_order_after_the_start_and_red_is_the_end(
    term: tuple[datetime, list[Pause]], amount: int, unit: Unit
) -> None:
    start, pauses = term
    end = due(start, amount, unit, CALENDAR, pauses).at
    plan = alarms(start, end, CALENDAR, pauses)
    instants = [alarm.at for alarm in plan]
    assert instants == sorted(instants)
    assert instants[0] > start
    assert {alarm.level: alarm.at for alarm in plan}[Level.RED] == end
    assert plan[-1].level is Level.ESCALATED
