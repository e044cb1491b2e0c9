"""Count hits of limits."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Create limit_counts."""
    op.create_table(
        "limit_counts",
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column(
            "window",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("hits", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subject", "window", name=op.f("pk_limit_counts")),
    )
    op.create_index(
        op.f("ix_limit_counts_expires_at"), "limit_counts", ["expires_at"], unique=False
    )


def downgrade() -> None:
    """Drop what was created, with what it holds."""
    op.drop_table("limit_counts")
