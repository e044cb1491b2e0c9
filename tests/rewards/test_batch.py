"""What an offline gate took: known again, never lost, and conflicts keep both facts."""

import secrets
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select

from core.database import reading
from rewards import jobs
from rewards.catalogue import Scan
from rewards.vouchers import new_code
from tests.clients import Api
from tests.rewards.steps import OTHER, RESIDENT, SignIn, give, offer, redeem, use, voucher

TEN = "2026-11-25T10:00:00+08:00"


@pytest.fixture
def clock():  # type: ignore[no-untyped-def]
    with time_machine.travel("2026-11-25T09:00:00+08:00", tick=False) as moved:
        yield moved


def line(code: str, at: str = TEN, terminal: str = "g1", **changes: Any) -> dict[str, Any]:
    return {"code": code, "used_at": at, "terminal": terminal} | changes


def send(client: Api, *lines: dict[str, Any], key: str | None = None) -> list[dict[str, Any]]:
    answer = client.post(
        "/partner/redemptions/batch", {"items": list(lines)}, key=key or secrets.token_hex(8)
    )
    assert answer.status_code == 200, answer.get_data(as_text=True)
    found: list[dict[str, Any]] = answer.get_json()["items"]
    return found


def results(found: list[dict[str, Any]]) -> list[str]:
    return [one["result"] for one in found]


def test_each_code_of_a_batch_is_taken_once_and_the_repeat_is_told(api: SignIn, clock) -> None:  # type: ignore[no-untyped-def]
    codes = [voucher(api)["code"] for _ in range(4)]
    clock.shift(7200)
    lines = [line(codes[n]) for n in (0, 1, 2, 1, 3)]
    client = api("bus")
    first = send(client, *lines, key="one")
    assert results(first) == ["accepted", "accepted", "accepted", "duplicate", "accepted"]
    assert first[3]["first"] == first[1]
    assert send(client, *lines, key="one") == first
    again = send(client, *lines, key="two")
    assert results(again) == ["duplicate"] * 5
    assert [one["first"] for one in again] == [first[n] for n in (0, 1, 2, 1, 4)]


def test_with_a_nonce_the_same_code_again_is_a_conflict_with_the_first_fact(
    api: SignIn, clock
) -> None:  # type: ignore[no-untyped-def]
    code = voucher(api)["code"]
    clock.shift(7200)
    client = api("bus")
    first, second = send(client, line(code, nonce="1"), line(code, nonce="2", terminal="g2"))
    assert (first["result"], second["result"]) == ("accepted", "conflict")
    assert (second["reason"], second["terminal"]) == ("already_used", "g1")
    assert results(send(client, line(code, nonce="1", at="2026-11-25T10:30:00+08:00"))) == [
        "duplicate"
    ]


def test_a_code_typed_another_way_is_the_same_line(api: SignIn, clock) -> None:  # type: ignore[no-untyped-def]
    code = voucher(api)["code"]
    clock.shift(7200)
    same = line(code.replace("-", "").lower(), at="2026-11-25T02:00:00Z")
    assert results(send(api("bus"), line(code), same)) == ["accepted", "duplicate"]


def test_unknown_codes_and_another_partners_are_invalid_and_kept(
    api: SignIn, app: Flask, clock
) -> None:  # type: ignore[no-untyped-def]
    foreign = voucher(api)["code"]
    clock.shift(7200)
    found = send(api("taibai"), line(foreign), line(new_code()), {**line("x"), "code": "???"})
    assert results(found) == ["invalid"] * 3
    with app.app_context(), reading() as session:
        assert session.scalar(select(func.count()).select_from(Scan)) == 3
    assert use(api("bus"), foreign).status_code == 200


@pytest.mark.parametrize(
    ("used_at", "result"),
    [
        ("2026-11-25T08:55:00+08:00", "accepted"),
        ("2026-11-25T08:54:59+08:00", "conflict"),
        ("2026-11-25T11:05:00+08:00", "accepted"),
        ("2026-11-25T11:05:01+08:00", "conflict"),
    ],
)
def test_five_minutes_are_clock_skew_and_more_is_a_conflict(  # type: ignore[no-untyped-def]
    api: SignIn, clock, used_at: str, result: str
) -> None:
    code = voucher(api)["code"]
    clock.shift(7200)
    assert results(send(api("bus"), line(code, at=used_at))) == [result]


def test_a_voucher_used_elsewhere_meanwhile_is_a_conflict(api: SignIn, clock) -> None:  # type: ignore[no-untyped-def]
    code = voucher(api)["code"]
    clock.shift(7200)
    use(api("bus"), code)
    found = send(api("bus"), line(code))[0]
    assert (found["result"], found["reason"], found["terminal"]) == (
        "conflict",
        "already_used",
        "东门",
    )


def test_a_voucher_given_back_meanwhile_is_a_conflict(api: SignIn, clock) -> None:  # type: ignore[no-untyped-def]
    found = voucher(api)
    clock.shift(7200)
    api(RESIDENT).post(f"/me/vouchers/{found['id']}/cancel")
    answer = send(api("bus"), line(found["code"]))[0]
    assert (answer["result"], answer["voucher_status"]) == ("conflict", "refunded")


def test_what_was_taken_on_the_last_day_counts_and_after_it_does_not(
    api: SignIn, app: Flask, clock
) -> None:  # type: ignore[no-untyped-def]
    good, late = (voucher(api, valid_days=0)["code"] for _ in range(2))
    clock.shift(24 * 3600)
    with app.app_context():
        from core.clock import now

        assert jobs.expire_vouchers(now()) == 2
    found = send(
        api("bus"),
        line(good, at="2026-11-25T23:59:59+08:00"),
        line(late, at="2026-11-26T00:00:00+08:00"),
    )
    assert results(found) == ["accepted", "conflict"]
    assert found[1]["voucher_status"] == "expired"


def test_a_picture_taken_offline_counts_within_its_minute(api: SignIn, clock) -> None:  # type: ignore[no-untyped-def]
    made = [voucher(api) for _ in range(2)]
    tokens = [api(RESIDENT).get(f"/me/vouchers/{one['id']}").get_json()["qr"] for one in made]
    clock.shift(7200)
    lines = [
        {"qr": tokens[0], "used_at": "2026-11-25T09:00:30+08:00", "terminal": "g1"},
        {"qr": tokens[1], "used_at": "2026-11-25T09:06:01+08:00", "terminal": "g1"},
        {"qr": "a.b.c", "used_at": TEN, "terminal": "g1"},
    ]
    found = send(api("bus"), *lines)
    assert results(found) == ["accepted", "conflict", "invalid"]
    assert found[1]["reason"] == "qr_expired"


def test_a_use_of_a_batch_can_be_undone(api: SignIn, clock) -> None:  # type: ignore[no-untyped-def]
    code = voucher(api)["code"]
    clock.shift(7200)
    redemption = send(api("bus"), line(code))[0]["redemption"]
    body = {"redemption": redemption, "reason": "误扫"}
    assert api("bus").post("/partner/vouchers/undo", body).status_code == 200
    assert use(api("bus"), code).status_code == 200


def test_the_gates_of_two_partners_do_not_know_each_others_lines(api: SignIn, clock) -> None:  # type: ignore[no-untyped-def]
    bus = voucher(api)["code"]
    taibai = voucher(api, partner="taibai")["code"]
    clock.shift(7200)
    assert results(send(api("bus"), line(bus, nonce="1"))) == ["accepted"]
    assert results(send(api("taibai"), line(taibai, nonce="1"))) == ["accepted"]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "items"),
        ({"items": []}, "items"),
        ({"items": [{"code": "x", "terminal": "t"}]}, "items.0.used_at"),
        ({"items": [{"code": "x", "terminal": "t", "used_at": "10:00"}]}, "items.0.used_at"),
        ({"items": [{"terminal": "t", "used_at": TEN}]}, "items.0.code"),
        ({"items": [line("x")] * 501}, "items"),
        ({"items": [line("x"), {"code": "x", "used_at": TEN}]}, "items.1.terminal"),
    ],
)
def test_a_strange_batch_is_refused_by_its_field(
    api: SignIn, body: dict[str, Any], path: str
) -> None:
    answer = api("bus").post("/partner/redemptions/batch", body, key="k")
    assert answer.status_code == 422
    assert path in answer.get_json()["errors"]


def test_a_batch_needs_a_key(api: SignIn) -> None:
    answer = api("bus").post("/partner/redemptions/batch", {"items": [line("x")]})
    assert answer.status_code == 400


def test_a_month_is_closed_once_and_what_comes_late_falls_into_the_next(api: SignIn) -> None:
    with time_machine.travel("2026-10-31T23:00:00+08:00", tick=False) as clock:
        made = offer(api, price_fen=250)
        for name in (RESIDENT, OTHER):
            give(api, name, 60)
        codes = [redeem(api(RESIDENT), made["id"]).get_json()["code"] for _ in range(3)]
        use(api("bus"), codes[0])
        clock.shift(2 * 3600)
        admin = api("rewards")
        path = "/settlements/bus/{}/close"
        open_month = admin.get("/partner/settlement?month=2026-10&partner=bus").get_json()
        assert (open_month["status"], open_month["used"], open_month["amount_fen"]) == (
            "open",
            1,
            250,
        )
        early = admin.post(path.format("2026-11"))
        assert early.get_json()["code"] == "earlier_month_open"
        closed = admin.post(path.format("2026-10"))
        assert (closed.status_code, closed.get_json()["status"]) == (200, "closed")
        assert admin.post(path.format("2026-10")).get_json()["code"] == "month_closed"
        assert admin.post(path.format("2026-12")).get_json()["code"] == "month_not_begun"
        late = line(codes[1], at="2026-10-31T23:30:00+08:00")
        assert results(send(api("bus"), late)) == ["accepted"]
        own = api("bus").get("/partner/settlement?month=2026-10").get_json()
        assert own == closed.get_json()
        following = api("bus").get("/partner/settlement?month=2026-11").get_json()
        assert (following["used"], following["late"], following["amount_fen"]) == (1, 1, 250)
        assert admin.post(path.format("2026-11")).get_json()["used"] == 1


def test_a_use_taken_back_after_the_month_was_closed_is_deducted_in_the_next(api: SignIn) -> None:
    with time_machine.travel("2026-10-31T23:58:00+08:00", tick=False) as clock:
        code = voucher(api)["code"]
        redemption = use(api("bus"), code).get_json()["redemption"]
        clock.shift(180)
        api("rewards").post("/settlements/bus/2026-10/close")
        body = {"redemption": redemption, "reason": "误扫"}
        assert api("bus").post("/partner/vouchers/undo", body).status_code == 200
        following = api("bus").get("/partner/settlement?month=2026-11").get_json()
        assert (following["used"], following["undone"], following["amount_fen"]) == (0, 1, -200)


def test_a_settlement_is_for_its_partner_and_those_who_pay(api: SignIn) -> None:
    path = "/partner/settlement?month=2026-11&partner=taibai"
    assert api("bus").get(path).get_json()["partner"] == "bus"
    assert api("auditor").get(path).get_json()["partner"] == "taibai"
    assert api("rewards").get("/partner/settlement?month=2026-11").status_code == 404
    assert api("dispatcher").get(path).status_code == 403
    assert api("rewards").get("/partner/settlement?month=2026-13").status_code == 422
    assert api("rewards").post("/settlements/bus/2026-13/close").status_code == 404
    assert api("rewards").post("/settlements/none/2026-11/close").status_code == 404
    assert api("auditor").post("/settlements/bus/2026-11/close").status_code == 403
