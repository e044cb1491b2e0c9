"""Keep offers, stock, prices, vouchers."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from migrations.triggers import forbid_changes

revision: str = "0016"
down_revision: str | None = "0015"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Create offers, price_changes, stock_changes, vouchers."""
    op.create_table(
        "offers",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.String(length=32), nullable=False),
        sa.Column(
            "partner_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "draft",
                "open",
                "paused",
                "closed",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("points_price", sa.Integer(), nullable=False),
        sa.Column(
            "price_fen", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("stock_left", sa.Integer(), nullable=True),
        sa.Column("limit_per_resident", sa.Integer(), nullable=True),
        sa.Column("valid_days", sa.Integer(), nullable=False),
        sa.Column("cancel_days", sa.Integer(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("opens_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closes_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "entries > 0 AND valid_days >= 0", name=op.f("ck_offers_sensible_terms")
        ),
        sa.CheckConstraint("points_price > 0", name=op.f("ck_offers_price_positive")),
        sa.CheckConstraint("stock_left >= 0", name=op.f("ck_offers_stock_never_negative")),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_offers_partner_id_partners")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offers")),
        sa.UniqueConstraint("public_id", name=op.f("uq_offers_public_id")),
    )
    op.create_index(op.f("ix_offers_partner_id"), "offers", ["partner_id"], unique=False)
    op.create_table(
        "price_changes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("offer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("points_price", sa.Integer(), nullable=False),
        sa.Column(
            "price_fen", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("actor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["accounts.id"], name=op.f("fk_price_changes_actor_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["offer_id"], ["offers.id"], name=op.f("fk_price_changes_offer_id_offers")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_price_changes")),
        info={"append_only": True},
    )
    op.create_index(op.f("ix_price_changes_offer_id"), "price_changes", ["offer_id"], unique=False)
    op.create_table(
        "stock_changes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("offer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("change", sa.Integer(), nullable=False),
        sa.Column("actor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["accounts.id"], name=op.f("fk_stock_changes_actor_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["offer_id"], ["offers.id"], name=op.f("fk_stock_changes_offer_id_offers")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_changes")),
        info={"append_only": True},
    )
    op.create_index(op.f("ix_stock_changes_offer_id"), "stock_changes", ["offer_id"], unique=False)
    op.create_table(
        "vouchers",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.String(length=32), nullable=False),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("offer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "partner_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("code_index", sa.String(length=128), nullable=False),
        sa.Column("rotating_index", sa.String(length=128), nullable=True),
        sa.Column("code_ciphertext", sa.LargeBinary(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "issued",
                "used",
                "expired",
                "void",
                "refunded",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("points_price", sa.Integer(), nullable=False),
        sa.Column("terms", sa.JSON(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("spend_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("refund_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cancel_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "uses >= 0 AND uses <= entries", name=op.f("ck_vouchers_uses_within_entries")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_vouchers_account_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["offer_id"], ["offers.id"], name=op.f("fk_vouchers_offer_id_offers")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_vouchers_partner_id_partners")
        ),
        sa.ForeignKeyConstraint(
            ["refund_id"], ["transactions.id"], name=op.f("fk_vouchers_refund_id_transactions")
        ),
        sa.ForeignKeyConstraint(
            ["spend_id"], ["transactions.id"], name=op.f("fk_vouchers_spend_id_transactions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vouchers")),
        sa.UniqueConstraint("code_index", name=op.f("uq_vouchers_code_index")),
        sa.UniqueConstraint("public_id", name=op.f("uq_vouchers_public_id")),
        sa.UniqueConstraint("refund_id", name=op.f("uq_vouchers_refund_id")),
        sa.UniqueConstraint("rotating_index", name=op.f("uq_vouchers_rotating_index")),
        sa.UniqueConstraint("spend_id", name=op.f("uq_vouchers_spend_id")),
    )
    op.create_index(
        "ix_vouchers_account_id", "vouchers", ["account_id", "issued_at", "id"], unique=False
    )
    op.create_index(
        "ix_vouchers_expiry",
        "vouchers",
        ["valid_until"],
        unique=False,
        postgresql_where=sa.text("status = 'issued'"),
        sqlite_where=sa.text("status = 'issued'"),
    )
    op.create_index(
        "ix_vouchers_offer_account", "vouchers", ["offer_id", "account_id"], unique=False
    )
    op.create_index(op.f("ix_vouchers_partner_id"), "vouchers", ["partner_id"], unique=False)
    forbid_changes(op.get_bind(), "price_changes")
    forbid_changes(op.get_bind(), "stock_changes")


def downgrade() -> None:
    """Drop what was created, with what it holds."""
    op.drop_table("vouchers")
    op.drop_table("stock_changes")
    op.drop_table("price_changes")
    op.drop_table("offers")
