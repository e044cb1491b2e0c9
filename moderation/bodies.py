"""What actions on a case take: one schema per body of contract 5."""

from enum import StrEnum
from typing import Any

from marshmallow import ValidationError, fields, validates_schema

from citizen.schemas import CODE, LocationSchema, long_text
from citizen.states import Verdict
from core.api import Schema
from core.fields import Choice, Day, Moment, StrictBoolean, StrictInteger, Text
from core.messages import say


class DeclineReason(StrEnum):
    """Why a report is not accepted (contract 5)."""

    INSUFFICIENT = "insufficient"
    NOT_OURS = "not_ours"
    ALREADY_KNOWN = "already_known"
    IN_LITIGATION = "in_litigation"
    OUTSIDE_CITY = "outside_city"
    MALICIOUS = "malicious"
    OTHER = "other"


DECLINE_LABELS: dict[DeclineReason, str] = {
    DeclineReason.INSUFFICIENT: "线索不详",
    DeclineReason.NOT_OURS: "非职责范围",
    DeclineReason.ALREADY_KNOWN: "已掌握或已立案",
    DeclineReason.IN_LITIGATION: "已进入诉讼、仲裁或复议",
    DeclineReason.OUTSIDE_CITY: "不属本市",
    DeclineReason.MALICIOUS: "恶意或虚假",
    DeclineReason.OTHER: "其他",
}


class ReasonSchema(Schema):
    """An action that needs a reason."""

    reason = long_text(required=True)


class QuestionSchema(Schema):
    """What the resident is asked."""

    question = long_text(required=True)


class DeclineSchema(Schema):
    """A coded reason; `not_ours` says who is competent."""

    reason = Choice(DeclineReason, required=True)
    competent = Text(most=200, load_default=None, allow_none=True)
    note = long_text(load_default=None, allow_none=True)

    @validates_schema(skip_on_field_errors=True)
    def _names_competent(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if data["reason"] is DeclineReason.NOT_OURS and not data["competent"]:
            raise ValidationError(say("请说明应由谁处理", "Say who is competent"), "competent")


class MergeSchema(Schema):
    """The primary case, by its number without blanks around it: what joins cases is no guess."""

    into = Text(most=40, required=True)

    @validates_schema(pass_original=True, skip_on_field_errors=True)
    def _as_written(self, data: dict[str, Any], sent: dict[str, Any], **_kwargs: Any) -> None:
        if data["into"] != sent["into"]:
            raise ValidationError(say("前后不能有空格", "No blanks around it"), "into")


class VerdictSchema(Schema):
    """A verdict; `severity` exactly when found true."""

    verdict = Choice(Verdict, required=True)
    severity = StrictInteger(least=1, most=3, load_default=None, allow_none=True)
    note = long_text(load_default=None, allow_none=True)

    @validates_schema(skip_on_field_errors=True)
    def _severity_fits(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if data["verdict"].true and data["severity"] is None:
            raise ValidationError(say("查实时必填", "Required when found true"), "severity")
        if not data["verdict"].true and data["severity"] is not None:
            raise ValidationError(say("不属实时不能填写", "Only when found true"), "severity")


class OverturnSchema(VerdictSchema):
    """A verdict that replaces the present one."""

    class Meta(Schema.Meta):
        exclude = ("note",)

    reason = long_text(required=True)


class DispatchSchema(Schema):
    """Where the case goes, and why if elsewhere than the rules suggest; by default there."""

    department = Text(most=32, pattern=CODE, load_default=None, allow_none=True)
    assisting = fields.List(
        Text(most=32, pattern=CODE), load_default=list, metadata={"maxItems": 20}
    )
    due_at = Moment(load_default=None, allow_none=True)
    reason = long_text(load_default=None, allow_none=True)


class ReassignSchema(Schema):
    """A colleague of the same department."""

    username = Text(most=64, required=True)


class ExtendSchema(ReasonSchema):
    """More time, and why."""

    due_at = Moment(required=True)


class GrantExtensionSchema(Schema):
    """The due time granted; without one, the one asked for."""

    due_at = Moment(load_default=None, allow_none=True)


class ParkSchema(ReasonSchema):
    """Why the case can't go on now, and when to look again."""

    review_on = Day(required=True)


class ResolveSchema(Schema):
    """What was found and done, with at least one photo taken afterwards.

    The reporters are told finding and measures when the case is closed, and see what is published.
    """

    finding = long_text(required=True)
    measures = long_text(required=True)
    media = fields.List(Text(most=64), required=True, metadata={"minItems": 1, "maxItems": 9})


class CorrectSchema(ReasonSchema):
    """What was wrong about category or place."""

    category = Text(most=32, pattern=CODE, load_default=None)
    location = fields.Nested(LocationSchema, load_default=None)
    address = Text(most=200, load_default=None)

    @validates_schema(skip_on_field_errors=True)
    def _changes_something(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if not any(data[name] for name in ("category", "location", "address")):
            raise ValidationError(say("至少更正一项", "Correct at least one thing"), "category")


class RatingSchema(Schema):
    """How the result is rated."""

    satisfied = StrictBoolean(required=True)
    score = StrictInteger(least=1, most=5, required=True)
    comment = long_text(load_default=None, allow_none=True)
