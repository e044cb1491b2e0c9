"""Keep reports in one wide row, and their history."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from migrations.triggers import forbid_changes

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    """Create reports, assisting_departments, report_history."""
    op.create_table(
        "reports",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.String(length=32), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("category", sa.String(length=32), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column(
            "reporter_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("anonymous", sa.Boolean(), nullable=False),
        sa.Column(
            "earning",
            sa.Enum(
                "yes",
                "anonymous",
                "no_consent",
                "staff",
                name="earning",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("longitude", sa.Float(precision=53), nullable=False),
        sa.Column("latitude", sa.Float(precision=53), nullable=False),
        sa.Column("declared_crs", sa.String(length=8), nullable=False),
        sa.Column("declared_longitude", sa.Float(precision=53), nullable=False),
        sa.Column("declared_latitude", sa.Float(precision=53), nullable=False),
        sa.Column("accuracy_m", sa.Float(precision=53), nullable=True),
        sa.Column("address", sa.String(length=200), nullable=True),
        sa.Column("area", sa.String(length=32), nullable=False),
        sa.Column("site", sa.String(length=32), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "submitted",
                "info_requested",
                "accepted",
                "dispatched",
                "handling",
                "parked",
                "resolved",
                "closed",
                "declined",
                "merged",
                "withdrawn",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "origin",
            sa.Enum(
                "submitted",
                "info_requested",
                "accepted",
                "dispatched",
                "handling",
                "parked",
                "resolved",
                "closed",
                "declined",
                "merged",
                "withdrawn",
                name="origin",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column(
            "primary_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("followers", sa.Integer(), nullable=False),
        sa.Column("suggested_department", sa.String(length=32), nullable=False),
        sa.Column("lead_department", sa.String(length=32), nullable=True),
        sa.Column(
            "assignee_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("dispatched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "clock",
            sa.Enum(
                "running",
                "paused",
                "stopped",
                name="clock",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_provisional", sa.Boolean(), nullable=False),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_alarm_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("review_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("verified_round", sa.Integer(), nullable=False),
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
            nullable=True,
        ),
        sa.Column("severity", sa.Integer(), nullable=True),
        sa.Column(
            "extension",
            sa.Enum(
                "none",
                "asked",
                "granted",
                "refused",
                name="extension",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "appeal",
            sa.Enum(
                "none",
                "asked",
                "granted",
                "refused",
                name="appeal",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("rated_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180",
            name=op.f("ck_reports_place"),
        ),
        sa.CheckConstraint(
            "severity IS NULL OR severity BETWEEN 1 AND 3", name=op.f("ck_reports_severity")
        ),
        sa.ForeignKeyConstraint(
            ["assignee_id"], ["accounts.id"], name=op.f("fk_reports_assignee_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["primary_id"], ["reports.id"], name=op.f("fk_reports_primary_id_reports")
        ),
        sa.ForeignKeyConstraint(
            ["reporter_id"], ["accounts.id"], name=op.f("fk_reports_reporter_id_accounts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reports")),
        sa.UniqueConstraint("number", name=op.f("uq_reports_number")),
    )
    op.create_index(
        "ix_reports_alarm",
        "reports",
        ["next_alarm_at", "id"],
        unique=False,
        sqlite_where=sa.text("clock = 'running'"),
        postgresql_where=sa.text("clock = 'running'"),
    )
    op.create_index(
        "ix_reports_area_status", "reports", ["area", "status", "submitted_at", "id"], unique=False
    )
    op.create_index("ix_reports_assignee", "reports", ["assignee_id", "status"], unique=False)
    op.create_index(
        "ix_reports_department_due",
        "reports",
        ["lead_department", "due_at", "id"],
        unique=False,
        sqlite_where=sa.text("clock = 'running'"),
        postgresql_where=sa.text("clock = 'running'"),
    )
    op.create_index(
        "ix_reports_department_status",
        "reports",
        ["lead_department", "status", "submitted_at", "id"],
        unique=False,
    )
    op.create_index("ix_reports_due", "reports", ["due_at", "id"], unique=False)
    op.create_index(
        "ix_reports_nearby", "reports", ["category", "latitude", "longitude"], unique=False
    )
    op.create_index(op.f("ix_reports_primary_id"), "reports", ["primary_id"], unique=False)
    op.create_index(
        "ix_reports_reporter", "reports", ["reporter_id", "submitted_at", "id"], unique=False
    )
    op.create_index(
        "ix_reports_status_submitted", "reports", ["status", "submitted_at", "id"], unique=False
    )
    op.create_index("ix_reports_submitted_at_id", "reports", ["submitted_at", "id"], unique=False)
    op.create_table(
        "assisting_departments",
        sa.Column(
            "report_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("department", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["report_id"], ["reports.id"], name=op.f("fk_assisting_departments_report_id_reports")
        ),
        sa.PrimaryKeyConstraint("report_id", "department", name=op.f("pk_assisting_departments")),
    )
    op.create_index(
        op.f("ix_assisting_departments_department"),
        "assisting_departments",
        ["department"],
        unique=False,
    )
    op.create_table(
        "report_history",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "report_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "action",
            sa.Enum(
                "submit",
                "request_info",
                "supplement",
                "lapse",
                "accept",
                "decline",
                "merge",
                "unmerge",
                "lead",
                "verify",
                "overturn",
                "dispatch",
                "sign",
                "reassign",
                "return",
                "extend",
                "grant_extension",
                "refuse_extension",
                "park",
                "unpark",
                "resolve",
                "rework",
                "withdraw",
                "rate",
                "appeal",
                "correct",
                "grant_appeal",
                "reject_appeal",
                name="action",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "source",
            sa.Enum(
                "submitted",
                "info_requested",
                "accepted",
                "dispatched",
                "handling",
                "parked",
                "resolved",
                "closed",
                "declined",
                "merged",
                "withdrawn",
                name="source",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column(
            "target",
            sa.Enum(
                "submitted",
                "info_requested",
                "accepted",
                "dispatched",
                "handling",
                "parked",
                "resolved",
                "closed",
                "declined",
                "merged",
                "withdrawn",
                name="target",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("actor_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("actor_role", sa.String(length=128), nullable=False),
        sa.Column("department", sa.String(length=32), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["actor_id"], ["accounts.id"], name=op.f("fk_report_history_actor_id_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["report_id"], ["reports.id"], name=op.f("fk_report_history_report_id_reports")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_history")),
        sa.UniqueConstraint(
            "report_id", "version", name=op.f("uq_report_history_report_id_version")
        ),
        info={"append_only": True},
    )
    op.create_index(
        op.f("ix_report_history_actor_id"), "report_history", ["actor_id"], unique=False
    )
    forbid_changes(op.get_bind(), "report_history")


def downgrade() -> None:
    """Drop what was created, with what it holds."""
    op.drop_table("report_history")
    op.drop_table("assisting_departments")
    op.drop_table("reports")
