"""Fields take nothing for something else (B50, B69, B80)."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import pytest
from marshmallow import ValidationError, fields

from core.fields import (
    Choice,
    Day,
    Moment,
    QueryBoolean,
    QueryInteger,
    StrictBoolean,
    StrictFloat,
    StrictInteger,
    Text,
)


class Colour(StrEnum):
    RED = "red"


@pytest.mark.parametrize("value", [1.9, 1.0, "1", "1_000", "", None, True, [], 2**60])
def test_an_integer_is_only_what_was_sent_as_one(value: Any) -> None:
    with pytest.raises(ValidationError):
        StrictInteger(least=0).deserialize(value)


@pytest.mark.parametrize("value", [0, 1, "yes", "true", None])
def test_a_boolean_is_only_true_or_false(value: Any) -> None:
    with pytest.raises(ValidationError):
        StrictBoolean().deserialize(value)
    assert StrictBoolean().deserialize(True) is True


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "1.5", True, None, 91.0])
def test_a_number_is_finite_and_in_range(value: Any) -> None:
    with pytest.raises(ValidationError):
        StrictFloat(least=-90, most=90).deserialize(value)
    assert StrictFloat().deserialize(3) == 3.0


@pytest.mark.parametrize(
    "value", ["", "   ", "\n", "x" * 11, 5, None, "a\x00b", "\ud83d", "a\x1bb"]
)
def test_text_is_trimmed_bounded_and_clean(value: Any) -> None:
    with pytest.raises(ValidationError):
        Text(most=10).deserialize(value)
    assert Text(most=10).deserialize(" 你好😀 ") == "你好😀"


def test_one_emoji_and_one_rare_character_count_as_one_each() -> None:
    assert Text(most=2).deserialize("😀𠮷") == "😀𠮷"


def test_a_pattern_lets_no_trailing_newline_through() -> None:
    assert Text(pattern=r"^\d+$").deserialize("123\n") == "123"
    with pytest.raises(ValidationError):
        Text(pattern=r"^\d+$").deserialize("12a")


@pytest.mark.parametrize(
    "value",
    [
        "2026-03-01T07:30:00",
        "2026-03-01",
        "2026-02-30T10:00:00+08:00",
        "2026-03-01 07:30",
        "0005-01-01T00:00:00Z",
        "９999-01-01T00:00:00Z",
        1700000000,
        "2026-W09-7T07:30:00+08:00",
        "2026-03-01T07:30:00+25:00",
    ],
)
def test_a_moment_needs_a_real_time_with_an_offset(value: Any) -> None:
    with pytest.raises(ValidationError):
        Moment().deserialize(value)


def test_a_moment_is_the_same_instant_and_shown_at_eight_hours_east() -> None:
    moment = Moment().deserialize("2026-02-28T23:30:00Z")
    assert moment == datetime(2026, 2, 28, 23, 30, tzinfo=UTC)
    assert Moment().serialize("at", {"at": moment}) == "2026-03-01T07:30:00+08:00"


@pytest.mark.parametrize("value", ["2026-02-30", "20260301", "1-1-1", 20260301])
def test_a_day_is_a_real_one(value: Any) -> None:
    with pytest.raises(ValidationError):
        Day().deserialize(value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (QueryInteger(least=1), "１"),
        (QueryInteger(least=1), "99999999999999999999"),
        (QueryInteger(least=1), "-1"),
        (QueryInteger(least=1), "1.0"),
        (QueryBoolean(), "1"),
        (Choice(Colour), "blue"),
        (Choice(Colour), 1),
    ],
)
def test_query_values_and_choices_are_strict(field: fields.Field[Any], value: Any) -> None:
    with pytest.raises(ValidationError):
        field.deserialize(value)
