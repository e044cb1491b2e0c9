"""Officers try the routing table without a case."""

from typing import Any

import pytest

from citizen.models import Report
from core.audit import AuditEvent
from tests.clients import ON_THE_LAKE
from tests.moderation.office import REPORTER, Office, problem

# The table is read into memory the same way on both databases; one of them is enough here.
pytestmark = pytest.mark.parametrize("world", ["sqlite"], indirect=True)
IN_TAIBAI = {"longitude": 116.6, "latitude": 35.35, "crs": "wgs84"}


def explained(office: Office, by: str = "dispatcher", **sent: Any) -> dict[str, Any]:
    answer = office(by).post("/routing/explain", sent)
    assert answer.status_code == 200, answer.get_json()
    found: dict[str, Any] = answer.get_json()
    return found


def test_a_place_and_answers_give_the_department_and_every_rule_that_was_tried(
    office: Office,
) -> None:
    before = office.rows(AuditEvent.id), office.rows(Report.id)
    told = explained(office, category="AIR-BURN", location=IN_TAIBAI, answers={"kind": "straw"})
    assert told["lead"] == {"code": "agri", "name": "市农业农村局"}
    named = {helper["code"] for helper in told["assisting"]}
    assert named == {"gov-370800-TBH", "gov-370811"}
    assert (told["rule"]["id"], told["version"]) == ("burn-straw", "0002")
    assert told["rule"]["effective_from"] == "2022-01-01"
    assert told["rule"]["effective_until"] is None
    assert "市农业农村局主办" in told["words"]
    assert told["overlays"]["zones"] == [{"code": "370800-TBH", "name": "太白湖新区"}]
    assert told["overlays"]["area"]["code"] == "370811"
    told = explained(office, category="AIR-BURN", location=IN_TAIBAI, answers={"built_up": True})
    assert [(tried["id"], tried["applies"], tried["missing"]) for tried in told["tried"]] == [
        ("burn-straw", False, ["子类为 straw"]),
        ("burn-coal", False, ["子类为 coal"]),
        ("burn-firework", False, ["子类为 firework"]),
        ("burn-built-up", True, []),
    ]
    assert before == (office.rows(AuditEvent.id), office.rows(Report.id))


def test_lake_belt_river_and_built_up_area_are_told(office: Office) -> None:
    lake = explained(office, category="WAT-FLOAT", location=ON_THE_LAKE)
    assert lake["rule"]["id"] == "float-lake"
    told = lake["overlays"]
    assert (told["on_lake"], told["near_lake"], told["lake_distance_m"]) == (True, True, 0)
    river = {"longitude": 117.28, "latitude": 35.67, "crs": "wgs84"}
    bank = explained(office, category="SOL-DUMP", location=river)
    assert bank["lead"]["code"] == "water"
    assert bank["overlays"]["river"]["name"] == "泗河"
    assert bank["overlays"]["lake_distance_m"] > 50_000
    assert explained(office, category="OTH")["overlays"] == {
        "area": None,
        "zones": [],
        "built_up": None,
        "lake": None,
        "lake_distance_m": None,
        "on_lake": None,
        "near_lake": None,
        "river": None,
        "on_river": None,
    }


def test_a_district_or_zone_may_be_named_instead_and_a_day_before_the_rules_is_told(
    office: Office,
) -> None:
    told = explained(office, "auditor", category="SOL-DUMP", area="370883")
    assert [helper["code"] for helper in told["assisting"]] == ["gov-370883"]
    told = explained(office, "reviewer", category="SOL-DUMP", area="370800-GXQ")
    assert [helper["code"] for helper in told["assisting"]] == ["gov-370800-GXQ"]
    told = explained(office, "admin", category="RAD", on="2021-12-31")
    assert told["rule"]["id"] == "fallback"
    assert told["tried"][0]["missing"] == ["自 2022-01-01 起有效"]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "category"),
    ({"category": "NEW"}, "category"),
    ({"category": "AIR-BURN", "answers": {"kind": "stack"}}, "answers.kind"),
    ({"category": "AIR-BURN", "answers": {"weather": "rain"}}, "answers.weather"),
    ({"category": "AIR-BURN", "answers": {"built_up": 1}}, "answers.built_up"),
    ({"category": "RAD", "area": "999999"}, "area"),
    ({"category": "RAD", "area": "370811", "location": IN_TAIBAI}, "area"),
    ({"category": "RAD", "location": {**IN_TAIBAI, "latitude": 30.0}}, "location"),
    ({"category": "RAD", "location": {**IN_TAIBAI, "latitude": 91.0}}, "location.latitude"),
    ({"category": "RAD", "on": "1999-12-31"}, "on"),
]


def test_what_makes_no_sense_is_refused_by_its_field(office: Office) -> None:
    for sent, path in WRONG:
        answer = office("dispatcher").post("/routing/explain", sent)
        assert (answer.status_code, list(answer.get_json()["errors"])) == (422, [path]), sent


def test_who_handles_cases_or_reports_does_not_try_rules(office: Office) -> None:
    for name in ("handler-epb", "rewards", REPORTER, "bus"):
        answer = office(name).post("/routing/explain", {"category": "RAD"})
        assert problem(answer) == (403, "forbidden")
