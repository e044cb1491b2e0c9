"""Offers: what points buy; stock and price change by rows of their own."""

from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, func, insert, or_, select
from sqlalchemy.orm import Session, joinedload

from core import audit, paging
from core.database import locked
from core.tokens import Caller
from rewards.catalogue import Offer, Partner, PriceChange, StockChange, Voucher
from rewards.errors import OfferNotFound, OfferPartner
from rewards.states import OfferStatus, VoucherStatus

AUDITED = ("status", "points_price", "price_fen", "stock_left", "limit_per_resident", "valid_days")


def visible(session: Session, public_id: str, *, staff: bool) -> Offer:
    """Return an offer; residents see no drafts.

    Raises:
        OfferNotFound: there is none, or it is not to be seen yet.
    """
    offer = session.scalars(NAMED, {"offer": public_id}).first()
    if offer is None or (offer.status is OfferStatus.DRAFT and not staff):
        raise OfferNotFound
    return offer


def _with_partner() -> Select[Offer]:
    return (
        select(Offer).options(joinedload(Offer.partner)).execution_options(populate_existing=True)
    )


NAMED = _with_partner().where(Offer.public_id == bindparam("offer"))  # built once


def listed(
    session: Session, *, staff: bool, now: datetime, limit: int, cursor: str | None
) -> paging.Page[Offer]:
    """Return a page of offers: to residents those that are open now, to staff all."""
    wanted = _with_partner()
    if not staff:
        wanted = wanted.where(
            Offer.status == OfferStatus.OPEN,
            or_(Offer.opens_at.is_(None), Offer.opens_at <= now),
            or_(Offer.closes_at.is_(None), Offer.closes_at > now),
        )
    return paging.page(session, wanted, keys=(Offer.id,), limit=limit, cursor=cursor)


def create(
    session: Session, values: dict[str, Any], *, actor: Caller | None, now: datetime
) -> Offer:
    """Add an offer with its first stock and price.

    Raises:
        OfferPartner: the named partner does not exist.
    """
    named = values.pop("partner")
    partner = session.scalars(select(Partner).where(Partner.name == named)).first()
    if partner is None:
        raise OfferPartner
    offer = Offer(**values, partner_id=partner.id, partner=partner, created_at=now)
    session.add(offer)
    session.flush()  # stock and price refer to it
    if offer.stock_left is not None:
        _note_stock(session, offer, offer.stock_left, actor, now)
    _note_price(session, offer, actor, now)
    _audit("offer.create", offer, values, actor, now)
    return offer


def change(
    session: Session, offer: Offer, values: dict[str, Any], *, actor: Caller, now: datetime
) -> Offer:
    """Change an offer under its lock; a set stock is noted as the difference to what was left."""
    offer = session.scalars(locked(select(Offer).where(Offer.id == offer.id))).one()
    before = (offer.points_price, offer.price_fen)
    if "stock_left" in values and values["stock_left"] is not None:
        difference = values["stock_left"] - _stock_by_rows(session, offer)
        _note_stock(session, offer, difference, actor, now)
    for name, value in values.items():
        setattr(offer, name, value)
    session.flush()  # CHECKs must speak here, not at commit
    if (offer.points_price, offer.price_fen) != before:
        _note_price(session, offer, actor, now)
    _audit("offer.change", offer, values, actor, now)
    return offer


def _stock_by_rows(session: Session, offer: Offer) -> int:
    """Return the stock by the rows, right also after an offer was unlimited for a while."""
    if offer.stock_left is not None:
        return offer.stock_left
    noted = session.scalar(
        select(func.sum(StockChange.change)).where(StockChange.offer_id == offer.id)
    )
    gone = select(func.count()).select_from(Voucher).where(Voucher.offer_id == offer.id)
    kept = gone.where(Voucher.status != VoucherStatus.REFUNDED)
    return int(noted or 0) - int(session.scalar(kept) or 0)


def _note_stock(
    session: Session, offer: Offer, difference: int, actor: Caller | None, now: datetime
) -> None:
    if difference:
        row = {"offer_id": offer.id, "change": difference, "actor_id": _id(actor), "at": now}
        session.execute(insert(StockChange).values(**row))


def _note_price(session: Session, offer: Offer, actor: Caller | None, now: datetime) -> None:
    prices = {"points_price": offer.points_price, "price_fen": offer.price_fen}
    session.execute(
        insert(PriceChange).values(offer_id=offer.id, actor_id=_id(actor), at=now, **prices)
    )


def _id(actor: Caller | None) -> int | None:
    return actor.account_id if actor else None


def _audit(
    action: str, offer: Offer, values: dict[str, Any], actor: Caller | None, now: datetime
) -> None:
    details = {name: values[name] for name in AUDITED if name in values}
    audit.record(action, actor=actor, subject=("offer", offer.public_id), details=details, at=now)
