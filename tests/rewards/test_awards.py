"""What each claim should have earned: the table of contract 6, and what holds for every history."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citizen.events import Claim, PointsEffect, Verdict
from rewards.awards import (
    DEFAULT_RULES,
    BrokenRules,
    Target,
    Usage,
    expiry,
    granted,
    month_of,
    read_rules,
    targets,
    worth,
)
from rewards.states import AwardReason, AwardState

RULES = read_rules(DEFAULT_RULES)
NOON = datetime(2026, 3, 5, 4, tzinfo=UTC)


def claim(
    report_id: int, account_id: int | None = None, *, minutes: int = 0, earns: bool = True
) -> Claim:
    return Claim(
        report_id=report_id,
        number=f"3708-260305-AAAAA{report_id}-0",
        account_id=account_id if account_id is not None else report_id,
        received_at=NOON + timedelta(minutes=minutes),
        earns=earns,
        channel="suishoupai",
        category="WAT-OUT",
    )


def settle(
    claims: list[Claim], verdict: Verdict = Verdict.SUBSTANTIATED, severity: int | None = 2
) -> dict[int, Target]:
    rules = dict.fromkeys((one.report_id for one in claims), RULES)
    return targets(claims, PointsEffect.SETTLE, verdict, severity, rules)


@pytest.mark.parametrize(
    ("verdict", "severity", "amount"),
    [
        (Verdict.SUBSTANTIATED, 1, 10),
        (Verdict.SUBSTANTIATED, 2, 20),
        (Verdict.SUBSTANTIATED, 3, 50),
        (Verdict.PARTLY_SUBSTANTIATED, 1, 5),
        (Verdict.PARTLY_SUBSTANTIATED, 2, 10),
        (Verdict.PARTLY_SUBSTANTIATED, 3, 25),
        (Verdict.UNSUBSTANTIATED, None, 0),
        (None, None, 0),
    ],
)
def test_the_first_claim_earns_by_severity_and_not_on_top_of_the_base(
    verdict: Verdict | None, severity: int | None, amount: int
) -> None:
    assert worth(1, verdict, severity, RULES) == amount


def test_half_of_an_odd_amount_is_rounded_up() -> None:
    odd = read_rules({**DEFAULT_RULES, "by_severity": [15, 21, 1]})
    halves = [worth(1, Verdict.PARTLY_SUBSTANTIATED, severity, odd) for severity in (1, 2, 3)]
    assert halves == [8, 11, 1]


def test_a_pending_claim_shows_the_base() -> None:
    shown = targets([claim(1)], PointsEffect.PENDING, None, None, {1: RULES})
    assert shown == {1: Target(AwardState.PENDING, 10, 1)}


def test_the_claim_received_first_earns_in_full_whichever_report_has_the_lower_key() -> None:
    found = settle([claim(1, minutes=5), claim(2, minutes=1), claim(3, minutes=9)])
    assert {key: goal.amount for key, goal in found.items()} == {1: 2, 2: 20, 3: 2}


def test_a_second_claim_of_one_account_earns_nothing() -> None:
    found = settle([claim(1, 7), claim(2, 7, minutes=1), claim(3, 8, minutes=2)])
    assert {key: goal.amount for key, goal in found.items()} == {1: 20, 2: 0, 3: 2}


def test_a_claim_that_does_not_earn_gets_none_and_takes_no_place() -> None:
    found = settle([claim(1, earns=False), claim(2, minutes=1)])
    assert found[1] == Target(AwardState.NONE, 0, 0)
    assert found[2] == Target(AwardState.AVAILABLE, 20, 1)


def test_void_takes_everything_even_where_the_rules_are_broken() -> None:
    found = targets([claim(1)], PointsEffect.VOID, None, None, {1: None})
    assert found == {1: Target(AwardState.VOID, 0, 1)}


def test_broken_rules_hold_only_their_own_claims() -> None:
    found = targets(
        [claim(1), claim(2, minutes=1)],
        PointsEffect.SETTLE,
        Verdict.SUBSTANTIATED,
        1,
        {1: None, 2: RULES},
    )
    assert found[1].state is AwardState.HELD
    assert found[2] == Target(AwardState.AVAILABLE, 2, 2)


def test_each_claim_is_judged_by_the_rules_of_its_own_submission() -> None:
    generous = read_rules({**DEFAULT_RULES, "corroboration": 5})
    found = targets(
        [claim(1), claim(2, minutes=1)],
        PointsEffect.SETTLE,
        Verdict.SUBSTANTIATED,
        3,
        {1: RULES, 2: generous},
    )
    assert (found[1].amount, found[2].amount) == (50, 5)


claims_strategy = st.lists(
    st.tuples(st.integers(1, 4), st.integers(0, 60), st.booleans()), min_size=1, max_size=6
).map(
    lambda drawn: [
        claim(number, account, minutes=minutes, earns=earns)
        for number, (account, minutes, earns) in enumerate(drawn, start=1)
    ]
)


@given(claims_strategy, st.randoms(use_true_random=False))
def test_the_order_in_which_claims_are_told_changes_nothing(claims: list[Claim], order) -> None:  # type: ignore[no-untyped-def]
    shuffled = list(claims)
    order.shuffle(shuffled)
    assert settle(claims) == settle(shuffled)


@given(claims_strategy)
def test_one_claim_earns_in_full_and_each_account_once(claims: list[Claim]) -> None:
    found = settle(claims, severity=3)
    paid = [one for one in claims if found[one.report_id].amount]
    assert len({one.account_id for one in paid}) == len(paid)
    assert sum(found[one.report_id].amount == 50 for one in paid) == bool(paid)
    assert all(one.earns for one in paid)
    earliest = min(
        (one for one in claims if one.earns),
        key=lambda one: (one.received_at, one.report_id),
        default=None,
    )
    assert earliest is None or found[earliest.report_id].amount == 50


@given(claims_strategy)
def test_no_effect_gives_points_but_a_verdict_that_found_it_true(claims: list[Claim]) -> None:
    rules = dict.fromkeys((one.report_id for one in claims), RULES)
    for effect, verdict in (
        (PointsEffect.VOID, Verdict.SUBSTANTIATED),
        (PointsEffect.SETTLE, Verdict.UNSUBSTANTIATED),
        (PointsEffect.PENDING, None),
    ):
        found = targets(claims, effect, verdict, None, rules)
        assert all(goal.state is not AwardState.AVAILABLE for goal in found.values())


def test_the_caps_grant_the_remainder() -> None:
    report = AwardReason.REPORT
    assert granted(50, Usage(2, 70, 70), RULES, report) == 30
    assert granted(50, Usage(2, 100, 100), RULES, report) == 0
    assert granted(50, Usage(0, 0, 480), RULES, report) == 20
    assert granted(50, Usage(5, 50, 50), RULES, report) == 0
    assert granted(2, Usage(5, 50, 50), RULES, AwardReason.RATING) == 2


@given(st.lists(st.integers(0, 200), max_size=12))
def test_a_day_never_passes_its_caps_whatever_comes(amounts: list[int]) -> None:
    reports = points = 0
    for amount in amounts:
        given_points = granted(amount, Usage(reports, points, points), RULES, AwardReason.REPORT)
        reports, points = reports + bool(given_points), points + given_points
    assert reports <= 5
    assert points <= 100


def test_points_lapse_at_the_end_of_the_next_calendar_year_in_shanghai() -> None:
    last_second = datetime(2026, 12, 31, 15, 59, 59, tzinfo=UTC)
    assert expiry(last_second, RULES) == datetime(2027, 12, 31, 16, tzinfo=UTC)
    assert expiry(last_second + timedelta(seconds=1), RULES) == datetime(
        2028, 12, 31, 16, tzinfo=UTC
    )


def test_a_month_ends_where_the_next_one_begins() -> None:
    assert month_of(date(2026, 12, 31)) == (date(2026, 12, 1), date(2027, 1, 1))
    assert month_of(date(2028, 2, 29)) == (date(2028, 2, 1), date(2028, 3, 1))


@pytest.mark.parametrize(
    "change",
    [
        {"base": "10"},
        {"base": True},
        {"base": -1},
        {"base": 1.5},
        {"by_severity": [10, 20]},
        {"by_severity": 10},
        {"partly_percent": 101},
        {"budget_a_month": "none"},
        {"surprise": 1},
    ],
)
def test_a_strange_rule_set_is_broken(change: dict[str, object]) -> None:
    with pytest.raises(BrokenRules):
        read_rules({**DEFAULT_RULES, **change})


@pytest.mark.parametrize("body", [None, [], "rules", {}])
def test_what_is_no_rule_set_is_broken(body: object) -> None:
    with pytest.raises(BrokenRules):
        read_rules(body)
