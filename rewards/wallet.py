"""A resident's vouchers as their owner sees them: the code, and in one place only the picture."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import crypto, paging
from core.clock import local_day
from rewards.catalogue import Voucher
from rewards.issuing import PURPOSE, offer_of, status_at
from rewards.states import VOUCHER_LABELS, VoucherStatus
from rewards.vouchers import grouped, sign_qr


@dataclass(frozen=True)
class OwnVoucher:
    """A voucher for its owner; `valid_until` is the last day on which it can be used."""

    id: str
    status: VoucherStatus
    status_label: str
    offer: dict[str, str]
    partner: str
    partner_title: str
    terms: str
    points_price: int
    code: str
    entries: int
    uses: int
    issued_at: datetime
    valid_until: date
    cancel_until: datetime
    used_at: datetime | None


def shown(voucher: Voucher, now: datetime) -> OwnVoucher:
    """Return a voucher with its code, in groups of four."""
    status = status_at(voucher, now)
    return OwnVoucher(
        id=voucher.public_id,
        status=status,
        status_label=VOUCHER_LABELS[status],
        offer=offer_of(voucher),
        partner=voucher.terms["partner"],
        partner_title=voucher.terms["partner_title"],
        terms=voucher.terms["terms"],
        points_price=voucher.points_price,
        code=grouped(crypto.decrypt(voucher.code_ciphertext, PURPOSE)),
        entries=voucher.entries,
        uses=voucher.uses,
        issued_at=voucher.issued_at,
        valid_until=last_day(voucher.valid_until),
        cancel_until=voucher.cancel_until,
        used_at=voucher.used_at,
    )


def last_day(valid_until: datetime) -> date:
    """Return the last Shanghai day before an exclusive instant: what people read on a ticket."""
    return local_day(valid_until - timedelta(microseconds=1))


def qr(voucher: Voucher, now: datetime) -> str | None:
    """Return a fresh signed token of a voucher that can be used now; None for any other."""
    if status_at(voucher, now) is not VoucherStatus.ISSUED:
        return None
    claims = {
        "offer": voucher.terms["offer"],
        "partner": voucher.terms["partner"],
        "valid_until": int(voucher.valid_until.timestamp()),
        "entries": voucher.entries,
    }
    return sign_qr(voucher.public_id, claims, now, crypto.voucher_keys()[0])


def listed(
    session: Session, account_id: int, *, now: datetime, limit: int, cursor: str | None
) -> paging.Page[OwnVoucher]:
    """Return a page of a resident's vouchers, the latest first."""
    page = paging.page(
        session,
        select(Voucher).where(Voucher.account_id == account_id),
        keys=(Voucher.issued_at, Voucher.id),
        limit=limit,
        cursor=cursor,
        descending=True,
    )
    return paging.Page([shown(voucher, now) for voucher in page.items], page.next_cursor)
