"""Asking for a reporter's phone, and deciding on it.

The phone is that of whoever sent the very report that is named, also where it was merged into
another. Who asks is told nothing of the reporter: any report may be asked about, and only the
second officer learns that there is no phone to show.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, select, update
from sqlalchemy.orm import Session

from citizen.models import Report
from citizen.ports import CaseFor
from citizen.residents.disclosures.errors import DisclosureClosed, NoPhone, OwnRequest
from citizen.residents.disclosures.models import Decision, Disclosure, State
from core import accounts, audit
from core.errors import NotFound
from core.events import port
from core.paging import Page, page
from core.permissions import Role
from core.settings import settings
from core.tokens import Caller


def case_for(session: Session, number: str, who: Caller, *, acting: bool = False) -> Report:
    """Return a case that exists for the caller, through the port that moderation fills.

    Raises:
        NotFound, NotForYou: as `citizen.ports.CaseFor` says.
    """
    return port(CaseFor)(session, who, number, acting=acting)  # type: ignore[type-abstract]


def ask(session: Session, case: Report, reason: str, who: Caller, now: datetime) -> Disclosure:
    """Ask to be told who sent a report; the request stands for as long as the setting says."""
    made = Disclosure(
        report_id=case.id,
        asker_id=who.account_id,
        reason=reason,
        asked_at=now,
        expires_at=now + timedelta(days=settings().disclosure_days),
    )
    session.add(made)
    session.flush()  # its id is in the audit row
    _record("asked", case, made, who, now)
    return made


def to_decide(session: Session, public_id: str, who: Caller) -> tuple[Disclosure, Report]:
    """Return a request and its report for whoever may decide on it.

    Raises:
        NotFound: there is none. OwnRequest: the caller asked. NotForYou: the caller is a party.
    """
    wanted = select(Disclosure, Report.number).join(Report, Report.id == Disclosure.report_id)
    row = session.execute(wanted.where(Disclosure.public_id == public_id)).one_or_none()
    if row is None:
        raise NotFound
    asked, number = row
    case = case_for(session, number, who, acting=True)
    if asked.asker_id == who.account_id:
        raise OwnRequest
    return asked, case


def approve(
    session: Session, asked: Disclosure, case: Report, who: Caller, now: datetime
) -> tuple[Disclosure, str]:
    """Approve a request and return the reporter's phone, which no later call returns.

    Raises:
        DisclosureClosed: somebody decided before, or it has expired.
        NoPhone: there is none to show; the request stays as it is.
    """
    decided = _decide(session, asked, Decision.APPROVED, who, now)
    phone = _phone_of(session, case)
    _record("approved", case, decided, who, now)
    return decided, phone


def refuse(
    session: Session, asked: Disclosure, case: Report, note: str, who: Caller, now: datetime
) -> Disclosure:
    """Refuse a request, with the reason.

    Raises:
        DisclosureClosed: somebody decided before, or it has expired.
    """
    decided = _decide(session, asked, Decision.REFUSED, who, now, note=note)
    _record("refused", case, decided, who, now)
    return decided


def undecided(now: datetime) -> ColumnElement[bool]:
    """Return the condition that a request may still be decided; of two at once it lets one by."""
    return Disclosure.decision.is_(None) & (Disclosure.expires_at > now)


def _decide(
    session: Session,
    asked: Disclosure,
    decision: Decision,
    who: Caller,
    now: datetime,
    *,
    note: str | None = None,
) -> Disclosure:
    values = {"decision": decision, "decider_id": who.account_id, "decided_at": now, "note": note}
    decide = update(Disclosure).where(Disclosure.id == asked.id, undecided(now)).values(values)
    decided = session.scalars(
        decide.returning(Disclosure),
        execution_options={"synchronize_session": False, "populate_existing": True},
    ).one_or_none()
    if decided is None:
        session.refresh(asked)
        raise DisclosureClosed(state=asked.state(now).value)
    return decided


def _phone_of(session: Session, case: Report) -> str:
    """Return the phone of a named report's account."""
    if case.anonymous or case.reporter_id is None:
        raise NoPhone
    phone = accounts.phone_of(session, case.reporter_id)
    if phone is None:
        raise NoPhone
    return phone


def _record(step: str, case: Report, asked: Disclosure, who: Caller, now: datetime) -> None:
    subject, details = ("report", case.number), {"disclosure": asked.public_id}
    audit.record(f"disclosure.{step}", actor=who, subject=subject, details=details, at=now)


def of_case(session: Session, case: Report, *, limit: int, cursor: str | None) -> Page[Disclosure]:
    """Return a page of the requests about one report, newest first."""
    wanted = select(Disclosure).where(Disclosure.report_id == case.id)
    return _newest(session, wanted, limit, cursor)


def in_state(
    session: Session, state: State | None, now: datetime, *, limit: int, cursor: str | None
) -> Page[Disclosure]:
    """Return a page of all requests of a state, newest first: the second officer's inbox."""
    wanted = select(Disclosure)
    if state is State.ASKED:
        wanted = wanted.where(undecided(now))
    elif state is State.EXPIRED:
        wanted = wanted.where(Disclosure.decision.is_(None), Disclosure.expires_at <= now)
    elif state is not None:
        wanted = wanted.where(Disclosure.decision == Decision(state.value))
    return _newest(session, wanted, limit, cursor)


def _newest(
    session: Session, wanted: Select[Any], limit: int, cursor: str | None
) -> Page[Disclosure]:
    return page(session, wanted, keys=(Disclosure.id,), limit=limit, cursor=cursor, descending=True)


def shown(session: Session, found: Sequence[Disclosure], now: datetime) -> list[dict[str, Any]]:
    """Return what an answer tells of requests; the case numbers of a page in one query."""
    reports = {each.report_id for each in found}
    named = select(Report.id, Report.number).where(Report.id.in_(reports))
    numbers = dict(session.execute(named).all())
    return [_shown(each, numbers[each.report_id], now) for each in found]


def _shown(asked: Disclosure, number: str, now: datetime) -> dict[str, Any]:
    return {
        "id": asked.public_id,
        "number": number,
        "state": asked.state(now),
        "reason": asked.reason,
        "asked_at": asked.asked_at,
        "asked_role": Role.DISPATCHER,
        "expires_at": asked.expires_at,
        "decided_at": asked.decided_at,
        "decided_role": Role.REVIEWER if asked.decision else None,
        "note": asked.note,
    }
