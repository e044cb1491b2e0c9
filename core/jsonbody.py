"""Reading JSON strictly: what one parser takes and the next refuses is refused here, with its path.

Flask's own reader takes NaN, 4,000-digit integers, doubled keys, NUL and half emoji, and dies of
deep nests.
"""

import json
import math
import re
from collections.abc import Iterator
from typing import Any

from core.errors import BadRequest, Invalid
from core.messages import say

DEPTH = 16
STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
DIGITS = 18


class NotJson(BadRequest):
    """The body is no JSON text in UTF-8."""

    code, zh, en = "not_json", "请求体不是有效的 JSON", "The body is not valid JSON"


class Doubled(dict[str, Any]):
    """An object in which a key stands twice."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        names = [name for name, _ in pairs]
        self.names = sorted({name for name in names if names.count(name) > 1})


class Huge:
    """An integer with more digits than any column holds."""


def parse(raw: bytes) -> Any:
    """Return the value of a JSON text.

    Raises:
        NotJson: not UTF-8, not JSON, or nested deeper than 16 levels.
        Invalid: a doubled key, NaN, Infinity, a huge number, NUL or half an emoji, by field path.
    """
    reader = _Reader()
    try:
        text = raw.decode("utf-8")
        value = reader.decode(text)
    except (ValueError, RecursionError) as error:
        raise NotJson from error
    if text.count("[") + text.count("{") > DEPTH and _depth(text) > DEPTH:
        raise NotJson(("嵌套层数过多", "Nested too deeply"))
    if reader.odd or "\\u" in text:
        errors = {path or "body": [message] for path, message in _faults(value, "")}
        if errors:
            raise Invalid(errors=errors)
    return value


class _Reader:
    """Decodes, and remembers whether anything odd was met: clean bodies need no second walk."""

    def __init__(self) -> None:
        self.odd = False
        self.decode = json.JSONDecoder(
            object_pairs_hook=self._object,
            parse_int=self._integer,
            parse_constant=self._constant,
            parse_float=self._float,
        ).decode

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) == len(pairs):
            return made
        self.odd = True
        return Doubled(pairs[:1000])

    def _integer(self, text: str) -> Any:
        if len(text) <= DIGITS:
            return int(text)
        self.odd = True
        return Huge()

    def _float(self, text: str) -> float:
        number = float(text)
        self.odd = self.odd or not math.isfinite(number)
        return number

    def _constant(self, _text: str) -> float:
        self.odd = True
        return math.nan


def _depth(text: str) -> int:
    """Count levels on the raw text, without what stands inside strings."""
    depth = deepest = 0
    for letter in STRING.sub("", text):
        if letter in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif letter in "]}":
            depth -= 1
    return deepest


def _faults(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Doubled):
        yield from (
            (_join(path, name), say("字段重复", "The field stands twice")) for name in value.names
        )
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _text_faults(key, path)
            yield from _faults(inner, _join(path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _faults(inner, _join(path, str(index)))
    elif isinstance(value, str):
        yield from _text_faults(value, path)
    elif isinstance(value, Huge) or (isinstance(value, float) and not math.isfinite(value)):
        yield path, say("数字超出范围", "The number is out of range")


def _text_faults(text: str, path: str) -> Iterator[tuple[str, str]]:
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        yield path, say("含有不能接受的字符", "Holds characters that can't be taken")


def _join(path: str, name: str) -> str:
    clean = name.encode("ascii", "backslashreplace").decode().replace("\0", "\\0")[:64]
    return f"{path}.{clean}" if path else clean
