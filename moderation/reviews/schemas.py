"""What second reviewers send and see."""

from marshmallow import fields

from citizen.states import Status, Verdict
from core.api import Schema
from core.fields import Choice, Day, Moment, StrictFloat, StrictInteger, Text
from core.schemas import page_of
from moderation.reviews.statistics import By


class SecondReviewSchema(Schema):
    """A case whose verdict was drawn, and what the caller may answer."""

    number = Text()
    category = Text()
    status = Choice(Status)
    round = StrictInteger()
    verdict = Choice(Verdict)
    verdict_label = Text()
    severity = StrictInteger(allow_none=True)
    drawn_at = Moment()
    actions = fields.List(Text())


SecondReviewPageSchema = page_of(SecondReviewSchema, "SecondReviewPageSchema")


class AgreementQuery(Schema):
    """Days of Asia/Shanghai on which reviews were drawn; the present month by default."""

    start = Day(data_key="from", load_default=None)
    end = Day(data_key="to", load_default=None)
    by = Choice(By, load_default=By.MONTH)


class AgreementSchema(Schema):
    """How often reviewers agree; `kappa` is Cohen's, over verdict and severity."""

    drawn = StrictInteger()
    open = StrictInteger()
    agreed = StrictInteger()
    disagreed = StrictInteger()
    rate = StrictFloat(allow_none=True)
    kappa = StrictFloat(allow_none=True)


class AgreementGroupSchema(AgreementSchema):
    """The numbers of one month or category."""

    code = Text()
    name = Text()


class AgreementAnswerSchema(Schema):
    """All of a period."""

    start = Day(data_key="from")
    end = Day(data_key="to")
    by = Choice(By)
    total = fields.Nested(AgreementSchema)
    groups = fields.List(fields.Nested(AgreementGroupSchema))
