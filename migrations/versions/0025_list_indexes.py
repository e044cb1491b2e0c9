"""Index lists of one area, category or assignee in the order of their pages."""

from collections.abc import Sequence

from alembic import op

revision: str = "0025"
down_revision: str | None = "0024"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

LISTS = {
    "ix_reports_area_submitted": "area",
    "ix_reports_category_submitted": "category",
    "ix_reports_assignee_submitted": "assignee_id",
}


def upgrade() -> None:
    """Add the indexes to reports."""
    for name, column in LISTS.items():
        op.create_index(name, "reports", [column, "submitted_at", "id"])


def downgrade() -> None:
    """Drop them."""
    for name in LISTS:
        op.drop_index(name, table_name="reports")
