"""What is kept of a resident beside the account: a name, and what was consented to."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from core.database import BigId, Model, UtcDateTime, append_only, choice


class Purpose(StrEnum):
    """What consent is asked for; each purpose by itself (个人信息保护法 art. 14)."""

    PRIVACY = "privacy"
    POINTS = "points"


class ConsentStep(StrEnum):
    """What a row of the record says."""

    GIVEN = "given"
    WITHDRAWN = "withdrawn"


class ResidentProfile(Model):
    """How a resident wants to be called; encrypted, for many write their real name."""

    __tablename__ = "resident_profiles"
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    nickname_ciphertext: Mapped[bytes | None]


@append_only
class Consent(Model):
    """One step of the record: a version was agreed to, or the agreement was withdrawn.

    `document_digest` is the SHA-256 of the text, or null where this server has no such text.
    """

    __tablename__ = "consents"
    __table_args__ = (Index("ix_consents_account", "account_id", "purpose", "id"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    purpose: Mapped[Purpose] = mapped_column(choice(Purpose))
    version: Mapped[str] = mapped_column(String(32))
    step: Mapped[ConsentStep] = mapped_column(choice(ConsentStep))
    document_digest: Mapped[str | None] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
