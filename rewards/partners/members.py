"""Partners, who speaks for them, and their gate devices with keys of their own."""

import secrets
from datetime import datetime

from sqlalchemy import bindparam, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core import accounts, audit, crypto
from core.accounts import Account, AccountStatus, Credential
from core.permissions import Kind
from core.tokens import Caller
from rewards.catalogue import Partner, PartnerMember, Terminal
from rewards.errors import (
    PartnerExists,
    PartnerSuspended,
    TerminalExists,
    TerminalNotFound,
    TerminalRefused,
)
from rewards.states import PartnerStatus

PURPOSE = "terminal"


SPEAKING_FOR = (  # every gate asks it, so it is built once
    select(Partner)
    .join(PartnerMember, PartnerMember.partner_id == Partner.id)
    .where(PartnerMember.account_id == bindparam("account"))
)


def speaking_for(session: Session, actor: Caller) -> Partner:
    """Return the partner that an account speaks for.

    Raises:
        PartnerSuspended: for none, or for one that takes no part now.
    """
    partner = session.scalars(SPEAKING_FOR, {"account": actor.account_id}).first()
    if partner is None or partner.status is not PartnerStatus.ACTIVE:
        raise PartnerSuspended
    return partner


def create(
    session: Session, *, name: str, title: str, actor: Caller | None, now: datetime
) -> Partner:
    """Add a partner.

    Raises:
        PartnerExists: the name is taken.
    """
    partner = Partner(name=name, title=title, status=PartnerStatus.ACTIVE, created_at=now)
    _add(session, partner, PartnerExists)
    audit.record("partner.create", actor=actor, subject=("partner", name), at=now)
    return partner


def _add(session: Session, row: object, taken: type[PartnerExists | TerminalExists]) -> None:
    """Insert, and let the unique constraint decide between two who try at once."""
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError as error:
        raise taken from error


def add_account(
    session: Session, partner: Partner, *, username: str, password_hash: str, now: datetime
) -> Account:
    """Add a password account that speaks for the partner."""
    account = _member(session, partner, now)
    session.add(
        Credential(
            account_id=account.id, username=username, password_hash=password_hash, changed_at=now
        )
    )
    return account


def _member(session: Session, partner: Partner, now: datetime) -> Account:
    account = Account(kind=Kind.PARTNER, created_at=now)
    session.add(account)
    session.flush()  # what belongs to the account refers to it
    session.add(PartnerMember(account_id=account.id, partner_id=partner.id))
    return account


def add_terminal(
    session: Session,
    partner: Partner,
    *,
    label: str,
    place: str | None,
    actor: Caller,
    now: datetime,
) -> tuple[Terminal, str]:
    """Add a gate device; its key is told once, and kept as an index only.

    Raises:
        TerminalExists: the partner has one of that name.
    """
    key = secrets.token_urlsafe(32)
    indexes = crypto.blind_indexes(key, PURPOSE)
    terminal = Terminal(
        account_id=_member(session, partner, now).id,
        partner_id=partner.id,
        label=label,
        place=place,
        key_index=indexes[0],
        rotating_index=indexes[1] if len(indexes) > 1 else None,
        created_at=now,
    )
    _add(session, terminal, TerminalExists)
    details = {"terminal": label}
    audit.record(
        "terminal.create", actor=actor, subject=("partner", partner.name), details=details, at=now
    )
    return terminal, key


def revoke_terminal(
    session: Session, partner: Partner, label: str, *, actor: Caller, now: datetime
) -> Terminal:
    """End a device's key and all its tokens; doing it twice changes nothing.

    Raises:
        TerminalNotFound: the partner has none of that name.
    """
    terminal = session.scalars(
        select(Terminal).where(Terminal.partner_id == partner.id, Terminal.label == label)
    ).first()
    if terminal is None:
        raise TerminalNotFound
    account = session.get_one(Account, terminal.account_id)
    if terminal.revoked_at is None:
        terminal.revoked_at = now
        account.status = AccountStatus.DISABLED
        accounts.end_tokens(account)
        details = {"terminal": label}
        subject = ("partner", partner.name)
        audit.record("terminal.revoke", actor=actor, subject=subject, details=details, at=now)
    return terminal


def terminal_with(session: Session, key: str) -> tuple[Account, Terminal]:
    """Return the device that a key opens.

    Raises:
        TerminalRefused: none, or a revoked one.
    """
    indexes = crypto.blind_indexes(key, PURPOSE)
    either = or_(Terminal.key_index.in_(indexes), Terminal.rotating_index.in_(indexes))
    row = session.execute(
        select(Account, Terminal)
        .join(Terminal, Terminal.account_id == Account.id)
        .where(either, Terminal.revoked_at.is_(None), Account.status == AccountStatus.ACTIVE)
    ).first()
    if row is None:
        raise TerminalRefused
    return row[0], row[1]
