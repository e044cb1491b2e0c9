"""What dispatchers send about the public version of a photo, and the versions there were."""

from marshmallow import fields, validate

from core.api import Schema
from core.fields import Choice, Moment, StrictBoolean, StrictInteger, Text
from core.messages import say
from media.states import PhotoDecision

FARTHEST = 10**8  # pixels: no picture that was taken is longer
MOST_BOXES = 50


class BoxSchema(Schema):
    """A rectangle in pixels of the upright picture, from its upper left corner; it is clipped."""

    x = StrictInteger(least=-FARTHEST, most=FARTHEST, required=True)
    y = StrictInteger(least=-FARTHEST, most=FARTHEST, required=True)
    width = StrictInteger(least=1, most=FARTHEST, required=True)
    height = StrictInteger(least=1, most=FARTHEST, required=True)


class RedactionSchema(Schema):
    """All that the public version must not show: an earlier redaction's boxes do not add up."""

    boxes = fields.List(
        fields.Nested(BoxSchema),
        required=True,
        validate=validate.Length(1, MOST_BOXES, error=say("应为 1 至 50 个方框", "1 to 50 boxes")),
    )


class DecisionSchema(Schema):
    """Whether the public sees the version that is the latest now."""

    decision = Choice(PhotoDecision, required=True)
    reason = Text(most=2000, load_default=None)


class KeptBoxSchema(Schema):
    """A rectangle as it was blacked out."""

    x = StrictInteger()
    y = StrictInteger()
    width = StrictInteger()
    height = StrictInteger()


class KeptRedactionSchema(Schema):
    """One version; the `current` one is what the public would see."""

    number = StrictInteger()
    at = Moment()
    boxes = fields.List(fields.Nested(KeptBoxSchema))
    current = StrictBoolean()


class RedactionListSchema(Schema):
    """All versions of a photo, from the first."""

    items = fields.List(fields.Nested(KeptRedactionSchema))
    next_cursor = Text(allow_none=True)
