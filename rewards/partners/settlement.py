"""A partner's month: lines are claimed when it is closed, never summed by date again.

Months close in their order. A line belongs to its own month, or, where that is closed, to the
next open one; it keeps its own time of use.
"""

import hashlib
import json
import re
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, insert, select, update
from sqlalchemy.orm import Session

from core import audit
from core.clock import day_start, local_day
from core.database import locked
from core.tokens import Caller
from rewards.awards import month_of
from rewards.catalogue import Partner, Scan, Settlement, SettlementLine, Voucher
from rewards.errors import (
    EarlierMonthOpen,
    MonthClosed,
    MonthNotBegun,
    MonthUnknown,
    PartnerNotFound,
)
from rewards.states import LineKind, ScanResult, VoucherStatus

MONTH = re.compile(r"20\d\d-(0[1-9]|1[0-2])", re.ASCII)


def partner_named(session: Session, name: str) -> Partner:
    """Return a partner by its short name.

    Raises:
        PartnerNotFound: there is none.
    """
    partner = session.scalars(select(Partner).where(Partner.name == name)).first()
    if partner is None:
        raise PartnerNotFound
    return partner


def known_month(month: str) -> str:
    """Return a month `YYYY-MM` that an address names.

    Raises:
        MonthUnknown: it is none.
    """
    if not MONTH.fullmatch(month):
        raise MonthUnknown
    return month


def bounds(month: str) -> tuple[datetime, datetime]:
    """Return the instants between which a month `YYYY-MM` lies, the end exclusive."""
    first, following = month_of(date.fromisoformat(f"{month}-01"))
    return day_start(first), day_start(following)


def totals(session: Session, partner: Partner, month: str) -> dict[str, Any]:
    """Return a month's figures: as they were closed, or as they stand."""
    closed = session.scalars(_of(partner).where(Settlement.month == month)).first()
    if closed is not None:
        return {**closed.totals, "digest": closed.digest, "closed_at": closed.closed_at}
    open_lines = and_(SettlementLine.settlement_id.is_(None), _within(session, partner, month))
    figures = _figures(session, partner, month, open_lines)
    return {**figures, "status": "open", "digest": None, "closed_at": None}


def _of(partner: Partner) -> Any:
    return select(Settlement).where(Settlement.partner_id == partner.id)


def _last_closed(session: Session, partner: Partner) -> str | None:
    return session.scalar(
        select(func.max(Settlement.month)).where(Settlement.partner_id == partner.id)
    )


def _within(session: Session, partner: Partner, month: str) -> ColumnElement[bool]:
    """Return which lines an open month has: its own, and if it is the first one, the late."""
    begin, end = bounds(month)
    last = _last_closed(session, partner)
    late = last is not None and bounds(last)[1] == begin
    own = SettlementLine.at < end
    return own if late else own & (SettlementLine.at >= begin)


def _figures(
    session: Session, partner: Partner, month: str, lines: ColumnElement[bool]
) -> dict[str, Any]:
    used, undone = (SettlementLine.kind == kind for kind in LineKind)
    price = SettlementLine.price_fen
    sums = select(
        func.count(case((used, 1))),
        func.count(case((undone, 1))),
        func.coalesce(func.sum(case((used, price), else_=-price)), 0),
        func.count(case((SettlementLine.at < bounds(month)[0], 1))),
    ).where(SettlementLine.partner_id == partner.id, lines)
    uses, taken_back, amount, late = session.execute(sums).one()
    counted = {"used": uses, "undone": taken_back, "late": late, "amount_fen": int(amount)}
    return {"partner": partner.name, "month": month, **counted, **_facts(session, partner, month)}


def _facts(session: Session, partner: Partner, month: str) -> dict[str, int]:
    """Count what happened to vouchers in the month, beside what is paid."""
    begin, end = bounds(month)
    own = Voucher.partner_id == partner.id
    issued = and_(own, Voucher.issued_at >= begin, Voucher.issued_at < end)
    lapsed = and_(
        own,
        Voucher.status == VoucherStatus.EXPIRED,
        Voucher.valid_until > begin,
        Voucher.valid_until <= end,
    )
    conflicts = (
        select(func.count())
        .select_from(Scan)
        .where(
            Scan.partner_id == partner.id,
            Scan.result == ScanResult.CONFLICT,
            Scan.received_at >= begin,
            Scan.received_at < end,
        )
    )
    count = select(func.count()).select_from(Voucher)
    return {
        "issued": session.scalar(count.where(issued)) or 0,
        "expired": session.scalar(count.where(lapsed)) or 0,
        "conflicts": session.scalar(conflicts) or 0,
    }


def close(
    session: Session, partner: Partner, month: str, *, actor: Caller, now: datetime
) -> dict[str, Any]:
    """Close a month: its lines are claimed, its figures frozen.

    Raises:
        MonthClosed: it, or a later one, is closed.
        MonthNotBegun: it lies in the future.
        EarlierMonthOpen: uses of an earlier open month wait.
    """
    session.execute(locked(select(Partner.id).where(Partner.id == partner.id)))
    _closable(session, partner, month, now)
    settlement_id = session.scalars(
        insert(Settlement)
        .values(
            partner_id=partner.id,
            month=month,
            totals={},
            digest="",
            closed_at=now,
            closed_by=actor.account_id,
        )
        .returning(Settlement.id)
    ).one()
    session.execute(
        update(SettlementLine)
        .where(
            SettlementLine.partner_id == partner.id,
            SettlementLine.settlement_id.is_(None),
            SettlementLine.at < bounds(month)[1],
        )
        .values(settlement_id=settlement_id)
        .execution_options(synchronize_session=False)
    )
    claimed = SettlementLine.settlement_id == settlement_id
    figures = {**_figures(session, partner, month, claimed), "status": "closed"}
    digest = hashlib.sha256(json.dumps(figures, sort_keys=True).encode()).hexdigest()
    session.execute(
        update(Settlement)
        .where(Settlement.id == settlement_id)
        .values(totals=figures, digest=digest)
        .execution_options(synchronize_session=False)
    )
    subject = ("settlement", f"{partner.name}/{month}")
    audit.record(
        "settlement.close", actor=actor, subject=subject, details={"digest": digest}, at=now
    )
    return {**figures, "digest": digest, "closed_at": now}


def _closable(session: Session, partner: Partner, month: str, now: datetime) -> None:
    begin, _ = bounds(month)
    last = _last_closed(session, partner)
    if last is not None and month <= last:
        raise MonthClosed
    if begin > day_start(local_day(now)):
        raise MonthNotBegun
    earlier = select(SettlementLine.id).where(
        SettlementLine.partner_id == partner.id,
        SettlementLine.settlement_id.is_(None),
        SettlementLine.at < begin,
    )
    if last is not None:
        earlier = earlier.where(SettlementLine.at >= bounds(last)[1])
    if session.scalar(earlier.limit(1)) is not None:
        raise EarlierMonthOpen
