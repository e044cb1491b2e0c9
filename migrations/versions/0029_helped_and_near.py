"""Index lists of one department, where it helps too, of one place, of one status by due time."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0029"
down_revision: str | None = "0028"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

INSTANTS = ("submitted_at", "due_at")
SORTED = {
    "ix_assisting_departments_submitted": ["department", "submitted_at", "report_id"],
    "ix_assisting_departments_due": ["department", "due_at", "report_id"],
}
FILL = """
UPDATE assisting_departments SET
  submitted_at = (SELECT submitted_at FROM reports WHERE reports.id = report_id),
  due_at = (SELECT due_at FROM reports WHERE reports.id = report_id)
"""


def upgrade() -> None:
    """Copy the instants that lists are sorted by from the reports, and index them."""
    for name in INSTANTS:
        column = sa.Column(name, sa.DateTime(timezone=True), nullable=True)
        op.add_column("assisting_departments", column)
    op.execute(FILL)
    with op.batch_alter_table("assisting_departments") as batch:
        for name in INSTANTS:
            batch.alter_column(name, nullable=False, existing_type=sa.DateTime(timezone=True))
    for name, columns in SORTED.items():
        op.create_index(name, "assisting_departments", columns)
    op.drop_index("ix_assisting_departments_department", table_name="assisting_departments")
    op.create_index(
        "ix_reports_department_submitted", "reports", ["lead_department", "submitted_at", "id"]
    )
    op.create_index("ix_reports_status_due", "reports", ["status", "due_at", "id"])
    op.create_index("ix_reports_place", "reports", ["latitude", "longitude"])


def downgrade() -> None:
    """Drop columns and indexes."""
    op.drop_index("ix_reports_status_due", table_name="reports")
    op.drop_index("ix_reports_place", table_name="reports")
    op.drop_index("ix_reports_department_submitted", table_name="reports")
    op.create_index("ix_assisting_departments_department", "assisting_departments", ["department"])
    for name in SORTED:
        op.drop_index(name, table_name="assisting_departments")
    with op.batch_alter_table("assisting_departments") as batch:
        for name in INSTANTS:
            batch.drop_column(name)
