"""Double entry for points: pure plans of postings that sum to zero.

A resident's account has three pots. What is in `available` lies in lots, one for each expiry;
`debt` is what the resident owes, so it counts against the sum. Every plan keeps two truths:
available is the sum of the lots, and nobody has points and debt at once, because debt is paid
first and made last.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from rewards.states import Pot, System


class Insufficient(ValueError):
    """There is less to spend than the price."""


@dataclass(frozen=True)
class Lot:
    """Points that lapse together; `expired` is what had already lapsed unspent."""

    expires_at: datetime
    remaining: int = 0
    expired: int = 0


@dataclass(frozen=True)
class Line:
    """One posting: a signed amount in one pot or system account."""

    place: Pot | System
    amount: int
    expires_at: datetime | None = None


@dataclass(frozen=True)
class LotChange:
    """What a plan does to one lot, as differences."""

    expires_at: datetime
    granted: int = 0
    remaining: int = 0
    expired: int = 0


@dataclass(frozen=True)
class Plan:
    """Postings and the lots behind them, to be written together or not at all."""

    lines: tuple[Line, ...] = ()
    lots: tuple[LotChange, ...] = ()

    def then(self, other: "Plan") -> "Plan":
        """Return this plan followed by another one, made for the balance after this one."""
        return Plan(self.lines + other.lines, self.lots + other.lots)

    def __bool__(self) -> bool:
        return bool(self.lines)


@dataclass(frozen=True)
class Balance:
    """An account as it stands, with its lots by expiry."""

    available: int = 0
    pending: int = 0
    debt: int = 0
    lots: tuple[Lot, ...] = ()

    def after(self, plan: Plan) -> "Balance":
        """Return the balance that the plan leaves."""
        lots = {lot.expires_at: lot for lot in self.lots}
        for change in plan.lots:
            lot = lots.get(change.expires_at, Lot(change.expires_at))
            lots[change.expires_at] = replace(
                lot,
                remaining=lot.remaining + change.remaining,
                expired=lot.expired + change.expired,
            )
        return Balance(
            available=self.available + moved(plan.lines, Pot.AVAILABLE),
            pending=self.pending + moved(plan.lines, Pot.PENDING),
            debt=self.debt + moved(plan.lines, Pot.DEBT),
            lots=tuple(sorted(lots.values(), key=lambda lot: lot.expires_at)),
        )

    def spendable(self, now: datetime) -> int:
        """Return what may be spent: lots past their day don't count, swept or not."""
        return sum(lot.remaining for lot in self.lots if lot.expires_at > now)


def moved(lines: Iterable[Line], place: Pot | System) -> int:
    """Return the sum of what the lines do to one pot."""
    return sum(line.amount for line in lines if line.place == place)


def total(lines: Iterable[Line]) -> int:
    """Return the double-entry sum, which must be 0; debt counts against it."""
    return sum(-line.amount if line.place == Pot.DEBT else line.amount for line in lines)


def promise(amount: int) -> Plan:
    """Add to pending points, or take from them when negative."""
    if amount == 0:
        return Plan()
    return Plan((Line(Pot.PENDING, amount), Line(System.PROMISED, -amount)))


def grant(balance: Balance, amount: int, expires_at: datetime) -> Plan:
    """Issue points: debt is paid first, the rest goes into the lot of its expiry."""
    return _credit(balance, [(expires_at, amount)], System.ISSUER, issued=True)


def give_back(balance: Balance, parts: Sequence[tuple[datetime, int]]) -> Plan:
    """Return spent points to the lots they came from; what lapses soonest pays debt first."""
    return _credit(balance, sorted(parts), System.SPENT, issued=False)


def _credit(
    balance: Balance, parts: Sequence[tuple[datetime, int]], source: System, *, issued: bool
) -> Plan:
    owed, lines, lots, total_amount = balance.debt, [], [], 0
    for expires_at, amount in parts:
        paid = min(owed, amount)
        owed, rest, total_amount = owed - paid, amount - paid, total_amount + amount
        if paid:
            lines.append(Line(Pot.DEBT, -paid))
        if rest:
            lines.append(Line(Pot.AVAILABLE, rest, expires_at))
            lots.append(LotChange(expires_at, granted=rest if issued else 0, remaining=rest))
    if total_amount:
        lines.append(Line(source, -total_amount))
    return Plan(tuple(lines), tuple(lots))


def spend(balance: Balance, amount: int, now: datetime, into: System = System.SPENT) -> Plan:
    """Spend from the lots that lapse soonest and have not lapsed.

    Raises:
        Insufficient: the lots hold less than the amount.
    """
    if balance.spendable(now) < amount:
        raise Insufficient
    taken = _take([lot for lot in balance.lots if lot.expires_at > now], amount)
    return _out_of(taken, into)


def _take(lots: Iterable[Lot], amount: int) -> list[tuple[datetime, int]]:
    """Take up to the amount from the lots in their order."""
    taken = []
    for lot in lots:
        part = min(lot.remaining, amount)
        if part > 0:
            taken.append((lot.expires_at, part))
            amount -= part
    return taken


def _out_of(taken: Sequence[tuple[datetime, int]], into: System) -> Plan:
    if not taken:
        return Plan()
    lines = [Line(Pot.AVAILABLE, -part, expires_at) for expires_at, part in taken]
    lines.append(Line(into, sum(part for _, part in taken)))
    return Plan(
        tuple(lines), tuple(LotChange(expires_at, remaining=-part) for expires_at, part in taken)
    )


def take_back(balance: Balance, amount: int, own: datetime | None) -> Plan:
    """Reverse an award: its own lot's rest, what of it had lapsed, other lots, then debt."""
    first = [lot for lot in balance.lots if lot.expires_at == own]
    others = [lot for lot in balance.lots if lot.expires_at != own]
    rest = _out_of(_take(first, amount), System.ISSUER)
    lapsed = _from_lapsed(first, amount - moved(rest.lines, System.ISSUER))
    plan = rest.then(lapsed)
    plan = plan.then(
        _out_of(_take(others, amount - moved(plan.lines, System.ISSUER)), System.ISSUER)
    )
    owed = amount - moved(plan.lines, System.ISSUER)
    if owed:
        plan = plan.then(Plan((Line(Pot.DEBT, owed), Line(System.ISSUER, owed))))
    return plan


def _from_lapsed(own: Sequence[Lot], amount: int) -> Plan:
    part = min(sum(lot.expired for lot in own), amount)
    if part == 0:
        return Plan()
    lines = (Line(System.EXPIRED, -part), Line(System.ISSUER, part))
    return Plan(lines, (LotChange(own[0].expires_at, expired=-part),))


def lapse(balance: Balance, now: datetime) -> Plan:
    """Expire what lies in lots past their day."""
    past = [(lot.expires_at, lot.remaining) for lot in balance.lots if lot.expires_at <= now]
    taken = [(expires_at, remaining) for expires_at, remaining in past if remaining]
    plan = _out_of(taken, System.EXPIRED)
    marked = tuple(replace(change, expired=-change.remaining) for change in plan.lots)
    return replace(plan, lots=marked)


def forfeit(balance: Balance) -> Plan:
    """Empty a deleted account: pending is withdrawn, points forfeited, debt written off."""
    plan = promise(-balance.pending)
    plan = plan.then(_out_of(_take(balance.lots, balance.available), System.FORFEITED))
    if balance.debt:
        lines = (Line(Pot.DEBT, -balance.debt), Line(System.WRITTEN_OFF, -balance.debt))
        plan = plan.then(Plan(lines))
    return plan
