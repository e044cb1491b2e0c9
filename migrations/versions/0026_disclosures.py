"""Keep who asked to be told a reporter's phone, and what was decided."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0026"
down_revision: str | None = "0025"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create disclosures."""
    op.create_table(
        "disclosures",
        sa.Column("id", KEY, nullable=False),
        sa.Column("public_id", sa.String(length=32), nullable=False),
        sa.Column("report_id", KEY, nullable=False),
        sa.Column("asker_id", KEY, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "decision",
            sa.Enum(
                "approved",
                "refused",
                name="decision",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("decider_id", KEY, nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint("decider_id <> asker_id", name=op.f("ck_disclosures_two_people")),
        sa.ForeignKeyConstraint(
            ["asker_id"], ["accounts.id"], name=op.f("fk_disclosures_asker_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["decider_id"], ["accounts.id"], name=op.f("fk_disclosures_decider_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["report_id"], ["reports.id"], name=op.f("fk_disclosures_report_id_reports")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disclosures")),
        sa.UniqueConstraint("public_id", name=op.f("uq_disclosures_public_id")),
    )
    op.create_index("ix_disclosures_report", "disclosures", ["report_id", "id"], unique=False)


def downgrade() -> None:
    """Drop what was created, with what it holds."""
    op.drop_table("disclosures")
