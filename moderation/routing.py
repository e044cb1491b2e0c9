"""Pure: whose job a case is. An ordered table; the first rule in force whose conditions all hold.

The table is data with effective dates (`data/routing.json`, from the competences in 济宁市大气污染
防治条例, 济宁市水环境保护条例, 噪声污染防治法 and others, each with its basis). What is not known
about a case satisfies no condition, so it goes on to the next, more general rule; the last one
takes everything.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from citizen.atlas import Place

ANY_CATEGORY = "*"
LOCAL = (
    "@area"  # in a rule: who governs where the case lies, a zone's own office beside the district
)
LOCAL_PREFIX = "gov-"
TRUTHS = {
    "built_up": ("建成区内", "建成区外"),
    "on_lake": ("位于湖面", "不在湖面"),
    "near_lake": ("位于湖区及入湖河流范围", "不在湖区及入湖河流范围"),
    "on_river": ("位于入湖河流范围", "不在入湖河流范围"),
}
CHOICES = {"kind": "子类", "road": "道路类别", "district": "县（市、区）", "zone": "功能区"}


class RoutingInvalid(ValueError):
    """The table can't be used; the message says which rule and why."""


@dataclass(frozen=True)
class Department:
    """A body that cases are sent to."""

    code: str
    name: str

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> "Department":
        return cls(str(body["code"]), str(body["name"]))


@dataclass(frozen=True)
class Facts:
    """What is known about a case; None and empty mean unknown."""

    category: str
    kind: str | None = None
    road: str | None = None
    district: str | None = None
    zone: tuple[str, ...] = ()
    built_up: bool | None = None
    on_lake: bool | None = None
    near_lake: bool | None = None
    on_river: bool | None = None

    @classmethod
    def at(cls, category: str, place: Place, **answers: Any) -> "Facts":
        """Take the facts that the place gives; `answers` add what somebody said, or overrule it."""
        found = {
            "district": place.area.code if place.area else None,
            "zone": tuple(zone.code for zone in place.zones),
            "built_up": place.built_up,
            "on_lake": place.on_lake,
            "near_lake": place.near_lake,
            "on_river": place.river is not None,
        }
        return cls(category, **{**found, **answers})


@dataclass(frozen=True)
class Rule:
    """One row: for a category (`*` for all) under conditions, lead and assisting departments."""

    id: str
    title: str
    category: str
    lead: str
    assisting: tuple[str, ...]
    basis: str
    effective_from: date
    effective_until: date | None = None
    truths: Mapping[str, bool] = field(default_factory=dict)
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    note: str | None = None

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> "Rule":
        """Read one row of the file or the table.

        Raises:
            RoutingInvalid: a field is missing or makes no sense.
        """
        try:
            return cls._read(body)
        except (KeyError, TypeError, ValueError) as error:
            raise RoutingInvalid(f"规则 {body.get('id', '?')}：{error}") from error

    @classmethod
    def _read(cls, body: Mapping[str, Any]) -> "Rule":
        until = body.get("effective_until")
        when = dict(body.get("when") or {})
        truths = {name: _truth(when.pop(name)) for name in TRUTHS if name in when}
        choices = {name: _codes(when.pop(name)) for name in CHOICES if name in when}
        if when:
            raise ValueError(f"未知条件 {', '.join(when)}")
        return cls(
            id=body["id"],
            title=body["title"],
            category=body["category"],
            lead=body["lead"],
            assisting=_codes(body.get("assisting", [])),
            basis=body["basis"],
            effective_from=date.fromisoformat(body["effective_from"]),
            effective_until=date.fromisoformat(until) if until else None,
            truths=truths,
            choices=choices,
            note=body.get("note"),
        )

    def term(self) -> str:
        """Say from when to when the rule is in force; the last day is included."""
        until = f"至 {self.effective_until} " if self.effective_until else ""
        return f"自 {self.effective_from} 起{until}有效"

    def holds(self, day: date) -> bool:
        """Say whether the rule is in force on a Shanghai day; the last day is included."""
        return self.effective_from <= day <= (self.effective_until or date.max)

    def misses(self, facts: Facts) -> list[str]:
        """Say in words which conditions the facts do not meet; empty when the rule applies."""
        missed = [
            self._truth_words(name)
            for name, wanted in self.truths.items()
            if getattr(facts, name) is not wanted
        ]
        for name, wanted_codes in self.choices.items():
            if not set(_codes(getattr(facts, name) or ())) & set(wanted_codes):
                missed.append(self._choice_words(name))
        return missed

    def conditions(self) -> list[str]:
        """Say the conditions in words."""
        truths = [self._truth_words(name) for name in self.truths]
        return truths + [self._choice_words(name) for name in self.choices]

    def _truth_words(self, name: str) -> str:
        return TRUTHS[name][0 if self.truths[name] else 1]

    def _choice_words(self, name: str) -> str:
        return f"{CHOICES[name]}为 {'、'.join(self.choices[name])}"


@dataclass(frozen=True)
class Decision:
    """Whose job it is, and why: `words` is what an officer reads."""

    lead: str
    assisting: tuple[str, ...]
    rule: str
    basis: str
    words: str


@dataclass(frozen=True)
class Step:
    """One rule that was tried, and what was missing; nothing where it applied."""

    rule: Rule
    missing: tuple[str, ...]


@dataclass(frozen=True)
class Explanation:
    """The decision and every rule that was tried on the way to it; the last one decided."""

    decision: Decision
    steps: tuple[Step, ...]

    @property
    def rule(self) -> Rule:
        """Return the rule that decided."""
        return self.steps[-1].rule


def route(
    rules: Iterable[Rule], facts: Facts, *, on: date, departments: Mapping[str, Department]
) -> Decision:
    """Decide by the first rule that applies on a Shanghai day.

    Raises:
        LookupError: no rule takes the case; `check` refuses such a table before it is used.
    """
    for rule in _in_force(rules, facts.category, on):
        if not _missing(rule, facts, departments):
            return _decided(rule, facts, departments)
    raise LookupError(f"no routing rule for {facts.category} on {on}")


def explain(
    rules: Sequence[Rule], facts: Facts, *, on: date, departments: Mapping[str, Department]
) -> Explanation:
    """Decide, and show what was tried: for officers who ask why, or test a change of the table.

    Raises:
        LookupError: no rule takes the case.
    """
    steps: list[Step] = []
    for rule in rules:
        if rule.category not in {facts.category, ANY_CATEGORY}:
            continue
        idle = () if rule.holds(on) else (rule.term(),)
        steps.append(Step(rule, (*idle, *_missing(rule, facts, departments))))
        if not steps[-1].missing:
            break
    return Explanation(route(rules, facts, on=on, departments=departments), tuple(steps))


def check(rules: Sequence[Rule], departments: Mapping[str, Department], *, on: date) -> None:
    """Refuse a table that would lose a case or name a department that is not there.

    Raises:
        RoutingInvalid: with the first fault, in Chinese.
    """
    seen: set[str] = set()
    for rule in rules:
        if rule.id in seen:
            raise RoutingInvalid(f"规则 {rule.id}：编号重复")
        seen.add(rule.id)
        unknown = {rule.lead, *rule.assisting} - {LOCAL, *departments}
        if unknown or rule.lead == LOCAL:
            raise RoutingInvalid(f"规则 {rule.id}：没有部门 {'、'.join(sorted(unknown)) or LOCAL}")
    takes_all = (
        rule.category == ANY_CATEGORY and not rule.truths and not rule.choices and rule.holds(on)
        for rule in rules
    )
    if not any(takes_all):
        raise RoutingInvalid("缺少兜底规则：类别为 *、无条件、现行有效")


def _in_force(rules: Iterable[Rule], category: str, on: date) -> Iterable[Rule]:
    return (rule for rule in rules if rule.category in {category, ANY_CATEGORY} and rule.holds(on))


def _missing(rule: Rule, facts: Facts, departments: Mapping[str, Department]) -> tuple[str, ...]:
    """Say what keeps a rule from deciding; a case is never sent to a closed department."""
    closed = () if rule.lead in departments else (f"主办部门 {rule.lead} 未启用",)
    return (*rule.misses(facts), *closed)


def _decided(rule: Rule, facts: Facts, departments: Mapping[str, Department]) -> Decision:
    local = [f"{LOCAL_PREFIX}{code}" for code in (*facts.zone, facts.district)]
    named = (one for code in rule.assisting for one in (local if code == LOCAL else (code,)))
    assisting = tuple(dict.fromkeys(code for code in named if code in departments))
    words = _words(rule, [departments[code].name for code in (rule.lead, *assisting)])
    return Decision(rule.lead, assisting, rule.id, rule.basis, words)


def _words(rule: Rule, names: Sequence[str]) -> str:
    lead, *assisting = names
    parts = [f"按“{rule.title}”由{lead}主办"]
    if assisting:
        parts.append(f"{'、'.join(assisting)}协办")
    if rule.conditions():
        parts.append(f"条件：{'，'.join(rule.conditions())}")
    parts.append(f"依据：{rule.basis}")
    return "；".join([*parts, rule.note] if rule.note else parts) + "。"


def _codes(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list | tuple) and all(isinstance(code, str) for code in value):
        return tuple(value)
    raise ValueError("应为编码或编码列表")


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("条件应为 true 或 false")  # noqa: TRY004  bad data, not a bad call
    return value
