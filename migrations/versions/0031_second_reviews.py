"""Keep which verdicts were drawn for a second look, and what came of it."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0031"
down_revision: str | None = "0030"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
VERDICTS = ("substantiated", "partly_substantiated", "unsubstantiated")
IS_OPEN = sa.text("state = 'open'")


def upgrade() -> None:
    """Create second_reviews."""
    op.create_table(
        "second_reviews",
        sa.Column("id", KEY, nullable=False),
        sa.Column("report_id", KEY, nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", _choice("state", "open", "agreed", "disagreed"), nullable=False),
        sa.Column("first_verdict", _choice("first_verdict", *VERDICTS), nullable=True),
        sa.Column("first_severity", sa.Integer(), nullable=True),
        sa.Column("second_verdict", _choice("second_verdict", *VERDICTS), nullable=True),
        sa.Column("second_severity", sa.Integer(), nullable=True),
        sa.Column("actor_id", KEY, nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'open') = (decided_at IS NULL)", name=op.f("ck_second_reviews_decided")
        ),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["accounts.id"], name=op.f("fk_second_reviews_actor_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["report_id"], ["reports.id"], name=op.f("fk_second_reviews_report_id_reports")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_second_reviews")),
        sa.UniqueConstraint("report_id", "round", name=op.f("uq_second_reviews_report_id_round")),
    )
    op.create_index(op.f("ix_second_reviews_actor_id"), "second_reviews", ["actor_id"])
    op.create_index("ix_second_reviews_drawn_at", "second_reviews", ["drawn_at"])
    op.create_index("ix_second_reviews_state", "second_reviews", ["state", "id"])
    op.create_index(
        "ix_second_reviews_open",
        "second_reviews",
        ["report_id"],
        unique=True,
        sqlite_where=IS_OPEN,
        postgresql_where=IS_OPEN,
    )


def _choice(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)


def downgrade() -> None:
    """Drop what was created, with what it holds."""
    op.drop_table("second_reviews")
