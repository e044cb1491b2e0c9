"""Steps that most tests of rewards take: points in hand, an offer, a voucher, a decision."""

import itertools
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from citizen.events import CaseSettled, Claim, PointsEffect, Verdict
from core.database import writing
from rewards import convergence
from tests.clients import Api, account_named

SignIn = Callable[..., Api]
RESIDENT, OTHER, THIRD = "13800000001", "13800000002", "13800000003"
NOON = datetime(2026, 11, 25, 4, tzinfo=UTC)
_numbers = itertools.count(900_000)


def account_id(app: Flask, name: str) -> int:
    with app.app_context():
        return account_named(name).id


def adjust(api: SignIn, name: str, amount: Any, **changes: Any) -> TestResponse:
    """Let the administrator give or take points."""
    admin = api("rewards")
    with admin.app.app_context():
        account = account_named(name).public_id
    body = {"account": account, "amount": amount, "reason": "补发积分"} | changes
    return admin.post("/adjustments", body, key=secrets.token_hex(8))


def give(api: SignIn, name: str, amount: int) -> None:
    answer = adjust(api, name, amount)
    assert answer.status_code == 201, answer.get_data(as_text=True)


def points(api: SignIn, name: str = RESIDENT) -> tuple[int, int, int]:
    """Return available, pending and debt; the entries of each pot must add up to them."""
    client = api(name)
    found = client.get("/me/points").get_json()
    sums = {"available": 0, "pending": 0, "debt": 0}
    cursor = ""
    while cursor is not None:
        page = client.get(f"/me/points/entries?limit=50{cursor and '&cursor=' + cursor}").get_json()
        for entry in page["items"]:
            sums[entry["pot"]] += entry["amount"]
        cursor = page["next_cursor"]
    assert sums == {pot: found[pot] for pot in sums}
    assert found["available"] == sum(lot["amount"] for lot in found["expiring"])
    return found["available"], found["pending"], found["debt"]


def offer(api: SignIn, **changes: Any) -> dict[str, Any]:
    """Let the administrator open an offer."""
    body = {
        "title": "测试券",
        "kind": "test",
        "partner": "bus",
        "points_price": 20,
        "stock_left": 5,
        "price_fen": 200,
    } | changes
    answer = api("rewards").post("/offers", body)
    assert answer.status_code == 201, answer.get_data(as_text=True)
    made: dict[str, Any] = answer.get_json()
    return made


def redeem(client: Api, offer_id: str, key: str | None = None) -> TestResponse:
    return client.post(f"/offers/{offer_id}/redeem", key=key or secrets.token_hex(8))


def voucher(api: SignIn, name: str = RESIDENT, **changes: Any) -> dict[str, Any]:
    """Give a resident just enough points and redeem a fresh offer."""
    made = offer(api, **changes)
    give(api, name, made["points_price"])
    answer = redeem(api(name), made["id"])
    assert answer.status_code == 201, answer.get_data(as_text=True)
    found: dict[str, Any] = answer.get_json()
    return found


def use(client: Api, code: str, key: str | None = None, **changes: Any) -> TestResponse:
    body = {"code": code, "terminal": "东门"} | changes
    return client.post("/partner/vouchers/redeem", body, key=key or secrets.token_hex(8))


def claim(app: Flask, name: str = RESIDENT, *, at: datetime = NOON, **changes: Any) -> Claim:
    """Return a submitted claim, as citizen announces it."""
    number = next(_numbers)
    values: dict[str, Any] = {
        "report_id": number,
        "number": f"3708-261125-{number}-0",
        "account_id": account_id(app, name),
        "received_at": at,
        "earns": True,
        "channel": "suishoupai",
        "category": "WAT-OUT",
    }
    made = Claim(**(values | changes))
    with app.app_context(), writing() as session:
        convergence.submitted(session, made)
    return made


def decide(
    app: Flask,
    *claims: Claim,
    verdict: Verdict | None = Verdict.SUBSTANTIATED,
    severity: int | None = 2,
    effect: PointsEffect = PointsEffect.SETTLE,
    at: datetime | None = None,
    decision: str | None = None,
) -> CaseSettled:
    """Announce a decision on claims, as citizen does."""
    event = CaseSettled(
        decision=decision or f"decision:{claims[0].number}:{next(_numbers)}",
        number=claims[0].number,
        effect=effect,
        verdict=verdict,
        severity=severity,
        claims=claims,
        at=at or NOON + timedelta(hours=1),
    )
    with app.app_context(), writing() as session:
        convergence.settled(session, event)
    return event
