"""What is refused as JSON, and where (reliability.md 2.5, B67-B69)."""

import json

import pytest

from core import jsonbody
from core.errors import Invalid
from core.jsonbody import NotJson


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"\xff\xfe{}",
        b"\xef\xbb\xbf{}",
        '{"a":1}'.encode("utf-16"),
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b"[" * 17 + b"]" * 17,
        b'{"a": "tab\tinside"}',
        b"{'a': 1}",
    ],
)
def test_what_is_no_json_text_is_refused_whole(raw: bytes) -> None:
    with pytest.raises(NotJson):
        jsonbody.parse(raw)


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        (b'{"location": {"latitude": NaN}}', "location.latitude"),
        (b'{"location": {"latitude": -Infinity}}', "location.latitude"),
        (b'{"location": {"latitude": 1e400}}', "location.latitude"),
        (b'{"extra": {"free": [1, NaN]}}', "extra.free.1"),
        (b'{"amount": 99999999999999999999}', "amount"),
        (b'{"amount": ' + b"9" * 5000 + b"}", "amount"),
        (b'{"a": 1, "a": 2}', "a"),
        (b'{"outer": {"a": 1, "a": 1}}', "outer.a"),
        (b'{"description": "a\\u0000b"}', "description"),
        (b'{"description": "\\ud83d"}', "description"),
        (b'{"list": ["ok", "\\udc00"]}', "list.1"),
    ],
)
def test_odd_values_are_refused_by_the_path_of_their_field(raw: bytes, path: str) -> None:
    with pytest.raises(Invalid) as caught:
        jsonbody.parse(raw)
    assert list(caught.value.errors or {}) == [path]


@pytest.mark.parametrize("text", ["😀", "𠮷野家", "line\nbreak", '引号"与反斜杠\\'])
def test_whole_characters_pass_unchanged(text: str) -> None:
    escaped = json.dumps({"description": text}).encode()
    plain = json.dumps({"description": text}, ensure_ascii=False).encode()
    assert jsonbody.parse(escaped) == jsonbody.parse(plain) == {"description": text}


def test_sixteen_levels_are_enough() -> None:
    assert jsonbody.parse(b"[" * 16 + b"]" * 16)


def test_brackets_inside_text_are_no_nesting() -> None:
    text = '[[{"\\' * 40
    assert jsonbody.parse(json.dumps({"description": text}).encode()) == {"description": text}
