"""What counts are asked for, and what they say."""

from marshmallow import fields

from citizen.states import Status
from core.api import Schema
from core.fields import Choice, StrictInteger, Text
from moderation.schemas import CaseQuery


class CountsQuery(CaseQuery):
    """The filters of the case list; counts have no pages."""

    class Meta(CaseQuery.Meta):
        exclude = ("limit", "cursor")


class StatusCountSchema(Schema):
    """How many cases of a list have a status."""

    status = Choice(Status)
    status_label = Text()
    count = StrictInteger()


class CountsSchema(Schema):
    """The cases of a list by status, zeros too; they add up to `total`."""

    items = fields.List(fields.Nested(StatusCountSchema))
    total = StrictInteger()
