"""How many statements points add to a request: the budgets of the journey."""

from datetime import timedelta

from flask import Flask

from core.database import writing
from rewards import convergence
from tests.rewards.steps import (
    NOON,
    OTHER,
    RESIDENT,
    SignIn,
    claim,
    decide,
    give,
    offer,
    redeem,
    use,
    voucher,
)


def test_a_submission_costs_five_at_most_from_the_second_on(
    api: SignIn, app: Flask, statements
) -> None:  # type: ignore[no-untyped-def]
    first = claim(app)
    later = first.__class__(**{**vars(first), "report_id": 1, "number": "later"})
    with app.app_context(), writing() as session, statements() as seen:
        convergence.submitted(session, later)
    assert len(seen.seen) <= 5, seen.seen


def test_a_verdict_costs_nine_at_most_also_when_it_takes_points_back(
    api: SignIn, app: Flask, statements
) -> None:  # type: ignore[no-untyped-def]
    one = claim(app)
    decide(app, one, severity=1)
    for severity in (3, 1):
        with statements() as seen:
            decide(app, one, severity=severity)
        assert len(seen.seen) <= 9, seen.seen


def test_a_merged_case_adds_six_a_claim(api: SignIn, app: Flask, statements) -> None:  # type: ignore[no-untyped-def]
    claims = [claim(app, f"1380000000{n}", at=NOON + timedelta(minutes=n)) for n in range(1, 6)]
    with statements() as seen:
        decide(app, *claims)
    assert len(seen.seen) <= 4 + 6 * len(claims), seen.seen


def test_a_redemption_costs_twenty_at_most(api: SignIn, app: Flask, statements) -> None:  # type: ignore[no-untyped-def]
    made = offer(api, limit_per_resident=3)
    give(api, RESIDENT, 60)
    give(api, OTHER, 60)
    client = api(RESIDENT)
    redeem(client, made["id"])
    with statements() as seen:
        assert redeem(client, made["id"]).status_code == 201
    assert len(seen.seen) <= 20, seen.seen


def test_a_use_at_the_gate_costs_twelve_at_most(api: SignIn, app: Flask, statements) -> None:  # type: ignore[no-untyped-def]
    code = voucher(api)["code"]
    client = api("bus")
    with statements() as seen:
        assert use(client, code).status_code == 200
    assert len(seen.seen) <= 12, seen.seen


def test_lists_cost_the_same_however_long_they_are(api: SignIn, app: Flask, statements) -> None:  # type: ignore[no-untyped-def]
    for path in ("/me/points", "/me/points/entries", "/me/vouchers", "/offers"):
        client = api(RESIDENT)
        counts = []
        for _ in range(2):
            with statements() as seen:
                client.get(path)
            counts.append(len(seen.seen))
            voucher(api)
        assert counts[1] <= counts[0] + 1, (path, counts)
        assert counts[1] <= 5
