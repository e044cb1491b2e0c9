"""Keep partners, their members and terminals."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Create partners, partner_members, terminals."""
    op.create_table(
        "partners",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "active",
                "suspended",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partners")),
        sa.UniqueConstraint("name", name=op.f("uq_partners_name")),
        sa.UniqueConstraint("public_id", name=op.f("uq_partners_public_id")),
    )
    op.create_table(
        "partner_members",
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "partner_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_partner_members_account_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_partner_members_partner_id_partners")
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_partner_members")),
    )
    op.create_index(
        op.f("ix_partner_members_partner_id"), "partner_members", ["partner_id"], unique=False
    )
    op.create_table(
        "terminals",
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "partner_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("label", sa.String(length=64), nullable=False),
        sa.Column("place", sa.String(length=200), nullable=True),
        sa.Column("key_index", sa.String(length=128), nullable=False),
        sa.Column("rotating_index", sa.String(length=128), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_terminals_account_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_terminals_partner_id_partners")
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_terminals")),
        sa.UniqueConstraint("key_index", name=op.f("uq_terminals_key_index")),
        sa.UniqueConstraint("partner_id", "label", name=op.f("uq_terminals_partner_id_label")),
        sa.UniqueConstraint("rotating_index", name=op.f("uq_terminals_rotating_index")),
    )


def downgrade() -> None:
    """Drop what was created, with what it holds."""
    op.drop_table("terminals")
    op.drop_table("partner_members")
    op.drop_table("partners")
