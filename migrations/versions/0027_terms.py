"""Keep the term that ends at due_at: from when, in what unit, and how much."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0027"
down_revision: str | None = "0026"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Add due_from, due_unit and due_amount to reports, and fill them for what may yet run."""
    op.add_column("reports", sa.Column("due_from", sa.DateTime(timezone=True), nullable=True))
    # A CHECK that comes with its column needs no new table on SQLite.
    op.execute(
        "ALTER TABLE reports ADD COLUMN due_unit VARCHAR(32) CONSTRAINT ck_reports_due_unit"
        " CHECK (due_unit IN ('working_days', 'days', 'hours'))"
    )
    op.add_column("reports", sa.Column("due_amount", sa.Integer(), nullable=True))
    op.execute(
        "UPDATE reports SET due_from = COALESCE(dispatched_at, submitted_at),"
        " due_unit = 'working_days' WHERE clock <> 'stopped' OR status = 'merged'"
    )
    # What was merged stands still since then; it used to be forgotten.
    op.execute(
        "UPDATE reports SET paused_at = (SELECT max(report_history.at) FROM report_history"
        " WHERE report_history.report_id = reports.id AND report_history.action = 'merge')"
        " WHERE status = 'merged'"
    )


def downgrade() -> None:
    """Drop what was added, with what it holds."""
    op.execute("UPDATE reports SET paused_at = NULL WHERE status = 'merged'")
    op.drop_column("reports", "due_amount")
    op.drop_column("reports", "due_unit")
    op.drop_column("reports", "due_from")
