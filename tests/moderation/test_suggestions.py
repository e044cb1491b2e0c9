"""Likely duplicates: what an officer is shown, and how little a resident is told."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine

from citizen.geo import Point
from core.audit import AuditEvent
from moderation.suggestions import grid
from tests.clients import HERE
from tests.moderation.office import CLOSED, OTHER, REPORTER, Office, problem

ONE_DATABASE = pytest.mark.parametrize("world", ["sqlite"], indirect=True)
WORKING = ("accept", "dispatch", "sign")
DRAFT: dict[str, Any] = {"channel": "suishoupai", "category": "WAT-OUT", "location": HERE}
START = datetime.fromisoformat("2026-03-02T10:00:00+08:00")


def hints(office: Office, by: str = OTHER, **changes: Any) -> list[dict[str, Any]]:
    answer = office(by).post("/similar-reports", {**DRAFT, **changes})
    assert answer.status_code == 200, answer.get_json()
    items: list[dict[str, Any]] = answer.get_json()["items"]
    return items


# -------- for staff


def test_staff_see_enough_of_a_likely_duplicate_to_judge_it(office: Office) -> None:
    first, second = office.case(reporter=OTHER, description="排污口排放黑水"), office.case()
    office.case(category="AIR-DUST")
    answer = office("dispatcher").get(f"/cases/{second}/similar")
    (found,) = answer.get_json()["items"]
    assert (found["number"], found["distance_m"], found["status_label"]) == (first, 0, "待受理")
    assert "同一类别" in found["reasons"]
    assert found["description"] == "排污口排放黑水"
    assert list(found["media"][0]["variants"]) == ["thumb", "large"]
    assert "13800000002" not in answer.get_data(as_text=True)
    (shown,) = office.seen(second)["similar"]
    assert {name: found[name] for name in shown} == shown
    last = office.rows(AuditEvent.action, AuditEvent.subject_id, AuditEvent.details)
    assert ("case.similar", second, {"numbers": [first]}) in [tuple(row) for row in last]
    for by in ("handler-epb", "handler-urban"):
        assert problem(office(by).get(f"/cases/{second}/similar")) == (404, "not_found")
    assert office(REPORTER).get(f"/cases/{second}/similar").status_code == 403


def test_what_comes_back_after_the_end_is_a_new_case(office: Office) -> None:
    closed = office.case(*CLOSED)
    again = office.case(reporter=OTHER)
    for number in (closed, again):
        assert office("dispatcher").get(f"/cases/{number}/similar").get_json()["items"] == []
        assert office.seen(number)["similar"] == []
    answer = office.act("dispatcher", again, "merge", {"into": closed})
    assert list(answer.get_json()["errors"]) == ["into"]
    office.take(again, "accept", "verify")
    assert office.points(OTHER)["available"] == 20  # in full: it is no second claim


# -------- for residents


def test_a_resident_is_told_that_something_is_at_work_and_nothing_else(office: Office) -> None:
    number = office.case(*WORKING, description="北岸第三个排污口", address="运河路 1 号")
    answer = office(OTHER).post("/similar-reports", DRAFT)
    assert answer.get_json() == {
        "items": [
            {
                "category": "WAT-OUT",
                "within_km": 1,
                "within_days": 3,
                "status": "handling",
                "status_label": "办理中",
            }
        ],
        "next_cursor": None,
    }
    office.case(*WORKING, reporter="13800000003")
    assert len(hints(office)) == 1  # nobody can count
    told = json.dumps(hints(office), ensure_ascii=False)
    for secret in (number, "北岸", "运河路", "116.58"):
        assert secret not in told


@ONE_DATABASE
@pytest.mark.parametrize("steps", [(), ("accept",), ("accept", "dispatch"), CLOSED, ("decline",)])
def test_of_what_is_not_at_work_nothing_is_told(office: Office, steps: tuple[str, ...]) -> None:
    office.case(*steps)
    assert hints(office) == []


@ONE_DATABASE
def test_of_what_insiders_report_nothing_is_told(office: Office) -> None:
    office.case(*WORKING, category="WAT-IND")
    assert hints(office, category="WAT-IND") == []


@ONE_DATABASE
def test_a_question_anywhere_in_a_cell_has_the_same_answer(office: Office) -> None:
    """The oracle: sliding the point along tells the cell of a case, and never its place."""
    office.case(*WORKING)
    west, south = grid.cell_of(Point(116.587, 35.415))
    for steps, told in ((-2, []), (-1, [3]), (0, [1]), (1, [3]), (2, [])):
        for inside in (0.0005, 0.0095):
            longitude, latitude = (west + steps) / 100 + inside, south / 100 + inside
            place = {**HERE, "longitude": longitude, "latitude": latitude}
            assert [hint["within_km"] for hint in hints(office, location=place)] == told


def test_time_is_told_as_roughly_as_the_place(office: Office) -> None:
    with time_machine.travel(START, tick=False):
        office.case(*WORKING)
    midnight = START.replace(hour=0) + timedelta(days=4)  # it moves on with the day, at no hour
    before = midnight - timedelta(seconds=1)
    later = [START + timedelta(days=days) for days in (6, 29, 31)]
    moments = zip([before, midnight, *later], [[3], [7], [7], [30], []], strict=True)
    for moment, told in moments:
        with time_machine.travel(moment, tick=False):
            office.people.clear()
            assert [hint["within_days"] for hint in hints(office)] == told


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"category": "NEW"}, "category"),
    ({"channel": "huhutong", "category": "AIR-DUST"}, "category"),
    ({"location": {**HERE, "latitude": 38.1}}, "location"),
    ({"location": {"longitude": 116.587, "latitude": 35.415}}, "location.crs"),
    ({"description": "排污"}, "description"),
]


@ONE_DATABASE
def test_a_draft_is_checked_as_a_report_is(office: Office) -> None:
    for changes, path in WRONG:
        answer = office(OTHER).post("/similar-reports", {**DRAFT, **changes})
        assert (answer.status_code, list(answer.get_json()["errors"])) == (422, [path]), changes
    assert problem(office("dispatcher").post("/similar-reports", DRAFT)) == (403, "forbidden")
