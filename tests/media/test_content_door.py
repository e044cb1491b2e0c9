"""The door that WeChat brings its answers to: only what it signed comes in."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from core.gateways.messagepush import cipher_key
from media.models import ContentCheck, ContentState
from tests.clients import Api
from tests.core.test_message_push import LETTERS, envelope, sealed
from tests.core.wechatstub import WeChatStub
from tests.media.checker import (
    DOOR,
    TOKEN,
    Desk,
    event,
    signed,
)


def test_wechat_is_told_that_the_address_is_ours(desk: Desk) -> None:
    client = desk.app.test_client()
    answer = client.get(DOOR, query_string={**signed(), "echostr": "<b>echo</b>"})
    assert (answer.status_code, answer.get_data()) == (200, b"<b>echo</b>")
    assert answer.content_type == "text/plain; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"token": "another-token"},
        {"token": ""},
        {"age": 601},
        {"age": -120},
    ],
)
def test_what_wechat_did_not_sign_is_refused_at_both_doors(
    desk: Desk, query: dict[str, Any]
) -> None:
    chosen = desk.publish()
    desk.deliver()
    sent = signed(**query) if query else {}
    client = desk.app.test_client()
    forged = json.dumps(event("trace-1")).encode()
    for answer in (
        client.get(DOOR, query_string={**sent, "echostr": "echo"}),
        client.post(DOOR, query_string=sent, data=forged),
    ):
        assert (answer.status_code, answer.get_json()["code"]) == (401, "push_refused")
        assert answer.content_type == "application/problem+json"
    assert desk.state(chosen) is ContentState.PENDING
    assert desk.count(ContentCheck) == 1


def test_without_a_push_token_nobody_comes_in(
    app: Flask, api: Callable[[str], Api], stub: WeChatStub
) -> None:
    answer = Desk(app, stub, api).push(event("trace-1"), token="")
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        {"MsgType": "event", "Event": "subscribe_msg_sent_event"},
        {"MsgType": "text", "Content": "您好", "MsgId": 12345678901234567890},
        {},
        {**event("trace-1"), "appid": "wx-other"},
        {**event("trace-1"), "trace_id": ["x"]},
        {**event("trace-1"), "trace_id": "t" * 129},
        {**event("trace-1"), "trace_id": "nul\0"},
    ],
)
def test_an_event_that_nobody_waits_for_is_a_success(desk: Desk, body: dict[str, Any]) -> None:
    chosen = desk.publish()
    desk.deliver()
    assert desk.push(body).get_data() == b"success"
    assert desk.state(chosen) is ContentState.PENDING


def odd(**changes: Any) -> bytes:
    return json.dumps({**event("trace-1"), **changes}).encode()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"<xml><Event>wxa_media_check</Event></xml>", 415),
        (b"", 400),
        (b"\xff\xfe", 400),
        (b"[" * 60_000, 400),
        (b'{"a": ' + b"9" * 5000 + b"}", 400),
        (b"x" * (64 * 1024 + 1), 413),
        (
            json.dumps({**event("trace-1"), "result": {"suggest": None, "label": "\0"}}).encode(),
            200,
        ),
        (json.dumps({**event("trace-1"), "result": [1], "errcode": 1e400}).encode(), 200),
        (json.dumps({**event("trace-1"), "result": {"label": 10**400}}).encode(), 200),
    ],
)
def test_no_body_is_a_fault_of_ours(desk: Desk, body: bytes, status: int) -> None:
    assert desk.push(body).status_code == status


def test_where_a_key_is_agreed_on_only_sealed_events_count(desk: Desk) -> None:
    made = desk.app.extensions["settings"]
    account = replace(made.content_check, push_key=LETTERS)
    desk.app.extensions["settings"] = replace(made, content_check=account)
    assert cipher_key(LETTERS)
    chosen = desk.publish()
    desk.deliver()
    assert desk.push(event("trace-1")).status_code == 401
    assert desk.state(chosen) is ContentState.PENDING
    text = sealed(json.dumps(event("trace-1")).encode())
    sent = signed(TOKEN, text)
    answer = desk.app.test_client().post(DOOR, query_string=sent, data=envelope(text))
    assert answer.get_data() == b"success"
    assert desk.is_public(chosen)
