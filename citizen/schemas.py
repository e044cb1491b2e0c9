"""What residents send and see; staff and partners have schemas of their own, elsewhere."""

from typing import Any

from marshmallow import fields

from citizen.geo import Crs
from citizen.states import Status, Verdict
from core.api import Schema
from core.fields import Choice, Moment, StrictBoolean, StrictFloat, StrictInteger, Text
from core.paging import PageQuery
from core.schemas import NamedSchema
from media.schemas import PhotoFactSchema, PhotoSchema, PublishedPhotoSchema

NOTE = 2_400  # a coded reason in words, who is competent (200) and a note of their own (2,000)
CODE = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"


def long_text(**kwargs: Any) -> Text:
    """Return a field for descriptions, reasons, findings, questions: 1 to 2,000 characters."""
    return Text(most=2000, **kwargs)


class LocationSchema(Schema):
    """A point in a declared system; degrees and metres. Ranges are checked by citizen.geo."""

    longitude = StrictFloat(required=True, metadata={"example": 116.587})
    latitude = StrictFloat(required=True, metadata={"example": 35.415})
    crs = Choice(Crs, required=True, metadata={"example": "wgs84"})
    accuracy_m = StrictFloat(least=0, most=100_000, load_default=None, allow_none=True)


class PlaceSchema(Schema):
    """A point in an answer: WGS-84, or what `?crs=` names."""

    longitude = StrictFloat()
    latitude = StrictFloat()
    crs = Text()
    accuracy_m = StrictFloat(allow_none=True)


class SubmissionSchema(Schema):
    """A new report (contract 4)."""

    channel = Text(most=32, pattern=CODE, required=True, metadata={"example": "suishoupai"})
    category = Text(most=32, pattern=CODE, required=True, metadata={"example": "WAT-OUT"})
    description = long_text(required=True, metadata={"example": "排污口夜间排放黑水"})
    location = fields.Nested(LocationSchema, required=True)
    address = Text(most=200, load_default=None, allow_none=True)
    occurred_at = Moment(load_default=None, allow_none=True)
    media = fields.List(Text(most=64), required=True, metadata={"minItems": 1, "maxItems": 9})
    site = Text(most=32, load_default=None, allow_none=True)
    anonymous = StrictBoolean(load_default=False)


class SupplementSchema(Schema):
    """The answer to a question: words, photos, or both."""

    text = long_text(load_default=None, allow_none=True)
    media = fields.List(Text(most=64), load_default=list, metadata={"maxItems": 9})


class CrsQuery(Schema):
    """The coordinate system of the answer."""

    crs = Choice(Crs, load_default=Crs.WGS84)


class CategoryQuery(Schema):
    """The channel whose categories are asked for."""

    channel = Text(most=32, pattern=CODE, load_default=None)


class ReportQuery(PageQuery, CrsQuery):
    """The parameters of a resident's own list."""

    status = Choice(Status, load_default=None)


class StepSchema(Schema):
    """One step as the resident sees it: what happened and when, never who did it."""

    at = Moment()
    action = Text()
    label = Text()
    status = Choice(Status)
    status_label = Text()
    note = Text(most=NOTE, allow_none=True)


class PointsSchema(Schema):
    """What the report has earned, or may earn."""

    state = Text(metadata={"enum": ["pending", "held", "available", "void", "none"]})
    amount = StrictInteger()


class OutcomeSchema(Schema):
    """How the case stands into which the report was merged."""

    status = Choice(Status)
    status_label = Text()
    verdict = Choice(Verdict, allow_none=True)
    verdict_label = Text(allow_none=True)


class OwnResultSchema(Schema):
    """What was found and done, told once the case is closed; photos as the public sees them."""

    at = Moment()
    finding = Text(most=2000)
    measures = Text(most=2000)
    media = fields.List(fields.Nested(PublishedPhotoSchema))


class ReceiptSchema(Schema):
    """A report as its reporter sees it right after submitting; photos without links."""

    number = Text(metadata={"example": "3708-261125-7K3M9Q-4"})
    channel = Text()
    category = Text()
    status = Choice(Status)
    status_label = Text()
    description = Text(most=2000)
    location = fields.Nested(PlaceSchema)
    area = fields.Nested(NamedSchema)
    address = Text(allow_none=True)
    site = Text(allow_none=True)
    anonymous = StrictBoolean()
    occurred_at = Moment()
    submitted_at = Moment()
    due_at = Moment(allow_none=True)
    media = fields.List(fields.Nested(PhotoFactSchema))
    points = fields.Nested(PointsSchema)
    points_note = Text()
    timeline = fields.List(fields.Nested(StepSchema))


class OwnReportSchema(ReceiptSchema):
    """A report as its reporter reads it later: photos with links, the question, the outcome."""

    media = fields.List(fields.Nested(PhotoSchema))
    question = Text(most=2000, allow_none=True)
    verdict = Choice(Verdict, allow_none=True)
    verdict_label = Text(allow_none=True)
    outcome = fields.Nested(OutcomeSchema, allow_none=True)
    result = fields.Nested(OwnResultSchema, allow_none=True)
    actions = fields.List(Text())


class OwnReportItemSchema(Schema):
    """A report in its reporter's list."""

    number = Text()
    channel = Text()
    category = Text()
    status = Choice(Status)
    status_label = Text()
    description = Text(most=2000)
    location = fields.Nested(PlaceSchema)
    area = fields.Nested(NamedSchema)
    submitted_at = Moment()
    due_at = Moment(allow_none=True)
    verdict = Choice(Verdict, allow_none=True)
    points = fields.Nested(PointsSchema)


class CategorySchema(Schema):
    """A kind of report."""

    code = Text()
    name = Text()
    group = Text()
    description = Text(most=2000, allow_none=True)
    channels = fields.List(Text())


class CategoryListSchema(Schema):
    """All categories of a channel, in the order to show them."""

    items = fields.List(fields.Nested(CategorySchema))
    next_cursor = Text(allow_none=True)


class SiteSchema(Schema):
    """What a scanned code fills in."""

    code = Text()
    name = Text()
    channel = Text(allow_none=True)
    category = Text(allow_none=True)
    location = fields.Nested(PlaceSchema)
    address = Text(allow_none=True)
    area = fields.Nested(NamedSchema, allow_none=True)
