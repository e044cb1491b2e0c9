"""Tally the cases that have ended, so that they are counted without being read."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from migrations.triggers import no_tally, tally_ended

revision: str = "0032"
down_revision: str | None = "0031"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

KEYS = ("status", "department", "area", "category", "channel")
FILL = """
INSERT INTO case_tallies (status, department, area, category, channel, count)
SELECT status, coalesce(lead_department, ''), area, category, channel, count(*)
FROM reports WHERE status IN ('closed', 'declined', 'merged', 'withdrawn')
GROUP BY status, coalesce(lead_department, ''), area, category, channel
"""


def upgrade() -> None:
    """Create case_tallies and what keeps it, and count what is there."""
    op.create_table(
        "case_tallies",
        *(sa.Column(name, sa.String(length=32), nullable=False) for name in KEYS),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(*KEYS, name=op.f("pk_case_tallies")),
    )
    tally_ended(op.get_bind())
    op.execute(FILL)


def downgrade() -> None:
    """Drop them."""
    no_tally(op.get_bind())
    op.drop_table("case_tallies")
