"""Mobile phones: one normal form of a number, and the code by SMS that proves who holds it.

Codes are six digits: guessing is held off by five tries, five minutes and one use, so a keyed hash
is enough. One row a phone; a new code takes the old one's place.
"""

import hmac
import re
import secrets
from datetime import datetime, timedelta
from typing import Any

import phonenumbers
from marshmallow import ValidationError
from sqlalchemy import String, delete, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from core import crypto, limits
from core.database import Model, UtcDateTime
from core.errors import Unauthenticated
from core.fields import Text
from core.messages import say
from core.upsert import insert_into

REGION = "CN"
AS_TYPED = re.compile(r"[\d\s()（）+＋－.-]+")
PER_PHONE, PER_ADDRESS, WINDOW = 5, 20, 3600  # codes, codes, seconds (contract 1)
TRIES = 5
LIFETIME = timedelta(minutes=5)


class CodeInvalid(Unauthenticated):
    """The SMS code is wrong, too old, used, or was tried too often; which of them is not told."""

    code, zh, en = "code_invalid", "验证码不正确或已失效", "The code is wrong or no longer valid"


class SmsCode(Model):
    """The last code that was sent to a phone, both known by keyed hashes only."""

    __tablename__ = "sms_codes"
    phone_index: Mapped[str] = mapped_column(String(128), primary_key=True)
    code_digest: Mapped[str] = mapped_column(String(128))
    tries: Mapped[int]
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Phone(Text):
    """A mainland mobile number as people type it; loads to its 11 digits."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(most=32, metadata={"example": "13800000001"}, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        found = normal(super()._deserialize(value, attr, data, **kwargs))
        if found is None:
            raise ValidationError(
                say("应为中国大陆手机号码", "Must be a mobile number of mainland China")
            )
        return found


def normal(text: str) -> str | None:
    """Return the 11 digits of a mobile number of mainland China; None for everything else.

    The library takes landlines and +852 for valid as well, and reads letters as digits.
    """
    if not AS_TYPED.fullmatch(text):
        return None
    try:
        number = phonenumbers.parse(text, REGION)
    except phonenumbers.NumberParseException:
        return None
    mobile = phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.MOBILE
    if not mobile or phonenumbers.region_code_for_number(number) != REGION:
        return None
    return phonenumbers.national_significant_number(number)


def masked(phone: str) -> str:
    """Return a number as its owner knows it again and nobody else can call it."""
    return f"{phone[:3]}****{phone[-4:]}"


def admit(phone: str, address: str) -> None:
    """Count a code about to be sent; a refused one uses up nothing of the other limit.

    Raises:
        TooMany: 5 codes for the phone or 20 for the address within the hour.
    """
    index = crypto.blind_index(phone, "phone")
    limits.check("sms-phone", index, PER_PHONE, WINDOW)
    limits.count("sms-address", address, PER_ADDRESS, WINDOW)
    limits.count("sms-phone", index, PER_PHONE, WINDOW)


def new_code(session: Session, phone: str, now: datetime) -> str:
    """Return a fresh code for the phone, which takes the place of one sent before."""
    code = f"{secrets.randbelow(1_000_000):06d}"
    fresh = {
        "code_digest": _digest(phone, code),
        "tries": 0,
        "expires_at": now + LIFETIME,
        "used_at": None,
    }
    first = insert_into(session, SmsCode).values(
        phone_index=crypto.blind_index(phone, "phone"), **fresh
    )
    session.execute(first.on_conflict_do_update(index_elements=["phone_index"], set_=fresh))
    return code


def take(session: Session, phone: str, code: str, now: datetime) -> bool:
    """Use the phone's code up and say whether it was right; the caller must commit either way.

    A wrong code must count although the request is refused, so this says False and raises nothing.
    """
    this = SmsCode.phone_index == crypto.blind_index(phone, "phone")
    open_ = (this, SmsCode.used_at.is_(None), SmsCode.expires_at > now, SmsCode.tries < TRIES)
    tried = update(SmsCode).where(*open_).values(tries=SmsCode.tries + 1)
    digest = session.scalar(tried.returning(SmsCode.code_digest))
    if digest is None or not hmac.compare_digest(digest, _digest(phone, code)):
        return False
    session.execute(update(SmsCode).where(this).values(used_at=now))
    return True


def _digest(phone: str, code: str) -> str:
    return crypto.blind_index(f"{phone}\0{code}", "sms-code")


def forget(session: Session, now: datetime) -> None:
    """Delete codes that are past."""
    session.execute(delete(SmsCode).where(SmsCode.expires_at <= now))
