"""Keep staff profiles."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Create staff_profiles."""
    op.create_table(
        "staff_profiles",
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("display_name", sa.String(length=64), nullable=False),
        sa.Column("department", sa.String(length=32), nullable=True),
        sa.Column("areas", sa.String(length=1024), nullable=False),
        sa.Column("phone_index", sa.String(length=128), nullable=True),
        sa.Column("rotating_phone_index", sa.String(length=128), nullable=True),
        sa.Column("phone_ciphertext", sa.LargeBinary(), nullable=True),
        sa.Column("phone_confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_staff_profiles_account_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["department"],
            ["departments.code"],
            name=op.f("fk_staff_profiles_department_departments"),
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_staff_profiles")),
    )
    op.create_index(
        op.f("ix_staff_profiles_department"), "staff_profiles", ["department"], unique=False
    )
    op.create_index(
        op.f("ix_staff_profiles_phone_index"), "staff_profiles", ["phone_index"], unique=False
    )


def downgrade() -> None:
    """Drop what was created, with what it holds."""
    op.drop_table("staff_profiles")
