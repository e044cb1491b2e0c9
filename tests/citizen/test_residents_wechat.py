"""WeChat's door: one person per app and open id, and what WeChat refuses (B61, B62)."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import respx
from flask import Flask
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from core.gateways import Gateways
from core.gateways.miniprograms import HttpWeChat
from core.settings import WeChatApp
from tests.clients import Api
from tests.doors import by_wechat, counts, opens, who
from tests.fakes import FakeWeChat

SignedIn = Callable[[str], Api]
START = datetime(2027, 1, 4, 2, 0, tzinfo=UTC)


def test_the_first_wechat_sign_in_opens_an_account_and_the_next_one_finds_it(
    app: Flask, wechat: FakeWeChat
) -> None:
    before = counts(app)
    wechat.knows("suishoupai", "c1", "o-1")
    wechat.knows("suishoupai", "c2", "o-1")
    wechat.knows("suishoupai", "c3", "o-2")
    first = by_wechat(app, "c1")
    assert opens(app, first)
    assert who(by_wechat(app, "c2")) == who(first)
    assert who(by_wechat(app, "c3")) != who(first)
    assert counts(app) == (before[0] + 2, before[1] + 2)


def test_ten_first_sign_ins_at_once_make_one_account_and_ten_working_tokens(
    app: Flask, wechat: FakeWeChat
) -> None:
    before = counts(app)
    wechat.together = threading.Barrier(10)
    for number in range(10):
        wechat.knows("suishoupai", f"c{number}", "o-1", "u-1")
    answers: list[TestResponse] = []

    def enter(number: int) -> None:
        answers.append(by_wechat(app, f"c{number}"))

    threads = [threading.Thread(target=enter, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [answer.status_code for answer in answers] == [200] * 10
    assert len({who(answer) for answer in answers}) == 1
    assert all(opens(app, answer) for answer in answers)
    assert len({answer.get_json()["refresh_token"] for answer in answers}) == 10
    assert counts(app) == (before[0] + 1, before[1] + 2)


def test_the_same_open_id_under_a_second_app_is_somebody_else(
    app: Flask, wechat: FakeWeChat
) -> None:
    wechat.knows("suishoupai", "c1", "o-1")
    wechat.knows("huhutong", "c2", "o-1")
    assert who(by_wechat(app, "c1")) != who(by_wechat(app, "c2", "huhutong"))


def test_a_union_id_joins_the_two_apps(app: Flask, wechat: FakeWeChat) -> None:
    before = counts(app)
    wechat.knows("suishoupai", "c1", "o-1", "u-1")
    wechat.knows("huhutong", "c2", "o-9", "u-1")
    wechat.knows("huhutong", "c3", "o-9")
    first = who(by_wechat(app, "c1"))
    assert who(by_wechat(app, "c2", "huhutong")) == first
    assert who(by_wechat(app, "c3", "huhutong")) == first
    assert counts(app) == (before[0] + 1, before[1] + 3)


def test_a_union_id_that_comes_later_is_added_to_the_account(
    app: Flask, wechat: FakeWeChat
) -> None:
    wechat.knows("suishoupai", "c1", "o-1")
    wechat.knows("suishoupai", "c2", "o-1", "u-1")
    wechat.knows("huhutong", "c3", "o-9", "u-1")
    first = who(by_wechat(app, "c1"))
    assert who(by_wechat(app, "c2")) == first
    assert who(by_wechat(app, "c3", "huhutong")) == first


def test_two_accounts_that_exist_already_are_not_mixed_by_a_union_id(
    app: Flask, wechat: FakeWeChat
) -> None:
    wechat.knows("suishoupai", "c1", "o-1", "u-1")
    wechat.knows("huhutong", "c2", "o-9")
    wechat.knows("huhutong", "c3", "o-9", "u-1")
    first, second = who(by_wechat(app, "c1")), who(by_wechat(app, "c2", "huhutong"))
    assert first != second
    assert who(by_wechat(app, "c3", "huhutong")) == second


def test_a_code_used_before_opens_no_account(app: Flask, wechat: FakeWeChat) -> None:
    wechat.knows("suishoupai", "c1", "o-1")
    by_wechat(app, "c1")
    before = counts(app)
    answer = by_wechat(app, "c1")
    assert (answer.status_code, answer.get_json()["code"]) == (401, "wechat_code_invalid")
    assert counts(app) == before


@pytest.mark.parametrize(
    ("reply", "status", "code"),
    [
        ({"errcode": 40163, "errmsg": "code been used"}, 401, "wechat_code_invalid"),
        ({"errcode": 40029, "errmsg": "invalid code"}, 401, "wechat_code_invalid"),
        ({"errcode": 45011, "errmsg": "api minute-quota"}, 429, "wechat_quota"),
        ({"errcode": 40226, "errmsg": "code blocked"}, 403, "wechat_user_blocked"),
        ({"errcode": -1, "errmsg": "system error"}, 503, "wechat_unavailable"),
        ({"session_key": "canary-session-key"}, 503, "wechat_unavailable"),
    ],
)
def test_what_wechat_refuses_with_status_200_is_an_error_that_makes_nobody(
    app: Flask, doubles: Gateways, reply: dict[str, Any], status: int, code: str
) -> None:
    doubles.wechat = HttpWeChat("https://wechat.test", (WeChatApp("suishoupai", "wx", "canary-s"),))
    before = counts(app)
    with respx.mock(base_url="https://wechat.test") as server, capture_logs() as logged:
        server.get("/sns/jscode2session").respond(json=reply)
        answer = by_wechat(app, "c1")
    assert answer.status_code == status
    assert answer.get_json()["code"] == code
    assert ("Retry-After" in answer.headers) == (status in {429, 503})
    assert counts(app) == before
    assert "canary" not in answer.get_data(as_text=True) + repr(logged)


def test_a_wechat_that_does_not_answer_holds_no_row_and_is_503(
    app: Flask, doubles: Gateways
) -> None:
    doubles.wechat = HttpWeChat("https://wechat.test", (WeChatApp("suishoupai", "wx", "s"),))
    with respx.mock(base_url="https://wechat.test") as server:
        server.get("/sns/jscode2session").mock(side_effect=httpx.ConnectTimeout("away"))
        assert by_wechat(app, "c1").status_code == 503


def test_an_app_that_is_none_of_ours_is_422(app: Flask) -> None:
    answer = by_wechat(app, "c1", "taobao")
    assert answer.status_code == 422
    assert list(answer.get_json()["errors"]) == ["app"]


def test_without_configured_apps_a_development_double_signs_in(app: Flask) -> None:
    first = by_wechat(app, "any-code")
    assert who(by_wechat(app, "any-code")) == who(first)
    assert who(by_wechat(app, "any-code", "huhutong")) != who(first)
