"""Passwords: one answer for every fault, limits that a burst meets too, the second factor."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from statistics import median
from time import perf_counter
from typing import Any

import pyotp
import pytest
import time_machine
from flask import Flask
from sqlalchemy import update
from werkzeug.test import TestResponse

from core import crypto, passwords
from core.accounts import Account, AccountStatus, Credential
from core.database import writing
from core.passwords import HASHER, hash_password
from tests.clients import Api, account_named
from tests.conftest import DEMO_PASSWORD

SignedIn = Callable[[str], Api]
START = datetime(2027, 1, 4, 2, 0, tzinfo=UTC)


def sign_in(
    app: Flask,
    username: str = "dispatcher",
    password: str = DEMO_PASSWORD,
    *,
    address: str = "203.0.113.7",
    **more: Any,
) -> TestResponse:
    body = {"username": username, "password": password, **more}
    origin = {"REMOTE_ADDR": address}
    return app.test_client().post("/api/v1/auth/staff", json=body, environ_base=origin)


def store(app: Flask, username: str, **values: Any) -> None:
    with app.app_context():
        account = account_named(username)
        with writing() as session:
            of_account = update(Credential).where(Credential.account_id == account.id)
            session.execute(of_account.values(**values))


def disable(app: Flask, username: str) -> None:
    with app.app_context():
        account = account_named(username)
        with writing() as session:
            session.get_one(Account, account.id).status = AccountStatus.DISABLED


def test_the_right_password_signs_in(app: Flask) -> None:
    answer = sign_in(app)
    assert answer.status_code == 200
    made = answer.get_json()
    assert made["account"]["kind"] == "staff"
    assert made["account"]["roles"] == ["dispatcher"]
    header = {"Authorization": f"Bearer {made['access_token']}"}
    assert app.test_client().get("/api/v1/me", headers=header).status_code == 200


def test_unknown_wrong_disabled_and_of_another_kind_are_answered_alike(app: Flask) -> None:
    disable(app, "reviewer")
    refused = [
        sign_in(app, "nobody"),
        sign_in(app, password="wrong password"),
        sign_in(app, password=DEMO_PASSWORD + " x"),
        sign_in(app, "Dispatcher"),
        sign_in(app, "bus"),
        sign_in(app, "reviewer"),
        sign_in(app, "13800000001"),
    ]
    bodies = []
    for answer in refused:
        assert answer.status_code == 401
        body = answer.get_json()
        del body["request_id"]
        bodies.append(body)
    assert bodies == [bodies[0]] * len(refused)
    assert bodies[0]["code"] == "sign_in_refused"


def test_an_unknown_name_takes_as_long_as_a_wrong_password(app: Flask) -> None:
    """Loose on purpose: a look-up without hashing would be ten times faster."""
    took: dict[str, list[float]] = {"dispatcher": [], "nobody-here": []}
    for turn in range(8):
        for name, times in took.items():
            began = perf_counter()
            sign_in(app, name, "wrong password", address=f"203.0.113.{turn}")
            times.append(perf_counter() - began)
    known, unknown = (median(times) for times in took.values())
    assert 0.5 < known / unknown < 2


def test_ten_wrong_passwords_close_the_account_for_ten_minutes_and_no_other(app: Flask) -> None:
    with time_machine.travel(START, tick=False) as clock:
        for _ in range(10):
            assert sign_in(app, password="wrong password").status_code == 401
        closed = sign_in(app, address="198.51.100.1")
        assert closed.status_code == 429
        assert closed.get_json()["code"] == "too_many_requests"
        assert 0 < int(closed.headers["Retry-After"]) <= 600
        assert sign_in(app, "reviewer").status_code == 200
        clock.shift(timedelta(seconds=600))
        assert sign_in(app).status_code == 200


def test_right_passwords_are_never_counted(app: Flask) -> None:
    with time_machine.travel(START, tick=False):
        for turn in range(45):
            assert sign_in(app).status_code == 200, turn
        for _ in range(9):
            assert sign_in(app, password="wrong password").status_code == 401
        assert sign_in(app).status_code == 200


def test_forty_wrong_passwords_close_the_address_and_no_other(app: Flask) -> None:
    with time_machine.travel(START, tick=False):
        for turn in range(40):
            assert sign_in(app, f"nobody-{turn}", "wrong password").status_code == 401
        assert sign_in(app).status_code == 429
        assert sign_in(app, address="203.0.113.8").status_code == 200


def test_another_forwarded_address_each_time_changes_nothing_without_a_trusted_proxy(
    app: Flask,
) -> None:
    with time_machine.travel(START, tick=False):
        statuses = []
        for turn in range(42):
            headers = dict.fromkeys(("X-Forwarded-For", "X-Real-IP", "Forwarded"), f"10.0.0.{turn}")
            body = {"username": f"nobody-{turn}", "password": "wrong password"}
            answer = app.test_client().post("/api/v1/auth/staff", json=body, headers=headers)
            statuses.append(answer.status_code)
    assert statuses == [401] * 40 + [429] * 2


def test_guesses_sent_all_at_once_get_no_further_than_others(app: Flask) -> None:
    together, answers = threading.Barrier(24), []

    def guess(turn: int) -> None:
        together.wait(10)
        answers.append(sign_in(app, password=f"wrong password {turn}").status_code)

    with time_machine.travel(START, tick=False):
        threads = [threading.Thread(target=guess, args=(turn,)) for turn in range(24)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert sorted(answers) == [401] * 10 + [429] * 14


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"username": "dispatcher"}, "password"),
        ({"password": "x"}, "username"),
        ({"username": "", "password": "x"}, "username"),
        ({"username": "a\u0000", "password": "x"}, "username"),
        ({"username": "dispatcher", "password": 12345678}, "password"),
        ({"username": "dispatcher", "password": "x" * 257}, "password"),
        ({"username": ["dispatcher"], "password": "x"}, "username"),
        ({"username": "dispatcher", "password": "x", "admin": True}, "admin"),
        ({"username": "dispatcher", "password": "x", "otp": 123456}, "otp"),
    ],
)
def test_a_body_of_another_form_is_422_by_its_path(
    world: Any, body: dict[str, Any], path: str
) -> None:
    answer = world.app.test_client().post("/api/v1/auth/staff", json=body)
    assert answer.status_code == 422
    assert list(answer.get_json()["errors"]) == [path]


def test_a_password_of_64_characters_in_chinese_works(app: Flask) -> None:
    password = "南四湖的水清清的" * 8
    with app.app_context():
        store(app, "dispatcher", password_hash=hash_password(password))
    assert sign_in(app, password=password).status_code == 200
    assert sign_in(app, password=password[:-1]).status_code == 401


def test_a_hash_that_can_not_be_read_opens_nothing(app: Flask) -> None:
    for broken in ("", "plain", "$argon2id$v=19$m=1$x"):
        store(app, "dispatcher", password_hash=broken)
        assert sign_in(app).status_code == 401


def test_passwords_are_kept_as_argon2id_only(app: Flask) -> None:
    with app.app_context():
        made = hash_password("a password of some length")
        assert made.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
        assert made != hash_password("a password of some length")
        with pytest.raises(RuntimeError), writing():
            hash_password("inside a transaction")
    assert HASHER.verify(made, "a password of some length")


# ------------------------------------------------------------------------------ second factor
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.fixture
def enrolled(app: Flask) -> pyotp.TOTP:
    with app.app_context():
        sealed = crypto.encrypt(SECRET, "totp")
    store(app, "dispatcher", totp_ciphertext=sealed)
    return pyotp.TOTP(SECRET)


def test_with_a_second_factor_the_password_alone_asks_for_the_code(
    app: Flask, enrolled: pyotp.TOTP
) -> None:
    with time_machine.travel(START, tick=False):
        answer = sign_in(app)
        assert (answer.status_code, answer.get_json()["code"]) == (401, "otp_required")
        wrong = sign_in(app, password="wrong password", otp=enrolled.at(START))
        assert wrong.get_json()["code"] == "sign_in_refused"
        assert sign_in(app, otp=enrolled.at(START)).status_code == 200
        assert sign_in(app, "reviewer").status_code == 200


def test_a_code_opens_once_and_within_a_step_of_its_time(app: Flask, enrolled: pyotp.TOTP) -> None:
    with time_machine.travel(START, tick=False) as clock:
        code = enrolled.at(START)
        assert sign_in(app, otp=code).status_code == 200
        assert sign_in(app, otp=code).status_code == 401
        clock.shift(timedelta(seconds=30))
        assert sign_in(app, otp=code).status_code == 401
        assert sign_in(app, otp=enrolled.at(START + timedelta(seconds=30))).status_code == 200
        clock.shift(timedelta(seconds=120))
        assert sign_in(app, otp=enrolled.at(START + timedelta(seconds=60))).status_code == 401
        late = enrolled.at(START + timedelta(seconds=120))
        assert sign_in(app, otp=late).status_code == 200


@pytest.mark.parametrize("otp", ["000000", "12345", "abcdef", "１２３４５６", "é", "1" * 16])
def test_codes_that_are_none_are_refused(app: Flask, enrolled: pyotp.TOTP, otp: str) -> None:
    with time_machine.travel(START, tick=False):
        assert enrolled.at(START) != otp
        assert sign_in(app, otp=otp).status_code == 401


def test_wrong_codes_count_like_wrong_passwords_and_being_asked_for_one_does_not(
    app: Flask, enrolled: pyotp.TOTP
) -> None:
    with time_machine.travel(START, tick=False):
        for _ in range(12):
            assert sign_in(app).get_json()["code"] == "otp_required"
        for _ in range(10):
            assert sign_in(app, otp="000000").status_code == 401
        assert sign_in(app, otp=enrolled.at(START)).status_code == 429


def test_of_one_code_sent_ten_times_at_once_one_opens(app: Flask, enrolled: pyotp.TOTP) -> None:
    together, answers = threading.Barrier(10), []

    def enter(code: str) -> None:
        together.wait(10)
        answers.append(sign_in(app, otp=code).status_code)

    with time_machine.travel(START, tick=False):
        code = enrolled.at(START)
        threads = [threading.Thread(target=enter, args=(code,)) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert answers.count(200) == 1
    assert set(answers) <= {200, 401, 429}


def test_nobody_has_the_password_that_unknown_names_are_compared_with() -> None:
    assert passwords.NOBODY.startswith("$argon2id$")
