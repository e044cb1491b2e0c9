"""What residents call about points, offers and their vouchers."""

from flask import Response

from core import idempotency
from core.api import Blueprint, EmptySchema, answer, body, dump, query
from core.clock import now as present
from core.database import reading, writing
from core.errors import Invalid
from core.paging import PageQuery
from core.permissions import Kind
from core.tokens import caller, may
from rewards import issuing, offers, points, wallet
from rewards.errors import (
    AlreadyUsed,
    CancelClosed,
    InsufficientPoints,
    LimitReached,
    NotUsable,
    OfferChanged,
    OfferClosed,
    OfferNotFound,
    OutOfStock,
    VoucherNotFound,
)
from rewards.schemas import (
    EntryPageSchema,
    OfferPageSchema,
    OfferSchema,
    OwnVoucherPageSchema,
    OwnVoucherSchema,
    PointsSummarySchema,
    ShownVoucherSchema,
)

routes = Blueprint("points", __name__, description="积分与兑换 Points, offers and vouchers")


def _swept(account_id: int) -> None:
    """Expire what is past its day before it is shown, whether or not the worker came by."""
    now = present()
    with reading() as session:
        lapsed = points.lapsed(session, account_id, now)
    if lapsed:
        with writing() as session:
            points.lapse(session, account_id, now)


@routes.get("/me/points")
@routes.gives(200, PointsSummarySchema)
@may("rewards.own")
def own_points() -> Response:
    """Tell what one has, and when it lapses."""
    _swept(caller().account_id)
    with reading() as session:
        found = points.summary(session, caller().account_id)
    return answer(dump(PointsSummarySchema, found))


@routes.get("/me/points/entries")
@routes.asks(PageQuery)
@routes.gives(200, EntryPageSchema)
@routes.fails(Invalid)
@may("rewards.own")
def own_entries() -> Response:
    """List every movement of one's points, the latest first."""
    asked = query(PageQuery)
    _swept(caller().account_id)
    with reading() as session:
        page = points.entries(session, caller().account_id, **asked)
    return answer(dump(EntryPageSchema, page))


@routes.get("/offers")
@routes.asks(PageQuery)
@routes.gives(200, OfferPageSchema)
@routes.fails(Invalid)
@may("rewards.offers")
def list_offers() -> Response:
    """List what points can be exchanged for; staff also see what is not open."""
    asked, staff = query(PageQuery), caller().kind is Kind.STAFF
    with reading() as session:
        page = offers.listed(session, staff=staff, now=present(), **asked)
    return answer(dump(OfferPageSchema, page))


@routes.get("/offers/<offer_id>")
@routes.gives(200, OfferSchema)
@routes.fails(OfferNotFound)
@may("rewards.offers")
def show_offer(offer_id: str) -> Response:
    """Show one offer."""
    with reading() as session:
        offer = offers.visible(session, offer_id, staff=caller().kind is Kind.STAFF)
    return answer(dump(OfferSchema, offer))


@routes.post("/offers/<offer_id>/redeem")
@routes.takes(EmptySchema)
@routes.needs("Idempotency-Key", example="6f1c2a54-redeem-1")
@routes.gives(201, OwnVoucherSchema)
@routes.fails(
    OfferNotFound,
    OfferClosed,
    OutOfStock,
    LimitReached,
    InsufficientPoints,
    OfferChanged,
    idempotency.KeyMissing,
    idempotency.KeyInFlight,
    idempotency.KeyReused,
    Invalid,
)
@may("rewards.redeem")
def redeem(offer_id: str) -> Response:
    """Exchange points for a voucher, once for each key."""
    with reading() as session:
        offer = offers.visible(session, offer_id, staff=False)
    body(EmptySchema)
    now = present()
    with idempotency.once() as reply:
        voucher = issuing.redeem(reply.session, offer.id, actor=caller(), now=now)
        reply.set(dump(OwnVoucherSchema, wallet.shown(voucher, now)), 201)
    return reply.response


@routes.get("/me/vouchers")
@routes.asks(PageQuery)
@routes.gives(200, OwnVoucherPageSchema)
@routes.fails(Invalid)
@may("rewards.own")
def own_vouchers() -> Response:
    """List one's vouchers, the latest first."""
    asked = query(PageQuery)
    with reading() as session:
        page = wallet.listed(session, caller().account_id, now=present(), **asked)
    return answer(dump(OwnVoucherPageSchema, page))


@routes.get("/me/vouchers/<voucher_id>")
@routes.gives(200, ShownVoucherSchema)
@routes.fails(VoucherNotFound)
@may("rewards.own")
def show_voucher(voucher_id: str) -> Response:
    """Show one voucher with a fresh QR token."""
    now = present()
    with reading() as session:
        voucher = issuing.owned(session, caller().account_id, voucher_id)
    shown = dump(OwnVoucherSchema, wallet.shown(voucher, now))
    return answer({**shown, "qr": wallet.qr(voucher, now)})


@routes.post("/me/vouchers/<voucher_id>/cancel")
@routes.takes(EmptySchema)
@routes.gives(200, OwnVoucherSchema)
@routes.fails(VoucherNotFound, AlreadyUsed, NotUsable, CancelClosed, Invalid)
@may("rewards.redeem")
def cancel_voucher(voucher_id: str) -> Response:
    """Give an unused voucher back; the points return with the expiry that they had."""
    with reading() as session:
        voucher = issuing.owned(session, caller().account_id, voucher_id)
    body(EmptySchema)
    now = present()
    with writing() as session:
        returned = issuing.cancel(session, voucher, actor=caller(), now=now)
        shown = dump(OwnVoucherSchema, wallet.shown(returned, now))
    return answer(shown)
