"""Keep what was decided about photos and the public."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from migrations.triggers import forbid_changes

revision: str = "0024"
down_revision: str | None = "0023"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Create photo_decisions."""
    op.create_table(
        "photo_decisions",
        sa.Column("subject_kind", sa.String(length=32), nullable=False),
        sa.Column("subject_id", sa.String(length=64), nullable=False),
        sa.Column("photo", sa.String(length=32), nullable=False),
        sa.Column(
            "decision",
            sa.Enum(
                "published",
                "hidden",
                name="decision",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("redaction", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "report_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("actor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["accounts.id"], name=op.f("fk_photo_decisions_actor_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["report_id"], ["reports.id"], name=op.f("fk_photo_decisions_report_id_reports")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_photo_decisions")),
        info={"append_only": True},
    )
    op.create_index("ix_photo_decisions_photo", "photo_decisions", ["photo", "id"], unique=False)
    op.create_index(
        op.f("ix_photo_decisions_report_id"), "photo_decisions", ["report_id"], unique=False
    )
    forbid_changes(op.get_bind(), "photo_decisions")


def downgrade() -> None:
    """Drop what was created, with what it holds."""
    op.drop_table("photo_decisions")
