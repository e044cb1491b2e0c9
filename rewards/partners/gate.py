"""At the gate: what a voucher is, its one use, and taking a use back.

A use is one conditional UPDATE, and a partial unique index holds each entry to one standing
redemption. The partner learns what the voucher is good for, never whose it is or what was
reported.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BindParameter, bindparam, case, func, select, update
from sqlalchemy.orm import Session

from core import audit, crypto
from core.clock import shanghai
from core.database import locked
from core.rows import make, put, table_of, writer
from core.tokens import Caller
from rewards.catalogue import BY_CODE, Redemption, SettlementLine, Voucher
from rewards.errors import (
    AlreadyUndone,
    AlreadyUsed,
    NotUsable,
    QrExpired,
    RedemptionNotFound,
    UndoClosed,
    VoucherNotFound,
)
from rewards.issuing import PURPOSE, offer_of, status_at
from rewards.states import LineKind, VoucherStatus
from rewards.vouchers import QrToken, UnreadableQr, normalise, read_qr

UNDO_WINDOW = timedelta(minutes=10)


@dataclass(frozen=True)
class Use:
    """A use as the gate is told of it."""

    redemption: str
    offer: dict[str, str]
    terminal: str
    used_at: datetime


@dataclass(frozen=True)
class Look:
    """What a voucher is, for the partner that honours it."""

    status: VoucherStatus
    offer: dict[str, str]
    valid_until: datetime
    entries: int
    uses: int
    used_at: datetime | None
    terminal: str | None


def find(session: Session, partner_id: int, shown: dict[str, str], now: datetime) -> Voucher:
    """Return the partner's voucher behind a typed code or a scanned picture.

    Raises:
        VoucherNotFound: unknown, forged, or another partner's: all the same.
        QrExpired: our own picture, but older than its 60 seconds.
    """
    if "qr" in shown:
        token = qr_token(shown["qr"])
        voucher = by_key(session, partner_id, token.voucher)
        if token.expires_at <= now:
            raise QrExpired
        return voucher
    indexes = crypto.blind_indexes(normalise(shown["code"]), PURPOSE)
    return _one(session, BY_CODE, {"indexes": indexes, "partner": partner_id})


def qr_token(text: str) -> QrToken:
    """Read a picture's token under any of our keys.

    Raises:
        VoucherNotFound: it is not of our making.
    """
    keys = {key_id: private.public_key() for key_id, private in crypto.voucher_keys()}
    try:
        return read_qr(text, keys)
    except UnreadableQr as error:
        raise VoucherNotFound from error


def by_key(session: Session, partner_id: int, identifier: str) -> Voucher:
    """Return the partner's voucher by its public id.

    Raises:
        VoucherNotFound: there is none of this partner.
    """
    own = Voucher.partner_id == partner_id
    return _one(session, select(Voucher).where(Voucher.public_id == identifier, own))


def _one(session: Session, statement: Any, named: dict[str, Any] | None = None) -> Voucher:
    found = session.scalars(
        statement, named or {}, execution_options={"populate_existing": True}
    ).first()
    if found is None:
        raise VoucherNotFound
    voucher: Voucher = found
    return voucher


def look(session: Session, voucher: Voucher, now: datetime) -> Look:
    """Say what a voucher is without using it."""
    first = first_use(session, voucher.id) if voucher.uses else None
    return Look(
        status=status_at(voucher, now),
        offer=offer_of(voucher),
        valid_until=voucher.valid_until,
        entries=voucher.entries,
        uses=voucher.uses,
        used_at=first.used_at if first else None,
        terminal=first.terminal if first else None,
    )


def first_use(session: Session, voucher_id: int) -> Redemption | None:
    """Return the earliest use that stands."""
    standing = select(Redemption).where(
        Redemption.voucher_id == voucher_id, Redemption.undone_at.is_(None)
    )
    return session.scalars(standing.order_by(Redemption.id).limit(1)).first()


def redeem(
    session: Session, voucher: Voucher, *, terminal: str, actor: Caller, now: datetime
) -> Use:
    """Use a voucher exactly once.

    Raises:
        AlreadyUsed: with the first use's time and terminal.
        NotUsable: expired, void or given back; with its status.
    """
    uses = take_use(session, voucher, now)
    redemption = add_redemption(
        session, voucher, uses, terminal=terminal, actor=actor, used_at=now, received_at=now
    )
    audit.record("voucher.use", actor=actor, subject=("voucher", voucher.public_id), at=now)
    return Use(redemption.public_id, offer_of(voucher), terminal, now)


def take_use(session: Session, voucher: Voucher, now: datetime) -> int:
    """Count one use if one is left, and return how many there are now.

    Raises:
        AlreadyUsed, NotUsable: none is.
    """
    named = {"voucher": voucher.id, "now": now}
    uses: int | None = writer(session).execute(TAKE_USE, named).scalar_one_or_none()
    if uses is None:
        refuse(session, voucher, now)
    return uses or 0


def one_more_use(used_at: datetime | BindParameter[datetime]) -> dict[str, Any]:
    """Return the columns that a use changes; the last entry makes the voucher used."""
    last = Voucher.uses + 1 >= Voucher.entries
    return {
        "uses": Voucher.uses + 1,
        "status": case((last, VoucherStatus.USED), else_=VoucherStatus.ISSUED),
        "used_at": func.coalesce(Voucher.used_at, used_at),
    }


TAKE_USE = (  # every use asks it, so it is built once
    update(table_of(Voucher))
    .where(
        Voucher.id == bindparam("voucher"),
        Voucher.status == VoucherStatus.ISSUED,
        Voucher.valid_until > bindparam("now"),
        Voucher.uses < Voucher.entries,
    )
    .values(one_more_use(bindparam("now", type_=Voucher.used_at.type)))
    .returning(table_of(Voucher).c.uses)
)


def refuse(session: Session, voucher: Voucher, now: datetime) -> None:
    """Say why a voucher can't be used, as it is now.

    Raises:
        AlreadyUsed, NotUsable: always one of them.
    """
    session.refresh(voucher)
    standing = status_at(voucher, now)
    if standing is VoucherStatus.USED:
        first = first_use(session, voucher.id)
        raise AlreadyUsed(
            used_at=first and shanghai(first.used_at).isoformat(timespec="seconds"),
            terminal=first and first.terminal,
            redemption=first and first.public_id,
        )
    raise NotUsable(voucher_status=standing.value)


def add_redemption(
    session: Session,
    voucher: Voucher,
    uses: int,
    *,
    terminal: str,
    actor: Caller,
    used_at: datetime,
    received_at: datetime,
) -> Redemption:
    """Write the use and its line for settlement; the caller holds the voucher's row."""
    entry = uses if voucher.entries == 1 else _free_entry(session, voucher)
    values = {
        "voucher_id": voucher.id,
        "partner_id": voucher.partner_id,
        "actor_id": actor.account_id,
        "entry": entry,
        "terminal": terminal,
        "used_at": used_at,
        "received_at": received_at,
        "offline": used_at != received_at,
    }
    redemption = make(session, Redemption, values)
    add_line(session, redemption, LineKind.USED, used_at, voucher.terms["price_fen"])
    return redemption


def _free_entry(session: Session, voucher: Voucher) -> int:
    """Return the lowest entry of a many-entry voucher that no standing use holds."""
    taken = set(
        session.scalars(
            select(Redemption.entry).where(
                Redemption.voucher_id == voucher.id, Redemption.undone_at.is_(None)
            )
        )
    )
    return next(entry for entry in range(1, voucher.entries + 1) if entry not in taken)


def add_line(
    session: Session, redemption: Redemption, kind: LineKind, at: datetime, price_fen: int
) -> None:
    """Leave a line for the settlement of the month that it falls into."""
    values = {
        "partner_id": redemption.partner_id,
        "redemption_id": redemption.id,
        "kind": kind,
        "at": at,
        "price_fen": price_fen,
    }
    put(session, SettlementLine, values)


def undo(
    session: Session,
    partner_id: int,
    identifier: str,
    *,
    reason: str,
    actor: Caller,
    now: datetime,
) -> Redemption:
    """Take a use back within ten minutes of the server's receipt; the voucher is good again.

    Raises:
        RedemptionNotFound: it is no use at this partner.
        AlreadyUndone: it was taken back before.
        UndoClosed: the ten minutes are over.
    """
    voucher = _lock_voucher_of(session, partner_id, identifier)
    statement = select(Redemption).where(Redemption.public_id == identifier)
    redemption = session.scalars(statement.execution_options(populate_existing=True)).one()
    if redemption.undone_at is not None:
        raise AlreadyUndone
    if now - redemption.received_at > UNDO_WINDOW:
        raise UndoClosed
    redemption.undone_at, redemption.undo_reason = now, reason
    voucher.uses -= 1
    voucher.status = VoucherStatus.ISSUED
    if voucher.uses == 0:
        voucher.used_at = None
    add_line(session, redemption, LineKind.UNDONE, now, voucher.terms["price_fen"])
    subject = ("voucher", voucher.public_id)
    audit.record("voucher.undo", actor=actor, subject=subject, at=now)
    return redemption


def _lock_voucher_of(session: Session, partner_id: int, identifier: str) -> Voucher:
    own = select(Redemption.voucher_id).where(
        Redemption.public_id == identifier, Redemption.partner_id == partner_id
    )
    found = session.scalars(
        locked(select(Voucher).where(Voucher.id == own.scalar_subquery()))
    ).first()
    if found is None:
        raise RedemptionNotFound
    return found
