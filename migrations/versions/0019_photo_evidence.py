"""Keep more of what a photo's file claims, and its SM3."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0019"
down_revision: str | None = "0018"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Add sm3, modified_at, creator_tool and remark to photos."""
    op.add_column("photos", sa.Column("sm3", sa.String(length=64), nullable=True))
    op.add_column("photos", sa.Column("modified_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("photos", sa.Column("creator_tool", sa.String(length=64), nullable=True))
    op.add_column("photos", sa.Column("remark", sa.String(length=64), nullable=True))


def downgrade() -> None:
    """Drop what was added, with what it holds."""
    op.drop_column("photos", "remark")
    op.drop_column("photos", "creator_tool")
    op.drop_column("photos", "modified_at")
    op.drop_column("photos", "sm3")
