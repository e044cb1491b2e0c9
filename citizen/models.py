"""The one wide row of a report, and its history.

Status, place, department, clock and verdict stand in one row, so that every list of officers is one
index. Only `workflow.advance` writes it after its submission.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Dialect,
    Float,
    ForeignKey,
    Index,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from citizen import words
from citizen.states import Action, Asking, Clock, Earning, Status, Unit, Verdict
from core.database import BigId, Model, UtcDateTime, append_only, choice, virtual

RUNNING = text("clock = 'running'")


class Report(Model):
    """A report and the case it became; WGS-84 degrees, what the client declared beside them."""

    __tablename__ = "reports"
    __table_args__ = (
        CheckConstraint("severity IS NULL OR severity BETWEEN 1 AND 3", name="severity"),
        CheckConstraint(
            "latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180", name="place"
        ),
        Index("ix_reports_submitted_at_id", "submitted_at", "id"),
        Index("ix_reports_status_submitted", "status", "submitted_at", "id"),
        Index("ix_reports_department_status", "lead_department", "status", "submitted_at", "id"),
        Index("ix_reports_department_submitted", "lead_department", "submitted_at", "id"),
        Index("ix_reports_area_status", "area", "status", "submitted_at", "id"),
        Index("ix_reports_area_submitted", "area", "submitted_at", "id"),
        Index("ix_reports_category_submitted", "category", "submitted_at", "id"),
        Index("ix_reports_assignee_submitted", "assignee_id", "submitted_at", "id"),
        Index("ix_reports_due", "due_at", "id"),
        Index("ix_reports_status_due", "status", "due_at", "id"),
        Index(
            "ix_reports_department_due",
            "lead_department",
            "due_at",
            "id",
            sqlite_where=RUNNING,
            postgresql_where=RUNNING,
        ),
        Index(
            "ix_reports_alarm",
            "next_alarm_at",
            "id",
            sqlite_where=RUNNING,
            postgresql_where=RUNNING,
        ),
        Index("ix_reports_reporter", "reporter_id", "submitted_at", "id"),
        Index("ix_reports_place", "latitude", "longitude"),
        Index("ix_reports_nearby", "category", "latitude", "longitude"),
        Index("ix_reports_assignee", "assignee_id", "status"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    number: Mapped[str] = mapped_column(String(32), unique=True)
    channel: Mapped[str] = mapped_column(String(32))
    category: Mapped[str] = mapped_column(String(32))
    description: Mapped[str] = mapped_column(Text)
    reporter_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    anonymous: Mapped[bool]
    earning: Mapped[Earning] = mapped_column(choice(Earning))
    longitude: Mapped[float] = mapped_column(Float(53))
    latitude: Mapped[float] = mapped_column(Float(53))
    declared_crs: Mapped[str] = mapped_column(String(8))
    declared_longitude: Mapped[float] = mapped_column(Float(53))
    declared_latitude: Mapped[float] = mapped_column(Float(53))
    accuracy_m: Mapped[float | None] = mapped_column(Float(53))
    address: Mapped[str | None] = mapped_column(String(200))
    area: Mapped[str] = mapped_column(String(32))
    site: Mapped[str | None] = mapped_column(String(32))
    occurred_at: Mapped[datetime] = mapped_column(UtcDateTime)
    submitted_at: Mapped[datetime] = mapped_column(UtcDateTime)

    status: Mapped[Status] = mapped_column(choice(Status))
    origin: Mapped[Status | None] = mapped_column(choice(Status))
    version: Mapped[int] = mapped_column(default=1)
    primary_id: Mapped[int | None] = mapped_column(ForeignKey("reports.id"), index=True)
    followers: Mapped[int] = mapped_column(default=0)
    suggested_department: Mapped[str] = mapped_column(String(32))
    lead_department: Mapped[str | None] = mapped_column(String(32))
    assignee_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    dispatched_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    clock: Mapped[Clock] = mapped_column(choice(Clock), default=Clock.RUNNING)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    due_provisional: Mapped[bool] = mapped_column(default=False)
    # The term that ends at due_at; without an amount an officer chose its end.
    due_from: Mapped[datetime | None] = mapped_column(UtcDateTime)
    due_unit: Mapped[Unit | None] = mapped_column(choice(Unit))
    due_amount: Mapped[int | None]
    paused_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    next_alarm_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    alarm: Mapped[str | None] = mapped_column(String(32))  # the gravest that rang for due_at
    review_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    round: Mapped[int] = mapped_column(default=1)
    verified_round: Mapped[int] = mapped_column(default=0)
    verdict: Mapped[Verdict | None] = mapped_column(choice(Verdict))
    severity: Mapped[int | None]
    extension: Mapped[Asking] = mapped_column(choice(Asking), default=Asking.NONE)
    appeal: Mapped[Asking] = mapped_column(choice(Asking), default=Asking.NONE)
    rated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


@append_only
class HistoryEntry(Model):
    """One step of a case; never changed. `note` is read by whoever may read the case."""

    __tablename__ = "report_history"
    __table_args__ = (UniqueConstraint("report_id", "version"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("reports.id"))
    version: Mapped[int]
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    action: Mapped[Action] = mapped_column(choice(Action))
    source: Mapped[Status | None] = mapped_column(choice(Status))
    target: Mapped[Status] = mapped_column(choice(Status))
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"), index=True)
    actor_role: Mapped[str] = mapped_column(String(128))
    department: Mapped[str | None] = mapped_column(String(32))
    note: Mapped[str | None] = mapped_column(Text)
    changes: Mapped[dict[str, Any]] = mapped_column(JSON)


class AssistingDepartment(Model):
    """A department that helps the lead one with a case, as last dispatched.

    The instants are those of the report, so that its lists have an index; `workflow` keeps them.
    """

    __tablename__ = "assisting_departments"
    __table_args__ = (
        Index("ix_assisting_departments_submitted", "department", "submitted_at", "report_id"),
        Index("ix_assisting_departments_due", "department", "due_at", "report_id"),
    )
    report_id: Mapped[int] = mapped_column(ForeignKey("reports.id"), primary_key=True)
    department: Mapped[str] = mapped_column(String(32), primary_key=True)
    submitted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Grams(TypeDecorator[Sequence[str]]):
    """A tuple of texts as what finds them: numbers on PostgreSQL, words of two letters on SQLite.

    What is read back is that, and is written again as it is.
    """

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        sqlite = dialect.name == "sqlite"
        return dialect.type_descriptor(Text() if sqlite else ARRAY(BigInteger))

    def process_bind_param(self, value: Sequence[str] | None, dialect: Dialect) -> Any:
        if not isinstance(value, tuple):
            return value
        return words.spelled(value) if dialect.name == "sqlite" else words.numbered(value)


class ReportWords(Model):
    """What a report is found by; beside its row, since that one changes with every step.

    On SQLite a full text index, which knows its rows by `rowid` alone.
    """

    __tablename__ = "report_words"
    __table_args__ = (
        Index("ix_report_words_grams", "grams", postgresql_using="gin").ddl_if("postgresql"),
        virtual("fts5(grams, tokenize='ascii', prefix='1', columnsize=0)"),
    )
    report_id: Mapped[int] = mapped_column(
        "rowid", ForeignKey("reports.id"), primary_key=True, autoincrement=False
    )
    grams: Mapped[Sequence[str]] = mapped_column(Grams)


class CaseTally(Model):
    """How many cases have ended in a status; triggers of the database keep it.

    The open ones are few, and counted. So many keys make no row that many would have to wait for.
    """

    __tablename__ = "case_tallies"
    status: Mapped[str] = mapped_column(String(32), primary_key=True)
    department: Mapped[str] = mapped_column(String(32), primary_key=True)
    area: Mapped[str] = mapped_column(String(32), primary_key=True)
    category: Mapped[str] = mapped_column(String(32), primary_key=True)
    channel: Mapped[str] = mapped_column(String(32), primary_key=True)
    count: Mapped[int]
