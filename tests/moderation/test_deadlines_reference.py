"""Terms against a slow and obvious reference."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from citizen.states import Unit
from core.clock import SHANGHAI
from moderation.calendar import WorkCalendar
from moderation.deadlines import DeadlineRule, Pause, Term, due, extension_limit, resume
from moderation.urgency import Level, alarms

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
    assert plan[-1].level is Level.RED


# -------- pauses one after the other, extensions and alarms, walked step by step


def last_local_day(end: datetime) -> date:
    return (end - timedelta(microseconds=1)).astimezone(SHANGHAI).date()


def midnight_after(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=SHANGHAI) + timedelta(days=1)


def reference_days_after(
    end: datetime, amount: int, unit: Unit, pauses: Sequence[Pause]
) -> datetime:
    """Walk from the day after the last one, as the reference of terms does."""
    return reference(end - timedelta(microseconds=1), amount, unit, pauses)


def reference_resumed(start: datetime, end: datetime, pause: Pause, unit: Unit) -> datetime:
    """Write down which days were still to come, then spend them where time runs."""
    if pause.start >= end:
        return end
    if unit is Unit.HOURS:
        return end + (pause.end - pause.start)
    first = start.astimezone(SHANGHAI).date() + timedelta(days=1)
    paused_on = pause.start.astimezone(SHANGHAI).date()
    left, day = 0, max(first, paused_on)
    while day <= last_local_day(end):
        if unit is Unit.DAYS or CALENDAR.works(day):
            left += 1
        day += timedelta(days=1)
    eve = max(first, paused_on) - timedelta(days=1)
    found = reference(midnight_after(eve) - timedelta(hours=1), max(1, left), unit, [pause])
    same_hour = end + (last_local_day(found) - last_local_day(end))
    return same_hour if same_hour > pause.end else found


@given(terms(), st.integers(1, 15), st.integers(0, 14 * 96), st.sampled_from(list(Unit)))
def test_pauses_move_any_end_as_the_reference_walks_it(
    term: tuple[datetime, list[Pause]], amount: int, chosen: int, unit: Unit
) -> None:
    """The end is a rule's, or a date that an officer chose, at any time of day."""
    start, pauses = term
    end = due(start, amount, unit, CALENDAR).at
    if chosen:
        end = start + chosen * timedelta(minutes=15)
    expected = end
    for one in sorted(pauses, key=lambda one: one.start):
        end = resume(end, start, one, unit, CALENDAR).at
        expected = reference_resumed(start, expected, one, unit)
    assert end == expected


@given(starts, st.integers(1, 15), st.integers(1, 10))
def test_an_extension_ends_as_many_working_days_later_as_the_reference_walks(
    start: datetime, amount: int, more: int
) -> None:
    end = due(start, amount, Unit.WORKING_DAYS, CALENDAR).at
    day, left = last_local_day(end), more
    while left:
        day += timedelta(days=1)
        left -= CALENDAR.works(day)
    assert extension_limit(end, more, CALENDAR).at == midnight_after(day)


def escalation(step: int, amount: int, unit: Unit) -> DeadlineRule:
    return DeadlineRule(
        Term.ESCALATION, "*", amount, unit, "约定", date(2000, 1, 1), step=step, to="上级"
    )


steps = st.lists(st.tuples(st.integers(1, 5), st.sampled_from(list(Unit))), max_size=3).map(
    lambda drawn: [escalation(at, *one) for at, one in enumerate(drawn, start=1)]
)


@given(terms(), st.integers(1, 6), steps)
def test_every_alarm_is_where_the_reference_walks_to(
    term: tuple[datetime, list[Pause]], amount: int, rules: list[DeadlineRule]
) -> None:
    start, pauses = term
    end = due(start, amount, Unit.WORKING_DAYS, CALENDAR, pauses).at
    found = {alarm.name: alarm.at for alarm in alarms(start, end, CALENDAR, pauses, rules)}
    minute = timedelta(minutes=1)
    running = [
        start + n * 5 * minute
        for n in range(int((end - start) / (5 * minute)))
        if not any(one.start <= start + n * 5 * minute < one.end for one in pauses)
    ]
    gone = len(running) * 3 / 4  # of steps of five minutes; starts and pauses lie on them
    passed = sum(moment < found["notice"] for moment in running)
    assert abs(passed - gone) < 1
    yellow = last_local_day(end) - timedelta(days=1)
    while not CALENDAR.works(yellow):
        yellow -= timedelta(days=1)
    assert found.get("yellow") == (
        midnight_after(yellow) if midnight_after(yellow) > start else None
    )
    at = end
    for number, rule in enumerate(rules, start=1):
        if rule.unit is Unit.HOURS:
            at = reference_hours(at, rule.amount, pauses)
        else:
            at = reference_days_after(at, rule.amount, rule.unit, pauses)
        name = "escalated" if number == 1 else f"escalated_{number}"
        inside = [one for one in pauses if one.start == found[name]]
        assert found[name] == at or inside
        at = found[name]
