"""What each claim on a fact should have earned: pure, whatever order decisions came in.

Reports that were merged are claims on one fact. The earning claim that the server received first
earns the full amount, whichever case is the primary; later accounts earn the corroboration
amount; a second claim of one account earns nothing. Each claim is judged by the rule set that was
in force when it was submitted.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from citizen.events import Claim, PointsEffect, Verdict
from core.clock import day_end, local_day
from rewards.states import AwardReason, AwardState

SEVERITIES = (1, 2, 3)
MOST = 1_000_000


class BrokenRules(ValueError):
    """A rule set can't be read; its awards are held, and no verdict is blocked."""


@dataclass(frozen=True)
class Rules:
    """One version of the earning rules, amounts in points (contract 6 has the defaults)."""

    base: int
    by_severity: tuple[int, int, int]
    partly_percent: int
    corroboration: int
    rating: int
    reports_a_day: int
    points_a_day: int
    points_a_month: int
    expire_after_years: int
    release_after: timedelta
    budget_a_month: int | None


DEFAULT_RULES: dict[str, Any] = {
    "base": 10,
    "by_severity": [10, 20, 50],
    "partly_percent": 50,
    "corroboration": 2,
    "rating": 2,
    "reports_a_day": 5,
    "points_a_day": 100,
    "points_a_month": 500,
    "expire_after_years": 1,
    "release_after_seconds": 0,
    "budget_a_month": None,
}


def read_rules(body: Any) -> Rules:
    """Read a rule set's JSON body.

    Raises:
        BrokenRules: a field is missing, unknown, or no whole number in its range.
    """
    if not isinstance(body, dict) or body.keys() != DEFAULT_RULES.keys():
        raise BrokenRules("fields are missing or unknown")
    graded = body["by_severity"]
    if not isinstance(graded, list) or len(graded) != len(SEVERITIES):
        raise BrokenRules("by_severity needs one amount for each severity")
    budget = body["budget_a_month"]
    return Rules(
        base=_whole(body["base"]),
        by_severity=(_whole(graded[0]), _whole(graded[1]), _whole(graded[2])),
        partly_percent=_whole(body["partly_percent"], 100),
        corroboration=_whole(body["corroboration"]),
        rating=_whole(body["rating"]),
        reports_a_day=_whole(body["reports_a_day"]),
        points_a_day=_whole(body["points_a_day"]),
        points_a_month=_whole(body["points_a_month"]),
        expire_after_years=_whole(body["expire_after_years"], 10),
        release_after=timedelta(seconds=_whole(body["release_after_seconds"], 366 * 86_400)),
        budget_a_month=None if budget is None else _whole(budget, MOST * MOST),
    )


def _whole(value: Any, most: int = MOST) -> int:
    if type(value) is not int or not 0 <= value <= most:
        raise BrokenRules(f"{value!r} is no whole number from 0 to {most}")
    return value


@dataclass(frozen=True)
class Target:
    """What a claim should have earned before caps; `place` is 1 for the first claim, 0 for none."""

    state: AwardState
    amount: int
    place: int


NOTHING = Target(AwardState.NONE, 0, 0)


def targets(
    claims: Iterable[Claim],
    effect: PointsEffect,
    verdict: Verdict | None,
    severity: int | None,
    rules: Mapping[int, Rules | None],
) -> dict[int, Target]:
    """Return each claim's target by report id; `rules` holds None where a rule set is broken."""
    places = _places(claims)
    return {
        report_id: _target(place, effect, verdict, severity, rules.get(report_id))
        for report_id, place in places.items()
    }


def _places(claims: Iterable[Claim]) -> dict[int, int]:
    """Number the claims that earn by server receipt, one for each account; 0 for the others."""
    places: dict[int, int] = {}
    seen: set[int] = set()
    for claim in sorted(claims, key=lambda claim: (claim.received_at, claim.report_id)):
        first_of_account = claim.account_id is not None and claim.account_id not in seen
        if claim.earns and claim.account_id is not None and first_of_account:
            seen.add(claim.account_id)
            places[claim.report_id] = len(seen)
        else:
            places[claim.report_id] = 0
    return places


def _target(
    place: int,
    effect: PointsEffect,
    verdict: Verdict | None,
    severity: int | None,
    rules: Rules | None,
) -> Target:
    if place == 0:
        return NOTHING
    if effect == PointsEffect.VOID:
        return Target(AwardState.VOID, 0, place)
    if rules is None:
        return Target(AwardState.HELD, 0, place)
    if effect == PointsEffect.PENDING:
        return Target(AwardState.PENDING, rules.base, place)
    amount = worth(place, verdict, severity, rules)
    return Target(AwardState.AVAILABLE if found_true(verdict) else AwardState.VOID, amount, place)


def found_true(verdict: Verdict | None) -> bool:
    """Say whether a verdict makes points available."""
    return verdict is not None and verdict.true


def worth(place: int, verdict: Verdict | None, severity: int | None, rules: Rules) -> int:
    """Return what the claim in this place earns by a verdict; partly true is half, rounded up."""
    if place == 0 or not found_true(verdict):
        return 0
    if place > 1:
        return rules.corroboration
    full = rules.by_severity[(severity or 1) - 1]
    if verdict == Verdict.PARTLY_SUBSTANTIATED:
        return -(-full * rules.partly_percent // 100)
    return full


@dataclass(frozen=True)
class Usage:
    """What an account's other awards used of its caps on the day and in the month."""

    reports_day: int = 0
    points_day: int = 0
    points_month: int = 0


def granted(amount: int, usage: Usage, rules: Rules, reason: AwardReason) -> int:
    """Return what the caps leave of an amount that becomes available, never below 0."""
    if reason == AwardReason.REPORT and usage.reports_day >= rules.reports_a_day:
        return 0
    room = min(rules.points_a_day - usage.points_day, rules.points_a_month - usage.points_month)
    return max(0, min(amount, room))


def expiry(at: datetime, rules: Rules) -> datetime:
    """Return the exclusive instant at which points that became available at `at` lapse."""
    return day_end(date(local_day(at).year + rules.expire_after_years, 12, 31))


def month_of(day: date) -> tuple[date, date]:
    """Return the first day of the day's month and of the next one."""
    first = day.replace(day=1)
    return first, (first + timedelta(days=32)).replace(day=1)
