"""When a term warns, and to whom a case goes that is over: the examples that officers ask about."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from core.clock import day_end, day_start
from moderation.calendar import WorkCalendar
from moderation.deadlines import DeadlineRule, Pause
from moderation.urgency import (
    Alarm,
    Level,
    alarms,
    escalations,
    graver,
    gravest,
    label,
    next_alarm,
    read,
)

SHIPPED = Path(__file__).resolve().parents[2] / "moderation/data/deadlines.json"
CALENDAR = WorkCalendar()
TODAY = date(2026, 11, 25)


def at(text: str) -> datetime:
    """`"11-25 10:00"` of 2026, Shanghai time, as UTC."""
    return datetime.strptime(f"2026-{text}+0800", "%Y-%m-%d %H:%M%z").astimezone(UTC)


def step(number: int, to: str, **chosen: Any) -> DeadlineRule:
    body = {"term": "escalation", "category": "*", "step": number, "to": to, "amount": 1}
    dated = {"unit": "working_days", "basis": "约定", "effective_from": "2026-01-01"}
    return DeadlineRule.from_json({**body, **dated, **chosen})


STEPS = (step(1, "负责人"), step(2, "市级", amount=2))


def test_warnings_of_five_working_days_come_in_order() -> None:
    plan = alarms(at("11-20 09:00"), at("11-28 00:00"), CALENDAR, steps=STEPS)
    assert [(alarm.name, alarm.at, alarm.to) for alarm in plan] == [
        ("notice", at("11-26 02:15"), None),
        ("yellow", at("11-27 00:00"), None),
        ("red", at("11-28 00:00"), None),
        ("escalated", at("12-01 00:00"), "负责人"),
        ("escalated_2", at("12-03 00:00"), "市级"),
    ]


def test_without_steps_red_is_the_last() -> None:
    plan = alarms(at("11-20 09:00"), at("11-28 00:00"), CALENDAR)
    assert plan[-1].level is Level.RED


def test_a_yellow_card_comes_with_one_working_day_left_over_a_weekend() -> None:
    plan = alarms(at("11-20 09:00"), at("12-01 00:00"), CALENDAR)  # the last day is a Monday
    assert [alarm.at for alarm in plan if alarm.level is Level.YELLOW] == [at("11-28 00:00")]


def test_a_short_term_has_no_yellow_card_before_its_start() -> None:
    levels = [alarm.level for alarm in alarms(at("11-25 10:00"), at("11-26 10:00"), CALENDAR)]
    assert levels == [Level.NOTICE, Level.RED]


def test_three_quarters_are_those_of_the_running_time() -> None:
    held = [Pause(at("11-25 11:00"), at("11-25 15:00"))]
    plan = alarms(at("11-25 10:00"), at("11-25 18:00"), CALENDAR, held)
    assert plan[0].at == at("11-25 17:00")


def test_a_pause_of_what_is_over_puts_the_next_step_off() -> None:
    held = [Pause(at("11-30 10:00"), at("12-02 09:00"))]
    steps = (*STEPS, step(3, "市级", amount=5, unit="hours"), step(4, "市级", unit="days"))
    plan = alarms(at("11-20 09:00"), at("11-28 00:00"), CALENDAR, held, steps)
    found = [alarm.at for alarm in plan if alarm.step]
    ends = ("12-03 00:00", "12-05 00:00", "12-05 05:00", "12-08 00:00")
    assert found == [at(end) for end in ends]


def test_the_next_alarm_is_the_first_that_did_not_ring() -> None:
    plan = alarms(at("11-20 09:00"), at("11-28 00:00"), CALENDAR)
    assert next_alarm(plan, at("11-27 00:00")) == plan[2]
    assert next_alarm(plan, plan[-1].at) is None


def test_the_gravest_counts_not_the_last() -> None:
    # Of a term over a weekend the card comes on Friday night, three quarters are later.
    plan = alarms(at("11-27 10:00"), at("12-01 00:00"), CALENDAR, steps=STEPS)
    names = [alarm.name for alarm in plan]
    assert names[:3] == ["yellow", "notice", "red"]
    for count, expected in ((1, "yellow"), (2, "yellow"), (3, "red"), (5, "escalated_2")):
        found = gravest(plan[:count])
        assert found is not None
        assert found.name == expected
    assert gravest([]) is None
    notice = Alarm(Level.NOTICE, at("11-30 00:00"))
    assert [graver(name, notice) for name in (None, "yellow", "escalated_2")] == [
        "notice",
        "yellow",
        "escalated_2",
    ]
    assert graver("escalated", plan[-1]) == "escalated_2"


def test_names_say_level_and_step_and_labels_to_whom() -> None:
    names = ["notice", "yellow", "red", "escalated", "escalated_2", "escalated_3"]
    assert [read(name) for name in names] == [
        (Level.NOTICE, 0),
        (Level.YELLOW, 0),
        (Level.RED, 0),
        (Level.ESCALATED, 1),
        (Level.ESCALATED, 2),
        (Level.ESCALATED, 3),
    ]
    labels = [label(read(name)[0]) for name in names[:4]]
    assert labels == ["时限已过四分之三", "黄牌", "红牌", "升级督办"]
    assert label(Level.ESCALATED, "市级") == "升级督办：市级"


def test_steps_are_those_of_the_category_and_the_day_and_repeat_as_they_say() -> None:
    rules = [
        step(2, "市级", times=2),
        step(1, "负责人"),
        step(1, "分管领导", category="RAD"),
        step(1, "新负责人", effective_from="2026-12-01"),
        step(3, "省级", category="RAD", effective_until="2026-11-30"),
    ]

    def found(category: str, day: date) -> list[str | None]:
        return [rule.to for rule in escalations(rules, category, on=day)]

    assert found("WAT-OUT", TODAY) == ["负责人", "市级", "市级"]
    assert found("RAD", TODAY) == ["分管领导", "市级", "市级", "省级"]
    assert found("RAD", date(2026, 12, 1)) == ["分管领导", "市级", "市级"]
    assert found("WAT-OUT", date(2026, 12, 1)) == ["新负责人", "市级", "市级"]


@pytest.mark.parametrize("category", ["WAT-OUT", "RAD"])
def test_the_shipped_steps_go_to_the_unit_and_then_three_times_to_the_city(category: str) -> None:
    document = json.loads(SHIPPED.read_text(encoding="utf-8"))
    rules = [DeadlineRule.from_json(body) for body in document["rules"]]
    steps = escalations(rules, category, on=TODAY)
    assert [rule.to for rule in steps] == ["责任单位负责人"] + ["市生态环境局"] * 3
    plan = alarms(day_start(date(2026, 11, 20)), day_end(date(2026, 11, 27)), CALENDAR, (), steps)
    ends = [day_end(date(2026, *day)) for day in ((11, 30), (12, 2), (12, 4), (12, 8))]
    assert [alarm.at for alarm in plan if alarm.step] == ends
