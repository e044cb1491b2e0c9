"""What is asked of the routing table, and its answer in words."""

from typing import Any

from marshmallow import ValidationError, fields, validates_schema

from citizen.schemas import CODE, LocationSchema
from core.api import Schema
from core.fields import Day, StrictBoolean, StrictInteger, Text
from core.messages import say
from core.schemas import NamedSchema


class AnswersSchema(Schema):
    """What somebody knows of a case; it goes before what the place gives."""

    kind = Text(most=32, pattern=CODE, metadata={"description": "类别的子类", "example": "truck"})
    road = Text(
        most=32, pattern=CODE, metadata={"description": "道路类别：trunk 国省道，port 疏港路"}
    )
    built_up = StrictBoolean(metadata={"description": "位于建成区"})
    on_lake = StrictBoolean(metadata={"description": "位于湖面"})
    near_lake = StrictBoolean(metadata={"description": "位于湖区 2 公里或入湖河流范围"})
    on_river = StrictBoolean(metadata={"description": "位于入湖河流范围"})


class ExplainSchema(Schema):
    """A case that need not exist: where it lies as a point, or as the code of its district."""

    category = Text(most=32, pattern=CODE, required=True, metadata={"example": "AIR-DUST"})
    location = fields.Nested(LocationSchema, load_default=None, allow_none=True)
    area = Text(most=32, pattern=CODE, load_default=None, allow_none=True)
    answers = fields.Nested(AnswersSchema, load_default=dict)
    on = Day(load_default=None, allow_none=True, metadata={"description": "默认为今天"})

    @validates_schema(skip_on_field_errors=True)
    def _one_place(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if data["location"] and data["area"]:
            message = say("位置与区域只能填写一项", "Either a point or an area")
            raise ValidationError(message, "area")


class OverlaysSchema(Schema):
    """What the place lies in, or is said to; null is unknown."""

    area = fields.Nested(NamedSchema, allow_none=True)
    zones = fields.List(fields.Nested(NamedSchema))
    built_up = StrictBoolean(allow_none=True)
    lake = fields.Nested(NamedSchema, allow_none=True)
    lake_distance_m = StrictInteger(allow_none=True)
    on_lake = StrictBoolean(allow_none=True)
    near_lake = StrictBoolean(allow_none=True)
    river = fields.Nested(NamedSchema, allow_none=True)
    on_river = StrictBoolean(allow_none=True)


class RuleSchema(Schema):
    """A rule of the table; a lead of which no department is active decides nothing."""

    id = Text()
    title = Text()
    conditions = fields.List(Text())
    basis = Text()
    effective_from = Day()
    effective_until = Day(allow_none=True)


class TriedSchema(RuleSchema):
    """A rule that was tried, and in words what kept it from deciding."""

    applies = StrictBoolean()
    missing = fields.List(Text())


class ExplanationSchema(Schema):
    """Whose job it is, by which rule of which version, and what was tried before it."""

    on = Day()
    version = Text()
    category = fields.Nested(NamedSchema)
    lead = fields.Nested(NamedSchema)
    assisting = fields.List(fields.Nested(NamedSchema))
    words = Text(most=2000)
    rule = fields.Nested(RuleSchema)
    tried = fields.List(fields.Nested(TriedSchema))
    overlays = fields.Nested(OverlaysSchema)
