"""A resident's points: what there is, how it came about, and what is done by hand."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session, joinedload

from core import audit, paging
from core.accounts import Account, AccountStatus
from core.database import locked, public_id
from core.permissions import Kind
from core.tokens import Caller
from rewards import ledger, rulebook
from rewards.awards import expiry
from rewards.errors import AdjustmentAccount, InsufficientPoints, RulesUnreadable
from rewards.models import Adjustment, Award, PointsAccount, PointsLot, Posting
from rewards.posting import Cause, lapse_due, lock, write
from rewards.states import AwardReason, AwardState, EntryReason, System

NOTHING_EARNED: dict[str, Any] = {"state": AwardState.NONE.value, "amount": 0}


@dataclass(frozen=True)
class Expiring:
    """Points that lapse together; the instant is exclusive."""

    amount: int
    expires_at: datetime


@dataclass(frozen=True)
class Summary:
    """What a resident has."""

    available: int
    pending: int
    debt: int
    expiring: list[Expiring]


@dataclass(frozen=True)
class Entry:
    """One line of a resident's history, in public words."""

    id: str
    amount: int
    pot: str
    reason: str
    source: dict[str, str]
    at: datetime
    expires_at: datetime | None


def lapsed(session: Session, account_id: int, now: datetime) -> bool:
    """Say whether anything is past its day that the worker has not swept yet."""
    past = select(PointsLot.account_id).where(
        PointsLot.account_id == account_id, PointsLot.remaining > 0, PointsLot.expires_at <= now
    )
    return session.scalar(past.limit(1)) is not None


def lapse(session: Session, account_id: int, now: datetime) -> None:
    """Expire what is past its day; doing it twice changes nothing."""
    lapse_due(session, account_id, lock(session, [account_id])[account_id], now)


def summary(session: Session, account_id: int) -> Summary:
    """Return the balance and all lots, soonest first."""
    account = session.get(PointsAccount, account_id, populate_existing=True)
    if account is None:
        return Summary(0, 0, 0, [])
    lots = select(PointsLot.remaining, PointsLot.expires_at).where(
        PointsLot.account_id == account_id, PointsLot.remaining > 0
    )
    rows = session.execute(lots.order_by(PointsLot.expires_at))
    expiring = [Expiring(remaining, expires_at) for remaining, expires_at in rows]
    return Summary(account.available, account.pending, account.debt, expiring)


def entries(
    session: Session, account_id: int, *, limit: int, cursor: str | None
) -> paging.Page[Entry]:
    """Return one page of a resident's entries, the latest first."""
    own = select(Posting).where(Posting.account_id == account_id)
    page = paging.page(
        session,
        own.options(joinedload(Posting.transaction)),
        keys=(Posting.sequence,),
        limit=limit,
        cursor=cursor,
        descending=True,
    )
    return paging.Page([_entry(posting) for posting in page.items], page.next_cursor)


def _entry(posting: Posting) -> Entry:
    cause = posting.transaction
    return Entry(
        id=f"{cause.public_id}-{posting.line}",
        amount=posting.amount,
        pot=posting.place,
        reason=cause.reason,
        source={"kind": cause.subject_kind, "id": cause.subject_id},
        at=cause.at,
        expires_at=posting.expires_at,
    )


def of_reports(session: Session, report_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Tell what each report earned or may earn, all in one query."""
    rows = session.execute(
        select(Award.report_id, Award.state, Award.amount).where(
            Award.report_id.in_(report_ids), Award.reason == AwardReason.REPORT
        )
    )
    earned = {key: {"state": state.value, "amount": amount} for key, state, amount in rows}
    return {report_id: earned.get(report_id, dict(NOTHING_EARNED)) for report_id in report_ids}


def adjust(
    session: Session, *, account: str, amount: int, reason: str, actor: Caller, now: datetime
) -> Adjustment:
    """Give or take points by hand; debt is paid first, and nothing is taken that is not there.

    Raises:
        AdjustmentAccount: no resident has that id.
        InsufficientPoints: there is less than should be taken.
        RulesUnreadable: no sound rule set is in force that says when points lapse.
    """
    account_id = _resident(session, account)
    balance = lapse_due(session, account_id, lock(session, [account_id])[account_id], now)
    made = Adjustment(
        public_id=public_id(),
        account_id=account_id,
        amount=amount,
        reason=reason,
        actor_id=actor.account_id,
        at=now,
    )
    session.add(made)
    write(session, account_id, _adjusting(session, balance, amount, now), _by_hand(made))
    details = {"account": account, "amount": amount}
    subject = ("adjustment", made.public_id)
    audit.record("adjustment.create", actor=actor, subject=subject, details=details, at=now)
    return made


def _resident(session: Session, account: str) -> int:
    found = session.scalar(
        select(Account.id).where(
            Account.public_id == account,
            Account.kind == Kind.RESIDENT,
            Account.status != AccountStatus.DELETED,
        )
    )
    if found is None:
        raise AdjustmentAccount
    return found


def _by_hand(made: Adjustment) -> Cause:
    return Cause(
        source=f"adjustment:{made.public_id}",
        reason=EntryReason.ADJUSTMENT,
        subject=("adjustment", made.public_id),
        at=made.at,
        actor_id=made.actor_id,
    )


def _adjusting(
    session: Session, balance: ledger.Balance, amount: int, now: datetime
) -> ledger.Plan:
    if amount < 0:
        try:
            return ledger.spend(balance, -amount, now, System.ISSUER)
        except ledger.Insufficient as error:
            raise InsufficientPoints(available=balance.available) from error
    edition = rulebook.in_force(session, now)
    if edition is None or edition.rules is None:
        raise RulesUnreadable
    return ledger.grant(balance, amount, expiry(now, edition.rules))


def forfeit(session: Session, account_id: int, now: datetime) -> None:
    """Empty the account of a person who leaves; awards that waited are void."""
    for award in _promised(session, account_id):
        cause = Cause(
            source=f"forfeiture:{award.public_id}",
            reason=EntryReason.FORFEITURE,
            subject=("report", award.number),
            at=now,
            award_id=award.id,
        )
        if plan := ledger.promise(-award.amount):
            write(session, account_id, plan, cause)
    session.execute(
        update(Award)
        .where(Award.account_id == account_id, Award.state.in_(WAITING))
        .values(state=AwardState.VOID, target=0, amount=0, holds=[], updated_at=now)
        .execution_options(synchronize_session=False)
    )
    balance = lapse_due(session, account_id, lock(session, [account_id])[account_id], now)
    if plan := ledger.forfeit(balance):
        subject = ("account", "deleted")
        write(
            session,
            account_id,
            plan,
            Cause(f"forfeiture:{public_id()}", EntryReason.FORFEITURE, subject, now),
        )


WAITING = (AwardState.PENDING, AwardState.HELD)


def _promised(session: Session, account_id: int) -> Iterator[Award]:
    """Lock the awards that still wait, before the account: the one order of locks."""
    waiting = select(Award).where(Award.account_id == account_id, Award.state.in_(WAITING))
    yield from session.scalars(locked(waiting.order_by(Award.id))).all()
