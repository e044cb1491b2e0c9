"""What residents send and read about themselves; each kind of account has its own `/me`."""

import unicodedata
from typing import Any

from marshmallow import ValidationError, fields, validates_schema

from citizen.residents.models import Purpose
from core.api import Schema
from core.fields import Choice, Moment, StrictInteger, Text
from core.messages import say
from core.permissions import Role
from core.phones import Phone
from core.schemas import NamedSchema

JOINER = "\u200d"  # between the parts of an emoji


class WeChatSchema(Schema):
    """A mini-program and the one-time code of `wx.login`."""

    app = Text(most=32, required=True, metadata={"example": "suishoupai"})
    code = Text(most=512, required=True)


class PhoneSchema(Schema):
    """The phone that wants a code."""

    phone = Phone(required=True)


class CodeSentSchema(Schema):
    """How long the code is good for, in seconds."""

    expires_in = StrictInteger()


class PhoneCodeSchema(Schema):
    """A phone and the code that it received."""

    phone = Phone(required=True)
    code = Text(most=16, required=True, metadata={"example": "123456"})


class TicketSchema(Schema):
    """A one-time ticket of an identity provider (爱山东: `aishandong`)."""

    provider = Text(most=32, required=True, metadata={"example": "aishandong"})
    ticket = Text(most=2048, required=True)


class BindSchema(Schema):
    """Either `phone` with its SMS code or `app` with its WeChat code."""

    phone = Phone()
    app = Text(most=32)
    code = Text(most=512, required=True)

    @validates_schema
    def _either(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if ("phone" in data) == ("app" in data):
            raise ValidationError(
                say("phone 与 app 须且仅须填一项", "Give either phone or app"), "phone"
            )


class Nickname(Text):
    """A name of one line: composed form, single blanks, no characters that turn or hide text."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        clean = " ".join(unicodedata.normalize("NFC", text).split())
        if any(
            unicodedata.category(letter) in {"Cc", "Cf", "Cn", "Co"} and letter != JOINER
            for letter in clean
        ):
            raise self.make_error("characters")
        return clean


class ProfileSchema(Schema):
    """What a resident may change."""

    nickname = Nickname(most=30, allow_none=True)


class MeSchema(Schema):
    """What everybody reads of themselves."""

    id = Text()
    kind = Text()
    roles = fields.List(Choice(Role))
    created_at = Moment()


class ResidentMeSchema(MeSchema):
    """A resident's own account; the phone is masked, `signs_in_with` names providers."""

    nickname = Text(allow_none=True)
    phone = Text(allow_none=True, metadata={"example": "138****0001"})
    signs_in_with = fields.List(Text())


class StaffMeSchema(MeSchema):
    """A staff member's own account; no `areas` means the whole city."""

    username = Text()
    display_name = Text()
    department = fields.Nested(NamedSchema, allow_none=True)
    areas = fields.List(Text())
    phone = Text(allow_none=True, metadata={"example": "138****0001"})


class PartnerMeSchema(MeSchema):
    """A partner's own account; `terminal` where a device signed in."""

    username = Text(allow_none=True)
    terminal = Text(allow_none=True)


class AnyMeSchema(ResidentMeSchema, StaffMeSchema, PartnerMeSchema):
    """One's own account: which of these members are there depends on its kind."""


class ConsentSchema(Schema):
    """The last agreement of a purpose; `document_digest` is the SHA-256 of the text agreed to."""

    purpose = Choice(Purpose)
    version = Text(most=32)
    document_digest = Text(most=64, allow_none=True)
    given_at = Moment()
    withdrawn_at = Moment(allow_none=True)


class GiveConsentSchema(Schema):
    """The version of the text that was shown and agreed to."""

    purpose = Choice(Purpose, required=True)
    version = Text(most=32, pattern=r"[A-Za-z0-9][A-Za-z0-9._-]*", required=True)


class WithdrawConsentSchema(Schema):
    """What ends; whichever version stands."""

    purpose = Choice(Purpose, required=True)
    version = Text(most=32)
