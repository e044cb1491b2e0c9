"""Keep the facts of case handling, append-only."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from migrations.triggers import forbid_changes

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Create appeals, dispatches, extensions, merges, ratings, resolutions, verdicts."""
    op.create_table(
        "appeals",
        sa.Column(
            "origin",
            sa.Enum(
                "appeal",
                "rating",
                name="origin",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "step",
            sa.Enum(
                "asked",
                "granted",
                "refused",
                name="step",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "report_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("actor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["accounts.id"], name=op.f("fk_appeals_actor_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["report_id"], ["reports.id"], name=op.f("fk_appeals_report_id_reports")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appeals")),
        info={"append_only": True},
    )
    op.create_index(op.f("ix_appeals_report_id"), "appeals", ["report_id"], unique=False)
    op.create_table(
        "dispatches",
        sa.Column("lead", sa.String(length=32), nullable=False),
        sa.Column("assisting", sa.JSON(), nullable=False),
        sa.Column("suggested", sa.String(length=32), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "report_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("actor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["accounts.id"], name=op.f("fk_dispatches_actor_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["lead"], ["departments.code"], name=op.f("fk_dispatches_lead_departments")
        ),
        sa.ForeignKeyConstraint(
            ["report_id"], ["reports.id"], name=op.f("fk_dispatches_report_id_reports")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispatches")),
        info={"append_only": True},
    )
    op.create_index(op.f("ix_dispatches_report_id"), "dispatches", ["report_id"], unique=False)
    op.create_table(
        "extensions",
        sa.Column(
            "step",
            sa.Enum(
                "asked",
                "granted",
                "refused",
                name="step",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "report_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("actor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["accounts.id"], name=op.f("fk_extensions_actor_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["report_id"], ["reports.id"], name=op.f("fk_extensions_report_id_reports")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_extensions")),
        info={"append_only": True},
    )
    op.create_index(op.f("ix_extensions_report_id"), "extensions", ["report_id"], unique=False)
    op.create_table(
        "merges",
        sa.Column("into_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("joined", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "report_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("actor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["accounts.id"], name=op.f("fk_merges_actor_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["into_id"], ["reports.id"], name=op.f("fk_merges_into_id_reports")
        ),
        sa.ForeignKeyConstraint(
            ["report_id"], ["reports.id"], name=op.f("fk_merges_report_id_reports")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_merges")),
        info={"append_only": True},
    )
    op.create_index(op.f("ix_merges_report_id"), "merges", ["report_id"], unique=False)
    op.create_table(
        "ratings",
        sa.Column(
            "report_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("satisfied", sa.Boolean(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("score BETWEEN 1 AND 5", name=op.f("ck_ratings_score")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_ratings_account_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["report_id"], ["reports.id"], name=op.f("fk_ratings_report_id_reports")
        ),
        sa.PrimaryKeyConstraint("report_id", name=op.f("pk_ratings")),
        info={"append_only": True},
    )
    op.create_table(
        "resolutions",
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("department", sa.String(length=32), nullable=False),
        sa.Column("finding", sa.Text(), nullable=False),
        sa.Column("measures", sa.Text(), nullable=False),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "report_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("actor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["accounts.id"], name=op.f("fk_resolutions_actor_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["report_id"], ["reports.id"], name=op.f("fk_resolutions_report_id_reports")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_resolutions")),
        info={"append_only": True},
    )
    op.create_index(op.f("ix_resolutions_report_id"), "resolutions", ["report_id"], unique=False)
    op.create_table(
        "verdicts",
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column(
            "stage",
            sa.Enum(
                "first",
                "closing",
                "overturn",
                name="stage",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "verdict",
            sa.Enum(
                "substantiated",
                "partly_substantiated",
                "unsubstantiated",
                name="verdict",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("severity", sa.Integer(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "report_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("actor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "severity IS NULL OR severity BETWEEN 1 AND 3", name=op.f("ck_verdicts_severity")
        ),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["accounts.id"], name=op.f("fk_verdicts_actor_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["report_id"], ["reports.id"], name=op.f("fk_verdicts_report_id_reports")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verdicts")),
        info={"append_only": True},
    )
    op.create_index("ix_verdicts_at", "verdicts", ["at"], unique=False)
    op.create_index(op.f("ix_verdicts_report_id"), "verdicts", ["report_id"], unique=False)
    forbid_changes(op.get_bind(), "appeals")
    forbid_changes(op.get_bind(), "dispatches")
    forbid_changes(op.get_bind(), "extensions")
    forbid_changes(op.get_bind(), "merges")
    forbid_changes(op.get_bind(), "ratings")
    forbid_changes(op.get_bind(), "resolutions")
    forbid_changes(op.get_bind(), "verdicts")


def downgrade() -> None:
    """Drop what was created, with what it holds."""
    op.drop_table("verdicts")
    op.drop_table("resolutions")
    op.drop_table("ratings")
    op.drop_table("merges")
    op.drop_table("extensions")
    op.drop_table("dispatches")
    op.drop_table("appeals")
