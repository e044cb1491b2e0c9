"""Consents: separate purposes, versions, a record that only grows (个人信息保护法 art. 14–16)."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from sqlalchemy import Boolean, bindparam, case, func, select
from sqlalchemy.orm import Session

from citizen.residents.models import Consent, ConsentStep, Purpose
from citizen.states import Earning
from core.rows import table_of

NOTICES = Path(__file__).resolve().parent.parent / "data" / "notices"
CURRENT: dict[Purpose, str] = {Purpose.PRIVACY: "2026-11", Purpose.POINTS: "2026-11"}


CONSENTS = table_of(Consent)
LAST_OF_POINTS = (  # every submission asks it, so it is built once
    select(CONSENTS.c.step)
    .where(CONSENTS.c.account_id == bindparam("account"), CONSENTS.c.purpose == Purpose.POINTS)
    .order_by(CONSENTS.c.id.desc())
    .limit(1)
)


@dataclass(frozen=True)
class Standing:
    """The last agreement of a purpose, and when it was withdrawn, if it was."""

    purpose: Purpose
    version: str
    document_digest: str | None
    given_at: datetime
    withdrawn_at: datetime | None


@cache
def digest_of(purpose: Purpose, version: str) -> str | None:
    """Return the SHA-256 of a notice's text; None where this server has no such version.

    The app shows the text, and may already show one that is newer than this server's files.
    """
    known = {path.stem: path for path in NOTICES.glob("*.md")}
    path = known.get(f"{purpose}-{version}")
    return hashlib.sha256(path.read_bytes()).hexdigest() if path else None


def give(session: Session, account_id: int, purpose: Purpose, version: str, now: datetime) -> bool:
    """Record an agreement; say False where this version is agreed to already."""
    last = _last(session, account_id, purpose)
    if last and last.step is ConsentStep.GIVEN and last.version == version:
        return False
    _record(session, account_id, purpose, version, ConsentStep.GIVEN, now)
    return True


def withdraw(session: Session, account_id: int, purpose: Purpose, now: datetime) -> None:
    """Record that the agreement ends; what was done before stays valid. Without one, nothing."""
    last = _last(session, account_id, purpose)
    if last and last.step is ConsentStep.GIVEN:
        _record(session, account_id, purpose, last.version, ConsentStep.WITHDRAWN, now)


def _last(session: Session, account_id: int, purpose: Purpose) -> Consent | None:
    of_purpose = (Consent.account_id == account_id, Consent.purpose == purpose)
    return session.scalars(
        select(Consent).where(*of_purpose).order_by(Consent.id.desc()).limit(1)
    ).first()


def _record(
    session: Session,
    account_id: int,
    purpose: Purpose,
    version: str,
    step: ConsentStep,
    now: datetime,
) -> None:
    digest = digest_of(purpose, version)
    row = Consent(account_id=account_id, purpose=purpose, version=version, step=step, at=now)
    row.document_digest = digest
    session.add(row)
    session.flush()  # the order of ids is the order of the record


def standing(session: Session, account_id: int) -> list[Standing]:
    """Return the last agreement of each purpose that ever had one, withdrawn or not."""
    newest = select(func.max(Consent.id)).where(Consent.account_id == account_id)
    rows = newest.group_by(Consent.purpose, Consent.step)
    found = list(session.scalars(select(Consent).where(Consent.id.in_(rows)).order_by(Consent.id)))
    return [
        _standing(purpose, found)
        for purpose in Purpose
        if any(row.purpose is purpose for row in found)
    ]


def _standing(purpose: Purpose, rows: Iterable[Consent]) -> Standing:
    """Put a purpose's last agreement and last withdrawal together; the first is always there."""
    last = {row.step: row for row in rows if row.purpose is purpose}
    given, ended = last[ConsentStep.GIVEN], last.get(ConsentStep.WITHDRAWN)
    withdrawn_at = ended.at if ended and ended.id > given.id else None
    return Standing(purpose, given.version, given.document_digest, given.at, withdrawn_at)


# Whether a report that is sent now can earn points: said by the very statement that inserts it.
# `account` is its reporter's, `unnamed` whether it is anonymous.
EARNING = case(
    (bindparam("unnamed", type_=Boolean), Earning.ANONYMOUS.value),
    (LAST_OF_POINTS.scalar_subquery() == ConsentStep.GIVEN, Earning.YES.value),
    else_=Earning.NO_CONSENT.value,
)
