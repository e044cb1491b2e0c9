"""Bodies and queries are read strictly, in the contract's order (contract 1, R14)."""

import gzip
import io
import json
import time
from typing import Any

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from core import api as frame
from core import fields
from core.api import BODY_LIMIT
from tests.core.test_errors import problem

JSON = "application/json"


def send(app: Flask, data: Any, *, to: str = "body", **kwargs: Any) -> TestResponse:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    options = {"content_type": JSON, **kwargs}
    return app.test_client().post(f"/api/v1/lab/{to}", data=raw, **options)


def ask(app: Flask, query: str) -> TestResponse:
    return app.test_client().get(f"/api/v1/lab/query?{query}")


# ---------------------------------------------------------------------- the order
def test_a_sound_body_is_taken(standing: Flask) -> None:
    answer = send(standing, {"name": " 名称 ", "amount": 3})
    assert (answer.status_code, answer.get_json()) == (200, {"name": "名称", "amount": 3})
    assert (answer.content_type, answer.headers["Cache-Control"]) == (JSON, "no-store")


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "text/json",
        "application/xml",
        "application/json-patch+json",
        "",
        "x",
        None,
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonx",
    ],
)
@pytest.mark.parametrize("data", [b'{"name": "x"}', b"{broken", b'{"nmae": 1}'])
def test_what_is_not_json_by_its_type_is_415_whatever_it_holds(
    standing: Flask, content_type: str | None, data: bytes
) -> None:
    answer = send(standing, data, content_type=content_type)
    problem(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON"]
)
def test_json_may_be_named_in_any_spelling(standing: Flask, content_type: str) -> None:
    assert send(standing, {"name": "x"}, content_type=content_type).status_code == 200


@pytest.mark.parametrize(
    "data", [b"{", b"nope", b'{"name": "x"} extra', b"\xff", b"\xef\xbb\xbf{}"]
)
def test_what_is_no_json_is_400_before_any_field_is_looked_at(standing: Flask, data: bytes) -> None:
    problem(send(standing, data), 400, "not_json")


@pytest.mark.parametrize("data", [None, [], "text", 5, True, [{"name": "x"}]])
def test_json_that_is_no_object_is_422(standing: Flask, data: Any) -> None:
    body = problem(send(standing, data), 422, "invalid")
    assert list(body["errors"]) == ["body"]


def test_all_faults_are_named_at_once_by_their_fields(standing: Flask) -> None:
    body = problem(send(standing, {"amount": 0, "nmae": "x", "Name": "y"}), 422, "invalid")
    assert set(body["errors"]) == {"name", "amount", "nmae", "Name"}


@pytest.mark.parametrize(
    "field",
    ["__proto__", "constructor", "id", "", " name", "name ", "名", "a.b", "_schema", "x" * 300],
)
def test_an_unknown_field_is_refused_by_name(standing: Flask, field: str) -> None:
    body = problem(send(standing, {"name": "x", field: 1}), 422, "invalid")
    assert len(body["errors"]) == 1


@pytest.mark.parametrize(
    "data",
    [
        b'{"name": NaN}',
        b'{"name": "a\\u0000b"}',
        b'{"name": "\\ud83d"}',
        b'{"\\ud83d": 1, "name": "x"}',
        b'{"name": "x", "name": "y"}',
        b'{"name": "x", "amount": 1e400}',
        b'{"name": "x", "amount": 99999999999999999999999}',
        b'{"name": "x", "amount": 9223372036854775808}',
    ],
)
def test_odd_values_are_422_and_the_answer_is_strict_json(standing: Flask, data: bytes) -> None:
    problem(send(standing, data), 422, "invalid")


@pytest.mark.parametrize("text", ["😀", "𠮷", "a\tb", "ａ", "\u202e"])
def test_whole_characters_come_back_unchanged(standing: Flask, text: str) -> None:
    assert send(standing, {"name": text}).get_json()["name"] == text


# ---------------------------------------------------------------------- no body
@pytest.mark.parametrize("content_type", [None, JSON])
def test_no_body_counts_as_an_empty_object(standing: Flask, content_type: str | None) -> None:
    answer = send(standing, b"", to="empty", content_type=content_type)
    assert (answer.status_code, answer.get_json()) == (200, {})
    assert send(standing, {}, to="empty").status_code == 200
    assert list(problem(send(standing, b""), 422, "invalid")["errors"]) == ["name"]


def test_an_action_without_fields_takes_none(standing: Flask) -> None:
    assert list(problem(send(standing, {"a": 1}, to="empty"), 422, "invalid")["errors"]) == ["a"]
    assert send(standing, b"x", to="empty", content_type=None).status_code == 415


# ---------------------------------------------------------------------- size
def test_a_body_beyond_the_limit_is_413_and_at_the_limit_is_read(standing: Flask) -> None:
    sound = b'{"name": "x"}'
    assert send(standing, sound.ljust(64), to="small").status_code == 200
    problem(send(standing, sound.ljust(65), to="small"), 413, "too_large")
    assert send(standing, sound.ljust(BODY_LIMIT)).status_code == 200
    problem(send(standing, sound.ljust(BODY_LIMIT + 1)), 413, "too_large")


def test_a_body_that_does_not_tell_its_length_is_cut_off_all_the_same(standing: Flask) -> None:
    endless = io.BytesIO(b'{"name": "x"}'.ljust(10_000_000))
    answer = standing.test_client().post(
        "/api/v1/lab/body",
        input_stream=endless,
        content_type=JSON,
        environ_overrides={"wsgi.input_terminated": True, "CONTENT_LENGTH": ""},
    )
    problem(answer, 413, "too_large")
    assert endless.tell() < 1_000_000


def test_a_packed_body_is_not_unpacked(standing: Flask) -> None:
    packed = gzip.compress(b'{"name": "' + b"x" * 10**6 + b'"}')
    headers = {"Content-Encoding": "gzip"}
    problem(send(standing, packed, headers=headers), 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 100_000 + b"]" * 100_000,
        b'{"name":' * 40_000,
        b'{"name": "' + b"x" * 250_000 + b'"}',
        b'{"amount": ' + b"9" * 250_000 + b"}",
        json.dumps(dict.fromkeys(map(str, range(20_000)), 0)).encode(),
    ],
)
def test_bombs_are_refused_within_a_second(standing: Flask, data: bytes) -> None:
    began = time.monotonic()
    assert send(standing, data).status_code in {400, 413, 422}
    assert time.monotonic() - began < 2


@settings(max_examples=150, deadline=None)
@given(data=st.binary(max_size=200))
def test_no_bytes_break_it(standing: Flask, data: bytes) -> None:
    assert send(standing, data).status_code in {200, 400, 415, 422}


# ---------------------------------------------------------------------- queries
def test_a_query_is_read_with_its_defaults(standing: Flask) -> None:
    assert ask(standing, "").get_json() == {"limit": 20, "cursor": None}
    assert ask(standing, "limit=100&name=%E6%B2%B3").get_json() == {
        "limit": 100,
        "cursor": None,
        "name": "河",
    }


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("page=1", "page"),
        ("Limit=1", "Limit"),
        ("limit=1&limit=1", "limit"),
        ("name=a&name=b", "name"),
        ("x=1&x=2", "x"),
        ("limit=99999999999999999999", "limit"),
        ("limit=-1", "limit"),
        ("limit=1e1", "limit"),
        ("limit=%201", "limit"),
        ("limit=%EF%BC%91", "limit"),
        ("name=%00", "name"),
        ("name=", "name"),
        ("name=%1b", "name"),
        ("%00=1", "\x00"),
    ],
)
def test_an_odd_or_doubled_parameter_is_refused_by_name(
    standing: Flask, query: str, field: str
) -> None:
    assert list(problem(ask(standing, query), 422, "invalid")["errors"]) == [field]


@pytest.mark.parametrize("query", ["name=%ff", "%ff=1", "&&&", "=", "name", "a=%ud83d", ";", "?"])
def test_no_query_breaks_it(standing: Flask, query: str) -> None:
    assert ask(standing, query).status_code in {200, 422}


# ---------------------------------------------------------------------- answers
def test_an_answer_never_holds_what_strict_readers_refuse() -> None:
    for odd in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="JSON"):
            frame.encode({"a": odd})
    assert frame.encode({"名": "值"}) == '{"名":"值"}'.encode()


def test_what_a_view_documents_is_kept_with_it() -> None:
    blueprint = frame.Blueprint("documented", __name__, description="x")

    class ThingSchema(frame.Schema):
        name = fields.Text()

    @blueprint.takes(ThingSchema)
    @blueprint.asks(ThingSchema)
    @blueprint.needs("If-Match", example='"1"')
    @blueprint.gives(200, ThingSchema)
    @blueprint.gives(201, content_type="image/jpeg")
    def view() -> None:
        """Do a thing."""

    document = frame.documentation(view)
    assert [each["in"] for each in document["arguments"]["parameters"]] == [
        "header",
        "query",
        "json",
    ]
    responses = document["response"]["responses"]
    assert set(responses) == {200, 201}
    assert responses[201][0]["schema"] == {"type": "string", "format": "binary"}
