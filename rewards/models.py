"""The books: rule sets, awards, points accounts, lots, transactions and their postings.

Unique keys live in narrow tables; postings carry none, so that they can be partitioned by month.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.database import BigId, Model, UtcDateTime, append_only, choice, public_id
from rewards.states import AwardReason, AwardState

HELD = text("state = 'held' AND release_at IS NOT NULL")


@append_only
class RuleSet(Model):
    """One version of the earning rules; a change is a new row, so nothing is ever retroactive."""

    __tablename__ = "rule_sets"
    __table_args__ = (Index("ix_rule_sets_in_force", "effective_from", "id"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True, default=public_id)
    title: Mapped[str] = mapped_column(String(200))
    body: Mapped[Any] = mapped_column(JSON)
    effective_from: Mapped[datetime] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))


class Award(Model):
    """What one account earned by one report, and for what.

    `target` follows from the last decision, `amount` is what the caps left of it and what the
    postings sum to. `verdict`, `severity` and `place` are the facts that the target was worked
    out from.
    """

    __tablename__ = "awards"
    __table_args__ = (
        UniqueConstraint("report_id", "account_id", "reason"),
        CheckConstraint("amount >= 0 AND target >= 0", name="never_negative"),
        Index("ix_awards_account_day", "account_id", "day"),
        Index("ix_awards_state", "state", "id"),
        Index("ix_awards_release", "release_at", postgresql_where=HELD, sqlite_where=HELD),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True, default=public_id)
    report_id: Mapped[int] = mapped_column(BigId)
    number: Mapped[str] = mapped_column(String(32))
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    reason: Mapped[AwardReason] = mapped_column(choice(AwardReason))
    rule_set_id: Mapped[int | None] = mapped_column(ForeignKey("rule_sets.id"))
    state: Mapped[AwardState] = mapped_column(choice(AwardState))
    target: Mapped[int] = mapped_column(default=0)
    amount: Mapped[int] = mapped_column(default=0)
    place: Mapped[int] = mapped_column(default=0)
    verdict: Mapped[str | None] = mapped_column(String(32))
    severity: Mapped[int | None]
    holds: Mapped[list[str]] = mapped_column(JSON, default=list)
    cleared: Mapped[list[str]] = mapped_column(JSON, default=list)
    refusal: Mapped[str | None] = mapped_column(Text)
    release_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    day: Mapped[date]
    decision: Mapped[str | None] = mapped_column(String(120))
    submitted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class PointsAccount(Model):
    """A resident's pots after posting number `sequence`; the row is the account's lock."""

    __tablename__ = "points_accounts"
    __table_args__ = (
        CheckConstraint("available >= 0", name="available_never_negative"),
        CheckConstraint("pending >= 0", name="pending_never_negative"),
        CheckConstraint("debt >= 0", name="debt_never_negative"),
        CheckConstraint("debt = 0 OR available = 0", name="debt_is_paid_first"),
    )
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    available: Mapped[int] = mapped_column(BigId, default=0)
    pending: Mapped[int] = mapped_column(BigId, default=0)
    debt: Mapped[int] = mapped_column(BigId, default=0)
    sequence: Mapped[int] = mapped_column(BigId, default=0)


class PointsLot(Model):
    """Points of one resident that lapse at one instant; `expired` of them did so unspent."""

    __tablename__ = "points_lots"
    __table_args__ = (
        CheckConstraint("remaining >= 0 AND expired >= 0", name="never_negative"),
        CheckConstraint("remaining + expired <= granted", name="within_granted"),
        Index(
            "ix_points_lots_expiry",
            "expires_at",
            postgresql_where=text("remaining > 0"),
            sqlite_where=text("remaining > 0"),
        ),
    )
    account_id: Mapped[int] = mapped_column(
        ForeignKey("points_accounts.account_id"), primary_key=True
    )
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    granted: Mapped[int] = mapped_column(BigId, default=0)
    remaining: Mapped[int] = mapped_column(BigId, default=0)
    expired: Mapped[int] = mapped_column(BigId, default=0)


@append_only
class Transaction(Model):
    """Why postings were made; `source` is unique, so nothing is posted twice."""

    __tablename__ = "transactions"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True, default=public_id)
    source: Mapped[str] = mapped_column(String(160), unique=True)
    reason: Mapped[str] = mapped_column(String(32))
    subject_kind: Mapped[str] = mapped_column(String(32))
    subject_id: Mapped[str] = mapped_column(String(64))
    award_id: Mapped[int | None] = mapped_column(ForeignKey("awards.id"), index=True)
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


@append_only
class Posting(Model):
    """One line of a transaction, of a resident's pot or of a system account (then without account).

    `sequence` counts a resident's postings without a gap; `balance_after` is the pot's balance.
    """

    __tablename__ = "postings"
    __table_args__ = (
        CheckConstraint("(account_id IS NULL) = (sequence IS NULL)", name="sequence_of_an_account"),
        CheckConstraint("balance_after >= 0", name="never_below_zero"),
        CheckConstraint("amount <> 0", name="moves_something"),
        Index("ix_postings_account_id_sequence", "account_id", "sequence"),
        Index("ix_postings_transaction_id", "transaction_id"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    transaction_id: Mapped[int] = mapped_column(ForeignKey("transactions.id"))
    line: Mapped[int]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("points_accounts.account_id"))
    place: Mapped[str] = mapped_column(String(16))
    amount: Mapped[int] = mapped_column(BigId)
    sequence: Mapped[int | None] = mapped_column(BigId)
    balance_after: Mapped[int | None] = mapped_column(BigId)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    transaction: Mapped[Transaction] = relationship(lazy="raise", viewonly=True)


class Adjustment(Model):
    """Points that an administrator gave or took, with the reason in words."""

    __tablename__ = "adjustments"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True, default=public_id)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    amount: Mapped[int]
    reason: Mapped[str] = mapped_column(Text)
    actor_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
