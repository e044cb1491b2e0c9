"""Points follow decisions: pending, available, corrected, taken back, owed, and paid first."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from flask import Flask

from citizen.events import CaseRated, PointsEffect, Verdict
from core.clock import now as present
from core.database import reading, writing
from rewards import jobs, ratings
from rewards import points as service
from tests.rewards.steps import (
    NOON,
    OTHER,
    RESIDENT,
    THIRD,
    SignIn,
    account_id,
    adjust,
    claim,
    decide,
    give,
    offer,
    points,
    redeem,
)

TRUE, PARTLY, FALSE = Verdict


def test_a_submitted_report_shows_ten_pending_and_a_verdict_makes_the_amount_available(
    api: SignIn, app: Flask
) -> None:
    give(api, OTHER, 3)
    one = claim(app)
    assert points(api) == (0, 10, 0)
    decide(app, one, severity=3)
    assert points(api) == (50, 0, 0)
    assert points(api, OTHER) == (3, 0, 0)


@pytest.mark.parametrize("effect", [PointsEffect.VOID, PointsEffect.SETTLE])
def test_an_unfounded_or_withdrawn_report_voids_its_points(
    api: SignIn, app: Flask, effect: PointsEffect
) -> None:
    one = claim(app)
    decide(app, one, verdict=FALSE, severity=None, effect=effect)
    assert points(api) == (0, 0, 0)


def test_a_closing_verdict_that_differs_posts_the_difference(api: SignIn, app: Flask) -> None:
    one = claim(app)
    decide(app, one, severity=1)
    decide(app, one, severity=3)
    assert points(api) == (50, 0, 0)
    decide(app, one, verdict=PARTLY, severity=1)
    assert points(api) == (5, 0, 0)


def test_the_same_decision_told_twice_pays_once(api: SignIn, app: Flask) -> None:
    one = claim(app)
    event = decide(app, one)
    for _ in range(2):
        decide(app, one, decision=event.decision)
    assert points(api) == (20, 0, 0)


def test_an_old_decision_told_again_after_a_later_one_changes_nothing(
    api: SignIn, app: Flask
) -> None:
    one = claim(app)
    first = decide(app, one)
    decide(app, one, verdict=FALSE, severity=None)
    decide(app, one, decision=first.decision)
    assert points(api) == (0, 0, 0)


def test_a_verdict_overturned_after_spending_leaves_a_debt_that_later_points_pay_first(
    api: SignIn, app: Flask
) -> None:
    made = offer(api, points_price=20)
    one = claim(app)
    decide(app, one)
    assert redeem(api(RESIDENT), made["id"]).status_code == 201
    decide(app, one, verdict=FALSE, severity=None)
    assert points(api) == (0, 0, 20)
    decide(app, one, verdict=FALSE, severity=None)
    assert points(api) == (0, 0, 20)
    refused = redeem(api(RESIDENT), made["id"])
    assert refused.get_json()["code"] == "insufficient_points"
    decide(app, claim(app, at=NOON + timedelta(days=1)), severity=3)
    assert points(api) == (30, 0, 0)


def test_a_voucher_given_back_pays_the_debt_before_anything_is_available(
    api: SignIn, app: Flask
) -> None:
    made = offer(api, points_price=20)
    one = claim(app)
    decide(app, one)
    bought = redeem(api(RESIDENT), made["id"]).get_json()
    decide(app, one, verdict=PARTLY)
    assert points(api) == (0, 0, 10)
    api(RESIDENT).post(f"/me/vouchers/{bought['id']}/cancel")
    assert points(api) == (10, 0, 0)


def test_overturning_back_and_forth_ends_where_the_last_verdict_says(
    api: SignIn, app: Flask
) -> None:
    one = claim(app)
    for verdict, severity, amount in (
        (TRUE, 2, 20),
        (FALSE, None, 0),
        (TRUE, 3, 50),
        (PARTLY, 3, 25),
    ):
        decide(app, one, verdict=verdict, severity=severity)
        assert points(api) == (amount, 0, 0)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_of_merged_claims_the_first_received_earns_in_full_whichever_came_first_in_the_books(
    api: SignIn, app: Flask, order: tuple[int, ...]
) -> None:
    names = (RESIDENT, OTHER, THIRD)
    claims = [claim(app, name, at=NOON + timedelta(minutes=n)) for n, name in enumerate(names)]
    decide(app, *(claims[place] for place in order), severity=3)
    assert [points(api, name)[0] for name in names] == [50, 2, 2]


def test_merge_after_the_verdict_and_unmerge_again_end_right(api: SignIn, app: Flask) -> None:
    first, later = claim(app), claim(app, OTHER, at=NOON + timedelta(minutes=5))
    decide(app, first)
    decide(app, later)
    assert (points(api)[0], points(api, OTHER)[0]) == (20, 20)
    decide(app, later, first)
    assert (points(api)[0], points(api, OTHER)[0]) == (20, 2)
    decide(app, first)
    decide(app, later, effect=PointsEffect.PENDING, verdict=None, severity=None)
    assert (points(api), points(api, OTHER)) == ((20, 0, 0), (0, 10, 0))


def test_a_second_report_of_one_person_on_the_same_fact_earns_nothing(
    api: SignIn, app: Flask
) -> None:
    decide(app, claim(app), claim(app, at=NOON + timedelta(minutes=5)))
    assert points(api) == (20, 0, 0)


def test_a_claim_that_does_not_earn_leaves_no_trace_in_the_books(api: SignIn, app: Flask) -> None:
    anonymous = claim(app, earns=False)
    decide(app, anonymous)
    assert points(api) == (0, 0, 0)
    with app.app_context(), reading() as session:
        earned = service.of_reports(session, [anonymous.report_id])
    assert earned == {anonymous.report_id: {"state": "none", "amount": 0}}


def test_reports_tell_what_they_earned_in_one_query(api: SignIn, app: Flask, statements) -> None:  # type: ignore[no-untyped-def]
    waiting, paid = claim(app), claim(app, OTHER)
    decide(app, paid)
    with statements() as seen, app.app_context(), reading() as session:
        earned = service.of_reports(session, [waiting.report_id, paid.report_id, 1])
    assert len(seen.seen) == 1
    assert earned == {
        waiting.report_id: {"state": "pending", "amount": 10},
        paid.report_id: {"state": "available", "amount": 20},
        1: {"state": "none", "amount": 0},
    }


def test_the_sixth_report_of_a_day_shows_pending_and_is_cut_to_nothing(
    api: SignIn, app: Flask
) -> None:
    claims = [claim(app, at=NOON + timedelta(minutes=n)) for n in range(6)]
    assert points(api) == (0, 60, 0)
    for one in claims:
        decide(app, one, severity=1)
    assert points(api) == (50, 0, 0)
    decide(app, claims[0], verdict=FALSE, severity=None)
    decide(app, claims[5], severity=1)
    assert points(api) == (50, 0, 0)


def test_the_day_counts_from_midnight_in_shanghai_and_grants_the_remainder(
    api: SignIn, app: Flask
) -> None:
    last_minute = datetime(2026, 11, 24, 15, 59, 59, tzinfo=UTC)
    for minutes in (0, 1, 2):
        decide(app, claim(app, at=last_minute - timedelta(minutes=minutes)), severity=3)
    assert points(api) == (100, 0, 0)
    decide(app, claim(app, at=last_minute + timedelta(seconds=1)), severity=3)
    assert points(api) == (150, 0, 0)


def test_a_month_gives_five_hundred_at_most(api: SignIn, app: Flask) -> None:
    for day in range(1, 8):
        for _ in range(2):
            decide(app, claim(app, at=datetime(2026, 11, day, 4, tzinfo=UTC)), severity=3)
    assert points(api)[0] == 500


def test_rating_a_true_case_earns_two_once_and_only_for_those_who_earn(
    api: SignIn, app: Flask
) -> None:
    one, anonymous = claim(app), claim(app, OTHER, earns=False)
    decide(app, one)
    for target, name, true in (
        (one, RESIDENT, True),
        (one, RESIDENT, True),
        (anonymous, OTHER, True),
    ):
        rate(app, target.report_id, target.number, account_id(app, name), found_true=true)
    assert (points(api), points(api, OTHER)) == ((22, 0, 0), (0, 0, 0))


def test_rating_a_false_case_earns_nothing(api: SignIn, app: Flask) -> None:
    one = claim(app)
    decide(app, one, verdict=FALSE, severity=None)
    rate(app, one.report_id, one.number, account_id(app, RESIDENT), found_true=False)
    assert points(api) == (0, 0, 0)


def rate(app: Flask, report_id: int, number: str, rater: int, *, found_true: bool) -> None:
    with app.app_context(), writing() as session:
        ratings.rated(session, CaseRated(report_id, number, rater, NOON, found_true))


def test_points_past_their_day_are_gone_from_balance_and_history_before_the_worker_came_by(
    api: SignIn, app: Flask
) -> None:
    old = datetime(2024, 6, 1, tzinfo=UTC)
    decide(app, claim(app, at=old), at=old)
    assert points(api) == (0, 0, 0)
    reasons = [
        entry["reason"] for entry in api(RESIDENT).get("/me/points/entries").get_json()["items"]
    ]
    assert reasons[0] == "expiry"
    with app.app_context():
        assert jobs.expire_points(present()) == 0


def test_the_worker_expires_points_once(api: SignIn, app: Flask) -> None:
    old = datetime(2024, 6, 1, tzinfo=UTC)
    decide(app, claim(app, at=old), at=old)
    give(api, OTHER, 5)
    with app.app_context():
        assert [jobs.expire_points(present()) for _ in range(2)] == [1, 0]
    assert (points(api), points(api, OTHER)) == ((0, 0, 0), (5, 0, 0))


def test_an_award_reversed_after_it_lapsed_makes_no_debt(api: SignIn, app: Flask) -> None:
    old = datetime(2024, 6, 1, tzinfo=UTC)
    one = claim(app, at=old)
    decide(app, one, at=old)
    assert points(api) == (0, 0, 0)
    decide(app, one, verdict=FALSE, severity=None)
    assert points(api) == (0, 0, 0)


def test_a_person_who_leaves_takes_no_points_along_and_later_verdicts_move_nothing(
    api: SignIn, app: Flask
) -> None:
    waiting, paid = claim(app), claim(app)
    decide(app, paid)
    leaver = account_id(app, RESIDENT)
    with app.app_context(), writing() as session:
        service.forfeit(session, leaver, NOON)
        service.forfeit(session, leaver, NOON)
    assert points(api) == (0, 0, 0)
    decide(app, replace(waiting, account_id=None, earns=False))
    decide(app, replace(paid, account_id=None, earns=False), verdict=FALSE, severity=None)
    assert points(api) == (0, 0, 0)


@pytest.mark.parametrize(
    "amount", [1.9, "1_000", "", None, True, 0, 99999999999999999999, -1_000_001, [], "5"]
)
def test_a_strange_amount_is_refused_and_moves_nothing(
    api: SignIn, app: Flask, amount: object
) -> None:
    answer = adjust(api, RESIDENT, amount)
    assert answer.status_code == 422
    assert "amount" in answer.get_json()["errors"]
    assert points(api) == (0, 0, 0)


def test_taking_more_than_there_is_is_refused(api: SignIn, app: Flask) -> None:
    give(api, RESIDENT, 5)
    assert adjust(api, RESIDENT, -6).get_json()["code"] == "insufficient_points"
    assert adjust(api, RESIDENT, -5).status_code == 201
    assert points(api) == (0, 0, 0)


def test_an_adjustment_needs_a_key_an_administrator_and_a_resident(api: SignIn, app: Flask) -> None:
    body = {"account": "nobody", "amount": 5, "reason": "补发"}
    admin = api("rewards")
    assert admin.post("/adjustments", body).status_code == 400
    unknown = admin.post("/adjustments", body, key="k")
    assert (unknown.status_code, list(unknown.get_json()["errors"])) == (422, ["account"])
    for name in ("dispatcher", "auditor", "bus", RESIDENT):
        assert api(name).post("/adjustments", body, key="k").status_code == 403
    assert api("").post("/adjustments", body, key="k").status_code == 401


def test_balance_and_history_agree_after_every_step(api: SignIn, app: Flask) -> None:
    made = offer(api, points_price=50, stock_left=None)
    give(api, RESIDENT, 50)
    bought = redeem(api(RESIDENT), made["id"]).get_json()
    assert points(api)[0] == 0
    give(api, RESIDENT, 21)
    assert points(api)[0] == 21
    assert adjust(api, RESIDENT, -21).status_code == 201
    assert api(RESIDENT).post(f"/me/vouchers/{bought['id']}/cancel").status_code == 200
    assert points(api)[0] == 50
    amounts = [
        entry["amount"] for entry in api(RESIDENT).get("/me/points/entries").get_json()["items"]
    ]
    assert amounts == [50, -21, 21, -50, 50]


def test_entries_are_paged_without_gap_while_new_ones_come(api: SignIn, app: Flask) -> None:
    for _ in range(5):
        give(api, RESIDENT, 1)
    client = api(RESIDENT)
    first = client.get("/me/points/entries?limit=2").get_json()
    give(api, RESIDENT, 1)
    seen = [entry["id"] for entry in first["items"]]
    cursor = first["next_cursor"]
    while cursor:
        page = client.get(f"/me/points/entries?limit=2&cursor={cursor}").get_json()
        seen += [entry["id"] for entry in page["items"]]
        cursor = page["next_cursor"]
    assert len(seen) == len(set(seen)) == 5
    for strange in ("x", "W10", "WyJhIl0"):
        assert client.get(f"/me/points/entries?cursor={strange}").status_code == 422
