"""Fields that take nothing for something else: 1.9 is no integer, 1 no boolean, NUL no text."""

import math
import re
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from marshmallow import ValidationError, fields

from core.clock import shanghai
from core.messages import Message, say

LARGEST = 2**53
RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def says(**messages: Message) -> dict[str, str | list[Any] | dict[Any, Any]]:
    """Return messages by the name of what went wrong, as the framework wants them."""
    return dict(messages)


fields.Field.default_error_messages = {
    "required": say("必填", "Required"),
    "null": say("不能为空", "May not be null"),
    "validator_failed": say("取值不正确", "Invalid value"),
}
fields.Nested.default_error_messages = {"type": say("应为对象", "Must be an object")}
fields.List.default_error_messages = {"invalid": say("应为数组", "Must be an array")}


class Text(fields.String):
    """Text of `least` to `most` characters after trimming, without NUL, half emoji or controls."""

    default_error_messages = says(
        invalid=say("应为文本", "Must be a string"),
        characters=say("含有不能接受的字符", "Holds characters that can't be taken"),
    )

    def __init__(
        self, *, least: int = 1, most: int = 200, pattern: str | None = None, **kwargs: Any
    ) -> None:
        metadata = {"minLength": least, "maxLength": most, **kwargs.pop("metadata", {})}
        if pattern:
            metadata["pattern"] = pattern
        super().__init__(metadata=metadata, **kwargs)
        self.least, self.most, self.pattern = least, most, pattern and re.compile(pattern)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if not isinstance(value, str):
            raise self.make_error("invalid")
        text = value.strip()
        if any(_unclean(letter) for letter in text):
            raise self.make_error("characters")
        if not self.least <= len(text) <= self.most:
            raise ValidationError(
                say(
                    f"长度应为 {self.least} 至 {self.most} 个字符",
                    f"Must have {self.least} to {self.most} characters",
                )
            )
        if self.pattern and not self.pattern.fullmatch(text):
            raise ValidationError(say("格式不正确", "Not of the right form"))
        return text


def _unclean(letter: str) -> bool:
    return (
        (letter < " " and letter not in "\t\n\r")
        or letter == "\x7f"
        or "\ud800" <= letter <= "\udfff"
    )


class StrictInteger(fields.Integer):
    """An integer that was sent as one, within `least` and `most`."""

    default_error_messages = says(invalid=say("应为整数", "Must be an integer"))

    def __init__(self, *, least: int = -LARGEST, most: int = LARGEST, **kwargs: Any) -> None:
        super().__init__(
            metadata={"minimum": least, "maximum": most, **kwargs.pop("metadata", {})}, **kwargs
        )
        self.least, self.most = least, most

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.make_error("invalid")
        if not self.least <= value <= self.most:
            raise ValidationError(
                say(
                    f"应在 {self.least} 与 {self.most} 之间",
                    f"Must be between {self.least} and {self.most}",
                )
            )
        return value


class QueryInteger(StrictInteger):
    """An integer in a query string: decimal digits only."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if not isinstance(value, str) or not re.fullmatch(r"-?\d{1,18}", value, re.ASCII):
            raise self.make_error("invalid")
        return super()._deserialize(int(value), attr, data, **kwargs)


class StrictFloat(fields.Float):
    """A finite number that was sent as one; booleans and strings are none."""

    default_error_messages = says(invalid=say("应为数字", "Must be a number"))

    def __init__(
        self, *, least: float | None = None, most: float | None = None, **kwargs: Any
    ) -> None:
        bounds = {"minimum": least, "maximum": most}
        metadata = {name: bound for name, bound in bounds.items() if bound is not None}
        super().__init__(metadata={**metadata, **kwargs.pop("metadata", {})}, **kwargs)
        self.least, self.most = least, most

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> float:
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not math.isfinite(value)
        ):
            raise self.make_error("invalid")
        if (self.least is not None and value < self.least) or (
            self.most is not None and value > self.most
        ):
            raise ValidationError(
                say(
                    f"超出范围 {self.least}～{self.most}",
                    f"Out of range {self.least} to {self.most}",
                )
            )
        return float(value)


class StrictBoolean(fields.Boolean):
    """true or false; 1, 0 and "yes" are neither."""

    default_error_messages = says(invalid=say("应为 true 或 false", "Must be true or false"))

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid")
        return value


class QueryBoolean(fields.Boolean):
    """`true` or `false` in a query string."""

    default_error_messages = StrictBoolean.default_error_messages

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if value not in {"true", "false"}:
            raise self.make_error("invalid")
        return bool(value == "true")


class Moment(fields.DateTime):
    """An instant: RFC 3339 with an offset on the way in, always +08:00 on the way out."""

    default_error_messages = says(
        invalid=say(
            "应为带时区的时间，如 2026-03-01T07:30:00+08:00", "Must be RFC 3339 with an offset"
        ),
    )

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        if not isinstance(value, str) or not RFC3339.fullmatch(value):
            raise self.make_error("invalid")
        try:
            moment = datetime.fromisoformat(value.upper())
        except ValueError as error:
            raise self.make_error("invalid") from error
        if not 1970 <= moment.year <= 2200:
            raise self.make_error("invalid")
        return moment

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else shanghai(value).isoformat(timespec="seconds")


class Day(fields.Date):
    """A calendar day of Asia/Shanghai, `YYYY-MM-DD`."""

    default_error_messages = says(
        invalid=say("应为日期，如 2026-03-01", "Must be a date like 2026-03-01"),
    )

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> date:
        if not isinstance(value, str) or not DAY.fullmatch(value):
            raise self.make_error("invalid")
        try:
            day = date.fromisoformat(value)
        except ValueError as error:
            raise self.make_error("invalid") from error
        if not 1970 <= day.year <= 2200:
            raise self.make_error("invalid")
        return day


class Choice(fields.Field[Any]):
    """One of an enum's values, by its text."""

    def __init__(self, options: type[StrEnum], **kwargs: Any) -> None:
        names = [member.value for member in options]
        super().__init__(
            metadata={"type": "string", "enum": names, **kwargs.pop("metadata", {})}, **kwargs
        )
        self.options, self.names = options, names

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> StrEnum:
        if not isinstance(value, str) or value not in self.names:
            listed = ", ".join(self.names)
            raise ValidationError(say(f"应为以下之一：{listed}", f"Must be one of: {listed}"))
        return self.options(value)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else str(value)
