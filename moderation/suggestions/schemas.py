"""Likely duplicates: one schema for staff, another for residents."""

from marshmallow import fields

from citizen.schemas import CODE, LocationSchema
from citizen.states import Status
from core.api import Schema
from core.fields import Choice, Moment, StrictInteger, Text
from core.schemas import page_of
from media.schemas import StaffPhotoSchema
from moderation.schemas import SimilarSchema


class SimilarCaseSchema(SimilarSchema):
    """A likely duplicate with all that an officer needs to judge."""

    status_label = Text()
    submitted_at = Moment()
    media = fields.List(fields.Nested(StaffPhotoSchema))


SimilarCasePageSchema = page_of(SimilarCaseSchema, "SimilarCasePageSchema")


class DraftSchema(Schema):
    """What is known of a report before it is sent."""

    channel = Text(most=32, pattern=CODE, required=True, metadata={"example": "suishoupai"})
    category = Text(most=32, pattern=CODE, required=True, metadata={"example": "WAT-OUT"})
    location = fields.Nested(LocationSchema, required=True)


class HintSchema(Schema):
    """That something like it is at work near by: roughly where and since when, and no more."""

    category = Text()
    within_km = StrictInteger()
    within_days = StrictInteger()
    status = Choice(Status)
    status_label = Text()


HintPageSchema = page_of(HintSchema, "HintPageSchema")
