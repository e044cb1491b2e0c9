"""Sign-in tokens: short access tokens, refresh tokens that rotate, and what ends them.

Every request asks the database whether the sign-in still stands, so logout, reuse of a refresh
token, a disabled account or changed roles count at the next request in every process, whatever
Redis holds.
"""

import hashlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, TypeVar, cast

import jwt
from flask import Flask, g, request
from flask_jwt_extended import JWTManager, create_access_token
from sqlalchemy import ForeignKey, String, bindparam, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from core.accounts import Account, AccountStatus
from core.api import documentation
from core.clock import now as present
from core.database import BigId, Model, UtcDateTime, public_id, reading
from core.errors import Forbidden, Unauthenticated
from core.permissions import PERMISSIONS, Kind, Role
from core.rows import table_of
from core.settings import Settings, settings

ISSUER = "citizen-reporting"
ALGORITHM = "HS256"
LIFETIME = timedelta(minutes=15)
SKEW = timedelta(seconds=60)
LAST_EPOCH = 2**31 - 1
IDENTIFIER = re.compile(r"[0-9a-f-]{32,36}")
REFRESH_LIFETIME: dict[Kind, timedelta] = {
    Kind.RESIDENT: timedelta(days=30),
    Kind.STAFF: timedelta(hours=12),
    Kind.PARTNER: timedelta(hours=12),
}
View = TypeVar("View", bound=Callable[..., Any])


class SignIn(Model):
    """One sign-in: the family of all tokens that stem from it."""

    __tablename__ = "sign_ins"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True, default=public_id)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    token_epoch: Mapped[int]
    terminal: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class RefreshToken(Model):
    """One link of a family's chain, known by the SHA-256 of 256 random bits."""

    __tablename__ = "refresh_tokens"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    sign_in_id: Mapped[int] = mapped_column(
        ForeignKey("sign_ins.id", ondelete="CASCADE"), index=True
    )
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


ACCOUNTS, SIGN_INS = table_of(Account), table_of(SignIn)
STANDING = (  # every request asks it, so it is built once, and of tables
    select(ACCOUNTS.c.id, ACCOUNTS.c.kind, ACCOUNTS.c.roles, SIGN_INS.c.id, SIGN_INS.c.terminal)
    .join(SIGN_INS, SIGN_INS.c.account_id == ACCOUNTS.c.id)
    .where(
        ACCOUNTS.c.public_id == bindparam("sub"),
        ACCOUNTS.c.status == AccountStatus.ACTIVE,
        ACCOUNTS.c.token_epoch == bindparam("epoch"),
        SIGN_INS.c.public_id == bindparam("sid"),
        SIGN_INS.c.ended_at.is_(None),
    )
)


@dataclass(frozen=True)
class Caller:
    """Who sent the request; `terminal` is set where a gate device signed in with its own key."""

    account_id: int
    public_id: str
    kind: Kind
    roles: frozenset[Role]
    sign_in_id: int
    terminal: str | None = None

    @property
    def acting_as(self) -> str:
        """Return the roles for audit rows and histories: staff by role, others by kind."""
        return ",".join(sorted(self.roles)) or self.kind.value


def init_app(app: Flask, made: Settings) -> None:
    """Pin issuer, audience, algorithm and times of the tokens that are issued."""
    app.config.update(
        JWT_SECRET_KEY=made.jwt_secret_key,
        JWT_ALGORITHM=ALGORITHM,
        JWT_DECODE_ALGORITHMS=[ALGORITHM],
        JWT_ENCODE_ISSUER=ISSUER,
        JWT_DECODE_ISSUER=ISSUER,
        JWT_ENCODE_AUDIENCE=ISSUER,
        JWT_DECODE_AUDIENCE=ISSUER,
        JWT_ACCESS_TOKEN_EXPIRES=LIFETIME,
        JWT_DECODE_LEEWAY=int(SKEW.total_seconds()),
    )
    JWTManager(app)


def issue(
    session: Session, account: Account, now: datetime, *, terminal: str | None = None
) -> dict[str, Any]:
    """Begin a sign-in and return its answer; `expires_in` is in seconds."""
    sign_in = SignIn(
        account_id=account.id,
        token_epoch=account.token_epoch,
        terminal=terminal,
        created_at=now,
        expires_at=now + REFRESH_LIFETIME[account.kind],
        public_id=public_id(),
    )
    session.add(sign_in)
    session.flush()  # the first refresh token refers to it
    return _tokens(session, account, sign_in)


def _tokens(session: Session, account: Account, sign_in: SignIn) -> dict[str, Any]:
    refresh = secrets.token_urlsafe(32)
    session.add(RefreshToken(sign_in_id=sign_in.id, digest=_digest(refresh)))
    claims = {"sid": sign_in.public_id, "epoch": account.token_epoch}
    return {
        "access_token": create_access_token(identity=account.public_id, additional_claims=claims),
        "refresh_token": refresh,
        "expires_in": int(LIFETIME.total_seconds()),
        "account": {
            "id": account.public_id,
            "kind": account.kind.value,
            "roles": sorted(account.roles),
        },
    }


def rotate(session: Session, refresh_token: str, now: datetime) -> dict[str, Any] | None:
    """Exchange a refresh token; None where it opens nothing; one used twice ends its family."""
    digest = _digest(refresh_token)
    used = update(RefreshToken).where(RefreshToken.digest == digest, RefreshToken.used_at.is_(None))
    sign_in_id = session.scalar(used.values(used_at=now).returning(RefreshToken.sign_in_id))
    if sign_in_id is None:
        _end_reused(session, digest, now)
        return None
    sign_in = session.get_one(SignIn, sign_in_id)
    account = session.get_one(Account, sign_in.account_id)
    return _tokens(session, account, sign_in) if _lives(sign_in, account, now) else None


def _lives(sign_in: SignIn, account: Account, now: datetime) -> bool:
    """Say whether a family may go on; changed roles or a new password end all of it."""
    ended = sign_in.ended_at is not None or sign_in.expires_at <= now
    return (
        not ended
        and account.status is AccountStatus.ACTIVE
        and sign_in.token_epoch == account.token_epoch
    )


def _end_reused(session: Session, digest: str, now: datetime) -> None:
    family = select(RefreshToken.sign_in_id).where(RefreshToken.digest == digest).scalar_subquery()
    session.execute(
        update(SignIn).where(SignIn.id == family, SignIn.ended_at.is_(None)).values(ended_at=now)
    )


def end(session: Session, sign_in_id: int, now: datetime) -> None:
    """End a sign-in with all its tokens; ending it twice is no fault."""
    session.execute(
        update(SignIn)
        .where(SignIn.id == sign_in_id, SignIn.ended_at.is_(None))
        .values(ended_at=now)
    )


def _digest(refresh_token: str) -> str:
    return hashlib.sha256(refresh_token.encode("utf-8", "surrogatepass")).hexdigest()


def authenticate() -> Caller:
    """Return who the bearer token speaks for.

    Raises:
        Unauthenticated: there is no token, or it has any fault at all.
    """
    try:
        claims = _claims()
        sound = _sound(claims)
    except Exception as error:
        raise Unauthenticated from error  # a hostile token makes decoders raise nearly anything
    found = _standing(claims) if sound else None
    if found is None:
        raise Unauthenticated
    g.caller = found
    return found


def _claims() -> dict[str, Any]:
    """Decode the request's bearer token, once; whatever is wrong with it raises.

    The framework would decode it twice, and its header twice more: more than reading the account.
    """
    scheme, token = request.headers.get("Authorization", "").split()
    if scheme != "Bearer":
        raise Unauthenticated
    key = settings().jwt_secret_key
    claims: dict[str, Any] = jwt.decode(
        token, key, algorithms=[ALGORITHM], issuer=ISSUER, audience=ISSUER, leeway=SKEW
    )
    return claims


def _sound(claims: dict[str, Any]) -> bool:
    """Check what the library leaves open: every claim is there and sound, and lives 15 minutes."""
    named = all(_is_identifier(claims.get(name)) for name in ("sub", "sid", "jti"))
    epoch = claims.get("epoch")
    counted = type(epoch) is int and 0 <= epoch <= LAST_EPOCH
    return named and counted and claims.get("type") == "access" and _in_time(claims)


def _in_time(claims: dict[str, Any]) -> bool:
    issued, expires = claims.get("iat"), claims.get("exp")
    if not isinstance(issued, int | float) or not isinstance(expires, int | float):
        return False
    longest = (LIFETIME + SKEW).total_seconds()
    return expires > present().timestamp() and 0 < expires - issued <= longest


def _is_identifier(value: object) -> bool:
    """Let nothing odd near the database: NUL and half emoji make it raise."""
    return isinstance(value, str) and IDENTIFIER.fullmatch(value) is not None


def _standing(claims: dict[str, Any]) -> Caller | None:
    """Read account and sign-in in one short read; None where either no longer stands."""
    named = {name: claims[name] for name in ("sub", "epoch", "sid")}
    with reading() as session:
        row = session.connection().execute(STANDING, named).one_or_none()
    if row is None:
        return None
    account_id, kind, roles, sign_in_id, terminal = row
    return Caller(account_id, claims["sub"], kind, roles, sign_in_id, terminal)


def caller() -> Caller:
    """Return who sent this request; only behind `may`."""
    return cast("Caller", g.caller)


def may(permission: str) -> Callable[[View], View]:
    """Let in only whom the permission's row names; 401 without a sound token, 403 for others."""
    grant = PERMISSIONS[permission]

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            who = authenticate()
            if who.kind not in grant.kinds or (
                who.kind is Kind.STAFF and not who.roles & grant.roles
            ):
                raise Forbidden
            return view(*args, **kwargs)

        guarded.permission = permission  # type: ignore[attr-defined]
        documentation(guarded).setdefault("manual_doc", {})["security"] = [{"bearer": []}]
        return cast("View", guarded)

    return guard


def public(view: View) -> View:
    """Mark a route that needs no token; a house test holds the list of them."""
    view.permission = "public"  # type: ignore[attr-defined]
    documentation(view).setdefault("manual_doc", {})["security"] = []
    return view
