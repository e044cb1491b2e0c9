"""The only writer of the books: a plan becomes one transaction and its postings.

A resident's balance moves in one statement that gives the new one back, and it gives the lock:
sequence and balance of every posting follow from its answer. System accounts have no row, so none
is hot for the city.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from core.clock import local_day
from core.database import locked, public_id
from core.rows import put, put_once, table_of, writer
from rewards.ledger import Balance, Line, Lot, LotChange, Plan, lapse, moved, total
from rewards.models import PointsAccount, PointsLot, Posting, Transaction
from rewards.states import EntryReason, Pot

BALANCES = ("available", "pending", "debt", "sequence")
HELD = locked(  # asked by all that moves points, so both are built once
    select(PointsAccount)
    .where(PointsAccount.account_id.in_(bindparam("accounts", expanding=True)))
    .order_by(PointsAccount.account_id)
)
LOTS = (
    select(
        *(table_of(PointsLot).c[n] for n in ("account_id", "expires_at", "remaining", "expired"))
    )
    .where(table_of(PointsLot).c.account_id.in_(bindparam("accounts", expanding=True)))
    .order_by(table_of(PointsLot).c.expires_at)
)


@dataclass(frozen=True)
class Cause:
    """Why a plan is written: a unique source, a reason, and what it is about in public words."""

    source: str
    reason: EntryReason
    subject: tuple[str, str]
    at: datetime
    award_id: int | None = None
    actor_id: int | None = None


def lock(session: Session, account_ids: Iterable[int]) -> dict[int, Balance]:
    """Lock points accounts by id and return their balances; one that never moved is empty."""
    wanted = sorted(set(account_ids))
    held = session.scalars(HELD, {"accounts": wanted})
    accounts = {account.account_id: account for account in held}
    lots = _lots(session, [key for key in wanted if key in accounts])
    return {key: _balance(accounts.get(key), lots.get(key, ())) for key in wanted}


def _lots(session: Session, account_ids: Sequence[int]) -> dict[int, list[Lot]]:
    if not account_ids:
        return {}
    found: dict[int, list[Lot]] = {}
    rows = writer(session).execute(LOTS, {"accounts": account_ids})
    for account_id, expires_at, remaining, expired in rows:
        found.setdefault(account_id, []).append(Lot(expires_at, remaining, expired))
    return found


def _balance(account: PointsAccount | None, lots: Sequence[Lot]) -> Balance:
    if account is None:
        return Balance()
    return Balance(account.available, account.pending, account.debt, tuple(lots))


def write(session: Session, account_id: int, plan: Plan, cause: Cause) -> int | None:
    """Write a plan; return the transaction's key, or None when its source was posted before.

    Raises:
        ValueError: the plan does not sum to zero.
    """
    if total(plan.lines) != 0:
        raise ValueError(f"a plan that does not sum to zero: {plan.lines}")
    transaction_id = _open(session, cause)
    if transaction_id is not None:
        after = _move(session, account_id, plan.lines)
        lines = _postings(transaction_id, account_id, plan.lines, after)
        put(session, Posting, *lines)
        _change_lots(session, account_id, plan.lots)
    return transaction_id


def _open(session: Session, cause: Cause) -> int | None:
    values = {
        "public_id": public_id(),
        "source": cause.source,
        "reason": cause.reason.value,
        "subject_kind": cause.subject[0],
        "subject_id": cause.subject[1],
        "award_id": cause.award_id,
        "actor_id": cause.actor_id,
        "at": cause.at,
    }
    return put_once(session, Transaction, values, ("source",))


def lapse_due(session: Session, account_id: int, balance: Balance, now: datetime) -> Balance:
    """Expire what is past its day before anything else moves; return the balance that is left."""
    plan = lapse(balance, now)
    if not plan:
        return balance
    last_day = local_day(plan.lots[0].expires_at - timedelta(seconds=1))
    subject = ("expiry", last_day.isoformat())
    cause = Cause(f"expiry:{public_id()}", EntryReason.EXPIRY, subject, now)
    write(session, account_id, plan, cause)
    return balance.after(plan)


@dataclass(frozen=True)
class _After:
    """An account's pots and sequence after a move."""

    pots: dict[Pot, int]
    sequence: int


def _move(session: Session, account_id: int, lines: Sequence[Line]) -> _After:
    """Move the pots in one statement that answers with the new balance.

    A first posting may have to make the row. Only what adds can: databases hold an inserted row
    against its CHECKs before they look for the conflict, so a plan that takes goes by UPDATE.
    """
    moves = {pot.value: moved(lines, pot) for pot in Pot}
    moves["sequence"] = sum(isinstance(line.place, Pot) for line in lines)
    connection = writer(session)
    if min(moves.values()) >= 0:
        moving = connection.execute(
            _adding(connection.dialect.name), {"account_id": account_id, **moves}
        )
    else:
        by = {f"by_{name}": amount for name, amount in moves.items()}
        moving = connection.execute(_taking(), {"the_account": account_id, **by})
    available, pending, debt, sequence = moving.one()
    return _After({Pot.AVAILABLE: available, Pot.PENDING: pending, Pot.DEBT: debt}, sequence)


@cache
def _adding(dialect: str) -> Any:
    """Make the row or add to it."""
    table = table_of(PointsAccount)
    made: Any = (sqlite if dialect == "sqlite" else postgresql).insert(table)
    added = {name: table.c[name] + made.excluded[name] for name in BALANCES}
    upsert = made.on_conflict_do_update(index_elements=["account_id"], set_=added)
    return upsert.returning(*(table.c[name] for name in BALANCES))


@cache
def _taking() -> Any:
    """Add to a row that stands, or take from it."""
    table = table_of(PointsAccount)
    by = {name: bindparam(f"by_{name}", type_=table.c[name].type) for name in BALANCES}
    moving = update(table).where(table.c.account_id == bindparam("the_account"))
    moved_by = moving.values({name: table.c[name] + by[name] for name in BALANCES})
    return moved_by.returning(*(table.c[name] for name in BALANCES))


def _postings(
    transaction_id: int, account_id: int, lines: Sequence[Line], after: _After
) -> list[dict[str, Any]]:
    """Number the lines and work out each balance, backwards from the one after the last."""
    pots, sequence, rows = dict(after.pots), after.sequence, []
    for number, line in reversed(list(enumerate(lines))):
        row: dict[str, Any] = {
            "transaction_id": transaction_id,
            "line": number,
            "account_id": None,
            "place": line.place.value,
            "amount": line.amount,
            "sequence": None,
            "balance_after": None,
            "expires_at": line.expires_at,
        }
        if isinstance(line.place, Pot):
            row |= {
                "account_id": account_id,
                "sequence": sequence,
                "balance_after": pots[line.place],
            }
            pots[line.place] -= line.amount
            sequence -= 1
        rows.append(row)
    return rows[::-1]


def _change_lots(session: Session, account_id: int, changes: Sequence[LotChange]) -> None:
    connection = writer(session)
    made = [_row(account_id, change) for change in changes if change.granted]
    if made:
        connection.execute(_granting(connection.dialect.name), made)
    changed = [_difference(account_id, change) for change in changes if not change.granted]
    if changed:
        connection.execute(_changing(), changed)


@cache
def _granting(dialect: str) -> Any:
    table = table_of(PointsLot)
    made: Any = (sqlite if dialect == "sqlite" else postgresql).insert(table)
    added = {name: table.c[name] + made.excluded[name] for name in ("granted", "remaining")}
    return made.on_conflict_do_update(index_elements=["account_id", "expires_at"], set_=added)


def _row(account_id: int, change: LotChange) -> dict[str, Any]:
    return {
        "account_id": account_id,
        "expires_at": change.expires_at,
        "granted": change.granted,
        "remaining": change.remaining,
        "expired": change.expired,
    }


def _difference(account_id: int, change: LotChange) -> dict[str, Any]:
    return {
        "the_account": account_id,
        "instant": change.expires_at,
        "by_remaining": change.remaining,
        "by_expired": change.expired,
    }


@cache
def _changing() -> Any:
    lots = table_of(PointsLot)
    lot = (
        lots.c.account_id == bindparam("the_account"),
        lots.c.expires_at == bindparam("instant", type_=lots.c.expires_at.type),
    )
    by = {
        name: lots.c[name] + bindparam(f"by_{name}", type_=lots.c[name].type)
        for name in ("remaining", "expired")
    }
    return update(lots).where(*lot).values(by)
