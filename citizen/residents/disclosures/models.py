"""Who asked to be told a reporter's phone, why, and what was decided; the phone is not in it."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from core.database import BigId, Model, UtcDateTime, choice, public_id


class Decision(StrEnum):
    """What the second officer may say."""

    APPROVED = "approved"
    REFUSED = "refused"


class State(StrEnum):
    """How a request stands; one that nobody answered in time has expired."""

    ASKED = "asked"
    APPROVED = "approved"
    REFUSED = "refused"
    EXPIRED = "expired"


class Disclosure(Model):
    """One request; it is decided once, by somebody else, before it expires."""

    __tablename__ = "disclosures"
    __table_args__ = (
        CheckConstraint("decider_id <> asker_id", name="two_people"),
        Index("ix_disclosures_report", "report_id", "id"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True, default=public_id)
    report_id: Mapped[int] = mapped_column(ForeignKey("reports.id"))
    asker_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    reason: Mapped[str] = mapped_column(Text)
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    decision: Mapped[Decision | None] = mapped_column(choice(Decision))
    decider_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    note: Mapped[str | None] = mapped_column(Text)

    def state(self, now: datetime) -> State:
        """Return how the request stands at an instant."""
        if self.decision is not None:
            return State(self.decision.value)
        return State.ASKED if now < self.expires_at else State.EXPIRED
