"""How the routing table is read, explained and checked."""

from datetime import date
from typing import Any

import pytest

from citizen.atlas import Label, Place
from moderation.routing import (
    Facts,
    RoutingInvalid,
    Rule,
    check,
    explain,
    route,
)
from tests.moderation.test_routing_table import DEPARTMENTS, RULES, TODAY


def rule(id: str = "r", **chosen: Any) -> Rule:  # noqa: A002  the file's own word
    body = {
        "id": id,
        "title": "标题",
        "category": "*",
        "lead": "epb",
        "assisting": [],
        "basis": "依据",
    }
    return Rule.from_json({**body, "effective_from": "2026-01-01", **chosen})


# -------- how it is read


def test_a_decision_says_rule_conditions_and_basis_in_words() -> None:
    facts = Facts("AIR-BURN", built_up=True)
    found = route(RULES, facts, on=TODAY, departments=DEPARTMENTS)
    assert found.rule == "burn-built-up"
    assert found.words == (
        "按“建成区内露天焚烧垃圾、沥青、橡胶、塑料、落叶”由市城市管理局主办；"
        "条件：建成区内；依据：济宁市大气污染防治条例第二十二条、第三十一条。"
    )


def test_an_explanation_shows_every_rule_that_was_tried() -> None:
    found = explain(RULES, Facts("WAT-BLACK", built_up=True), on=TODAY, departments=DEPARTMENTS)
    assert [(step.rule.id, step.missing) for step in found.steps] == [
        ("black-rural-kind", ("子类为 rural",)),
        ("black-urban-kind", ("子类为 urban",)),
        ("black-urban", ()),
    ]
    assert found.decision.rule == found.rule.id == "black-urban"


def test_an_explanation_names_rules_that_are_not_in_force_on_that_day() -> None:
    rules = [
        rule("old", effective_until="2026-06-30"),
        rule("next", effective_from="2027-01-01", when={"built_up": True}),
        rule("other", category="RAD"),
        rule("rest"),
    ]
    found = explain(rules, Facts("OTH"), on=TODAY, departments=DEPARTMENTS)
    assert [(step.rule.id, step.missing) for step in found.steps] == [
        ("old", ("自 2026-01-01 起至 2026-06-30 有效",)),
        ("next", ("自 2027-01-01 起有效", "建成区内")),
        ("rest", ()),
    ]


def test_who_governs_a_zone_helps_beside_the_district() -> None:
    facts = Facts("OTH", district="370811", zone=("370800-TBH",))
    found = route([rule(assisting=["@area"])], facts, on=TODAY, departments=DEPARTMENTS)
    assert found.assisting == ("gov-370800-TBH", "gov-370811")


def test_what_is_unknown_satisfies_no_condition_not_even_a_negative_one() -> None:
    rules = [rule("outside", when={"built_up": False}, lead="water"), rule("rest")]
    for built_up, expected in ((False, "outside"), (True, "rest"), (None, "rest")):
        facts = Facts("OTH", built_up=built_up)
        assert route(rules, facts, on=TODAY, departments=DEPARTMENTS).rule == expected


def test_all_conditions_of_a_rule_must_hold() -> None:
    rules = [rule("both", when={"district": ["370811"], "zone": ["TBH"]}), rule("rest")]
    inside = Facts("OTH", district="370811", zone=("JKQ", "TBH"))
    beside = Facts("OTH", district="370811", zone=("JKQ",))
    assert route(rules, inside, on=TODAY, departments=DEPARTMENTS).rule == "both"
    assert route(rules, beside, on=TODAY, departments=DEPARTMENTS).rule == "rest"


def test_the_rules_of_the_day_decide_the_last_day_included() -> None:
    rules = [
        rule("old", effective_until="2026-06-30", lead="water"),
        rule("new", effective_from="2026-07-01"),
    ]
    days = [date(2026, 6, 30), date(2026, 7, 1)]
    named = [route(rules, Facts("OTH"), on=day, departments=DEPARTMENTS).rule for day in days]
    assert named == ["old", "new"]


def test_a_closed_department_gets_no_case() -> None:
    rules = [rule("closed", lead="gone"), rule("rest")]
    found = explain(rules, Facts("OTH"), on=TODAY, departments=DEPARTMENTS)
    assert found.decision.rule == "rest"
    assert found.steps[0].missing == ("主办部门 gone 未启用",)


def test_assisting_ones_are_left_out_where_the_district_is_unknown_or_they_are_closed() -> None:
    rules = [rule(assisting=["@area", "gone", "water", "water"])]
    assert route(rules, Facts("OTH"), on=TODAY, departments=DEPARTMENTS).assisting == ("water",)


def test_a_table_that_takes_nothing_says_so() -> None:
    with pytest.raises(LookupError):
        route([], Facts("OTH"), on=TODAY, departments=DEPARTMENTS)
    with pytest.raises(LookupError):
        explain([rule(category="RAD")], Facts("OTH"), on=TODAY, departments=DEPARTMENTS)


def test_a_place_gives_its_facts_and_an_answer_overrules_them() -> None:
    place = Place(
        in_city=True,
        area=Label("370811", "任城区"),
        built_up=None,
        lake_distance_m=0.0,
        near_lake=True,
        lake=Label("L", "湖"),
        river=None,
        zones=(Label("TBH", "太白湖新区"),),
    )
    facts = Facts.at("OTH", place, kind="site", built_up=True)
    assert (facts.district, facts.zone, facts.kind) == ("370811", ("TBH",), "site")
    assert (facts.built_up, facts.on_lake, facts.near_lake, facts.on_river) == (
        True,
        True,
        True,
        False,
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"when": {"weather": "rain"}},
        {"when": {"built_up": 1}},
        {"when": {"kind": [1]}},
        {"when": {"kind": 1}},
        {"when": 7},
        {"effective_from": "2026-02-30"},
        {"effective_from": None},
        {"assisting": None},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_by_its_id(wrong: dict[str, Any]) -> None:
    with pytest.raises(RoutingInvalid, match="规则 r"):
        rule(**wrong)


def test_a_rule_without_a_field_is_refused() -> None:
    with pytest.raises(RoutingInvalid, match="规则 x"):
        Rule.from_json({"id": "x"})


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ([rule(), rule()], "重复"),
        ([rule(lead="nobody")], "nobody"),
        ([rule(assisting=["nobody"])], "nobody"),
        ([rule(lead="@area")], "@area"),
        ([], "兜底"),
        ([rule(category="OTH")], "兜底"),
        ([rule(when={"built_up": True})], "兜底"),
        ([rule(effective_until="2026-06-30")], "兜底"),
        ([rule(effective_from="2027-01-01")], "兜底"),
    ],
)
def test_a_table_that_would_lose_a_case_is_refused(rules: list[Rule], said: str) -> None:
    with pytest.raises(RoutingInvalid, match=said):
        check(rules, DEPARTMENTS, on=TODAY)
