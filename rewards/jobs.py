"""What falls due by itself; each job run twice changes nothing."""

from datetime import datetime

from sqlalchemy import exists, select, update

from core import audit
from core.database import reading, writing
from core.worker import Job
from rewards import points, reviews
from rewards.catalogue import Voucher
from rewards.errors import AwardNotHeld, RulesUnreadable
from rewards.models import PointsLot
from rewards.states import VoucherStatus

BATCH = 200


def expire_vouchers(now: datetime) -> int:
    """Mark vouchers past their last day; the points are spent. Return how many."""
    due = select(Voucher.id).where(
        Voucher.status == VoucherStatus.ISSUED, Voucher.valid_until <= now
    )
    with reading() as session:
        if session.scalar(select(exists(due))) is not True:
            return 0
    with writing() as session:
        expired = session.scalars(
            update(Voucher)
            .where(
                Voucher.id.in_(due.order_by(Voucher.id).limit(BATCH).scalar_subquery()),
                Voucher.status == VoucherStatus.ISSUED,
            )
            .values(status=VoucherStatus.EXPIRED, ended_at=now)
            .returning(Voucher.public_id)
            .execution_options(synchronize_session=False)
        ).all()
        for voucher in expired:
            audit.record("voucher.expire", actor=None, subject=("voucher", voucher), at=now)
    return len(expired)


def expire_points(now: datetime) -> int:
    """Post the expiry of lots past their day, one account a transaction; return how many."""
    due = select(PointsLot.account_id).where(PointsLot.remaining > 0, PointsLot.expires_at <= now)
    with reading() as session:
        account_ids = session.scalars(due.distinct().limit(BATCH)).all()
    for account_id in account_ids:
        with writing() as session:
            points.lapse(session, account_id, now)
    return len(account_ids)


def release_awards(now: datetime) -> int:
    """Release awards that only had to wait. Return how many."""
    with reading() as session:
        waiting = reviews.due(session, now)
    released = 0
    for award in waiting:
        try:
            with writing() as session:
                reviews.release(session, award, actor=None, now=now)
        except (AwardNotHeld, RulesUnreadable):
            continue  # a person was faster, or must look
        released += 1
    return released


JOBS = (
    Job("expire_vouchers", 60, expire_vouchers),
    Job("expire_points", 60, expire_points),
    Job("release_awards", 30, release_awards),
)
