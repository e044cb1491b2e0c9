"""Keep which alarms rang for which due time, and the gravest with the report."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from migrations.triggers import forbid_changes

revision: str = "0028"
down_revision: str | None = "0027"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Create alarms; add alarm to reports."""
    op.add_column("reports", sa.Column("alarm", sa.String(length=32), nullable=True))
    op.create_table(
        "alarms",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "report_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("level", sa.String(length=32), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("target", sa.String(length=64), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["report_id"], ["reports.id"], name=op.f("fk_alarms_report_id_reports")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarms")),
        sa.UniqueConstraint(
            "report_id", "level", "due_at", name=op.f("uq_alarms_report_id_level_due_at")
        ),
        info={"append_only": True},
    )
    forbid_changes(op.get_bind(), "alarms")


def downgrade() -> None:
    """Drop what was created, with what it holds."""
    op.drop_table("alarms")
    op.drop_column("reports", "alarm")
