"""What WeChat pushes: the published signature, sealed bodies, and everything that is not WeChat."""

import json
import secrets
from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from core.errors import DomainError, UnsupportedMedia
from core.gateways import contentchecks
from core.gateways.contentchecks import Finding, finding_of
from core.gateways.messagepush import (
    Door,
    PushRefused,
    PushUnreadable,
    check,
    cipher_key,
    door,
    opened,
    signature,
)
from core.settings import SettingsError, from_environment

APP = "wx-one"
TOKEN = "AAAAA"
LETTERS = b64encode(bytes(range(32))).decode().rstrip("=")
NOW = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)
EVENT = {
    "MsgType": "event",
    "Event": "wxa_media_check",
    "appid": APP,
    "trace_id": "trace-1",
    "version": 2,
    "errcode": 0,
    "errmsg": "ok",
    "result": {"suggest": "pass", "label": 100},
    "detail": [],
}
PLAIN = Door(APP, TOKEN, None)
SEALED = Door(APP, TOKEN, cipher_key(LETTERS))


def stamp(moment: datetime = NOW) -> str:
    return str(int(moment.timestamp()))


def signed(*covered: str, token: str = TOKEN, moment: datetime = NOW) -> dict[str, str]:
    """Return the query that WeChat would send; with something covered, as for a sealed body."""
    query = {"timestamp": stamp(moment), "nonce": "n-1"}
    query["signature"] = signature(token, query["timestamp"], query["nonce"])
    if covered:
        query["msg_signature"] = signature(token, query["timestamp"], query["nonce"], *covered)
    return query


def sealed(
    text: bytes, *, app_id: str = APP, letters: str = LETTERS, length: int | None = None
) -> str:
    """Seal a text as WeChat does; `length` lies about it."""
    key = b64decode(letters + "=")
    size = (len(text) if length is None else length).to_bytes(4, "big")
    body = secrets.token_bytes(16) + size + text + app_id.encode()
    padding = 32 - len(body) % 32
    return encrypted(body + bytes([padding]) * padding, key)


def encrypted(padded: bytes, key: bytes) -> str:
    closing = Cipher(AES(key), CBC(key[:16])).encryptor()
    return b64encode(closing.update(padded) + closing.finalize()).decode()


def envelope(text: str, **more: Any) -> bytes:
    return json.dumps({"ToUserName": "gh_1", "Encrypt": text, **more}).encode()


# ---------------------------------------------------------------------- the plain form
def test_the_published_example_has_the_published_signature() -> None:
    assert signature("AAAAA", "1714036504", "1514711492") == (
        "f464b24fc39322e44b38aa78f5edd27bd1441696"
    )


def test_the_published_example_opens_the_door_at_its_time_and_no_later() -> None:
    query = {
        "signature": "f464b24fc39322e44b38aa78f5edd27bd1441696",
        "timestamp": "1714036504",
        "nonce": "1514711492",
    }
    then = datetime.fromtimestamp(1714036504, UTC)
    check(PLAIN, query, then)
    with pytest.raises(PushRefused):
        check(PLAIN, query, NOW)


@pytest.mark.parametrize(
    ("age", "taken"),
    [
        (timedelta(0), True),
        (timedelta(minutes=10), True),
        (timedelta(minutes=10, seconds=1), False),
        (timedelta(seconds=-60), True),
        (timedelta(seconds=-61), False),
        (timedelta(days=-365), False),
    ],
)
def test_a_signature_is_good_for_ten_minutes_and_a_minute_ahead(
    age: timedelta, taken: bool
) -> None:
    query = signed(moment=NOW - age)
    if taken:
        check(PLAIN, query, NOW)
    else:
        with pytest.raises(PushRefused):
            check(PLAIN, query, NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"signature": ""},
        {"signature": "0" * 40},
        {"signature": "é\ud800" * 20},
        {"nonce": "other"},
        {"timestamp": stamp(NOW + timedelta(seconds=1))},
        {"timestamp": ""},
    ],
)
def test_a_forged_signature_is_refused(change: dict[str, str]) -> None:
    with pytest.raises(PushRefused):
        check(PLAIN, {**signed(), **change}, NOW)


@pytest.mark.parametrize("name", ["signature", "timestamp", "nonce"])
def test_a_query_that_misses_something_is_refused(name: str) -> None:
    query = {key: value for key, value in signed().items() if key != name}
    with pytest.raises(PushRefused):
        check(PLAIN, query, NOW)


@pytest.mark.parametrize("timestamp", ["1e9", "-1", " 1", "１７１４０３６５０４", "9" * 400, "²"])
def test_a_timestamp_that_is_no_number_is_refused_however_well_it_is_signed(timestamp: str) -> None:
    query = {"timestamp": timestamp, "nonce": "n", "signature": signature(TOKEN, timestamp, "n")}
    with pytest.raises(PushRefused):
        check(PLAIN, query, NOW)


def test_without_a_token_the_door_stays_shut_although_anybody_could_sign() -> None:
    with pytest.raises(PushRefused):
        check(Door(APP, "", None), signed(token=""), NOW)


def test_a_plain_event_is_what_its_body_says() -> None:
    assert opened(PLAIN, signed(), json.dumps(EVENT).encode(), NOW) == EVENT


@pytest.mark.parametrize("raw", [b"", b"[]", b"null", b"\xff", b"{", b"[" * 100_000, b"1" * 5000])
def test_a_signed_body_that_is_no_object_is_the_senders_fault(raw: bytes) -> None:
    with pytest.raises(PushUnreadable):
        opened(PLAIN, signed(), raw, NOW)


@pytest.mark.parametrize("agreed", [PLAIN, SEALED])
def test_xml_is_not_read_and_only_who_signs_is_told_so(agreed: Door) -> None:
    xml = b" <xml><Encrypt>x</Encrypt></xml>"
    with pytest.raises(UnsupportedMedia):
        opened(agreed, signed(), xml, NOW)
    with pytest.raises(UnsupportedMedia):
        opened(agreed, signed(), b"{}", NOW, content_type="text/xml")
    with pytest.raises(PushRefused):
        opened(agreed, {}, xml, NOW)


# ---------------------------------------------------------------------- the sealed form
@pytest.mark.parametrize("size", range(33))
def test_a_sealed_event_of_every_length_of_padding_is_opened(size: int) -> None:
    event = {"MsgType": "event", "note": "x" * size}
    text = sealed(json.dumps(event).encode())
    assert opened(SEALED, signed(text), envelope(text), NOW) == event


def test_of_a_body_with_both_forms_only_the_sealed_one_counts() -> None:
    text = sealed(json.dumps(EVENT).encode())
    forged = {**EVENT, "trace_id": "forged"}
    assert opened(SEALED, signed(text), envelope(text, **forged), NOW) == EVENT


def test_where_a_key_is_agreed_on_a_plain_event_does_not_count() -> None:
    raw = json.dumps(EVENT).encode()
    with pytest.raises(PushRefused):
        opened(SEALED, signed(), raw, NOW)
    assert opened(PLAIN, signed(), raw, NOW) == EVENT  # control: it is the key that closes it


def test_a_sealed_text_that_the_signature_does_not_cover_is_refused() -> None:
    ours, other = sealed(b"{}"), sealed(b'{"a": 1}')
    with pytest.raises(PushRefused):
        opened(SEALED, signed(ours), envelope(other), NOW)
    with pytest.raises(PushRefused):
        opened(SEALED, signed(), envelope(other), NOW)  # the address is signed, the text is not
    with pytest.raises(PushRefused):
        opened(SEALED, signed(other, moment=NOW - timedelta(minutes=11)), envelope(other), NOW)


def test_an_event_for_another_app_is_refused() -> None:
    text = sealed(json.dumps(EVENT).encode(), app_id="wx-two")
    with pytest.raises(PushRefused):
        opened(SEALED, signed(text), envelope(text), NOW)


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b'{"Encrypt": 7}', b'{"Encrypt": "\xc3\xa9"}', b"nonsense"]
)
def test_a_body_without_a_sealed_text_is_refused(body: bytes) -> None:
    with pytest.raises(PushRefused):
        opened(SEALED, signed(), body, NOW)


KEY = bytes(range(32))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not base64!",
        b64encode(b"x" * 17).decode(),
        encrypted(b"", KEY),
        encrypted(bytes(32), KEY),  # padding of nothing
        encrypted(b"x" * 31 + b"\x21", KEY),  # more than a block
        encrypted(b"x" * 30 + b"\x03\x02", KEY),  # not all the same
        encrypted(bytes([16]) * 16, KEY),  # nothing but padding
        sealed(b"{}", length=1 << 31),
        sealed(b"nonsense"),
        sealed(b"[1]"),
        sealed(b"{}", letters=b64encode(bytes(32)).decode().rstrip("=")),  # another key
    ],
    ids=str.__len__,  # sealing is random, and names must not be
)
def test_a_signed_text_that_can_not_be_opened_is_a_fault_of_the_sender_and_never_ours(
    text: str,
) -> None:
    with pytest.raises((PushUnreadable, PushRefused)) as raised:
        opened(SEALED, signed(text), envelope(text), NOW)
    assert raised.value.status < 500


def test_no_bytes_at_all_are_a_fault_of_ours() -> None:
    for _ in range(300):
        raw = secrets.token_bytes(secrets.randbelow(200))
        for agreed in (PLAIN, SEALED):
            with pytest.raises(DomainError) as raised:
                opened(agreed, signed(), raw, NOW)
            assert raised.value.status < 500


def test_token_and_key_are_in_no_representation() -> None:
    shown = repr(Door(APP, "canary-token", b"canary-key"))
    assert "canary" not in shown


@pytest.mark.parametrize("letters", ["a" * 42, "a" * 44, "!" * 43, "é" * 43])
def test_a_key_that_is_none_stops_the_start(letters: str, tmp_path: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  base64's own says more than one thing
        cipher_key(letters)
    environ = {"INSTANCE_PATH": str(tmp_path), "WECHAT_PUSH_KEY": letters}
    with pytest.raises(SettingsError):
        contentchecks.content_body(from_environment(environ))


def test_settings_say_whose_door_it_is(tmp_path: Any) -> None:
    environ = {
        "INSTANCE_PATH": str(tmp_path),
        "WECHAT_APPS": "huhutong:wx-two:s,suishoupai:wx-one:s",
        "CONTENT_CHECK": "wechat",
        "CONTENT_CHECK_APP": "suishoupai",
        "CONTENT_CHECK_OPENID": "o-office",
        "WECHAT_PUSH_TOKEN": TOKEN,
        "WECHAT_PUSH_KEY": LETTERS,
        "PUBLIC_URL": "https://example.test",
    }
    made = from_environment(environ)
    assert door(made) == SEALED
    checker = contentchecks.content_body(made)
    assert isinstance(checker, contentchecks.WeChatChecker)
    assert checker.asks
    offline = from_environment({"INSTANCE_PATH": str(tmp_path)})
    assert not contentchecks.content_body(offline).asks
    assert door(offline) == Door("", "", None)


# ---------------------------------------------------------------------- findings
def test_a_finding_is_read_from_its_event() -> None:
    assert finding_of(EVENT, APP) == Finding("trace-1", 0, "pass", "100")


@pytest.mark.parametrize(
    "change",
    [
        {"MsgType": "text"},
        {"Event": "subscribe_msg_popup_event"},
        {"appid": "wx-two"},
        {"trace_id": ""},
        {"trace_id": None},
        {"trace_id": 7},
        {"trace_id": "t" * 129},
        {"trace_id": "t\0"},
        {"trace_id": "\ud800"},
    ],
)
def test_another_event_another_app_or_no_trace_is_no_finding(change: dict[str, Any]) -> None:
    assert finding_of({**EVENT, **change}, APP) is None


@pytest.mark.parametrize(
    ("change", "errcode", "suggest", "label"),
    [
        ({"errcode": -1008, "result": None}, -1008, "", None),
        ({"errcode": "0"}, -1, "pass", "100"),
        ({"errcode": True}, -1, "pass", "100"),
        ({"result": []}, 0, "", None),
        ({"result": {"suggest": 1, "label": "x" * 99}}, 0, "", None),
        ({"result": {"suggest": "risky", "label": 10**60}}, 0, "risky", "1" + "0" * 31),
    ],
)
def test_an_odd_finding_never_becomes_a_pass(
    change: dict[str, Any], errcode: int, suggest: str, label: str | None
) -> None:
    assert finding_of({**EVENT, **change}, APP) == Finding("trace-1", errcode, suggest, label)
