"""The shipped table of competences, case by case."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.routing import (
    Department,
    Facts,
    Rule,
    check,
    route,
)

ROOT = Path(__file__).resolve().parents[2]
TODAY = date(2026, 11, 25)


def shipped(name: str, key: str, room: str = "moderation") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(
        (ROOT / room / "data" / name).read_text(encoding="utf-8")
    )[key]
    return found


DEPARTMENTS = {
    body["code"]: Department.from_json(body) for body in shipped("departments.json", "departments")
}
RULES = [Rule.from_json(body) for body in shipped("routing.json", "rules")]
CATEGORIES = {body["code"]: body for body in shipped("categories.json", "categories", "citizen")}


def decide(category: str, **known: Any) -> tuple[str, set[str]]:
    found = route(RULES, Facts(category, **known), on=TODAY, departments=DEPARTMENTS)
    return found.lead, set(found.assisting)


# -------- the shipped table


def test_the_shipped_table_loses_no_case_and_names_known_departments_only() -> None:
    check(RULES, DEPARTMENTS, on=TODAY)


def test_every_rule_asks_for_categories_and_sub_kinds_that_exist() -> None:
    for found in RULES:
        if found.category != "*":
            known = {kind["code"] for kind in CATEGORIES[found.category]["kinds"]}
            assert set(found.choices.get("kind", ())) <= known, found.id


def test_every_district_and_zone_has_its_government_among_the_departments() -> None:
    areas = json.loads((ROOT / "citizen" / "data" / "areas.geojson").read_text(encoding="utf-8"))
    districts = [
        feature["properties"]["code"]
        for feature in areas["features"]
        if feature["properties"]["kind"] in {"district", "zone"}
    ]
    assert {f"gov-{code}" for code in districts} <= set(DEPARTMENTS)


@pytest.mark.parametrize(
    ("category", "known", "lead", "assisting"),
    [
        ("AIR-DUST", {"kind": "site"}, "housing", {"urban"}),
        ("AIR-DUST", {"kind": "road"}, "urban", {"police"}),
        ("AIR-DUST", {"kind": "road", "road": "trunk"}, "transport", set()),
        ("AIR-DUST", {"kind": "truck", "built_up": True}, "urban", {"police"}),
        ("AIR-DUST", {"kind": "truck", "built_up": False}, "transport", set()),
        ("AIR-DUST", {"kind": "port"}, "transport", set()),
        ("AIR-DUST", {"kind": "hydraulic"}, "water", set()),
        ("AIR-DUST", {"kind": "coal"}, "energy", set()),
        ("AIR-DUST", {"kind": "mine"}, "natural", set()),
        ("AIR-DUST", {"kind": "soil"}, "epb", set()),
        ("AIR-DUST", {}, "epb", set()),
        ("AIR-FUME", {}, "urban", {"epb"}),
        ("AIR-FUME", {"kind": "barbecue"}, "urban", set()),
        ("AIR-BURN", {"kind": "straw", "district": "370883"}, "agri", {"gov-370883"}),
        ("AIR-BURN", {"kind": "waste", "built_up": True}, "urban", set()),
        ("AIR-BURN", {"kind": "waste", "built_up": False}, "epb", set()),
        ("AIR-BURN", {"kind": "waste"}, "epb", set()),
        ("AIR-BURN", {"kind": "coal"}, "market", {"energy", "epb"}),
        ("AIR-BURN", {"kind": "firework"}, "police", {"emergency"}),
        ("AIR-IND", {}, "epb", {"industry"}),
        ("AIR-ODOR", {"kind": "industry"}, "epb", {"industry"}),
        ("AIR-VEH", {}, "epb", {"transport", "police"}),
        ("WAT-IND", {}, "epb", {"water"}),
        ("WAT-OUT", {}, "epb", {"water"}),
        ("WAT-SEW", {}, "water", {"housing", "urban"}),
        ("WAT-SEW", {"kind": "catering"}, "urban", {"epb"}),
        ("WAT-SEW", {"kind": "hospital"}, "epb", {"health"}),
        ("WAT-BLACK", {"built_up": True}, "water", {"epb", "housing", "urban", "agri"}),
        ("WAT-BLACK", {"built_up": False}, "epb", {"agri", "water"}),
        (
            "WAT-BLACK",
            {"built_up": False, "kind": "urban"},
            "water",
            {"epb", "housing", "urban", "agri"},
        ),
        ("WAT-FARM", {}, "agri", {"livestock", "epb"}),
        ("WAT-FARM", {"kind": "net"}, "agri", {"lake", "police"}),
        ("WAT-SHIP", {}, "transport", {"epb"}),
        ("WAT-SHIP", {"kind": "fishing"}, "agri", {"lake", "police"}),
        ("WAT-DRINK", {}, "epb", {"water"}),
        ("WAT-FLOAT", {"district": "370812"}, "water", {"gov-370812"}),
        (
            "WAT-FLOAT",
            {"on_lake": True, "district": "370826"},
            "water",
            {"lake", "epb", "gov-370826"},
        ),
        ("NOI-CON", {}, "housing", {"epb", "urban"}),
        ("NOI-IND", {}, "epb", set()),
        ("NOI-LIFE", {}, "police", {"urban"}),
        ("NOI-TRA", {}, "police", set()),
        ("NOI-TRA", {"kind": "ship"}, "transport", set()),
        ("SOL-DUMP", {"district": "370811"}, "urban", {"gov-370811"}),
        (
            "SOL-DUMP",
            {"district": "370812", "on_river": True},
            "water",
            {"urban", "gov-370812"},
        ),
        ("SOL-DUMP", {"kind": "hazardous"}, "epb", {"police", "emergency"}),
        ("SOL-DUMP", {"kind": "medical"}, "epb", {"health"}),
        ("SOIL", {}, "epb", set()),
        ("SOIL", {"kind": "farmland"}, "agri", {"epb"}),
        ("ECO-WET", {}, "natural", {"epb", "lake", "police"}),
        ("ECO-WET", {"kind": "sand"}, "water", set()),
        ("ECO-WILD", {"kind": "hunt"}, "natural", {"epb", "lake", "police"}),
        ("ECO-WILD", {"kind": "fish"}, "agri", {"lake", "police"}),
        ("ECO-FOR", {"kind": "park"}, "urban", {"natural"}),
        ("ECO-FOR", {"kind": "mine"}, "natural", {"epb"}),
        ("RAD", {}, "epb", {"emergency"}),
        ("OTH", {}, "epb", set()),
        ("NEW-CATEGORY", {}, "epb", set()),
    ],
)
def test_the_competent_department(
    category: str, known: dict[str, Any], lead: str, assisting: set[str]
) -> None:
    assert decide(category, **known) == (lead, assisting)


maybe = st.sampled_from([None, True, False])


@given(
    st.sampled_from([*CATEGORIES, "NEW"]),
    st.sampled_from([None, "site", "fish", "straw", "other"]),
    st.sampled_from([None, "370811", "999999"]),
    maybe,
    maybe,
)
def test_whatever_is_known_a_case_has_a_lead_and_words(
    category: str, kind: str | None, district: str | None, built_up: bool | None, lake: bool | None
) -> None:
    facts = Facts(category, kind=kind, district=district, built_up=built_up, on_lake=lake)
    found = route(RULES, facts, on=TODAY, departments=DEPARTMENTS)
    assert found.lead in DEPARTMENTS
    assert found.lead not in found.assisting
    assert set(found.assisting) <= set(DEPARTMENTS)
    assert DEPARTMENTS[found.lead].name in found.words
    assert found.basis in found.words
