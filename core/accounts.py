"""Accounts, what identifies a person, and credentials; profiles stay in the rooms.

Phones, open ids and ticket subjects are kept as ciphertext beside a blind index. An identity is
unique per provider, so one person has one account; while an index key rotates, rows carry the index
under both keys.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    ColumnElement,
    Dialect,
    ForeignKey,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    or_,
    select,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from core import crypto
from core.database import BigId, Model, UtcDateTime, choice, public_id
from core.permissions import Kind, Role


class AccountStatus(StrEnum):
    """Whether an account may sign in."""

    ACTIVE = "active"
    DISABLED = "disabled"
    DELETED = "deleted"


class Roles(TypeDecorator[frozenset[Role]]):
    """A small set of roles, kept as sorted text so that one row read tells who somebody is."""

    impl = String(128)
    cache_ok = True

    def process_bind_param(self, value: Iterable[Role] | None, dialect: Dialect) -> str:
        return ",".join(sorted(value or ()))

    def process_result_value(self, value: str | None, dialect: Dialect) -> frozenset[Role]:
        return frozenset(Role(part) for part in (value or "").split(",") if part)


class Account(Model):
    """Somebody who can sign in; `token_epoch` rises whenever every token must end."""

    __tablename__ = "accounts"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True, default=public_id)
    kind: Mapped[Kind] = mapped_column(choice(Kind))
    status: Mapped[AccountStatus] = mapped_column(
        choice(AccountStatus), default=AccountStatus.ACTIVE
    )
    roles: Mapped[frozenset[Role]] = mapped_column(Roles, default=frozenset)
    token_epoch: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Identity(Model):
    """What a resident proves at sign-in: a phone, an app's open id, or a provider's subject."""

    __tablename__ = "identities"
    __table_args__ = (
        UniqueConstraint("provider", "subject_index"),
        UniqueConstraint("provider", "rotating_index"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    provider: Mapped[str] = mapped_column(String(64))
    subject_index: Mapped[str] = mapped_column(String(128))
    rotating_index: Mapped[str | None] = mapped_column(String(128))
    subject_ciphertext: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Credential(Model):
    """A username with an Argon2id password hash, of staff and partners."""

    __tablename__ = "credentials"
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    username: Mapped[str] = mapped_column(String(64), unique=True)
    password_hash: Mapped[str] = mapped_column(Text)
    must_change: Mapped[bool] = mapped_column(default=False)
    totp_ciphertext: Mapped[bytes | None]
    totp_last_step: Mapped[int | None] = mapped_column(BigId)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)


@dataclass(frozen=True)
class Subject:
    """Who a provider says it is; `provider` is `phone`, `wechat:<app id>` or `identity:<name>`."""

    provider: str
    value: str


def find(session: Session, subject: Subject) -> Account | None:
    """Return the account that holds the identity, under any index key."""
    return session.scalars(
        select(Account).join(Identity, Identity.account_id == Account.id).where(*_is(subject))
    ).first()


def _is(subject: Subject) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    indexes = crypto.blind_indexes(subject.value, subject.provider)
    matches = or_(Identity.subject_index.in_(indexes), Identity.rotating_index.in_(indexes))
    return Identity.provider == subject.provider, matches


def attach(session: Session, account: Account, subject: Subject, now: datetime) -> Identity:
    """Add an identity to an account; the unique constraint decides between two who try at once."""
    indexes = crypto.blind_indexes(subject.value, subject.provider)
    identity = Identity(
        account_id=account.id,
        provider=subject.provider,
        subject_index=indexes[0],
        rotating_index=indexes[1] if len(indexes) > 1 else None,
        subject_ciphertext=crypto.encrypt(subject.value, subject.provider),
        created_at=now,
    )
    session.add(identity)
    session.flush()  # the caller must learn here, not at commit, that somebody else was first
    return identity


def phone_of(session: Session, account_id: int) -> str | None:
    """Return an account's confirmed phone, decrypted; callers must be the owner's room."""
    blob = session.scalar(
        select(Identity.subject_ciphertext).where(
            Identity.account_id == account_id, Identity.provider == "phone"
        )
    )
    return None if blob is None else crypto.decrypt(blob, "phone")


def end_tokens(account: Account) -> None:
    """End every token at its next request: a changed password or role, disabling, deletion."""
    account.token_epoch += 1


def holding_phone(
    session: Session, indexes: Collection[str], account_ids: Collection[int]
) -> set[int]:
    """Return which of the accounts hold the phone with one of these blind indexes."""
    held = select(Identity.account_id).where(
        Identity.provider == "phone",
        Identity.account_id.in_(account_ids),
        or_(Identity.subject_index.in_(indexes), Identity.rotating_index.in_(indexes)),
    )
    return set(session.scalars(held))
