"""What partners and their gates send and read: never who a resident is, nor what was reported."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from core.api import Schema
from core.fields import Choice, Day, Moment, StrictInteger, Text
from core.messages import say
from rewards.partners.batch import MOST_LINES
from rewards.schemas import EXAMPLE_CODE, OfferFactSchema
from rewards.states import ScanResult, VoucherStatus

MONTH = "^20[0-9]{2}-(0[1-9]|1[0-2])$"


class PasswordSchema(Schema):
    """A partner's password sign-in; `otp` only where a second factor is enrolled."""

    username = Text(most=64, required=True)
    password = Text(most=1024, required=True)
    otp = Text(most=16, load_default=None)


class TerminalKeyEntrySchema(Schema):
    """A gate device's sign-in."""

    key = Text(most=256, required=True)


class ShownSchema(Schema):
    """What a resident shows: a typed code or a scanned picture, one of them."""

    code = Text(most=64, metadata={"example": EXAMPLE_CODE})
    qr = Text(most=2048)

    @validates_schema
    def _one_of_them(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if ("code" in data) == ("qr" in data):
            message = say("code 与 qr 须且只能填一项", "Exactly one of code and qr is needed")
            raise ValidationError(message, "code")


class UseSchema(ShownSchema):
    """A use; a device that signed in with its own key may leave out `terminal`."""

    terminal = Text(most=64, load_default=None)


class LineSchema(ShownSchema):
    """One use that a gate took without a network."""

    terminal = Text(most=64, load_default=None)
    used_at = Moment(required=True)
    nonce = Text(most=128)


class BatchSchema(Schema):
    """What a gate took, in its order."""

    items = fields.List(
        fields.Nested(LineSchema),
        required=True,
        validate=validate.Length(1, MOST_LINES),
    )


class UndoSchema(Schema):
    """A use to take back, and why."""

    redemption = Text(most=64, required=True)
    reason = Text(most=2000, required=True)


class LookSchema(Schema):
    """What a voucher is."""

    status = Choice(VoucherStatus)
    status_label = Text()
    offer = fields.Nested(OfferFactSchema)
    valid_until = Day()
    entries = StrictInteger()
    uses = StrictInteger()
    used_at = Moment(allow_none=True)
    terminal = Text(allow_none=True)


class UsedSchema(Schema):
    """A use; `redemption` takes it back."""

    redemption = Text()
    offer = fields.Nested(OfferFactSchema)
    terminal = Text()
    used_at = Moment()


class UndoneSchema(Schema):
    """A use that was taken back."""

    redemption = Text(attribute="public_id")
    terminal = Text()
    used_at = Moment()
    undone_at = Moment()


class LineResultSchema(Schema):
    """What became of a line; a duplicate carries the first result in `first`."""

    result = Choice(ScanResult)
    reason = Text(metadata={"example": "already_used"})
    redemption = Text()
    offer = fields.Nested(OfferFactSchema)
    terminal = Text()
    used_at = Text(metadata={"format": "date-time"})
    voucher_status = Text()
    first = fields.Dict(keys=fields.String())


class BatchResultSchema(Schema):
    """One result for each line, in their order."""

    items = fields.List(fields.Nested(LineResultSchema))


class VerifyingKeySchema(Schema):
    """An Ed25519 key in JSON form (RFC 8037)."""

    kty = Text()
    crv = Text()
    use = Text()
    alg = Text()
    kid = Text()
    x = Text()


class KeysSchema(Schema):
    """All keys that verify; new tokens are signed by the first."""

    keys = fields.List(fields.Nested(VerifyingKeySchema))


class SettlementQuery(Schema):
    """Which month; staff also say whose."""

    month = Text(most=7, pattern=MONTH, required=True, metadata={"example": "2026-11"})
    partner = Text(most=64, load_default=None)


class SettlementSchema(Schema):
    """A month's figures; money in 分."""

    partner = Text()
    month = Text()
    status = Text()
    issued = StrictInteger()
    used = StrictInteger()
    undone = StrictInteger()
    late = StrictInteger()
    expired = StrictInteger()
    conflicts = StrictInteger()
    amount_fen = StrictInteger()
    digest = Text(allow_none=True)
    closed_at = Moment(allow_none=True)
