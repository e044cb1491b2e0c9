"""Keep residents' profiles, consents and sign-in codes."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from migrations.triggers import forbid_changes

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Create sms_codes, consents, resident_profiles."""
    op.create_table(
        "sms_codes",
        sa.Column("phone_index", sa.String(length=128), nullable=False),
        sa.Column("code_digest", sa.String(length=128), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("phone_index", name=op.f("pk_sms_codes")),
    )
    op.create_index(op.f("ix_sms_codes_expires_at"), "sms_codes", ["expires_at"], unique=False)
    op.create_table(
        "consents",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "purpose",
            sa.Enum(
                "privacy",
                "points",
                name="purpose",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("version", sa.String(length=32), nullable=False),
        sa.Column(
            "step",
            sa.Enum(
                "given",
                "withdrawn",
                name="step",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("document_digest", sa.String(length=64), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_consents_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
        info={"append_only": True},
    )
    op.create_index(
        "ix_consents_account", "consents", ["account_id", "purpose", "id"], unique=False
    )
    op.create_table(
        "resident_profiles",
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("nickname_ciphertext", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_resident_profiles_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_resident_profiles")),
    )
    forbid_changes(op.get_bind(), "consents")


def downgrade() -> None:
    """Drop what was created, with what it holds."""
    op.drop_table("resident_profiles")
    op.drop_table("consents")
    op.drop_table("sms_codes")
