"""The door by SMS code: forms of a number, tries, limits, and silence (B80)."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import text
from structlog.testing import capture_logs

from core.database import reading
from tests.clients import Api
from tests.doors import NEW, by_sms, call, counts, opens, who
from tests.fakes import FakeSms

SignedIn = Callable[[str], Api]
START = datetime(2027, 1, 4, 2, 0, tzinfo=UTC)


def test_a_code_by_sms_opens_an_account_and_the_next_one_finds_it(app: Flask, sms: FakeSms) -> None:
    before = counts(app)
    first = by_sms(app, sms, NEW)
    assert opens(app, first)
    assert who(by_sms(app, sms, NEW)) == who(first)
    assert counts(app) == (before[0] + 1, before[1] + 1)
    assert [(phone, template) for phone, template, _ in sms.sent] == [(NEW, "code")] * 2


def test_all_forms_of_one_number_are_one_account(app: Flask, sms: FakeSms) -> None:
    forms = ["+86 138-0000-1234", "86 13800001234", "138 0000 1234", "13800001234\n"]
    assert len({who(by_sms(app, sms, form)) for form in forms}) == 1
    assert {phone for phone, _, _ in sms.sent} == {"13800001234"}


def test_a_number_in_another_form_meets_the_same_limit(app: Flask, sms: FakeSms) -> None:
    forms = ["+86 138-0000-1234", "86 13800001234", "138 0000 1234", "13800001234\n", "13800001234"]
    with time_machine.travel(START, tick=False):
        for form in forms:
            assert call(app, "sms", {"phone": form}).status_code == 202
        assert call(app, "sms", {"phone": "138-0000-1234"}).status_code == 429


def test_the_answer_does_not_tell_whether_an_account_exists(app: Flask, sms: FakeSms) -> None:
    known, unknown = (call(app, "sms", {"phone": phone}) for phone in ("13800000001", NEW))
    assert known.status_code == unknown.status_code == 202
    assert known.get_json() == unknown.get_json() == {"expires_in": 300}
    wrong = [call(app, "sms/verify", {"phone": p, "code": "x"}) for p in ("13800000001", NEW)]
    bodies = [{**answer.get_json(), "request_id": None} for answer in wrong]
    assert bodies[0] == bodies[1]
    assert wrong[0].status_code == 401


def wrong_code(sms: FakeSms, phone: str = NEW) -> str:
    return f"{(int(sms.code(phone)) + 1) % 1_000_000:06d}"


def test_wrong_used_old_and_never_sent_codes_are_401_and_make_nobody(
    app: Flask, sms: FakeSms
) -> None:
    with time_machine.travel(START, tick=False) as clock:
        before = counts(app)
        never = call(app, "sms/verify", {"phone": NEW, "code": "123456"})
        call(app, "sms", {"phone": NEW})
        wrong = call(app, "sms/verify", {"phone": NEW, "code": wrong_code(sms)})
        clock.shift(timedelta(minutes=5))
        old = call(app, "sms/verify", {"phone": NEW, "code": sms.code(NEW)})
        assert counts(app) == before
        who(by_sms(app, sms, NEW))
        used = call(app, "sms/verify", {"phone": NEW, "code": sms.code(NEW)})
    for answer in (never, wrong, old, used):
        assert (answer.status_code, answer.get_json()["code"]) == (401, "code_invalid")


def test_after_five_wrong_tries_the_right_code_opens_nothing(app: Flask, sms: FakeSms) -> None:
    call(app, "sms", {"phone": NEW})
    for _ in range(5):
        answer = call(app, "sms/verify", {"phone": NEW, "code": wrong_code(sms)})
        assert answer.status_code == 401
    answer = call(app, "sms/verify", {"phone": NEW, "code": sms.code(NEW)})
    assert answer.status_code == 401
    assert who(by_sms(app, sms, NEW))


def test_of_one_code_sent_ten_times_at_once_one_opens_and_one_account_is_made(
    app: Flask, sms: FakeSms
) -> None:
    before = counts(app)
    call(app, "sms", {"phone": NEW})
    code, together, answers = sms.code(NEW), threading.Barrier(10), []

    def enter() -> None:
        together.wait(10)
        answers.append(call(app, "sms/verify", {"phone": NEW, "code": code}).status_code)

    threads = [threading.Thread(target=enter) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(answers) == [200] + [401] * 9
    assert counts(app) == (before[0] + 1, before[1] + 1)


def test_guesses_sent_all_at_once_are_five_at_most(app: Flask, sms: FakeSms) -> None:
    call(app, "sms", {"phone": NEW})
    together, wrong = threading.Barrier(12), wrong_code(sms)

    def guess() -> None:
        together.wait(10)
        call(app, "sms/verify", {"phone": NEW, "code": wrong})

    threads = [threading.Thread(target=guess) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with app.app_context(), reading() as session:
        assert session.scalars(text("SELECT tries FROM sms_codes")).all() == [5]


def test_five_codes_an_hour_for_a_phone_then_429_and_other_phones_go_on(
    app: Flask, sms: FakeSms
) -> None:
    with time_machine.travel(START, tick=False) as clock:
        for turn in range(5):
            answer = call(app, "sms", {"phone": NEW}, f"203.0.113.{turn}")
            assert answer.status_code == 202
        refused = call(app, "sms", {"phone": NEW}, "203.0.113.99")
        assert refused.status_code == 429
        assert 0 < int(refused.headers["Retry-After"]) <= 3600
        assert len(sms.sent) == 5
        assert call(app, "sms", {"phone": "13900000012"}).status_code == 202
        assert call(app, "sms/verify", {"phone": NEW, "code": sms.code(NEW)}).status_code == 200
        clock.shift(timedelta(hours=1))
        assert call(app, "sms", {"phone": NEW}).status_code == 202


def test_twenty_codes_an_hour_for_an_address_then_429_and_other_addresses_go_on(
    app: Flask, sms: FakeSms
) -> None:
    with time_machine.travel(START, tick=False):
        for turn in range(20):
            phone = f"139000001{turn:02d}"
            assert call(app, "sms", {"phone": phone}).status_code == 202, turn
        refused = call(app, "sms", {"phone": NEW})
        assert refused.status_code == 429
        assert call(app, "sms", {"phone": NEW}, "203.0.113.8").status_code == 202


def test_a_refused_code_uses_up_nothing_of_its_address(app: Flask, sms: FakeSms) -> None:
    with time_machine.travel(START, tick=False):
        for _ in range(30):
            call(app, "sms", {"phone": NEW})
        for turn in range(15):
            assert call(app, "sms", {"phone": f"139000001{turn:02d}"}).status_code == 202, turn


def test_a_gateway_that_is_away_is_503_and_the_door_stays_shut(app: Flask, sms: FakeSms) -> None:
    sms.away = True
    answer = call(app, "sms", {"phone": NEW})
    assert answer.status_code == 503
    assert answer.get_json()["code"] == "sms_unavailable"
    assert "Retry-After" in answer.headers
    sms.away = False
    assert who(by_sms(app, sms, NEW))


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("sms", {}, "phone"),
        ("sms", {"phone": None}, "phone"),
        ("sms", {"phone": 13800000001}, "phone"),
        ("sms", {"phone": "12345"}, "phone"),
        ("sms", {"phone": "+852 61234567"}, "phone"),
        ("sms", {"phone": "0537-2345678"}, "phone"),
        ("sms", {"phone": "13800000001", "code": "1"}, "code"),
        ("sms/verify", {"phone": "13800000001"}, "code"),
        ("sms/verify", {"phone": "13800000001", "code": 123456}, "code"),
        ("sms/verify", {"phone": "13800000001", "code": ""}, "code"),
        ("sms/verify", {"code": "123456"}, "phone"),
        ("wechat", {"app": "suishoupai"}, "code"),
        ("wechat", {"code": "x"}, "app"),
        ("wechat", {"app": "suishoupai", "code": "x" * 513}, "code"),
        ("wechat", {"app": "suishoupai", "code": "x\u0000"}, "code"),
        ("wechat", {"app": "suishoupai", "code": "x", "openid": "o"}, "openid"),
        ("identity", {"provider": "aishandong"}, "ticket"),
        ("identity", {"provider": "facebook", "ticket": "t"}, "provider"),
    ],
)
def test_a_body_of_another_form_is_422_by_its_path(
    app: Flask, path: str, body: dict[str, Any], field: str
) -> None:
    answer = call(app, path, body)
    assert answer.status_code == 422, answer.get_data(as_text=True)
    assert list(answer.get_json()["errors"]) == [field]


def test_the_code_is_in_no_log_and_no_answer(app: Flask, sms: FakeSms) -> None:
    with capture_logs() as logged:
        answer = call(app, "sms", {"phone": NEW})
        wrong = call(app, "sms/verify", {"phone": NEW, "code": wrong_code(sms)})
        right = call(app, "sms/verify", {"phone": NEW, "code": sms.code(NEW)})
    said = repr(logged) + "".join(a.get_data(as_text=True) for a in (answer, wrong))
    for canary in (sms.code(NEW), NEW):
        assert canary not in said
    assert NEW not in right.get_data(as_text=True)


def test_in_development_the_code_stands_on_standard_error(
    app: Flask, capfd: pytest.CaptureFixture[str]
) -> None:
    assert call(app, "sms", {"phone": NEW}).status_code == 202
    line = next(
        line for line in capfd.readouterr().err.splitlines() if "development double" in line
    )
    code = line.rsplit(" ", 1)[-1]
    assert who(call(app, "sms/verify", {"phone": NEW, "code": code}))
