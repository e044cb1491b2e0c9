"""Many at once: one wins; a control with the guard switched off shows each race real.

Bug cases B46 (paid twice), B49 (one balance), B51 (the last item), B52 (two turnstiles).
"""

import secrets
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from copy import copy
from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select, text, update
from sqlalchemy.orm import make_transient

from citizen.events import PointsEffect
from core import passwords, tokens
from core.accounts import Account
from core.clock import now as present
from core.database import db, public_id, reading, writing
from core.permissions import Kind
from rewards import convergence, issuing, ledger, posting
from rewards.catalogue import Offer, Voucher
from rewards.models import Award
from rewards.partners import gate, members, settlement
from rewards.states import EntryReason, VoucherStatus
from tests.clients import Api
from tests.rewards.steps import (
    RESIDENT,
    SignIn,
    claim,
    decide,
    give,
    offer,
    points,
    redeem,
    use,
    voucher,
)

ROUNDS = 3


def together(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Do the work in so many threads that begin at the same moment; an exception is its result."""
    start = threading.Barrier(count)

    def one(number: int) -> Any:
        start.wait(10)
        try:
            return work(number)
        except Exception as error:  # noqa: BLE001  controls look at what their lost guard let through
            return error

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def outcomes(answers: list[Any]) -> Counter[str]:
    """Count answers by status, or by code where they are refusals."""
    return Counter(_outcome(one) for one in answers)


def _outcome(one: Any) -> str:
    if isinstance(one, Exception):
        return type(one).__name__
    code: str = one.get_json()["code"] if one.status_code >= 400 else str(one.status_code)
    return code


def crowd(app: Flask, size: int, amount: int) -> list[Api]:
    """Return signed-in residents with so many points each."""
    clients = []
    now = present()
    expires_at = datetime(now.year + 2, 1, 1, tzinfo=now.tzinfo)
    with app.app_context(), writing() as session:
        for _ in range(size):
            account = Account(kind=Kind.RESIDENT, created_at=now)
            session.add(account)
            session.flush()
            plan = ledger.grant(ledger.Balance(), amount, expires_at)
            cause = posting.Cause(public_id(), EntryReason.ADJUSTMENT, ("adjustment", "x"), now)
            posting.write(session, account.id, plan, cause)
            clients.append(Api(app, tokens.issue(session, account, now)["access_token"]))
    return clients


@contextmanager
def unchecked(app: Flask, *, index: str | None = None) -> Iterator[None]:
    """Take away the database's own guards, for controls only."""
    with app.app_context():
        engine = db.engine
        if engine.dialect.name == "sqlite":
            engine.dispose()
            event.listen(engine, "connect", _ignore_checks)
        else:
            with writing() as session:
                for table in ("points_accounts", "points_lots", "postings", "offers", "vouchers"):
                    named = select(text("conname")).select_from(text("pg_constraint"))
                    checks = named.where(text(f"contype = 'c' AND conrelid = '{table}'::regclass"))
                    for name in session.scalars(checks).all():
                        session.execute(text(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"'))
        if index:
            with writing() as session:
                session.execute(text(f"DROP INDEX {index}"))
    yield
    if engine.dialect.name == "sqlite":
        event.remove(engine, "connect", _ignore_checks)


def _ignore_checks(raw: Any, _record: object) -> None:
    raw.execute("PRAGMA ignore_check_constraints=ON")


@pytest.fixture
def broken_books() -> None:
    """Controls break the books on purpose: the proof after the test looks away (conftest.py)."""


# ------------------------------------------------------------------ one award, many verdicts


def test_one_decision_told_by_many_at_once_pays_once(api: SignIn, app: Flask) -> None:
    for number in range(1, ROUNDS + 1):
        one = claim(app)
        decision = f"decision:{one.number}"
        together(8, lambda _n, one=one, decision=decision: decide(app, one, decision=decision))  # type: ignore[misc]
        assert points(api) == (20 * number, 0, 0)


def test_many_decisions_at_once_pay_once(api: SignIn, app: Flask) -> None:
    one = claim(app)
    together(8, lambda _n: decide(app, one))
    assert points(api) == (20, 0, 0)


def test_control_without_lock_and_unique_source_a_verdict_pays_many_times(
    api: SignIn, app: Flask, monkeypatch: pytest.MonkeyPatch, broken_books: None
) -> None:
    one = claim(app)
    decide(app, one, effect=PointsEffect.VOID, verdict=None, severity=None)
    with app.app_context(), reading() as session:
        stale = session.scalars(select(Award).where(Award.report_id == one.report_id)).one()
        make_transient(stale)
    real = convergence.write
    monkeypatch.setattr(convergence, "_lock_awards", lambda *_: {one.report_id: copy(stale)})
    monkeypatch.setattr(
        convergence,
        "write",
        lambda session, who, plan, cause: real(
            session, who, plan, copy_with(cause, source=public_id())
        ),
    )
    together(8, lambda _n: decide(app, one))
    assert points(api)[0] > 20


def copy_with(cause: posting.Cause, **changes: Any) -> posting.Cause:
    return posting.Cause(**(vars(cause) | changes))


# ------------------------------------------------------------------ one balance, many redemptions


def test_a_balance_for_one_buys_one_whatever_comes_at_once(api: SignIn, app: Flask) -> None:
    for _ in range(ROUNDS):
        made = offer(api, points_price=60, stock_left=10)
        (client,) = crowd(app, 1, 100)
        answers = together(10, lambda _n, made=made, client=client: redeem(client, made["id"]))  # type: ignore[misc]
        assert outcomes(answers) == {"201": 1, "insufficient_points": 9}
        assert client.get("/me/points").get_json()["available"] == 40
        assert api("rewards").get(f"/offers/{made['id']}").get_json()["stock_left"] == 9


def test_control_without_the_accounts_lock_a_balance_is_spent_many_times(
    api: SignIn, app: Flask, monkeypatch: pytest.MonkeyPatch, broken_books: None
) -> None:
    made = offer(api, points_price=60, stock_left=10)
    (client,) = crowd(app, 1, 100)
    expires_at = datetime(2099, 1, 1, tzinfo=present().tzinfo)
    stale = ledger.Balance(available=100, lots=(ledger.Lot(expires_at, 100),))
    monkeypatch.setattr(issuing, "lock", lambda _session, ids: dict.fromkeys(ids, stale))
    with unchecked(app):
        answers = together(10, lambda _n: redeem(client, made["id"]))
    assert outcomes(answers)["201"] > 1


# ------------------------------------------------------------------ one item, many buyers


@pytest.mark.parametrize("stock", [1, 3])
def test_no_more_is_sold_than_there_is(api: SignIn, app: Flask, stock: int) -> None:
    made = offer(api, stock_left=stock)
    clients = crowd(app, 20, 20)
    answers = together(20, lambda number: redeem(clients[number], made["id"]))
    assert outcomes(answers) == {"201": stock, "out_of_stock": 20 - stock}
    left = [client.get("/me/points").get_json()["available"] for client in clients]
    assert Counter(left) == {0: stock, 20: 20 - stock}
    assert api("rewards").get(f"/offers/{made['id']}").get_json()["stock_left"] == 0


def test_control_without_the_conditional_update_one_item_is_sold_many_times(
    api: SignIn, app: Flask, monkeypatch: pytest.MonkeyPatch, broken_books: None
) -> None:
    made = offer(api, stock_left=1)
    with app.app_context(), reading() as session:
        stale = issuing._open_offer(
            session,
            session.scalars(select(Offer.id).where(Offer.public_id == made["id"])).one(),
            present(),
        )

    def careless(session: Any, seen: Offer, _now: datetime) -> None:
        left = (seen.stock_left or 0) - 1
        session.execute(update(Offer).where(Offer.id == seen.id).values(stock_left=left))

    monkeypatch.setattr(issuing, "_open_offer", lambda *_: stale)
    monkeypatch.setattr(issuing, "take_stock", careless)
    clients = crowd(app, 10, 20)
    answers = together(10, lambda number: redeem(clients[number], made["id"]))
    assert outcomes(answers)["201"] > 1


def test_the_limit_for_one_resident_holds_in_a_rush(api: SignIn, app: Flask) -> None:
    made = offer(api, stock_left=20, limit_per_resident=2)
    (client,) = crowd(app, 1, 200)
    answers = together(8, lambda _n: redeem(client, made["id"]))
    assert outcomes(answers) == {"201": 2, "limit_reached": 6}


def test_the_same_tap_ten_times_is_one_voucher(api: SignIn, app: Flask) -> None:
    made = offer(api)
    (client,) = crowd(app, 1, 200)
    answers = together(10, lambda _n: redeem(client, made["id"], "tap"))
    assert {answer.status_code for answer in answers} <= {201, 409}
    good = {answer.get_json()["id"] for answer in answers if answer.status_code == 201}
    assert len(good) == 1
    assert len(client.get("/me/vouchers").get_json()["items"]) == 1


# ------------------------------------------------------------------ one code, many gates


def gates(api: SignIn, app: Flask) -> list[Api]:
    """Return two accounts of the bus company."""
    with app.app_context():
        hashed = passwords.hash_password("another gate's password")
        with writing() as session:
            partner = settlement.partner_named(session, "bus")
            name = f"bus-{secrets.token_hex(3)}"
            members.add_account(
                session, partner, username=name, password_hash=hashed, now=present()
            )
    return [api("bus"), api(name)]


def test_one_code_at_many_gates_is_taken_once(api: SignIn, app: Flask) -> None:
    both = gates(api, app)
    for _ in range(ROUNDS):
        code = voucher(api)["code"]
        answers = together(20, lambda number, code=code: use(both[number % 2], code))  # type: ignore[misc]
        assert outcomes(answers) == {"200": 1, "already_used": 19}
        refused = next(one.get_json() for one in answers if one.status_code == 409)
        assert refused["terminal"] == "东门"


def test_control_without_condition_and_index_one_code_opens_many_gates(
    api: SignIn, app: Flask, monkeypatch: pytest.MonkeyPatch, broken_books: None
) -> None:
    both = gates(api, app)
    code = voucher(api)["code"]

    def careless(session: Any, found: Voucher, now: datetime) -> int:
        changed = {"uses": 1, "status": VoucherStatus.USED, "used_at": now}
        session.execute(update(Voucher).where(Voucher.id == found.id).values(**changed))
        return 1

    monkeypatch.setattr(gate, "take_use", careless)
    with unchecked(app, index="uq_redemptions_standing"):
        answers = together(10, lambda number: use(both[number % 2], code))
    assert outcomes(answers)["200"] > 1


def test_given_back_and_used_at_once_only_one_happens(api: SignIn, app: Flask) -> None:
    for _ in range(ROUNDS):
        found = voucher(api)
        before = points(api)[0]
        client, partner = api(RESIDENT), api("bus")
        cancel = f"/me/vouchers/{found['id']}/cancel"
        answers = together(
            6,
            lambda number, client=client, partner=partner, cancel=cancel, code=found["code"]: (  # type: ignore[misc]
                client.post(cancel) if number % 2 else use(partner, code)
            ),
        )
        assert outcomes(answers)["200"] == 1
        returned = points(api)[0] - before
        status = client.get(f"/me/vouchers/{found['id']}").get_json()["status"]
        assert (status, returned) in {("used", 0), ("refunded", 20)}


def test_a_use_undone_by_two_at_once_is_undone_once(api: SignIn, app: Flask) -> None:
    found = voucher(api)
    both = gates(api, app)
    redemption = use(both[0], found["code"]).get_json()["redemption"]
    body = {"redemption": redemption, "reason": "误扫"}
    answers = together(6, lambda n: both[n % 2].post("/partner/vouchers/undo", body))
    assert outcomes(answers) == {"200": 1, "already_undone": 5}


def test_one_batch_sent_by_many_at_once_takes_each_line_once(api: SignIn, app: Flask) -> None:
    codes = [voucher(api)["code"] for _ in range(3)]
    at = present().isoformat()
    items = [{"code": code, "terminal": "g1", "used_at": at} for code in codes]
    client = api("bus")

    def send(number: int) -> Any:
        ordered = items if number % 2 else items[::-1]
        path = "/partner/redemptions/batch"
        return client.post(path, {"items": ordered}, key=secrets.token_hex(8))

    answers = together(6, send)
    assert outcomes(answers) == {"200": 6}
    found = Counter(one["result"] for answer in answers for one in answer.get_json()["items"])
    assert found == {"accepted": 3, "duplicate": 15}


def test_spending_while_verdicts_come_and_go_keeps_the_books(api: SignIn, app: Flask) -> None:
    made = offer(api, points_price=5, stock_left=None)
    give(api, RESIDENT, 30)
    claims = [claim(app) for _ in range(3)]
    client = api(RESIDENT)

    def work(number: int) -> Any:
        if number % 3 == 0:
            return redeem(client, made["id"])
        severity = 3 if number % 2 else 1
        return decide(app, claims[number % 3], severity=severity)

    answers = together(12, work)
    assert not [one for one in answers if isinstance(one, Exception)]
