"""At the gate: used exactly once, refusals that say why, and nothing about people.

Bug cases B53, B57 (as typed and scanned) and B58 (another partner's voucher, guessing).
"""

import base64
import json
import secrets

import pytest
import time_machine
from flask import Flask

from rewards.vouchers import grouped, new_code
from tests.clients import Api
from tests.rewards.steps import OTHER, RESIDENT, SignIn, use, voucher


def check(client: Api, code: str):  # type: ignore[no-untyped-def]
    return client.post("/partner/vouchers/check", {"code": code})


def test_check_says_what_a_voucher_is_and_does_not_use_it(api: SignIn) -> None:
    found = voucher(api)
    voucher(api, OTHER)
    for _ in range(2):
        shown = check(api("bus"), found["code"]).get_json()
        assert (shown["status"], shown["uses"], shown["offer"]) == ("issued", 0, found["offer"])
    assert shown.keys() == {
        "status", "status_label", "offer", "valid_until", "entries", "uses", "used_at", "terminal",
    }  # fmt: skip


def test_a_voucher_is_used_once_and_the_second_try_tells_when_and_where(api: SignIn) -> None:
    found = voucher(api)
    first = use(api("bus"), found["code"])
    assert first.status_code == 200
    assert first.get_json().keys() == {"redemption", "offer", "terminal", "used_at"}
    assert first.get_json()["used_at"].endswith("+08:00")
    second = use(api("bus"), found["code"], terminal="西门").get_json()
    assert (second["status"], second["code"]) == (409, "already_used")
    assert second["terminal"] == "东门"
    assert second["used_at"] == first.get_json()["used_at"]
    assert check(api("bus"), found["code"]).get_json()["status"] == "used"


def test_the_same_key_at_the_gate_gives_the_first_answer(api: SignIn) -> None:
    found = voucher(api)
    answers = [use(api("bus"), found["code"], "scan-1") for _ in range(2)]
    assert answers[0].get_json() == answers[1].get_json()
    assert answers[1].headers["Idempotency-Replayed"] == "true"
    assert use(api("bus"), new_code(), "scan-1").get_json()["code"] == "idempotency_key_reused"
    body = {"code": found["code"], "terminal": "东门"}
    assert api("bus").post("/partner/vouchers/redeem", body).status_code == 400


@pytest.mark.parametrize(
    "spoil",
    [
        str.lower,
        lambda code: code.replace("-", ""),
        lambda code: f" {code}\r\n",
        lambda code: code.replace("-", " "),
        lambda code: "".join(chr(ord(letter) + 0xFEE0) for letter in code),
    ],
)
def test_a_code_is_taken_as_people_type_and_scan_it(api: SignIn, spoil) -> None:  # type: ignore[no-untyped-def]
    found = voucher(api)
    assert use(api("bus"), spoil(found["code"])).status_code == 200


def test_another_partners_voucher_is_not_found_and_stays_unused(api: SignIn) -> None:
    found = voucher(api)
    for client in (api("taibai"), api("weishan")):
        for answer in (use(client, found["code"]), check(client, found["code"])):
            unknown = check(client, grouped(new_code()))
            assert answer.status_code == 404
            bodies = [one.get_json() for one in (answer, unknown)]
            assert len({json.dumps({**body, "request_id": ""}) for body in bodies}) == 1
    assert use(api("bus"), found["code"]).status_code == 200


def test_residents_and_staff_do_not_honour_vouchers(api: SignIn) -> None:
    found = voucher(api)
    for name in (RESIDENT, "rewards", "dispatcher"):
        assert use(api(name), found["code"]).status_code == 403
        assert check(api(name), found["code"]).status_code == 403
    assert use(api(""), found["code"]).status_code == 401


def test_guesses_are_limited_while_honest_work_is_not(
    api: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rewards.partners import routes

    monkeypatch.setattr(routes, "GUESSES", 5)
    found = voucher(api)
    client = api("bus")
    for _ in range(5):
        assert check(client, found["code"]).status_code == 200
        assert check(client, grouped(new_code())).status_code == 404
    limited = check(client, found["code"])
    assert limited.status_code == 429
    assert int(limited.headers["Retry-After"]) > 0
    assert check(api("taibai"), grouped(new_code())).status_code == 404


def test_two_hundred_guesses_find_nothing_and_stop_nobody(api: SignIn) -> None:
    voucher(api)
    client = api("bus")
    assert {check(client, new_code()).status_code for _ in range(200)} == {404}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"code": "A", "qr": "B", "terminal": "t"},
        {"code": "", "terminal": "t"},
        {"code": "A\u0000B", "terminal": "t"},
        {"code": 5, "terminal": "t"},
        {"code": "A", "terminal": "t" * 65},
        {"code": "A"},
        {"code": "A", "terminal": "t", "amount": 2},
    ],
)
def test_a_strange_body_at_the_gate_is_refused(api: SignIn, body: dict[str, object]) -> None:
    answer = api("bus").post("/partner/vouchers/redeem", body, key="k")
    assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid")


def picture(api: SignIn, voucher_id: str) -> str:
    token: str = api(RESIDENT).get(f"/me/vouchers/{voucher_id}").get_json()["qr"]
    return token


def test_a_picture_is_good_for_a_minute(api: SignIn) -> None:
    with time_machine.travel("2026-11-25T10:00:00+08:00", tick=False) as clock:
        found = voucher(api)
        token = picture(api, found["id"])
        client = api("bus")
        clock.shift(59)
        looked = client.post("/partner/vouchers/check", {"qr": token})
        assert looked.get_json()["status"] == "issued"
        clock.shift(1)
        late = client.post("/partner/vouchers/redeem", {"qr": token, "terminal": "t"}, key="a")
        assert (late.status_code, late.get_json()["code"]) == (422, "qr_expired")
        fresh = picture(api, found["id"])
        used = client.post("/partner/vouchers/redeem", {"qr": fresh, "terminal": "t"}, key="b")
        assert used.status_code == 200


def test_a_forged_picture_or_another_partners_is_not_found(api: SignIn) -> None:
    found = voucher(api)
    token = picture(api, found["id"])
    head, _, tail = token.split(".")
    payload = base64.urlsafe_b64encode(
        json.dumps({"sub": found["id"], "iat": 0, "exp": 9**9}).encode()
    )
    forged = f"{head}.{payload.decode().rstrip('=')}.{tail}"
    assert api("bus").post("/partner/vouchers/check", {"qr": forged}).status_code == 404
    assert api("bus").post("/partner/vouchers/check", {"qr": "x.y.z"}).status_code == 404
    assert api("taibai").post("/partner/vouchers/check", {"qr": token}).status_code == 404


def test_the_keys_are_public_and_verify_a_picture_without_us(api: SignIn) -> None:
    import jwt

    found = voucher(api)
    keys = api("").get("/partner/keys").get_json()["keys"]
    token = picture(api, found["id"])
    key = next(one for one in keys if one["kid"] == jwt.get_unverified_header(token)["kid"])
    payload = jwt.decode(token, jwt.PyJWK(key), algorithms=["EdDSA"])
    assert payload["sub"] == found["id"]
    assert payload.keys() == {"sub", "iat", "exp", "offer", "partner", "valid_until", "entries"}


def test_a_use_can_be_undone_for_ten_minutes_once(api: SignIn) -> None:
    with time_machine.travel("2026-11-25T10:00:00+08:00", tick=False) as clock:
        found, other = voucher(api), voucher(api)
        client = api("bus")
        first = use(client, found["code"]).get_json()["redemption"]
        second = use(client, other["code"]).get_json()["redemption"]
        body = {"redemption": first, "reason": "误扫"}
        assert api("taibai").post("/partner/vouchers/undo", body).status_code == 404
        clock.shift(600)
        assert client.post("/partner/vouchers/undo", body).status_code == 200
        twice = client.post("/partner/vouchers/undo", body)
        assert (twice.status_code, twice.get_json()["code"]) == (409, "already_undone")
        assert check(client, found["code"]).get_json()["status"] == "issued"
        assert use(client, found["code"]).status_code == 200
        clock.shift(1)
        late = client.post("/partner/vouchers/undo", {"redemption": second, "reason": "误扫"})
        assert (late.status_code, late.get_json()["code"]) == (409, "undo_closed")
    strange = api("bus").post("/partner/vouchers/undo", {"redemption": "x"})
    assert list(strange.get_json()["errors"]) == ["reason"]


def test_a_ticket_for_three_entries_is_used_three_times_and_undone_singly(api: SignIn) -> None:
    found = voucher(api, entries=3)
    client = api("bus")
    uses = [use(client, found["code"]).get_json()["redemption"] for _ in range(2)]
    client.post("/partner/vouchers/undo", {"redemption": uses[0], "reason": "误扫"})
    assert [use(client, found["code"]).status_code for _ in range(3)] == [200, 200, 409]
    assert check(client, found["code"]).get_json()["uses"] == 3


def test_passwords_and_keys_sign_partners_in(api: SignIn, app: Flask) -> None:
    from tests.conftest import DEMO_PASSWORD

    def sign_in(username: str, password: str):  # type: ignore[no-untyped-def]
        body = {"username": username, "password": password}
        return api("").post("/auth/partner", body)

    right = sign_in("bus", DEMO_PASSWORD)
    assert right.status_code == 200
    assert right.get_json()["account"]["kind"] == "partner"
    assert (
        Api(app, right.get_json()["access_token"])
        .get("/partner/settlement?month=2026-11")
        .status_code
        == 200
    )
    assert sign_in("bus", "wrong").status_code == 401
    assert sign_in("dispatcher", DEMO_PASSWORD).status_code == 401
    for _ in range(9):
        sign_in("bus", "wrong")
    limited = sign_in("bus", DEMO_PASSWORD)
    assert (limited.status_code, "Retry-After" in limited.headers) == (429, True)
    assert sign_in("taibai", DEMO_PASSWORD).status_code == 200


def test_a_gate_device_signs_in_by_its_key_and_is_its_own_terminal(api: SignIn, app: Flask) -> None:
    made = api("rewards").post("/partners/bus/terminals", {"label": "闸机 1", "place": "北站"})
    assert made.status_code == 201
    key = made.get_json()["key"]
    again = api("rewards").post("/partners/bus/terminals", {"label": "闸机 1"})
    assert again.get_json()["code"] == "terminal_exists"
    listed = api("auditor").get("/partners/bus/terminals").get_json()["items"]
    assert ([one["label"] for one in listed], "key" in listed[0]) == (["闸机 1"], False)
    entered = api("").post("/auth/terminal", {"key": key})
    assert entered.status_code == 200
    device = Api(app, entered.get_json()["access_token"])
    body = {"code": voucher(api)["code"]}
    used = device.post("/partner/vouchers/redeem", body, key=secrets.token_hex(4))
    assert used.get_json()["terminal"] == "闸机 1"
    assert api("rewards").post("/partners/bus/terminals/闸机 1/revoke").status_code == 200
    assert device.post("/partner/vouchers/check", body).status_code == 401
    assert api("").post("/auth/terminal", {"key": key}).status_code == 401
    assert api("rewards").post("/partners/bus/terminals/none/revoke").status_code == 404


def test_wrong_terminal_keys_are_limited_by_address(
    api: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rewards.partners import routes

    monkeypatch.setattr(routes, "KEY_TRIES", 3)
    codes = [api("").post("/auth/terminal", {"key": "wrong"}).status_code for _ in range(4)]
    assert codes == [401, 401, 401, 429]


def test_partners_are_made_by_administrators(api: SignIn) -> None:
    admin = api("rewards")
    assert admin.post("/partners", {"name": "museum", "title": "博物馆"}).status_code == 201
    assert admin.post("/partners", {"name": "museum", "title": "博物馆"}).status_code == 409
    assert admin.post("/partners", {"name": "Bad Name", "title": "x"}).status_code == 422
    names = [one["name"] for one in admin.get("/partners").get_json()["items"]]
    assert names == ["bus", "museum", "taibai", "weishan"]
    assert api("bus").post("/partners", {"name": "x", "title": "x"}).status_code == 403
