"""Redeeming and giving back: points, stock, limit and code in one transaction.

Locks are taken in one order: points account, offer, voucher. The account's lock makes the limit
and the balance true until the end; the offer, which a whole city may want at once, is locked last
and by one conditional UPDATE, so nothing is sold that is not there.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, func, or_, select, update
from sqlalchemy.orm import Session, joinedload

from core import audit, crypto
from core.clock import day_end, local_day
from core.database import public_id
from core.rows import make_once, table_of, writer
from core.tokens import Caller
from rewards import ledger
from rewards.catalogue import Offer, Voucher
from rewards.errors import (
    AlreadyUsed,
    CancelClosed,
    InsufficientPoints,
    LimitReached,
    NotUsable,
    OfferChanged,
    OfferClosed,
    OutOfStock,
    VoucherNotFound,
)
from rewards.models import Posting
from rewards.posting import Cause, lapse_due, lock, write
from rewards.states import EntryReason, OfferStatus, Pot, VoucherStatus
from rewards.vouchers import new_code

PURPOSE = "voucher"
TRIES = 5
NOT_COUNTED = (VoucherStatus.REFUNDED, VoucherStatus.VOID)
OFFERS = table_of(Offer)
WITH_PARTNER = (  # every redemption asks both, so they are built once
    select(Offer)
    .options(joinedload(Offer.partner))
    .where(Offer.id == bindparam("offer"))
    .execution_options(populate_existing=True)
)
TAKE_ONE = (
    update(OFFERS)
    .where(
        OFFERS.c.id == bindparam("offer"),
        OFFERS.c.status == OfferStatus.OPEN,
        OFFERS.c.points_price == bindparam("price"),
        or_(OFFERS.c.stock_left.is_(None), OFFERS.c.stock_left > 0),
    )
    .values(stock_left=OFFERS.c.stock_left - 1)
    .returning(OFFERS.c.id)
)


def redeem(session: Session, offer_id: int, *, actor: Caller, now: datetime) -> Voucher:
    """Exchange points for a voucher.

    Raises:
        OfferClosed, OutOfStock, LimitReached, InsufficientPoints: nothing was taken.
        OfferChanged: the price is another one than a moment ago.
    """
    account_id = actor.account_id
    balance = lock(session, [account_id])[account_id]
    offer = _open_offer(session, offer_id, now)
    _within_limit(session, offer, account_id)
    plan = _price(lapse_due(session, account_id, balance, now), offer, now)
    identifier = public_id()
    source, subject = f"voucher:{identifier}", ("voucher", identifier)
    cause = Cause(source, EntryReason.REDEMPTION, subject, now, actor_id=account_id)
    spend_id = write(session, account_id, plan, cause)
    take_stock(session, offer, now)
    voucher = _issue(
        session,
        offer,
        _voucher_values(offer, now)
        | {
            "public_id": identifier,
            "account_id": account_id,
            "spend_id": spend_id,
        },
    )
    details = {"offer": offer.public_id, "points": offer.points_price}
    audit.record("voucher.issue", actor=actor, subject=subject, details=details, at=now)
    return voucher


def _open_offer(session: Session, offer_id: int, now: datetime) -> Offer:
    offer = session.scalars(WITH_PARTNER, {"offer": offer_id}).one()
    if not _is_open(offer, now):
        raise OfferClosed
    if offer.stock_left == 0:
        raise OutOfStock
    return offer


def _is_open(offer: Offer, now: datetime) -> bool:
    begun = offer.opens_at is None or offer.opens_at <= now
    over = offer.closes_at is not None and offer.closes_at <= now
    return offer.status is OfferStatus.OPEN and begun and not over


def _within_limit(session: Session, offer: Offer, account_id: int) -> None:
    if offer.limit_per_resident is None:
        return
    held = (
        select(func.count())
        .select_from(Voucher)
        .where(
            Voucher.offer_id == offer.id,
            Voucher.account_id == account_id,
            Voucher.status.not_in(NOT_COUNTED),
        )
    )
    if (session.scalar(held) or 0) >= offer.limit_per_resident:
        raise LimitReached


def _price(balance: ledger.Balance, offer: Offer, now: datetime) -> ledger.Plan:
    try:
        return ledger.spend(balance, offer.points_price, now)
    except ledger.Insufficient as error:
        raise InsufficientPoints(available=balance.available) from error


def take_stock(session: Session, offer: Offer, now: datetime) -> None:
    """Take one of the stock, if the offer is still what the resident saw.

    Raises:
        OutOfStock, OfferClosed, OfferChanged: it is not.
    """
    seen = {"offer": offer.id, "price": offer.points_price}
    if writer(session).execute(TAKE_ONE, seen).scalar_one_or_none() is None:
        _open_offer(session, offer.id, now)
        raise OfferChanged


def _voucher_values(offer: Offer, now: datetime) -> dict[str, Any]:
    """Copy the offer's terms; the last day counts whole, in Shanghai."""
    last_day = local_day(now) + timedelta(days=offer.valid_days)
    terms = {
        "offer": offer.public_id,
        "title": offer.title,
        "kind": offer.kind,
        "terms": offer.terms,
        "partner": offer.partner.name,
        "partner_title": offer.partner.title,
        "price_fen": offer.price_fen,
    }
    return {
        "offer_id": offer.id,
        "partner_id": offer.partner_id,
        "status": VoucherStatus.ISSUED,
        "points_price": offer.points_price,
        "terms": terms,
        "entries": offer.entries,
        "uses": 0,
        "issued_at": now,
        "valid_until": day_end(last_day),
        "cancel_until": now + timedelta(days=offer.cancel_days),
    }


def _issue(session: Session, offer: Offer, values: dict[str, Any]) -> Voucher:
    """Insert under a fresh code; where it is taken already, another one is drawn."""
    for _ in range(TRIES):
        code = new_code()
        indexes = crypto.blind_indexes(code, PURPOSE)
        secret = {
            "code_index": indexes[0],
            "rotating_index": indexes[1] if len(indexes) > 1 else None,
            "code_ciphertext": crypto.encrypt(code, PURPOSE),
        }
        voucher = make_once(session, Voucher, {**values, **secret}, ("code_index",))
        if voucher is not None:
            return voucher
    raise RuntimeError(f"no free code for offer {offer.public_id}")


def owned(session: Session, account_id: int, identifier: str) -> Voucher:
    """Return the resident's own voucher.

    Raises:
        VoucherNotFound: there is none, or it is somebody else's.
    """
    statement = select(Voucher).where(
        Voucher.public_id == identifier, Voucher.account_id == account_id
    )
    voucher = session.scalars(statement.execution_options(populate_existing=True)).first()
    if voucher is None:
        raise VoucherNotFound
    return voucher


def cancel(session: Session, voucher: Voucher, *, actor: Caller, now: datetime) -> Voucher:
    """Give an unused voucher back: the points return to the lots they came from, with their expiry.

    Raises:
        AlreadyUsed, NotUsable: it is used, expired, void or given back already.
        CancelClosed: the offer's window is over.
    """
    account_id = voucher.account_id
    balance = lock(session, [account_id])[account_id]
    source, subject = f"voucher:{voucher.public_id}:refund", ("voucher", voucher.public_id)
    cause = Cause(source, EntryReason.REFUND, subject, now, actor_id=actor.account_id)
    plan = ledger.give_back(balance, _spent(session, voucher.spend_id))
    refund_id = write(session, account_id, plan, cause)
    if refund_id is None:
        raise NotUsable(voucher_status=VoucherStatus.REFUNDED.value)
    _return_stock(session, voucher.offer_id)
    _refund(session, voucher, refund_id, now)
    lapse_due(session, account_id, balance.after(plan), now)
    audit.record("voucher.cancel", actor=actor, subject=subject, at=now)
    return owned(session, account_id, voucher.public_id)


def _spent(session: Session, spend_id: int) -> list[tuple[datetime, int]]:
    """Return from which lots a voucher was paid, and how much."""
    rows = session.execute(
        select(Posting.expires_at, Posting.amount).where(
            Posting.transaction_id == spend_id, Posting.place == Pot.AVAILABLE.value
        )
    )
    return [(expires_at, -amount) for expires_at, amount in rows if expires_at is not None]


def _return_stock(session: Session, offer_id: int) -> None:
    session.execute(
        update(Offer)
        .where(Offer.id == offer_id, Offer.stock_left.is_not(None))
        .values(stock_left=Offer.stock_left + 1)
        .execution_options(synchronize_session=False)
    )


def _refund(session: Session, voucher: Voucher, refund_id: int, now: datetime) -> None:
    changed = session.scalar(
        update(Voucher)
        .where(
            Voucher.id == voucher.id,
            Voucher.status == VoucherStatus.ISSUED,
            Voucher.uses == 0,
            Voucher.cancel_until > now,
            Voucher.valid_until > now,
        )
        .values(status=VoucherStatus.REFUNDED, refund_id=refund_id, ended_at=now)
        .returning(Voucher.id)
        .execution_options(synchronize_session=False)
    )
    if changed is None:
        _say_why(owned(session, voucher.account_id, voucher.public_id), now)


def _say_why(voucher: Voucher, now: datetime) -> None:
    if voucher.uses:
        raise AlreadyUsed
    standing = status_at(voucher, now)
    if standing is not VoucherStatus.ISSUED:
        raise NotUsable(voucher_status=standing.value)
    raise CancelClosed


def status_at(voucher: Voucher, now: datetime) -> VoucherStatus:
    """Return a voucher's status; one past its day is expired before the worker came by."""
    if voucher.status is VoucherStatus.ISSUED and voucher.valid_until <= now:
        return VoucherStatus.EXPIRED
    return voucher.status


def offer_of(voucher: Voucher) -> dict[str, str]:
    """Return what the voucher is good for, as it was when it was issued."""
    terms = voucher.terms
    return {"id": terms["offer"], "title": terms["title"], "kind": terms["kind"]}
