"""Whose job a case would be, and why: the routing table asked without a case."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from citizen import places
from citizen import service as reports
from citizen.atlas import Place
from core.errors import Invalid
from core.messages import say
from moderation import registry
from moderation.routing import LOCAL_PREFIX, Explanation, Facts, Rule, Step

Sent = Mapping[str, Any]


def explain(session: Session, sent: Sent, today: date) -> dict[str, Any]:
    """Decide for a category and a place on a Shanghai day, and show what was tried.

    Raises:
        Invalid and its kin: an unknown category, kind or district, a point outside the city, or a
            day that no rule is for.
    """
    category = _category(sent)
    place = reports.spot_in_city(sent["location"]).place if sent["location"] else None
    facts = _facts(session, sent, place)
    on = sent["on"] or today
    try:
        found, version = registry.explain(session, facts, on)
    except LookupError as error:
        raise Invalid(errors={"on": [say("该日没有适用的规则", "No rule for that day")]}) from error
    named = {"code": category.code, "name": category.name}
    told = {"on": on, "version": version, "category": named, "overlays": _overlays(facts, place)}
    return {**told, **_decided(session, found)}


def _category(sent: Sent) -> places.Category:
    category = places.category(sent["category"])
    if category is None:
        raise Invalid(errors={"category": [say("没有该类别", "No such category")]})
    kind = sent["answers"].get("kind")
    if kind is not None and kind not in {known.code for known in category.kinds}:
        raise Invalid(
            errors={"answers.kind": [say("该类别没有此子类", "Not a kind of this category")]}
        )
    return category


def _facts(session: Session, sent: Sent, place: Place | None) -> Facts:
    if place is not None:
        return Facts.at(sent["category"], place, **sent["answers"])
    area = sent["area"]
    if area is not None and f"{LOCAL_PREFIX}{area}" not in registry.departments(session):
        raise Invalid(errors={"area": [say("没有该区域", "No such district")]})
    zone = (area,) if area else ()  # the code may be a zone's
    return Facts(sent["category"], district=area, zone=zone, **sent["answers"])


def _overlays(facts: Facts, place: Place | None) -> dict[str, Any]:
    away = place.lake_distance_m if place else None
    return {
        "area": facts.district and places.area_named(facts.district),
        "zones": place.zones if place else (),
        "built_up": facts.built_up,
        "lake": place.lake if place else None,
        "lake_distance_m": None if away is None else round(away),
        "on_lake": facts.on_lake,
        "near_lake": facts.near_lake,
        "river": place.river if place else None,
        "on_river": facts.on_river,
    }


def _decided(session: Session, found: Explanation) -> dict[str, Any]:
    names = registry.departments(session)
    decision = found.decision
    return {
        "lead": {"code": decision.lead, "name": names[decision.lead]},
        "assisting": [{"code": code, "name": names[code]} for code in decision.assisting],
        "words": decision.words,
        "rule": _rule(found.rule),
        "tried": [_tried(step) for step in found.steps],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "title": rule.title,
        "conditions": rule.conditions(),
        "basis": rule.basis,
        "effective_from": rule.effective_from,
        "effective_until": rule.effective_until,
    }


def _tried(step: Step) -> dict[str, Any]:
    return {**_rule(step.rule), "applies": not step.missing, "missing": step.missing}
