"""Offers and redeeming: what is refused and why, and that giving back gives exactly back."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from core.database import reading
from rewards import jobs, vouchers
from rewards.catalogue import Offer, Voucher
from tests.rewards.steps import (
    NOON,
    OTHER,
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


def stock_of(api: SignIn, offer_id: str) -> int | None:
    left: int | None = api("rewards").get(f"/offers/{offer_id}").get_json()["stock_left"]
    return left


def test_the_demo_offers_are_open_to_residents_in_pages(api: SignIn) -> None:
    first = api(RESIDENT).get("/offers?limit=2").get_json()
    rest = api(RESIDENT).get(f"/offers?limit=2&cursor={first['next_cursor']}").get_json()
    shown = [
        (one["partner"], one["points_price"], one["stock_left"])
        for one in first["items"] + rest["items"]
    ]
    assert shown == [("bus", 20, 500), ("taibai", 100, 100), ("weishan", 60, 50)]
    assert rest["next_cursor"] is None


def test_redeeming_takes_points_and_stock_and_gives_a_code(api: SignIn) -> None:
    made = offer(api)
    give(api, RESIDENT, 25)
    give(api, OTHER, 25)
    answer = redeem(api(RESIDENT), made["id"])
    assert answer.status_code == 201
    found = answer.get_json()
    assert vouchers.whole(vouchers.normalise(found["code"]))
    assert (found["status"], found["status_label"], found["offer"]["id"]) == (
        "issued",
        "待使用",
        made["id"],
    )
    assert "qr" not in found
    assert stock_of(api, made["id"]) == 4
    assert (points(api), points(api, OTHER)) == ((5, 0, 0), (25, 0, 0))


def test_the_same_key_redeems_once_and_replays_the_answer(api: SignIn) -> None:
    made = offer(api)
    give(api, RESIDENT, 60)
    answers = [redeem(api(RESIDENT), made["id"], "tap") for _ in range(3)]
    assert len({answer.get_data() for answer in answers}) == 1
    assert [answer.headers.get("Idempotency-Replayed") for answer in answers] == [
        None,
        "true",
        "true",
    ]
    assert points(api) == (40, 0, 0)
    assert api(RESIDENT).post(f"/offers/{made['id']}/redeem").status_code == 400


@pytest.mark.parametrize(
    ("changes", "points_there", "code"),
    [
        ({"stock_left": 0}, 100, "out_of_stock"),
        ({"status": "paused"}, 100, "offer_closed"),
        ({"status": "closed", "stock_left": 0}, 100, "offer_closed"),
        ({"opens_at": "2099-01-01T00:00:00+08:00"}, 100, "offer_closed"),
        ({"closes_at": "2020-01-01T00:00:00+08:00"}, 100, "offer_closed"),
        ({"points_price": 101}, 100, "insufficient_points"),
    ],
)
def test_what_can_not_be_redeemed_says_why_and_takes_nothing(
    api: SignIn, changes: dict[str, Any], points_there: int, code: str
) -> None:
    made = offer(api, **changes)
    give(api, RESIDENT, points_there)
    answer = redeem(api(RESIDENT), made["id"])
    assert (answer.status_code, answer.get_json()["code"]) == (409, code)
    assert points(api) == (points_there, 0, 0)
    assert stock_of(api, made["id"]) == made["stock_left"]


def test_a_failed_attempt_does_not_burn_the_key(api: SignIn) -> None:
    made = offer(api)
    assert redeem(api(RESIDENT), made["id"], "k").status_code == 409
    give(api, RESIDENT, 20)
    assert redeem(api(RESIDENT), made["id"], "k").status_code == 201


def test_the_limit_counts_what_one_holds_and_frees_what_was_given_back(api: SignIn) -> None:
    made = offer(api, limit_per_resident=1)
    give(api, RESIDENT, 60)
    give(api, OTHER, 60)
    first = redeem(api(RESIDENT), made["id"]).get_json()
    assert redeem(api(RESIDENT), made["id"]).get_json()["code"] == "limit_reached"
    assert redeem(api(OTHER), made["id"]).status_code == 201
    api(RESIDENT).post(f"/me/vouchers/{first['id']}/cancel")
    assert redeem(api(RESIDENT), made["id"]).status_code == 201


def test_pending_points_buy_nothing(api: SignIn, app: Flask) -> None:
    made = offer(api, points_price=10)
    claim(app)
    assert redeem(api(RESIDENT), made["id"]).get_json()["code"] == "insufficient_points"


@pytest.mark.parametrize("stock", [5, None])
def test_cancelling_gives_back_points_and_stock_once(api: SignIn, stock: int | None) -> None:
    made = offer(api, points_price=60, stock_left=stock)
    give(api, RESIDENT, 60)
    found = redeem(api(RESIDENT), made["id"]).get_json()
    path = f"/me/vouchers/{found['id']}/cancel"
    assert api(OTHER).post(path).status_code == 404
    first = api(RESIDENT).post(path)
    assert (first.status_code, first.get_json()["status"]) == (200, "refunded")
    second = api(RESIDENT).post(path)
    assert (second.status_code, second.get_json()["voucher_status"]) == (409, "refunded")
    assert points(api) == (60, 0, 0)
    assert stock_of(api, made["id"]) == stock
    refused = use(api("bus"), found["code"])
    assert (refused.get_json()["code"], refused.get_json()["voucher_status"]) == (
        "not_usable",
        "refunded",
    )


def test_points_go_back_to_the_lots_they_came_from(api: SignIn, app: Flask) -> None:
    year_before = datetime(2025, 6, 1, tzinfo=UTC)
    decide(app, claim(app, at=year_before), severity=2, at=year_before)
    give(api, RESIDENT, 20)
    before = api(RESIDENT).get("/me/points").get_json()["expiring"]
    assert [lot["amount"] for lot in before] == [20, 20]
    made = offer(api, points_price=30)
    found = redeem(api(RESIDENT), made["id"]).get_json()
    left = api(RESIDENT).get("/me/points").get_json()["expiring"]
    assert [(lot["amount"], lot["expires_at"]) for lot in left] == [(10, before[1]["expires_at"])]
    api(RESIDENT).post(f"/me/vouchers/{found['id']}/cancel")
    assert api(RESIDENT).get("/me/points").get_json()["expiring"] == before


def test_points_that_lapsed_meanwhile_lapse_when_they_come_back(api: SignIn, app: Flask) -> None:
    with time_machine.travel("2026-12-31T12:00:00+08:00", tick=False):
        then = datetime(2025, 6, 1, tzinfo=UTC)
        decide(app, claim(app, at=then), severity=2, at=then)
        made = offer(api)
        found = redeem(api(RESIDENT), made["id"]).get_json()
    with time_machine.travel("2027-01-01T00:00:00+08:00", tick=False):
        assert api(RESIDENT).post(f"/me/vouchers/{found['id']}/cancel").status_code == 200
        assert points(api) == (0, 0, 0)


def test_the_window_for_giving_back_ends(api: SignIn) -> None:
    with time_machine.travel("2026-03-01T12:00:00+08:00", tick=False):
        found = voucher(api, cancel_days=7)
    with time_machine.travel("2026-03-08T12:00:00+08:00", tick=False):
        answer = api(RESIDENT).post(f"/me/vouchers/{found['id']}/cancel")
        assert (answer.status_code, answer.get_json()["code"]) == (409, "cancel_closed")


def test_a_used_voucher_can_not_be_given_back(api: SignIn) -> None:
    found = voucher(api)
    assert use(api("bus"), found["code"]).status_code == 200
    answer = api(RESIDENT).post(f"/me/vouchers/{found['id']}/cancel")
    assert (answer.status_code, answer.get_json()["code"]) == (409, "already_used")


def test_a_voucher_is_shown_to_its_owner_only_with_a_fresh_picture(api: SignIn) -> None:
    found = voucher(api)
    shown = api(RESIDENT).get(f"/me/vouchers/{found['id']}").get_json()
    assert shown["qr"].count(".") == 2
    assert {name: shown[name] for name in found} == found
    assert api(OTHER).get(f"/me/vouchers/{found['id']}").status_code == 404
    assert api("bus").get(f"/me/vouchers/{found['id']}").status_code == 403
    listed = api(RESIDENT).get("/me/vouchers").get_json()["items"]
    assert ([one["id"] for one in listed], "qr" in listed[0]) == ([found["id"]], False)
    use(api("bus"), found["code"])
    assert api(RESIDENT).get(f"/me/vouchers/{found['id']}").get_json()["qr"] is None


def test_a_code_is_nowhere_in_plain_text(api: SignIn, app: Flask) -> None:
    found = voucher(api)
    code = vouchers.normalise(found["code"])
    with app.app_context(), reading() as session:
        row = session.scalars(select(Voucher).where(Voucher.public_id == found["id"])).one()
    stored = f"{vars(row)}"
    assert code not in stored
    assert found["code"] not in stored


def test_the_last_day_counts_whole_in_shanghai(api: SignIn, app: Flask) -> None:
    with time_machine.travel("2026-03-01T00:30:00+08:00", tick=False):
        codes = [voucher(api, valid_days=4) for _ in range(5)]
        assert {one["valid_until"] for one in codes} == {"2026-03-05"}
        assert use(api("bus"), codes[4]["code"]).status_code == 200
    for code, at in zip(codes, ("00:10:00", "08:10:00", "23:59:59"), strict=False):
        with time_machine.travel(f"2026-03-05T{at}+08:00", tick=False):
            assert use(api("bus"), code["code"]).status_code == 200
    with time_machine.travel("2026-03-06T00:00:00+08:00", tick=False):
        late = use(api("bus"), codes[3]["code"]).get_json()
        assert (late["code"], late["voucher_status"]) == ("not_usable", "expired")
        assert api(RESIDENT).get(f"/me/vouchers/{codes[3]['id']}").get_json()["status"] == "expired"
        now = datetime(2026, 3, 5, 16, tzinfo=UTC)
        with app.app_context():
            assert [jobs.expire_vouchers(now) for _ in range(2)] == [1, 0]


def test_a_changed_offer_touches_no_issued_voucher(api: SignIn) -> None:
    made = offer(api)
    give(api, RESIDENT, 20)
    found = redeem(api(RESIDENT), made["id"]).get_json()
    changes = {
        "title": "新名称",
        "points_price": 30,
        "stock_left": 9,
        "valid_days": 1,
        "status": "closed",
    }
    answer = api("rewards").patch(f"/offers/{made['id']}", changes)
    assert answer.status_code == 200
    assert {name: answer.get_json()[name] for name in changes} == changes
    after = api(RESIDENT).get(f"/me/vouchers/{found['id']}").get_json()
    assert {name: after[name] for name in found} == found
    assert use(api("bus"), found["code"]).status_code == 200


def test_stock_set_after_an_unlimited_time_stays_provable(api: SignIn) -> None:
    made = offer(api, stock_left=None)
    give(api, RESIDENT, 40)
    redeem(api(RESIDENT), made["id"])
    for stock in (3, 7, None, 2):
        answer = api("rewards").patch(f"/offers/{made['id']}", {"stock_left": stock})
        assert answer.get_json()["stock_left"] == stock
    redeem(api(RESIDENT), made["id"])
    assert stock_of(api, made["id"]) == 1


@pytest.mark.parametrize("name", ["points_price", "stock_left", "limit_per_resident", "valid_days"])
@pytest.mark.parametrize("value", [1.9, "1_000", -5, "", True, 99999999999999999999])
def test_a_strange_number_in_an_offer_is_refused_by_its_field(
    api: SignIn, name: str, value: object
) -> None:
    body = {"title": "券", "partner": "bus", "points_price": 5, "stock_left": 1, name: value}
    answer = api("rewards").post("/offers", body)
    assert answer.status_code == 422
    assert list(answer.get_json()["errors"]) == [name]


def test_offers_are_made_by_administrators_for_partners_that_exist(api: SignIn) -> None:
    body = {"title": "券", "partner": "nobody", "points_price": 5, "stock_left": 1}
    answer = api("rewards").post("/offers", body)
    assert list(answer.get_json()["errors"]) == ["partner"]
    for name in ("dispatcher", "auditor", "admin", "bus", RESIDENT):
        assert api(name).post("/offers", body).status_code == 403
    assert api("rewards").patch("/offers/unknown", {"status": "open"}).status_code == 404
    assert api("rewards").patch("/offers/unknown", {"surprise": 1}).status_code == 404
    made = offer(api)
    surprised = api("rewards").patch(f"/offers/{made['id']}", {"surprise": 1})
    assert list(surprised.get_json()["errors"]) == ["surprise"]


def test_drafts_are_seen_by_staff_only(api: SignIn) -> None:
    made = offer(api, status="draft")
    assert api("rewards").get(f"/offers/{made['id']}").status_code == 200
    assert api(RESIDENT).get(f"/offers/{made['id']}").status_code == 404
    assert redeem(api(RESIDENT), made["id"]).status_code == 404
    assert made["id"] not in [one["id"] for one in api(RESIDENT).get("/offers").get_json()["items"]]


def test_a_price_that_changes_under_the_hand_is_not_paid(
    api: SignIn, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rewards import issuing

    made = offer(api)
    give(api, RESIDENT, 40)
    real = issuing.take_stock

    def meanwhile(session: Any, seen: Offer, now: datetime) -> None:
        real(session, Offer(id=seen.id, points_price=seen.points_price + 1), now)

    monkeypatch.setattr(issuing, "take_stock", meanwhile)
    answer = redeem(api(RESIDENT), made["id"])
    assert (answer.status_code, answer.get_json()["code"]) == (409, "offer_changed")
    assert points(api) == (40, 0, 0)


def test_a_code_that_is_taken_is_drawn_again(api: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    from rewards import issuing

    taken = vouchers.normalise(voucher(api)["code"])
    fresh = vouchers.new_code()
    draws = iter([taken, taken, fresh])
    monkeypatch.setattr(issuing, "new_code", lambda: next(draws))
    assert vouchers.normalise(voucher(api)["code"]) == fresh


def test_one_who_never_earned_has_empty_books(api: SignIn) -> None:
    assert api(RESIDENT).get("/me/points").get_json() == {
        "available": 0,
        "pending": 0,
        "debt": 0,
        "expiring": [],
    }
    assert api(RESIDENT).get("/me/vouchers").get_json() == {"items": [], "next_cursor": None}
    assert api("dispatcher").get("/me/points").status_code == 403
    assert api("").get("/offers").status_code == 401


def test_reading_the_clock_back_makes_no_points(api: SignIn, app: Flask) -> None:
    decide(app, claim(app), at=NOON + timedelta(days=2))
    decide(app, claim(app), at=NOON - timedelta(days=2))
    key = secrets.token_hex(4)
    made = offer(api, points_price=40)
    assert redeem(api(RESIDENT), made["id"], key).status_code == 201
    assert points(api) == (0, 0, 0)
