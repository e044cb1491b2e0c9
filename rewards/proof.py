"""The proof of the books: a query for each invariant; a row that it finds is a fault.

Everything is worked out from the postings, never from the code that wrote them.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Select, and_, case, func, or_, select
from sqlalchemy.orm import Session, aliased

from citizen.events import Verdict
from core import crypto
from core.idempotency import IdempotencyKey
from rewards import rulebook
from rewards.awards import found_true, worth
from rewards.catalogue import Offer, Redemption, StockChange, Voucher
from rewards.models import Award, PointsAccount, PointsLot, Posting, Transaction
from rewards.states import AwardReason, AwardState, EntryReason, Pot, System, VoucherStatus

SKEW = timedelta(minutes=5)
BATCH = 1000


@dataclass(frozen=True)
class Invariant:
    """One thing that must hold, numbered as the reliability figures number them."""

    name: str
    findings: Callable[[Session], Iterator[str]]


def _sum(condition: Any) -> Any:
    return func.coalesce(func.sum(case((condition, Posting.amount), else_=0)), 0)


def balances(session: Session) -> Iterator[str]:
    """Each pot is the sum of its entries, available is the sum of the lots."""
    pots = [_sum(Posting.place == pot.value) for pot in Pot]
    kept = (PointsAccount.available, PointsAccount.pending, PointsAccount.debt)
    sums = (
        select(PointsAccount.account_id, *kept, *pots)
        .outerjoin(Posting, Posting.account_id == PointsAccount.account_id)
        .group_by(PointsAccount.account_id, *kept)
        .having(or_(*(column != total for column, total in zip(kept, pots, strict=True))))
    )
    for row in session.execute(sums):
        yield f"account {row[0]}: kept {tuple(row[1:4])}, entries {tuple(row[4:7])}"
    lots = func.coalesce(func.sum(PointsLot.remaining), 0)
    uneven = (
        select(PointsAccount.account_id, PointsAccount.available, lots)
        .outerjoin(PointsLot, PointsLot.account_id == PointsAccount.account_id)
        .group_by(PointsAccount.account_id, PointsAccount.available)
        .having(PointsAccount.available != lots)
    )
    for account_id, available, in_lots in session.execute(uneven):
        yield f"account {account_id}: available {available}, lots {in_lots}"


def double_entry(session: Session) -> Iterator[str]:
    """Every transaction sums to zero, so all do; debt counts against the sum."""
    weight = case((Posting.place == Pot.DEBT.value, -Posting.amount), else_=Posting.amount)
    uneven = (
        select(Posting.transaction_id, func.sum(weight))
        .group_by(Posting.transaction_id)
        .having(func.sum(weight) != 0)
    )
    for transaction_id, rest in session.execute(uneven):
        yield f"transaction {transaction_id}: sums to {rest}"


def never_below_zero(session: Session) -> Iterator[str]:
    """No pot was below zero after any entry."""
    for row in session.execute(
        select(Posting.account_id, Posting.sequence, Posting.place).where(Posting.balance_after < 0)
    ):
        yield f"account {row.account_id}: {row.place} below zero at entry {row.sequence}"


def running_sums(session: Session) -> Iterator[str]:
    """The balance after each entry is the sum so far, and entries are numbered without a gap."""
    so_far = func.sum(Posting.amount).over(
        partition_by=(Posting.account_id, Posting.place), order_by=Posting.sequence
    )
    number = func.row_number().over(partition_by=Posting.account_id, order_by=Posting.sequence)
    entries = (
        select(
            Posting.account_id,
            Posting.sequence,
            Posting.balance_after,
            so_far.label("so_far"),
            number.label("number"),
        )
        .where(Posting.account_id.is_not(None))
        .subquery()
    )
    wrong = or_(entries.c.balance_after != entries.c.so_far, entries.c.sequence != entries.c.number)
    for row in session.execute(select(entries).where(wrong)):
        yield (
            f"account {row.account_id}: entry {row.sequence} is number {row.number}, "
            f"balance {row.balance_after}, sum so far {row.so_far}"
        )
    last = func.coalesce(func.max(Posting.sequence), 0)
    ahead = (
        select(PointsAccount.account_id, PointsAccount.sequence, last)
        .outerjoin(Posting, Posting.account_id == PointsAccount.account_id)
        .group_by(PointsAccount.account_id, PointsAccount.sequence)
        .having(PointsAccount.sequence != last)
    )
    for account_id, kept, found in session.execute(ahead):
        yield f"account {account_id}: sequence {kept}, last entry {found}"


def awards_posted(session: Session) -> Iterator[str]:
    """The entries of an award sum to its amount: promised while it waits, issued when available."""
    waits = Award.state.in_((AwardState.PENDING, AwardState.HELD))
    promised = -_sum(Posting.place == System.PROMISED.value)
    issued = -_sum(Posting.place == System.ISSUER.value)
    wrong = or_(
        promised != case((waits, Award.amount), else_=0),
        issued != case((Award.state == AwardState.AVAILABLE, Award.amount), else_=0),
    )
    columns = (Award.public_id, Award.state, Award.amount)
    sums = (
        select(*columns, promised, issued)
        .outerjoin(Transaction, Transaction.award_id == Award.id)
        .outerjoin(Posting, Posting.transaction_id == Transaction.id)
        .group_by(Award.id, *columns)
        .having(wrong)
    )
    for public_id, state, amount, promise, issue in session.execute(sums):
        yield f"award {public_id}: {state} {amount}, promised {promise}, issued {issue}"


def award_targets(session: Session) -> Iterator[str]:
    """An award's target follows from the last decision, and caps only ever cut."""
    decided = select(Award).where(
        Award.reason == AwardReason.REPORT, Award.rule_set_id.is_not(None)
    )
    for award in session.scalars(decided.execution_options(yield_per=BATCH)):
        if award.amount > award.target:
            yield f"award {award.public_id}: {award.amount} of a target of {award.target}"
        expected = _expected(session, award)
        if expected is not None and expected != award.target:
            yield f"award {award.public_id}: target {award.target}, should be {expected}"


def _expected(session: Session, award: Award) -> int | None:
    """Return the target by the award's facts; None where nothing can be told of it."""
    edition = rulebook.edition(session, award.rule_set_id or 0)
    if edition is None or edition.rules is None or award.state not in _TELLING:
        return None
    verdict = Verdict(award.verdict) if award.verdict else None
    if award.state is AwardState.PENDING:
        return edition.rules.base
    if verdict is None:
        return None
    if not found_true(verdict):
        return -1
    return worth(award.place, verdict, award.severity, edition.rules)


_TELLING = (AwardState.PENDING, AwardState.AVAILABLE, AwardState.HELD)


def vouchers_paid(session: Session) -> Iterator[str]:
    """Every spend entry pays exactly one voucher of its owner at its price, and the reverse."""
    paid = -_sum(Posting.place == Pot.AVAILABLE.value)
    columns = (Voucher.public_id, Voucher.points_price, Voucher.account_id)
    wrong_owner = func.count(case((Posting.account_id != Voucher.account_id, 1)))
    sums = (
        select(*columns, paid, wrong_owner)
        .outerjoin(Posting, Posting.transaction_id == Voucher.spend_id)
        .group_by(Voucher.id, *columns)
        .having(or_(paid != Voucher.points_price, wrong_owner > 0))
    )
    for public_id, price, _owner, found, strangers in session.execute(sums):
        yield f"voucher {public_id}: price {price}, paid {found}, {strangers} of another account"
    reasons = ((EntryReason.REDEMPTION, Voucher.spend_id), (EntryReason.REFUND, Voucher.refund_id))
    for reason, column in reasons:
        stray = (
            select(Transaction.id, func.count(Voucher.id))
            .outerjoin(Voucher, column == Transaction.id)
            .where(Transaction.reason == reason.value)
            .group_by(Transaction.id)
            .having(func.count(Voucher.id) != 1)
        )
        for transaction_id, found in session.execute(stray):
            yield f"transaction {transaction_id}: {reason.value} of {found} vouchers"
    yield from _refunds(session)


def _refunds(session: Session) -> Iterator[str]:
    """A voucher that was given back has its refund, of the whole price, and no other has one."""
    given_back = Voucher.status == VoucherStatus.REFUNDED
    returned = -_sum(Posting.place == System.SPENT.value)
    sums = (
        select(Voucher.public_id, Voucher.status, returned)
        .outerjoin(Posting, Posting.transaction_id == Voucher.refund_id)
        .group_by(Voucher.id, Voucher.public_id, Voucher.status, Voucher.points_price)
        .having(returned != case((given_back, Voucher.points_price), else_=0))
    )
    for public_id, status, found in session.execute(sums):
        yield f"voucher {public_id}: {status}, {found} points returned"


def codes_unique(session: Session) -> Iterator[str]:
    """No code stands for two vouchers."""
    other = aliased(Voucher)
    same = select(Voucher.public_id).join(
        other,
        and_(Voucher.id < other.id, Voucher.code_index == other.code_index),
    )
    for public_id in session.scalars(same):
        yield f"voucher {public_id}: its code is another one's too"


def stock(session: Session) -> Iterator[str]:
    """What is left is what was put in less what is gone, and never below zero."""
    put_in = (
        select(func.coalesce(func.sum(StockChange.change), 0))
        .where(StockChange.offer_id == Offer.id)
        .scalar_subquery()
    )
    gone = (
        select(func.count(Voucher.id))
        .where(Voucher.offer_id == Offer.id, Voucher.status != VoucherStatus.REFUNDED)
        .scalar_subquery()
    )
    wrong = or_(Offer.stock_left != put_in - gone, Offer.stock_left < 0)
    columns = (Offer.public_id, Offer.stock_left, put_in, gone)
    for public_id, left, noted, issued in session.execute(select(*columns).where(wrong)):
        yield f"offer {public_id}: {left} left, {noted} put in, {issued} gone"


def uses(session: Session) -> Iterator[str]:
    """Every use has one redemption that stands, by the voucher's own partner, after its issue."""
    standing = (
        select(func.count(Redemption.id))
        .where(Redemption.voucher_id == Voucher.id, Redemption.undone_at.is_(None))
        .scalar_subquery()
    )
    used = Voucher.status == VoucherStatus.USED
    wrong = or_(Voucher.uses != standing, and_(used, Voucher.uses != Voucher.entries))
    counted: Select[Any] = select(Voucher.public_id, Voucher.status, Voucher.uses, standing)
    for public_id, status, count, found in session.execute(counted.where(wrong)):
        yield f"voucher {public_id}: {status}, {count} uses, {found} redemptions stand"
    pairs = select(Redemption, Voucher).join(Voucher, Voucher.id == Redemption.voucher_id)
    for redemption, voucher in session.execute(pairs.execution_options(yield_per=BATCH)):
        if redemption.partner_id != voucher.partner_id:
            yield f"redemption {redemption.public_id}: by another partner"
        if redemption.used_at < voucher.issued_at - SKEW:
            yield f"redemption {redemption.public_id}: before the voucher was issued"


def keys_have_effects(session: Session) -> Iterator[str]:
    """Every kept answer of a redemption has its voucher; no key stands without an answer."""
    keys = select(IdempotencyKey).execution_options(yield_per=BATCH)
    for key in session.scalars(keys):
        if key.answer_ciphertext is None:
            yield f"idempotency key {key.id}: claimed, but without an answer"
        elif key.route.startswith("POST /api/v1/offers/"):
            made = json.loads(crypto.decrypt(key.answer_ciphertext, "answer"))["id"]
            found = select(Voucher.account_id).where(Voucher.public_id == made)
            if session.scalar(found) != key.account_id:
                yield f"idempotency key {key.id}: its voucher is not there"


INVARIANTS = (
    Invariant("1 balances", balances),
    Invariant("1 double entry", double_entry),
    Invariant("2 never below zero", never_below_zero),
    Invariant("3 awards are posted", awards_posted),
    Invariant("3 targets follow decisions", award_targets),
    Invariant("4 vouchers are paid", vouchers_paid),
    Invariant("4 codes are unique", codes_unique),
    Invariant("5 stock", stock),
    Invariant("6 uses", uses),
    Invariant("7 running sums", running_sums),
    Invariant("8 keys have effects", keys_have_effects),
)
COUNTED = (PointsAccount, PointsLot, Transaction, Posting, Award, Offer, Voucher, Redemption)


def rows(session: Session) -> int:
    """Return how many rows the proof has read."""
    counts = (session.scalar(select(func.count()).select_from(model)) for model in COUNTED)
    return sum(count or 0 for count in counts)
