"""Passwords: Argon2id, the same answer and work for an unknown user as for a wrong password."""

from datetime import datetime

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from flask import request
from sqlalchemy import select, update

from core import crypto, limits
from core.accounts import Account, AccountStatus, Credential
from core.database import no_transaction, reading, writing
from core.errors import Unauthenticated
from core.permissions import Kind

PER_ACCOUNT, PER_ADDRESS, WINDOW = 10, 40, 600
OTP_STEP = 30
HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
NOBODY = HASHER.hash("nobody has this password")


class SignInRefused(Unauthenticated):
    """Username, password or one-time code is wrong; which of them is not told."""

    code, zh, en = (
        "sign_in_refused",
        "用户名、密码或验证码不正确",
        "Username, password or code is wrong",
    )


class OtpRequired(Unauthenticated):
    """The password was right, and the account has a second factor."""

    code, zh, en = "otp_required", "请输入动态验证码", "A one-time code is required"


def hash_password(password: str) -> str:
    """Return an Argon2id hash; takes about 40 ms, so never inside a transaction."""
    no_transaction()
    return HASHER.hash(password)


def verify_sign_in(
    username: str, password: str, kind: Kind, now: datetime, *, otp: str | None = None
) -> Account:
    """Return the account that the credential opens.

    Raises:
        TooMany: 10 wrong passwords for the account or 40 from the address in 10 minutes.
        SignInRefused: unknown, wrong, disabled or of another kind.
        OtpRequired: a code is needed and was not sent.
    """
    _count(username)
    account, credential = _read(username, kind)
    right = _matches(credential.password_hash if credential else NOBODY, password)
    if not right or account is None or credential is None:
        raise SignInRefused
    try:
        _second_factor(credential, otp, now)
    except OtpRequired:
        _give_back(username)
        raise
    _give_back(username)
    return account


def _read(username: str, kind: Kind) -> tuple[Account | None, Credential | None]:
    statement = (
        select(Account, Credential)
        .join(Credential, Credential.account_id == Account.id)
        .where(
            Credential.username == username,
            Account.kind == kind,
            Account.status == AccountStatus.ACTIVE,
        )
    )
    with reading() as session:
        row = session.execute(statement).one_or_none()
        return (row[0], row[1]) if row else (None, None)


def _matches(password_hash: str, password: str) -> bool:
    no_transaction()
    try:
        return HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def _count(username: str) -> None:
    """Count the try before it is known to be wrong: guesses sent at once get no further."""
    limits.check("password-account", username, PER_ACCOUNT, WINDOW)
    limits.count("password-address", _address(), PER_ADDRESS, WINDOW)
    limits.count("password-account", username, PER_ACCOUNT, WINDOW)


def _give_back(username: str) -> None:
    limits.give_back("password-address", _address(), WINDOW)
    limits.give_back("password-account", username, WINDOW)


def _address() -> str:
    return request.remote_addr or "-"


def _second_factor(credential: Credential, otp: str | None, now: datetime) -> None:
    if credential.totp_ciphertext is None:
        return
    if otp is None:
        raise OtpRequired
    if not _otp_holds(credential, otp, now):
        raise SignInRefused


def _otp_holds(credential: Credential, otp: str, now: datetime) -> bool:
    """Check the code of this step or its neighbours, and use its step up: a code opens once."""
    secret = pyotp.TOTP(crypto.decrypt(credential.totp_ciphertext or b"", "totp"))
    present = int(now.timestamp()) // OTP_STEP
    steps = [
        step
        for step in (present - 1, present, present + 1)
        if pyotp.utils.strings_equal(otp, secret.at(step * OTP_STEP))
    ]
    if not steps:
        return False
    unused = (Credential.totp_last_step.is_(None)) | (Credential.totp_last_step < steps[0])
    with writing() as session:
        used = update(Credential).where(Credential.account_id == credential.account_id, unused)
        return (
            session.scalar(used.values(totp_last_step=steps[0]).returning(Credential.account_id))
            is not None
        )
