"""Terms and pauses: the examples that officers would ask about."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from citizen.states import Unit
from core.clock import day_end, local_day
from moderation.calendar import WorkCalendar
from moderation.deadlines import (
    DeadlineRule,
    Due,
    Pause,
    Term,
    due,
    extension_limit,
    find_rule,
    last_day,
    resume,
)

ROOT = Path(__file__).resolve().parents[2]
CALENDAR = WorkCalendar()
HOUR = timedelta(hours=1)


def at(text: str) -> datetime:
    """`"11-25 10:00"` of 2026, Shanghai time, as UTC."""
    return datetime.strptime(f"2026-{text}+0800", "%Y-%m-%d %H:%M%z").astimezone(UTC)


def pause(start: str, end: str) -> Pause:
    return Pause(at(start), at(end))


# -------- examples


@pytest.mark.parametrize(
    ("start", "amount", "unit", "ends"),
    [
        ("11-25 10:00", 1, Unit.WORKING_DAYS, "11-27 00:00"),  # Wednesday: 24:00 of Thursday
        ("11-25 00:00", 1, Unit.WORKING_DAYS, "11-27 00:00"),  # the day it starts on never counts
        ("11-25 23:59", 1, Unit.WORKING_DAYS, "11-27 00:00"),
        ("11-27 17:00", 1, Unit.WORKING_DAYS, "12-01 00:00"),  # Friday: Monday
        ("11-28 09:00", 1, Unit.WORKING_DAYS, "12-01 00:00"),  # Saturday: Monday too
        ("09-30 09:00", 1, Unit.WORKING_DAYS, "10-09 00:00"),  # over the National Day holiday
        ("02-13 09:00", 1, Unit.WORKING_DAYS, "02-15 00:00"),  # a make-up Saturday counts
        ("11-20 09:00", 5, Unit.WORKING_DAYS, "11-28 00:00"),
        ("11-11 09:00", 15, Unit.DAYS, "11-27 00:00"),
        ("11-13 09:00", 15, Unit.DAYS, "12-01 00:00"),  # the 15th day is a Saturday: Monday
        ("09-16 09:00", 15, Unit.DAYS, "10-09 00:00"),  # it is the National Day
        ("11-27 17:30", 24, Unit.HOURS, "11-28 17:30"),
    ],
)
def test_terms_as_officers_count_them(start: str, amount: int, unit: Unit, ends: str) -> None:
    found = due(at(start), amount, unit, CALENDAR)
    assert found == Due(at(ends), provisional=False)


@pytest.mark.parametrize(
    ("held", "ends"),
    [
        (("11-25 11:00", "11-25 15:00"), "11-28 00:00"),  # within a day: nothing changes
        (("11-26 10:00", "11-27 09:00"), "12-01 00:00"),  # over one midnight: one working day
        (("11-27 10:00", "11-30 09:00"), "12-01 00:00"),  # from the last day over a weekend
        (("11-27 10:00", "12-02 15:00"), "12-03 00:00"),  # that day is still there at its end
        (("11-25 11:00", "11-25 23:00"), "11-28 00:00"),
        (("11-28 00:00", "12-20 09:00"), "11-28 00:00"),  # what was over stays over
        (("11-20 10:00", "11-25 09:00"), "11-28 00:00"),  # before the start
    ],
)
def test_pauses_as_officers_count_them(held: tuple[str, str], ends: str) -> None:
    start = at("11-25 10:00")  # two working days: Friday
    assert due(start, 2, Unit.WORKING_DAYS, CALENDAR, [pause(*held)]).at == at(ends)


def test_hours_go_on_where_they_stopped() -> None:
    held = [pause("11-25 12:00", "11-26 12:00"), pause("11-26 11:00", "11-26 13:00")]
    assert due(at("11-25 10:00"), 4, Unit.HOURS, CALENDAR, held).at == at("11-26 15:00")


def test_a_time_of_day_chosen_by_an_officer_survives_a_pause() -> None:
    start, chosen = at("11-25 10:00"), at("11-27 15:00")
    moved = resume(chosen, start, pause("11-26 10:00", "11-27 09:00"), Unit.WORKING_DAYS, CALENDAR)
    assert moved.at == at("11-30 15:00")


def test_a_chosen_time_of_day_that_passed_meanwhile_becomes_the_end_of_the_day() -> None:
    start, chosen = at("11-25 10:00"), at("11-26 15:00")
    moved = resume(chosen, start, pause("11-26 10:00", "11-27 16:00"), Unit.WORKING_DAYS, CALENDAR)
    assert moved.at == at("11-28 00:00")


def test_a_term_set_to_a_day_off_resumes_on_the_next_working_day() -> None:
    start, saturday = at("11-27 10:00"), at("11-28 12:00")
    moved = resume(
        saturday, start, pause("11-28 10:00", "11-29 10:00"), Unit.WORKING_DAYS, CALENDAR
    )
    assert moved.at == at("11-30 12:00")


def test_calendar_days_after_a_pause_end_on_a_working_day() -> None:
    start = at("11-11 09:00")
    first = due(start, 15, Unit.DAYS, CALENDAR).at
    moved = resume(first, start, pause("11-20 09:00", "11-22 09:00"), Unit.DAYS, CALENDAR)
    assert moved.at == at("12-01 00:00")  # two days more end on a Saturday


def test_a_pause_that_never_was_changes_nothing() -> None:
    start = at("11-25 10:00")
    for unit in Unit:
        moved = resume(
            at("11-28 00:00"), start, pause("11-26 10:00", "11-26 10:00"), unit, CALENDAR
        )
        assert moved == Due(at("11-28 00:00"), provisional=False)


# -------- provisional


def test_a_term_into_a_year_without_a_decree_is_provisional() -> None:
    start = datetime(2030, 12, 30, 2, tzinfo=UTC)
    assert due(start, 5, Unit.WORKING_DAYS, CALENDAR).provisional
    assert due(start, 5, Unit.DAYS, CALENDAR).provisional
    assert not due(start, 24, Unit.HOURS, CALENDAR).provisional


def test_loading_the_calendar_moves_a_provisional_end_and_settles_it() -> None:
    start = datetime(2030, 12, 30, 2, tzinfo=UTC)  # a Monday
    decreed = {date(2030, 1, 1): False, date(2030, 10, 1): False}
    decreed |= {date(2031, 1, 1): False, date(2031, 10, 1): False, date(2031, 1, 2): False}
    assert due(start, 2, Unit.WORKING_DAYS, CALENDAR).at == day_end(date(2031, 1, 1))
    settled = due(start, 2, Unit.WORKING_DAYS, WorkCalendar(decreed))
    assert settled == Due(day_end(date(2031, 1, 3)), provisional=False)


# -------- extensions


def test_an_extension_may_ask_for_ten_working_days_from_the_old_end() -> None:
    limit = extension_limit(at("11-28 00:00"), 10, CALENDAR).at
    assert limit == at("12-12 00:00")
    assert last_day(limit) == date(2026, 12, 11)


# -------- rules


def rule(**chosen: object) -> DeadlineRule:
    body = {"term": "handling", "category": "*", "amount": 5, "unit": "working_days"}
    dated = {"basis": "建议", "effective_from": "2026-01-01", "effective_until": None}
    return DeadlineRule.from_json({**body, **dated, **chosen})


def test_a_categorys_own_rule_goes_before_the_one_for_all() -> None:
    rules = [
        rule(),
        rule(category="SOL-DUMP", amount=15, unit="days"),
        rule(term="triage", amount=1),
    ]
    on = date(2026, 11, 25)
    assert find_rule(rules, Term.HANDLING, "SOL-DUMP", on=on).unit is Unit.DAYS
    assert find_rule(rules, Term.HANDLING, "WAT-OUT", on=on).amount == 5
    assert find_rule(rules, Term.TRIAGE, "WAT-OUT", on=on).amount == 1


def test_the_rule_of_the_day_decides_its_last_day_included() -> None:
    rules = [
        rule(effective_until="2026-06-30"),
        rule(amount=7, effective_from="2026-07-01"),
        rule(amount=9, effective_from="2027-01-01"),
    ]
    days = [date(2026, 6, 30), date(2026, 7, 1), date(2026, 12, 31), date(2027, 1, 1)]
    found = [find_rule(rules, Term.HANDLING, "OTH", on=day).amount for day in days]
    assert found == [5, 7, 7, 9]


def test_a_table_without_a_rule_says_so() -> None:
    with pytest.raises(LookupError, match="appeal"):
        find_rule([rule()], Term.APPEAL, "OTH", on=date(2026, 11, 25))


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": 0},
        {"amount": True},
        {"amount": 1.5},
        {"unit": "weeks"},
        {"term": "never"},
        {"step": 0},
        {"times": 10},
        {"term": "escalation"},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        rule(**wrong)


def test_local_days_are_those_of_shanghai() -> None:
    assert local_day(at("11-25 00:30")) == date(2026, 11, 25)
    assert due(at("11-25 00:30"), 1, Unit.WORKING_DAYS, CALENDAR).at == day_end(date(2026, 11, 26))


def test_the_shipped_table_has_a_rule_for_every_term_and_names_known_categories() -> None:
    document = json.loads((ROOT / "moderation/data/deadlines.json").read_text(encoding="utf-8"))
    rules = [DeadlineRule.from_json(body) for body in document["rules"]]
    categories = json.loads((ROOT / "citizen/data/categories.json").read_text(encoding="utf-8"))
    known = {"*", *(body["code"] for body in categories["categories"])}
    assert {found.category for found in rules} <= known
    for term in Term:
        assert find_rule(rules, term, "WAT-OUT", on=date(2026, 11, 25)).basis


def test_the_shipped_terms_are_those_of_the_hotline_rules() -> None:
    document = json.loads((ROOT / "moderation/data/deadlines.json").read_text(encoding="utf-8"))
    rules = [DeadlineRule.from_json(body) for body in document["rules"]]
    wanted = {"ACCEPT": 2, "RETURN": 2, "HANDLING": 5, "EXTENSION": 10}
    for name, amount in wanted.items():
        found = find_rule(rules, Term[name], "WAT-OUT", on=date(2026, 11, 25))
        assert (found.amount, found.unit) == (amount, Unit.WORKING_DAYS)
    assert find_rule(rules, Term.HANDLING, "SOL-DUMP", on=date(2026, 11, 25)).amount == 15
