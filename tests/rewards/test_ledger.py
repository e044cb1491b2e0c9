"""Double entry against a slow, obvious model: every single point is an object with a place."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from rewards.ledger import (
    Balance,
    Insufficient,
    Line,
    Lot,
    Plan,
    forfeit,
    give_back,
    grant,
    lapse,
    promise,
    spend,
    take_back,
    total,
)
from rewards.states import Pot, System

START = datetime(2026, 1, 1, tzinfo=UTC)
SOON, LATER, LAST = (START + timedelta(days=days) for days in (10, 20, 30))


def test_points_are_spent_from_the_lot_that_lapses_soonest() -> None:
    balance = Balance(available=30, lots=(Lot(SOON, 10), Lot(LATER, 20)))
    plan = spend(balance, 15, START)
    assert plan.lines == (
        Line(Pot.AVAILABLE, -10, SOON),
        Line(Pot.AVAILABLE, -5, LATER),
        Line(System.SPENT, 15),
    )


def test_a_lot_past_its_day_is_not_spendable_before_the_worker_came_by() -> None:
    balance = Balance(available=30, lots=(Lot(SOON, 20), Lot(LATER, 10)))
    assert balance.spendable(SOON) == 10
    with pytest.raises(Insufficient):
        spend(balance, 11, SOON)
    assert balance.spendable(SOON - timedelta(microseconds=1)) == 30


def test_a_reversal_takes_its_own_lot_then_what_lapsed_then_other_lots_then_debt() -> None:
    balance = Balance(available=9, lots=(Lot(SOON, 4), Lot(LATER, 5, expired=3)))
    plan = take_back(balance, 20, LATER)
    assert plan.lines == (
        Line(Pot.AVAILABLE, -5, LATER),
        Line(System.ISSUER, 5),
        Line(System.EXPIRED, -3),
        Line(System.ISSUER, 3),
        Line(Pot.AVAILABLE, -4, SOON),
        Line(System.ISSUER, 4),
        Line(Pot.DEBT, 8),
        Line(System.ISSUER, 8),
    )
    assert balance.after(plan).debt == 8


def test_later_points_pay_the_debt_first() -> None:
    after = Balance(debt=8).after(grant(Balance(debt=8), 10, LATER))
    assert (after.available, after.debt, after.lots) == (2, 0, (Lot(LATER, 2),))


def test_what_is_given_back_returns_to_its_own_lots_and_pays_debt_with_the_soonest() -> None:
    plan = give_back(Balance(debt=5), [(LATER, 10), (SOON, 4)])
    after = Balance(debt=5).after(plan)
    assert (after.debt, after.lots) == (0, (Lot(LATER, 9),))


def test_a_promise_of_nothing_is_no_movement() -> None:
    assert not promise(0)
    assert not lapse(Balance(available=1, lots=(Lot(SOON, 1),)), START)
    assert not forfeit(Balance())


class Books(RuleBasedStateMachine):
    """The ledger beside a model in which every point is one entry of a list."""

    amounts = st.integers(0, 40)
    expiries = st.sampled_from([SOON, LATER, LAST])

    @initialize()
    def open(self) -> None:
        self.now = START
        self.balance = Balance()
        self.points: list[datetime] = []
        self.lapsed: list[datetime] = []
        self.owed = 0
        self.pending = 0
        self.spent: list[list[datetime]] = []
        self.lines: list[Line] = []

    def _post(self, plan: Plan) -> None:
        assert total(plan.lines) == 0
        running = {
            Pot.AVAILABLE: self.balance.available,
            Pot.PENDING: self.balance.pending,
            Pot.DEBT: self.balance.debt,
        }
        for line in plan.lines:
            assert line.amount != 0
            if isinstance(line.place, Pot):
                running[line.place] += line.amount
                assert running[line.place] >= 0, "below zero at an entry"
        self.lines.extend(plan.lines)
        self.balance = self.balance.after(plan)

    def _sweep(self) -> None:
        self._post(lapse(self.balance, self.now))
        self.lapsed += [point for point in self.points if point <= self.now]
        self.points = [point for point in self.points if point > self.now]

    def _receive(self, points: Iterable[datetime]) -> None:
        for point in points:
            if self.owed:
                self.owed -= 1
            else:
                self.points.append(point)

    @rule(days=st.integers(1, 8))
    def time_passes(self, days: int) -> None:
        self.now += timedelta(days=days)
        self._sweep()

    @rule(amount=amounts, expires_at=expiries)
    def is_granted(self, amount: int, expires_at: datetime) -> None:
        self._post(grant(self.balance, amount, expires_at))
        self._receive([expires_at] * amount)
        self._sweep()

    @rule(amount=st.integers(-40, 40))
    def is_promised(self, amount: int) -> None:
        moved = max(amount, -self.pending)
        self._post(promise(moved))
        self.pending += moved

    @rule(amount=st.integers(1, 40))
    def spends(self, amount: int) -> None:
        if amount > len(self.points):
            with pytest.raises(Insufficient):
                spend(self.balance, amount, self.now)
            return
        plan = spend(self.balance, amount, self.now)
        taken = sorted(self.points)[:amount]
        for point in taken:
            self.points.remove(point)
        self.spent.append(taken)
        self._post(plan)

    @rule(which=st.integers(0, 100))
    def gives_back(self, which: int) -> None:
        if not self.spent:
            return
        points = self.spent.pop(which % len(self.spent))
        parts = [(expires_at, points.count(expires_at)) for expires_at in dict.fromkeys(points)]
        self._post(give_back(self.balance, parts))
        self._receive(sorted(points))
        self._sweep()

    @rule(amount=amounts, own=expiries)
    def is_reversed(self, amount: int, own: datetime) -> None:
        self._post(take_back(self.balance, amount, own))
        for _ in range(amount):
            self._lose_one(own)

    def _lose_one(self, own: datetime) -> None:
        if own in self.points:
            self.points.remove(own)
        elif own in self.lapsed:
            self.lapsed.remove(own)
        elif self.points:
            self.points.remove(min(self.points))
        else:
            self.owed += 1

    @rule()
    def leaves(self) -> None:
        self._post(forfeit(self.balance))
        self.points, self.owed, self.pending = [], 0, 0

    @invariant()
    def the_books_say_what_the_model_says(self) -> None:
        assert self.balance.available == len(self.points)
        assert self.balance.debt == self.owed
        assert self.balance.pending == self.pending
        for lot in self.balance.lots:
            assert lot.remaining == self.points.count(lot.expires_at)
            assert lot.expired == self.lapsed.count(lot.expires_at)

    @invariant()
    def nobody_has_points_and_debt_at_once(self) -> None:
        assert self.balance.debt == 0 or self.balance.available == 0

    @invariant()
    def all_entries_sum_to_zero(self) -> None:
        assert total(self.lines) == 0


TestBooks = Books.TestCase
TestBooks.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
