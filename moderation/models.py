"""Append-only facts of case handling, and the data that decide routing and deadlines.

State stands in citizen's row; here is who judged what and why. Departments and rules are data.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Date,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from citizen.states import Verdict
from core.database import BigId, Model, UtcDateTime, append_only, choice
from media.states import PhotoDecision

IS_OPEN = text("state = 'open'")


class Stage(StrEnum):
    """When in a case's life a verdict fell."""

    FIRST = "first"
    CLOSING = "closing"
    OVERTURN = "overturn"


class Step(StrEnum):
    """What happened to a question to the office."""

    ASKED = "asked"
    GRANTED = "granted"
    REFUSED = "refused"


class Origin(StrEnum):
    """How an appeal came about."""

    APPEAL = "appeal"
    RATING = "rating"


class Look(StrEnum):
    """What a second reviewer makes of a verdict that was drawn."""

    OPEN = "open"
    AGREED = "agreed"
    DISAGREED = "disagreed"


class Department(Model):
    """A competent department; cases are dispatched to it by code."""

    __tablename__ = "departments"
    code: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    active: Mapped[bool] = mapped_column(default=True)


class RoutingRule(Model):
    """One row of a version of the routing table, in order; `body` is what the file says."""

    __tablename__ = "routing_rules"
    __table_args__ = (UniqueConstraint("version", "position"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    version: Mapped[str] = mapped_column(String(32))
    position: Mapped[int]
    body: Mapped[dict[str, Any]] = mapped_column(JSON)


class DeadlineRule(Model):
    """One deadline, per category or for all, and stage; `body` is what the file says."""

    __tablename__ = "deadline_rules"
    __table_args__ = (UniqueConstraint("version", "position"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    version: Mapped[str] = mapped_column(String(32))
    position: Mapped[int]
    body: Mapped[dict[str, Any]] = mapped_column(JSON)


class CalendarDay(Model):
    """A day that is worked or not against the published calendar (调休)."""

    __tablename__ = "calendar_days"
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    working: Mapped[bool]
    note: Mapped[str | None] = mapped_column(String(200))


class _Fact:
    """What every fact says: of which case, by whom, when."""

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("reports.id"), index=True)
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


@append_only
class VerdictFact(_Fact, Model):
    """A verdict as it fell; a later one never changes an earlier one."""

    __tablename__ = "verdicts"
    __table_args__ = (
        CheckConstraint("severity IS NULL OR severity BETWEEN 1 AND 3", name="severity"),
        Index("ix_verdicts_at", "at"),
    )
    round: Mapped[int]
    stage: Mapped[Stage] = mapped_column(choice(Stage))
    verdict: Mapped[Verdict] = mapped_column(choice(Verdict))
    severity: Mapped[int | None]
    note: Mapped[str | None] = mapped_column(Text)


@append_only
class Dispatch(_Fact, Model):
    """A case given to a lead department; `suggested` is what the rules said."""

    __tablename__ = "dispatches"
    lead: Mapped[str] = mapped_column(ForeignKey("departments.code"))
    assisting: Mapped[list[str]] = mapped_column(JSON)
    suggested: Mapped[str] = mapped_column(String(32))
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)


@append_only
class Extension(_Fact, Model):
    """A step of asking for more time."""

    __tablename__ = "extensions"
    step: Mapped[Step] = mapped_column(choice(Step))
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reason: Mapped[str | None] = mapped_column(Text)


@append_only
class Appeal(_Fact, Model):
    """A step of an appeal against an outcome."""

    __tablename__ = "appeals"
    origin: Mapped[Origin] = mapped_column(choice(Origin))
    step: Mapped[Step] = mapped_column(choice(Step))
    reason: Mapped[str] = mapped_column(Text)


@append_only
class Merge(_Fact, Model):
    """A report joined to a primary case, or parted from it."""

    __tablename__ = "merges"
    into_id: Mapped[int] = mapped_column(ForeignKey("reports.id"))
    joined: Mapped[bool]
    reason: Mapped[str | None] = mapped_column(Text)


@append_only
class Resolution(_Fact, Model):
    """What a department found and did; its photos are the case's, of kind `resolution`."""

    __tablename__ = "resolutions"
    round: Mapped[int]
    department: Mapped[str] = mapped_column(String(32))
    finding: Mapped[str] = mapped_column(Text)
    measures: Mapped[str] = mapped_column(Text)


@append_only
class PhotoDecisionFact(_Fact, Model):
    """What was decided about a photo and the public; without an actor the case's end decided.

    The subject is what the photo was claimed for, `redaction` the version that was seen.
    """

    __tablename__ = "photo_decisions"
    __table_args__ = (Index("ix_photo_decisions_photo", "photo", "id"),)
    subject_kind: Mapped[str] = mapped_column(String(32))
    subject_id: Mapped[str] = mapped_column(String(64))
    photo: Mapped[str] = mapped_column(String(32))
    decision: Mapped[PhotoDecision] = mapped_column(choice(PhotoDecision))
    redaction: Mapped[int | None]
    reason: Mapped[str | None] = mapped_column(Text)


class SecondReview(Model):
    """A verdict drawn for a second look; awards wait while it is open.

    Once it is decided, `first_…` is what was judged then and `second_…` what the reviewer makes of
    it; nothing else ever changes.
    """

    __tablename__ = "second_reviews"
    __table_args__ = (
        UniqueConstraint("report_id", "round"),
        CheckConstraint("(state = 'open') = (decided_at IS NULL)", name="decided"),
        Index("ix_second_reviews_state", "state", "id"),
        Index("ix_second_reviews_drawn_at", "drawn_at"),
        Index(
            "ix_second_reviews_open",
            "report_id",
            unique=True,
            sqlite_where=IS_OPEN,
            postgresql_where=IS_OPEN,
        ),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("reports.id"))
    round: Mapped[int]
    drawn_at: Mapped[datetime] = mapped_column(UtcDateTime)
    state: Mapped[Look] = mapped_column(choice(Look))
    first_verdict: Mapped[Verdict | None] = mapped_column(choice(Verdict))
    first_severity: Mapped[int | None]
    second_verdict: Mapped[Verdict | None] = mapped_column(choice(Verdict))
    second_severity: Mapped[int | None]
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"), index=True)
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


@append_only
class AlarmFact(Model):
    """An alarm that rang for a due time, once; `target` says in words to whom a case went on."""

    __tablename__ = "alarms"
    __table_args__ = (UniqueConstraint("report_id", "level", "due_at"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("reports.id"))
    level: Mapped[str] = mapped_column(String(32))
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    target: Mapped[str | None] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


@append_only
class Rating(Model):
    """How a resident rates a result, once."""

    __tablename__ = "ratings"
    __table_args__ = (CheckConstraint("score BETWEEN 1 AND 5", name="score"),)
    report_id: Mapped[int] = mapped_column(ForeignKey("reports.id"), primary_key=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    satisfied: Mapped[bool]
    score: Mapped[int]
    comment: Mapped[str | None] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
