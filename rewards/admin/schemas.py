"""What reward administrators, reviewers and auditors send and read."""

from typing import Any

from marshmallow import ValidationError, fields, validates_schema

from core.api import Schema
from core.fields import Choice, Moment, StrictInteger, Text
from core.messages import say
from core.paging import PageQuery
from core.schemas import page_of
from rewards.awards import DEFAULT_RULES
from rewards.states import AwardReason, AwardState, OfferStatus, PartnerStatus

MOST_POINTS = 1_000_000
MOST_STOCK = 10_000_000
MOST_FEN = 100_000_000
NAME = "^[a-z][a-z0-9-]{0,62}$"


class NewOfferSchema(Schema):
    """A new offer; `stock_left` null means that it never runs out."""

    title = Text(most=200, required=True)
    kind = Text(most=32, load_default="voucher", metadata={"example": "bus_ticket"})
    description = Text(least=0, most=2000, load_default="")
    terms = Text(least=0, most=4000, load_default="")
    partner = Text(most=64, required=True, metadata={"example": "bus"})
    status = Choice(OfferStatus, load_default=OfferStatus.OPEN)
    points_price = StrictInteger(least=1, most=MOST_POINTS, required=True)
    price_fen = StrictInteger(least=0, most=MOST_FEN, load_default=0)
    stock_left = StrictInteger(least=0, most=MOST_STOCK, allow_none=True, required=True)
    limit_per_resident = StrictInteger(least=1, most=10_000, allow_none=True, load_default=None)
    valid_days = StrictInteger(least=0, most=3650, load_default=90)
    cancel_days = StrictInteger(least=0, most=3650, load_default=7)
    entries = StrictInteger(least=1, most=100, load_default=1)
    opens_at = Moment(allow_none=True, load_default=None)
    closes_at = Moment(allow_none=True, load_default=None)

    @validates_schema
    def _window(self, data: dict[str, Any], **_kwargs: Any) -> None:
        _in_order(data)


class OfferChangeSchema(Schema):
    """What may be changed; vouchers that were issued keep their terms."""

    title = Text(most=200)
    description = Text(least=0, most=2000)
    terms = Text(least=0, most=4000)
    status = Choice(OfferStatus)
    points_price = StrictInteger(least=1, most=MOST_POINTS)
    price_fen = StrictInteger(least=0, most=MOST_FEN)
    stock_left = StrictInteger(least=0, most=MOST_STOCK, allow_none=True)
    limit_per_resident = StrictInteger(least=1, most=10_000, allow_none=True)
    valid_days = StrictInteger(least=0, most=3650)
    cancel_days = StrictInteger(least=0, most=3650)
    opens_at = Moment(allow_none=True)
    closes_at = Moment(allow_none=True)

    @validates_schema
    def _window(self, data: dict[str, Any], **_kwargs: Any) -> None:
        _in_order(data)


def _in_order(data: dict[str, Any]) -> None:
    opens, closes = data.get("opens_at"), data.get("closes_at")
    if opens and closes and closes <= opens:
        message = say("结束时间应晚于开始时间", "Must be later than opens_at")
        raise ValidationError(message, "closes_at")


class NewAdjustmentSchema(Schema):
    """Points to give (positive) or to take (negative), with the reason in words."""

    account = Text(most=64, required=True, metadata={"description": "the resident's account id"})
    amount = StrictInteger(least=-MOST_POINTS, most=MOST_POINTS, required=True)
    reason = Text(most=2000, required=True)

    @validates_schema
    def _moves(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if data.get("amount") == 0:
            raise ValidationError(say("不能为 0", "May not be 0"), "amount")


class AdjustmentSchema(Schema):
    """What was done by hand."""

    id = Text(attribute="public_id")
    amount = StrictInteger()
    reason = Text(most=2000)
    at = Moment()


class RefusalSchema(Schema):
    """Why a held award is refused."""

    reason = Text(most=2000, required=True)


class AwardQuery(PageQuery):
    """Which awards to list."""

    state = Choice(AwardState, load_default=AwardState.HELD)


class AwardSchema(Schema):
    """An award for those who look at held ones; it never says whose it is."""

    id = Text(attribute="public_id")
    report = Text(attribute="number")
    reason = Choice(AwardReason)
    state = Choice(AwardState)
    target = StrictInteger()
    amount = StrictInteger()
    verdict = Text(allow_none=True)
    severity = StrictInteger(allow_none=True)
    holds = fields.List(Text())
    refusal = Text(most=2000, allow_none=True)
    release_at = Moment(allow_none=True)
    updated_at = Moment()


class RulesSchema(Schema):
    """The earning rules, amounts in points; fields are those of the default set."""

    base = StrictInteger(required=True)
    by_severity = fields.List(StrictInteger(), required=True)
    partly_percent = StrictInteger(required=True)
    corroboration = StrictInteger(required=True)
    rating = StrictInteger(required=True)
    reports_a_day = StrictInteger(required=True)
    points_a_day = StrictInteger(required=True)
    points_a_month = StrictInteger(required=True)
    expire_after_years = StrictInteger(required=True)
    release_after_seconds = StrictInteger(required=True)
    budget_a_month = StrictInteger(required=True, allow_none=True)


class NewRuleSetSchema(Schema):
    """A rule set that begins now or later."""

    title = Text(most=200, required=True)
    rules = fields.Nested(RulesSchema, required=True, metadata={"example": DEFAULT_RULES})
    effective_from = Moment(allow_none=True, load_default=None)


class RuleSetSchema(Schema):
    """A version of the earning rules."""

    id = Text(attribute="public_id")
    title = Text()
    rules = fields.Nested(RulesSchema, attribute="body")
    effective_from = Moment()
    created_at = Moment()


class NewPartnerSchema(Schema):
    """A new partner; `name` stands in addresses."""

    name = Text(most=63, pattern=NAME, required=True)
    title = Text(most=200, required=True)


class PartnerSchema(Schema):
    """A partner."""

    id = Text(attribute="public_id")
    name = Text()
    title = Text()
    status = Choice(PartnerStatus)


class NewTerminalSchema(Schema):
    """A new gate device."""

    label = Text(most=64, required=True)
    place = Text(most=200, allow_none=True, load_default=None)


class TerminalSchema(Schema):
    """A gate device; its key is told once, when it is made."""

    label = Text(most=64)
    place = Text(allow_none=True)
    created_at = Moment()
    revoked_at = Moment(allow_none=True)


class TerminalKeySchema(TerminalSchema):
    """A new device with its key."""

    key = Text()


AwardPageSchema = page_of(AwardSchema, "AwardPageSchema")
RuleSetPageSchema = page_of(RuleSetSchema, "RuleSetPageSchema")
PartnerPageSchema = page_of(PartnerSchema, "PartnerPageSchema")
TerminalPageSchema = page_of(TerminalSchema, "TerminalPageSchema")
