"""One access token for all processes: who asks, who waits, and when we give up (B63, B64)."""

import logging
import os
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from flask import Flask
from sqlalchemy import select, update
from structlog.testing import capture_logs

from core.clock import now as present
from core.database import reading, writing
from core.errors import DomainError
from core.gateways import accesstokens
from core.gateways.accesstokens import AccessTokens, AccessTokenUnavailable, Kept, take_lease
from core.gateways.contentchecks import (
    ContentCheckRefused,
    ContentCheckUnavailable,
    WeChatChecker,
)
from core.gateways.models import AccessToken
from core.settings import WeChatApp
from tests.conftest import PROJECT, World
from tests.core import wechatstub
from tests.core.wechatstub import WeChatStub

SECRET = "canary-app-secret"
APP = WeChatApp("suishoupai", "wx-one", SECRET)
PICTURE = "https://example.test/photo?signature=canary-link"


@pytest.fixture
def stub() -> Iterator[WeChatStub]:
    with wechatstub.running() as made:
        yield made


@pytest.fixture
def inside(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


def row() -> AccessToken:
    with reading() as session:
        wanted = select(AccessToken).execution_options(populate_existing=True)
        return session.scalars(wanted).one()


def change(**values: Any) -> None:
    with writing() as session:
        session.execute(update(AccessToken).values(**values))


def sent_by(stub: WeChatStub, world: World, *, each: int, lease: bool) -> int:
    """Let four processes send so many each at once; return how many were taken."""
    made = world.app.extensions["settings"]
    environ = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "INSTANCE_PATH": str(made.instance),
        "DATABASE_URL": made.database_url,
        "WECHAT_URL": stub.url,
        "WECHAT_APPS": f"suishoupai:wx-one:{SECRET}",
        "CONTENT_CHECK": "wechat",
        "CONTENT_CHECK_APP": "suishoupai",
        "CONTENT_CHECK_OPENID": "o-office",
        "WECHAT_PUSH_TOKEN": "AAAAA",
        "PUBLIC_URL": "https://example.test",
        "LOG_LEVEL": "ERROR",
    }
    how = str(each), "lease" if lease else "no-lease"
    command = [sys.executable, "-m", "tests.core.senders", *how]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    processes: list[subprocess.Popen[str]] = [
        subprocess.Popen(command, cwd=PROJECT, env=environ, text=True, **pipes)  # type: ignore[call-overload]
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", process.communicate(timeout=30)
    for process in processes:  # all at once, and only now
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    said = [process.communicate(timeout=60) for process in processes]
    assert all("canary" not in errors for _, errors in said)
    return sum(int(output) for output, _ in said)


def test_four_processes_whose_token_is_past_ask_for_one_and_all_forty_sends_are_taken(
    stub: WeChatStub, world: World, app: Flask
) -> None:
    with app.app_context():
        AccessTokens(stub.url, APP).current()
        change(expires_at=present() - timedelta(hours=1))
    stub.token_calls.clear()
    stub.slow = 0.3
    assert sent_by(stub, world, each=10, lease=True) == 40
    assert len(stub.questions) == 40
    assert len(stub.token_calls) == 1


@pytest.mark.parametrize("world", ["sqlite"], indirect=True)
def test_without_the_lease_each_of_four_processes_asks_for_a_token_of_its_own(
    stub: WeChatStub, world: World, app: Flask
) -> None:
    stub.slow = 1
    sent_by(stub, world, each=1, lease=False)
    assert len(stub.token_calls) > 2


# ---------------------------------------------------------------------- one process
@pytest.mark.usefixtures("inside")
def test_the_token_is_asked_for_once_and_kept_sealed(stub: WeChatStub) -> None:
    stub.renews = False
    tokens = AccessTokens(stub.url, APP)
    assert tokens.current() == tokens.current() == "canary-token-1"
    assert AccessTokens(stub.url, APP).current() == "canary-token-1"
    assert stub.token_calls == [
        {
            "grant_type": "client_credential",
            "appid": "wx-one",
            "secret": SECRET,
            "force_refresh": False,
        }
    ]
    kept = row()
    assert kept.token is not None
    assert b"canary" not in kept.token
    assert timedelta(seconds=7190) < kept.expires_at - present() <= timedelta(seconds=7200)


@pytest.mark.usefixtures("inside")
@pytest.mark.parametrize(
    ("left", "calls"), [(timedelta(minutes=5, seconds=5), 0), (timedelta(minutes=4), 1)]
)
def test_a_token_is_renewed_in_its_last_five_minutes_and_no_sooner(
    stub: WeChatStub, left: timedelta, calls: int
) -> None:
    AccessTokens(stub.url, APP).current()
    change(expires_at=present() + left)
    AccessTokens(stub.url, APP).current()
    assert len(stub.token_calls) == 1 + calls


@pytest.mark.usefixtures("inside")
def test_a_token_that_comes_again_near_its_end_is_not_asked_for_each_time(
    stub: WeChatStub,
) -> None:
    stub.renews, stub.lasts = False, 200
    for _ in range(5):
        assert AccessTokens(stub.url, APP).current() == "canary-token-1"
    assert len(stub.token_calls) == 1


@pytest.mark.usefixtures("inside")
def test_while_another_renews_a_valid_token_is_used_and_a_past_one_waits(
    stub: WeChatStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accesstokens, "PATIENCE", 0.5)
    AccessTokens(stub.url, APP).current()
    lease = present() + timedelta(minutes=1)
    change(expires_at=present() + timedelta(minutes=2), lease_until=lease)
    assert AccessTokens(stub.url, APP).current() == "canary-token-1"
    change(expires_at=present() - timedelta(seconds=1))
    began = time.monotonic()
    with pytest.raises(AccessTokenUnavailable):
        AccessTokens(stub.url, APP).current()
    assert 0.5 <= time.monotonic() - began < 3
    assert len(stub.token_calls) == 1


@pytest.mark.usefixtures("inside")
def test_the_lease_of_a_process_that_died_ends_by_itself(stub: WeChatStub) -> None:
    AccessTokens(stub.url, APP).current()
    past = present() - timedelta(seconds=1)
    change(expires_at=past, lease_until=past)
    assert AccessTokens(stub.url, APP).current() == "canary-token-2"


@pytest.mark.usefixtures("inside")
def test_a_lease_is_given_once_and_not_to_who_saw_an_older_token(stub: WeChatStub) -> None:
    nothing = Kept(None, accesstokens.NEVER, accesstokens.NEVER, None)
    now = present()
    assert take_lease("wx-one", nothing, now) == now + accesstokens.LEASE
    assert take_lease("wx-one", nothing, now) is None
    later = now + accesstokens.LEASE
    assert take_lease("wx-one", nothing, later) is not None
    change(token=b"new", lease_until=accesstokens.NEVER)
    assert take_lease("wx-one", nothing, later) is None
    seen = Kept(b"new", accesstokens.NEVER, accesstokens.NEVER, None)
    assert take_lease("wx-one", seen, later) is not None
    assert not stub.token_calls


@pytest.mark.usefixtures("inside")
def test_a_token_that_no_key_opens_any_more_is_renewed(stub: WeChatStub) -> None:
    AccessTokens(stub.url, APP).current()
    change(token=b"gone\0xxxx")
    assert AccessTokens(stub.url, APP).current() == "canary-token-2"


# ---------------------------------------------------------------------- a refused token
def checker(stub: WeChatStub) -> WeChatChecker:
    return WeChatChecker(stub.url, APP, "o-office")


@pytest.mark.usefixtures("inside")
def test_a_token_that_wechat_ended_is_forced_anew_once_and_the_question_is_taken(
    stub: WeChatStub,
) -> None:
    stub.renews = False
    sender = checker(stub)
    assert sender.submit(PICTURE) == "trace-1"
    stub.newest = "ended by somebody else"
    assert sender.submit(PICTURE) == "trace-2"
    assert [call["force_refresh"] for call in stub.token_calls] == [False, True]
    assert row().forced_at is not None


@pytest.mark.usefixtures("inside")
def test_a_process_with_a_token_of_before_takes_the_new_one_without_force(
    stub: WeChatStub,
) -> None:
    old, other = checker(stub), checker(stub)
    old.submit(PICTURE)
    change(expires_at=present() - timedelta(seconds=1))
    other.submit(PICTURE)
    assert old.submit(PICTURE) == "trace-3"
    assert stub.refused == 1
    assert [call["force_refresh"] for call in stub.token_calls] == [False, False]


@pytest.mark.usefixtures("inside")
@pytest.mark.parametrize("errcode", [40001, 40014, 42001])
def test_a_wechat_that_refuses_every_token_is_given_up_after_one_forced_refresh(
    stub: WeChatStub, errcode: int
) -> None:
    stub.refusing = errcode
    with capture_logs() as logged, pytest.raises(ContentCheckRefused) as raised:
        checker(stub).submit(PICTURE)
    assert raised.value.errcode == errcode
    assert stub.refused == 2
    assert [call["force_refresh"] for call in stub.token_calls] == [False, True]
    errors = [line for line in logged if line["log_level"] == "error"]
    assert errors == [{"event": "content_check_refused", "errcode": errcode, "log_level": "error"}]


@pytest.mark.usefixtures("inside")
def test_force_is_not_used_again_within_thirty_seconds(stub: WeChatStub) -> None:
    stub.refusing = 40001
    sender = checker(stub)
    with pytest.raises(ContentCheckRefused):
        sender.submit(PICTURE)
    with capture_logs() as logged, pytest.raises(AccessTokenUnavailable):
        sender.submit(PICTURE)
    assert [line["event"] for line in logged] == ["wechat_token_refused_again"]
    assert sum(call["force_refresh"] for call in stub.token_calls) == 1
    change(forced_at=present() - timedelta(seconds=31))
    with pytest.raises(ContentCheckRefused):
        sender.submit(PICTURE)
    assert sum(call["force_refresh"] for call in stub.token_calls) == 2


@pytest.mark.usefixtures("inside")
def test_force_is_used_at_most_ten_times_a_day(stub: WeChatStub) -> None:
    stub.refusing = 40001
    sender = checker(stub)
    for _ in range(15):
        with pytest.raises((ContentCheckRefused, AccessTokenUnavailable)):
            sender.submit(PICTURE)
        change(forced_at=present() - timedelta(seconds=31))
    assert sum(call["force_refresh"] for call in stub.token_calls) == 10
    assert row().lease_until <= present()


@pytest.mark.usefixtures("inside")
def test_many_threads_whose_token_was_ended_force_it_once(app: Flask, stub: WeChatStub) -> None:
    stub.slow = 0.2
    sender = checker(stub)
    sender.submit(PICTURE)
    stub.newest = "ended"
    taken: list[str] = []

    def send() -> None:
        with app.app_context():
            taken.append(sender.submit(PICTURE))

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(taken) == 6
    assert [call["force_refresh"] for call in stub.token_calls] == [False, True]


# ---------------------------------------------------------------------- a WeChat in trouble
@pytest.mark.usefixtures("inside")
@pytest.mark.parametrize(
    "answer",
    [
        {"errcode": -1, "errmsg": f"busy {SECRET}"},
        {"errcode": 40125, "errmsg": f"invalid appsecret {SECRET}"},
        {"errcode": [SECRET]},
        {},
        {"access_token": "", "expires_in": 7200},
        {"access_token": 7, "expires_in": 7200},
        {"access_token": "é", "expires_in": 7200},
        {"access_token": "t" * 3000, "expires_in": 7200},
        {"access_token": "canary-token", "expires_in": 0},
        {"access_token": "canary-token", "expires_in": "7200"},
        {"access_token": "canary-token", "expires_in": True},
        {"access_token": "canary-token", "expires_in": 10**9},
        {"access_token": "canary-token"},
        [],
        None,
    ],
)
def test_an_answer_without_a_token_is_503_and_ends_the_lease(stub: WeChatStub, answer: Any) -> None:
    stub.token_answer = answer if answer is not None else []  # type: ignore[assignment]
    with capture_logs() as logged, pytest.raises(AccessTokenUnavailable) as raised:
        AccessTokens(stub.url, APP).current()
    assert raised.value.status == 503
    assert "canary" not in repr(logged) + "".join(traceback.format_exception(raised.value))
    assert row().lease_until <= present()
    stub.token_answer = None
    assert AccessTokens(stub.url, APP).current().startswith("canary-token")


@pytest.mark.usefixtures("inside")
def test_a_wechat_that_is_away_is_503_and_found_again(stub: WeChatStub) -> None:
    with capture_logs() as logged, pytest.raises(AccessTokenUnavailable) as raised:
        AccessTokens("http://127.0.0.1:9", APP).current()
    assert SECRET not in repr(logged) + "".join(traceback.format_exception(raised.value))
    assert checker(stub).submit(PICTURE) == "trace-1"


@pytest.mark.usefixtures("inside")
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"errcode": -1}, ContentCheckUnavailable),
        ({"errcode": 45009}, ContentCheckUnavailable),
        ({"errcode": "40001"}, ContentCheckUnavailable),
        ({"errcode": 0}, ContentCheckUnavailable),
        ({"errcode": 0, "trace_id": "t" * 200}, ContentCheckUnavailable),
        ({"errcode": 61010, "errmsg": "code is expired"}, ContentCheckRefused),
        ({"errcode": 40129, "errmsg": "canary"}, ContentCheckRefused),
    ],
)
def test_a_question_that_is_not_taken_says_whether_to_ask_it_again(
    stub: WeChatStub, answer: dict[str, Any], error: type[Exception]
) -> None:
    stub.answers.append(answer)
    with capture_logs() as logged, pytest.raises(error) as raised:
        checker(stub).submit(PICTURE)
    assert "canary" not in repr(logged) + repr(raised.value)
    assert len(stub.token_calls) == 1


@pytest.mark.usefixtures("inside")
def test_the_question_names_address_person_and_what_kind_of_thing_it_is(stub: WeChatStub) -> None:
    checker(stub).submit(PICTURE)
    assert stub.questions == [
        {
            "media_url": PICTURE,
            "media_type": 2,
            "version": 2,
            "openid": "o-office",
            "scene": 3,
        }
    ]


@pytest.mark.usefixtures("inside")
def test_nobody_asks_while_a_transaction_is_open(stub: WeChatStub) -> None:
    tokens = AccessTokens(stub.url, APP)
    for call in (tokens.current, lambda: tokens.instead_of("x"), lambda: checker(stub).submit("")):
        with pytest.raises(RuntimeError, match="transaction"), writing():
            call()
    assert not stub.token_calls


@pytest.mark.usefixtures("inside")
def test_token_secret_and_link_are_in_no_log_and_no_error(
    stub: WeChatStub,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.INFO)  # the level of production
    sender = checker(stub)
    said = [repr(sender), repr(vars(sender)), sender.submit(PICTURE), repr(row())]
    stub.refusing = 40001
    with pytest.raises(ContentCheckRefused) as refused:
        sender.submit(PICTURE)
    said.append("".join(traceback.format_exception(refused.value)))
    stub.refusing = 0

    def cut_off(*_arguments: Any, **_named: Any) -> None:
        raise httpx.ReadTimeout(f"{PICTURE} canary-token-1")

    monkeypatch.setattr(sender._client, "post", cut_off)
    with pytest.raises(DomainError) as raised:
        sender.submit(PICTURE)
    said.append("".join(traceback.format_exception(raised.value)))
    for text in (*said, *capfd.readouterr(), caplog.text):
        assert "canary" not in text


def test_an_instant_without_a_lease_is_long_past() -> None:
    assert datetime(2000, 1, 1, tzinfo=UTC) > accesstokens.NEVER
