"""Tables of offers, vouchers and their use: what points buy, and what became of it."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    bindparam,
    or_,
    select,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.database import BigId, Model, UtcDateTime, append_only, choice, public_id
from rewards.states import LineKind, OfferStatus, PartnerStatus, ScanResult, VoucherStatus

STANDS = text("undone_at IS NULL")
OPEN_LINE = text("settlement_id IS NULL")


class Partner(Model):
    """A unit that honours vouchers; `name` is short and used in addresses."""

    __tablename__ = "partners"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True, default=public_id)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    title: Mapped[str] = mapped_column(String(200))
    status: Mapped[PartnerStatus] = mapped_column(
        choice(PartnerStatus), default=PartnerStatus.ACTIVE
    )
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Terminal(Model):
    """A gate device with a key of its own; its account is disabled to revoke it."""

    __tablename__ = "terminals"
    __table_args__ = (UniqueConstraint("partner_id", "label"),)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    partner_id: Mapped[int] = mapped_column(ForeignKey("partners.id"))
    label: Mapped[str] = mapped_column(String(64))
    place: Mapped[str | None] = mapped_column(String(200))
    key_index: Mapped[str] = mapped_column(String(128), unique=True)
    rotating_index: Mapped[str | None] = mapped_column(String(128), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class PartnerMember(Model):
    """Which partner an account speaks for; terminals are members too."""

    __tablename__ = "partner_members"
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    partner_id: Mapped[int] = mapped_column(ForeignKey("partners.id"), index=True)


class Offer(Model):
    """What points can be exchanged for; `stock_left` is null where it never runs out."""

    __tablename__ = "offers"
    __table_args__ = (
        CheckConstraint("stock_left >= 0", name="stock_never_negative"),
        CheckConstraint("points_price > 0", name="price_positive"),
        CheckConstraint("entries > 0 AND valid_days >= 0", name="sensible_terms"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True, default=public_id)
    partner_id: Mapped[int] = mapped_column(ForeignKey("partners.id"), index=True)
    title: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(32))
    description: Mapped[str] = mapped_column(Text, default="")
    terms: Mapped[str] = mapped_column(Text, default="")
    status: Mapped[OfferStatus] = mapped_column(choice(OfferStatus))
    points_price: Mapped[int]
    price_fen: Mapped[int] = mapped_column(BigId, default=0)
    stock_left: Mapped[int | None]
    limit_per_resident: Mapped[int | None]
    valid_days: Mapped[int]
    cancel_days: Mapped[int]
    entries: Mapped[int] = mapped_column(default=1)
    opens_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closes_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    partner: Mapped[Partner] = relationship(lazy="raise")


@append_only
class StockChange(Model):
    """One change of an offer's stock by a person; what was sold is counted from vouchers."""

    __tablename__ = "stock_changes"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    offer_id: Mapped[int] = mapped_column(ForeignKey("offers.id"), index=True)
    change: Mapped[int]
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


@append_only
class PriceChange(Model):
    """One price of an offer from an instant on; what was issued keeps its own."""

    __tablename__ = "price_changes"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    offer_id: Mapped[int] = mapped_column(ForeignKey("offers.id"), index=True)
    points_price: Mapped[int]
    price_fen: Mapped[int] = mapped_column(BigId)
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class Voucher(Model):
    """One exchange of points; its terms are a copy, so a changed offer touches no voucher."""

    __tablename__ = "vouchers"
    __table_args__ = (
        CheckConstraint("uses >= 0 AND uses <= entries", name="uses_within_entries"),
        Index("ix_vouchers_account_id", "account_id", "issued_at", "id"),
        Index("ix_vouchers_offer_account", "offer_id", "account_id"),
        Index(
            "ix_vouchers_expiry",
            "valid_until",
            postgresql_where=text("status = 'issued'"),
            sqlite_where=text("status = 'issued'"),
        ),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    offer_id: Mapped[int] = mapped_column(ForeignKey("offers.id"))
    partner_id: Mapped[int] = mapped_column(ForeignKey("partners.id"), index=True)
    code_index: Mapped[str] = mapped_column(String(128), unique=True)
    rotating_index: Mapped[str | None] = mapped_column(String(128), unique=True)
    code_ciphertext: Mapped[bytes]
    status: Mapped[VoucherStatus] = mapped_column(choice(VoucherStatus))
    points_price: Mapped[int]
    terms: Mapped[dict[str, Any]] = mapped_column(JSON)
    entries: Mapped[int] = mapped_column(default=1)
    uses: Mapped[int] = mapped_column(default=0)
    spend_id: Mapped[int] = mapped_column(ForeignKey("transactions.id"), unique=True)
    refund_id: Mapped[int | None] = mapped_column(ForeignKey("transactions.id"), unique=True)
    issued_at: Mapped[datetime] = mapped_column(UtcDateTime)
    valid_until: Mapped[datetime] = mapped_column(UtcDateTime)
    cancel_until: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


BY_CODE = select(Voucher).where(  # every gate asks it, so it is built once
    or_(
        Voucher.code_index.in_(bindparam("indexes", expanding=True)),
        Voucher.rotating_index.in_(bindparam("indexes", expanding=True)),
    ),
    Voucher.partner_id == bindparam("partner"),
)


class Redemption(Model):
    """One use of a voucher at a gate; of each entry only one stands."""

    __tablename__ = "redemptions"
    __table_args__ = (
        Index(
            "uq_redemptions_standing",
            "voucher_id",
            "entry",
            unique=True,
            postgresql_where=STANDS,
            sqlite_where=STANDS,
        ),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True, default=public_id)
    voucher_id: Mapped[int] = mapped_column(ForeignKey("vouchers.id"))
    partner_id: Mapped[int] = mapped_column(ForeignKey("partners.id"), index=True)
    actor_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    entry: Mapped[int] = mapped_column(default=1)
    terminal: Mapped[str] = mapped_column(String(64))
    used_at: Mapped[datetime] = mapped_column(UtcDateTime)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    offline: Mapped[bool] = mapped_column(default=False)
    undone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    undo_reason: Mapped[str | None] = mapped_column(Text)


@append_only
class Scan(Model):
    """One line of a gate's batch as the gate claims it, whatever the server made of it."""

    __tablename__ = "scans"
    __table_args__ = (UniqueConstraint("partner_id", "line_key"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    partner_id: Mapped[int] = mapped_column(ForeignKey("partners.id"))
    actor_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    line_key: Mapped[str] = mapped_column(String(64))
    terminal: Mapped[str] = mapped_column(String(64))
    voucher_id: Mapped[int | None] = mapped_column(ForeignKey("vouchers.id"), index=True)
    redemption_id: Mapped[int | None] = mapped_column(ForeignKey("redemptions.id"))
    used_at: Mapped[datetime] = mapped_column(UtcDateTime)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    result: Mapped[ScanResult] = mapped_column(choice(ScanResult))
    answer: Mapped[dict[str, Any]] = mapped_column(JSON)


class Settlement(Model):
    """A partner's closed month; its totals and lines never change again."""

    __tablename__ = "settlements"
    __table_args__ = (UniqueConstraint("partner_id", "month"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    partner_id: Mapped[int] = mapped_column(ForeignKey("partners.id"))
    month: Mapped[str] = mapped_column(String(7))
    totals: Mapped[dict[str, Any]] = mapped_column(JSON)
    digest: Mapped[str] = mapped_column(String(64))
    closed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    closed_by: Mapped[int] = mapped_column(ForeignKey("accounts.id"))


class SettlementLine(Model):
    """A use, or one taken back, at its price; claimed once by the settlement of a month."""

    __tablename__ = "settlement_lines"
    __table_args__ = (
        UniqueConstraint("redemption_id", "kind"),
        Index(
            "ix_settlement_lines_open",
            "partner_id",
            "at",
            postgresql_where=OPEN_LINE,
            sqlite_where=OPEN_LINE,
        ),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    partner_id: Mapped[int] = mapped_column(ForeignKey("partners.id"))
    redemption_id: Mapped[int] = mapped_column(ForeignKey("redemptions.id"))
    kind: Mapped[LineKind] = mapped_column(choice(LineKind))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    price_fen: Mapped[int] = mapped_column(BigId)
    settlement_id: Mapped[int | None] = mapped_column(ForeignKey("settlements.id"), index=True)
