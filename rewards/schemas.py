"""What residents send and read: points, offers and their own vouchers."""

from marshmallow import fields

from core.api import Schema
from core.fields import Choice, Day, Moment, StrictInteger, Text
from core.schemas import page_of
from rewards.states import EntryReason, OfferStatus, Pot, VoucherStatus

EXAMPLE_CODE = "7K3M-9QXA-2BCD-EFGH"


class ExpiringSchema(Schema):
    """Points that lapse together; the instant is exclusive."""

    amount = StrictInteger()
    expires_at = Moment()


class PointsSummarySchema(Schema):
    """What a resident has; `available` is never below 0, `debt` is paid first by later points."""

    available = StrictInteger(metadata={"example": 20})
    pending = StrictInteger(metadata={"example": 10})
    debt = StrictInteger(metadata={"example": 0})
    expiring = fields.List(fields.Nested(ExpiringSchema))


class SourceSchema(Schema):
    """What an entry is about."""

    kind = Text(metadata={"example": "report"})
    id = Text(metadata={"example": "3708-261125-7K3M9Q-4"})


class EntrySchema(Schema):
    """One movement in one pot; the entries of a pot add up to its balance."""

    id = Text()
    amount = StrictInteger()
    pot = Choice(Pot)
    reason = Choice(EntryReason)
    source = fields.Nested(SourceSchema)
    at = Moment()
    expires_at = Moment(allow_none=True)


class OfferSchema(Schema):
    """What points can be exchanged for; `stock_left` is null where it never runs out."""

    id = Text(attribute="public_id")
    title = Text()
    kind = Text()
    description = Text(least=0, most=2000)
    terms = Text(least=0, most=4000)
    partner = Text(attribute="partner.name", metadata={"example": "bus"})
    partner_title = Text(attribute="partner.title")
    status = Choice(OfferStatus)
    points_price = StrictInteger(metadata={"example": 20})
    stock_left = StrictInteger(allow_none=True)
    limit_per_resident = StrictInteger(allow_none=True)
    valid_days = StrictInteger()
    cancel_days = StrictInteger()
    entries = StrictInteger()
    opens_at = Moment(allow_none=True)
    closes_at = Moment(allow_none=True)


class OfferFactSchema(Schema):
    """What a voucher is good for."""

    id = Text()
    title = Text()
    kind = Text()


class OwnVoucherSchema(Schema):
    """A voucher for its owner; it can be used until the end of `valid_until` in Shanghai."""

    id = Text()
    status = Choice(VoucherStatus)
    status_label = Text(metadata={"example": "待使用"})
    offer = fields.Nested(OfferFactSchema)
    partner = Text()
    partner_title = Text()
    terms = Text(least=0, most=4000)
    points_price = StrictInteger()
    code = Text(metadata={"example": EXAMPLE_CODE})
    entries = StrictInteger()
    uses = StrictInteger()
    issued_at = Moment()
    valid_until = Day()
    cancel_until = Moment()
    used_at = Moment(allow_none=True)


class ShownVoucherSchema(OwnVoucherSchema):
    """The same with a signed token good for 60 seconds; null when it can't be used."""

    qr = Text(most=1024, allow_none=True)


EntryPageSchema = page_of(EntrySchema, "EntryPageSchema")
OfferPageSchema = page_of(OfferSchema, "OfferPageSchema")
OwnVoucherPageSchema = page_of(OwnVoucherSchema, "OwnVoucherPageSchema")
