"""Awards in the books: a decision posts the difference between what is and what should be.

So verify, closing, overturn, merge, unmerge and appeal are one movement, and nothing is paid
twice or lost. Locks are taken in one order: reports (by whoever announces), awards by key, points
accounts by key. Postings run in a savepoint: what breaks there holds the award with `error`, and
the verdict stands.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import bindparam, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from citizen.events import CaseSettled, Claim
from core.clock import local_day
from core.database import locked, public_id
from core.rows import change, key_of, make, put
from rewards import caps, rulebook
from rewards.awards import Rules, Target, expiry, granted, targets
from rewards.ledger import Balance, Plan, grant, promise, take_back
from rewards.models import Award
from rewards.posting import Cause, lapse_due, lock, write
from rewards.states import AwardReason, AwardState, EntryReason, Hold

log = structlog.get_logger()


OF_REPORTS = locked(  # every decision asks it, so it is built once
    select(Award)
    .where(
        Award.report_id.in_(bindparam("reports", expanding=True)),
        Award.reason == AwardReason.REPORT,
    )
    .order_by(Award.id)
)


@dataclass(frozen=True)
class Standing:
    """What an award should come to: state, amount after caps, and why it waits."""

    state: AwardState
    amount: int
    holds: tuple[str, ...] = ()
    release_at: datetime | None = None


def submitted(session: Session, claim: Claim) -> dict[str, Any]:
    """Promise the base amount for a report that earns, and return it; at most five statements."""
    if not claim.earns or claim.account_id is None:
        return {"state": AwardState.NONE.value, "amount": 0}
    edition = rulebook.in_force(session, claim.received_at)
    rules = edition.rules if edition else None
    values = _new_award(
        claim, claim.account_id, AwardReason.REPORT, edition.id if edition else None
    )
    state = AwardState.PENDING if rules else AwardState.HELD
    amount = rules.base if rules else 0
    values.update(state=state, target=amount, amount=amount, place=1)
    if rules is None:
        values["holds"] = [Hold.ERROR.value]

    def post() -> None:
        award_id = key_of(session, Award, values)
        cause = Cause(
            source=f"submitted:{claim.number}",
            reason=EntryReason.REPORT_SUBMITTED,
            subject=("report", claim.number),
            at=claim.received_at,
            award_id=award_id,
        )
        if plan := promise(amount):
            write(session, values["account_id"], plan, cause)

    def hold() -> None:
        held = {**values, "state": AwardState.HELD, "amount": 0, "holds": [Hold.ERROR.value]}
        put(session, Award, held)

    if guarded(session, post, hold, claim.number):
        return {"state": state.value, "amount": amount}
    return {"state": AwardState.HELD.value, "amount": 0}


def _new_award(
    claim: Claim, account_id: int, reason: AwardReason, rule_set_id: int | None
) -> dict[str, Any]:
    return {
        "public_id": public_id(),
        "report_id": claim.report_id,
        "number": claim.number,
        "account_id": account_id,
        "reason": reason,
        "rule_set_id": rule_set_id,
        "state": AwardState.NONE,
        "target": 0,
        "amount": 0,
        "place": 0,
        "holds": [],
        "cleared": [],
        "day": local_day(claim.received_at),
        "submitted_at": claim.received_at,
        "updated_at": claim.received_at,
    }


def guarded(
    session: Session, post: Callable[[], None], hold: Callable[[], None], number: str
) -> bool:
    """Run postings in a savepoint; a lost connection or lock is passed on, anything else holds.

    Says whether they went through.
    """
    try:
        with session.begin_nested():
            post()
        return True
    except OperationalError:
        raise
    except Exception as error:
        log.exception("award_held", report=number, problem=type(error).__name__)
        hold()
        return False


def settled(session: Session, event: CaseSettled) -> None:
    """Bring the awards of all claims on a case to what the decision makes of them.

    A claim without an account was a deleted one's: its points are forfeited, and nothing moves.
    """
    owned = [claim for claim in event.claims if claim.account_id is not None]
    awards = _lock_awards(session, [claim.report_id for claim in owned])
    for claim in owned:
        if claim.earns and claim.account_id is not None and claim.report_id not in awards:
            awards[claim.report_id] = _open_award(session, claim, claim.account_id)
    balances = lock(session, {award.account_id for award in awards.values()})
    rules = {key: rules_of(session, award) for key, award in awards.items()}
    goals = targets(event.claims, event.effect, event.verdict, event.severity, rules)
    for claim in owned:
        if claim.report_id not in awards:
            continue
        award, goal = awards[claim.report_id], goals[claim.report_id]
        step = Step(session, award, rules[claim.report_id], event.at)
        cause = step.cause(f"{event.decision}/{claim.report_id}")
        facts = {
            "decision": event.decision,
            "verdict": event.verdict and event.verdict.value,
            "severity": event.severity,
            "place": goal.place,
        }
        standing = step.standing(goal, claim.holds)
        step.run(balances, standing, cause, {**facts, "target": goal.amount})


def _lock_awards(session: Session, report_ids: Sequence[int]) -> dict[int, Award]:
    found = session.scalars(OF_REPORTS, {"reports": list(report_ids)})
    return {award.report_id: award for award in found}


def _open_award(session: Session, claim: Claim, account_id: int) -> Award:
    """Make the award of a claim that earned nothing so far."""
    edition = rulebook.in_force(session, claim.received_at)
    values = _new_award(claim, account_id, AwardReason.REPORT, edition.id if edition else None)
    return make(session, Award, values)


def rules_of(session: Session, award: Award) -> Rules | None:
    """Return the rules of the award's submission; None where they are broken or missing."""
    if award.rule_set_id is None:
        edition = rulebook.in_force(session, award.submitted_at)
    else:
        edition = rulebook.edition(session, award.rule_set_id)
    return edition.rules if edition else None


@dataclass(frozen=True)
class Step:
    """One award on its way to its target."""

    session: Session
    award: Award
    rules: Rules | None
    at: datetime

    def cause(self, source: str, actor_id: int | None = None) -> Cause:
        """Say why the difference is posted; a resident sees the number of the own report only."""
        return Cause(
            source=source,
            reason=EntryReason.REPORT_DECIDED,
            subject=("report", self.award.number),
            at=self.at,
            award_id=self.award.id,
            actor_id=actor_id,
        )

    def standing(self, goal: Target, holds: Iterable[str]) -> Standing:
        """Return where the award comes to stand: refused, held, capped, or simply its target."""
        if self.rules is None and goal.state not in {AwardState.VOID, AwardState.NONE}:
            return self._broken()
        if goal.state is not AwardState.AVAILABLE or self.rules is None:
            return Standing(goal.state, goal.amount)
        if self.award.refusal is not None:
            return Standing(AwardState.VOID, 0)
        waiting = self._waiting(self.rules, goal.amount, holds)
        if waiting and self.award.state is not AwardState.AVAILABLE:
            late = self.at + self.rules.release_after if Hold.RELEASE in waiting else None
            return Standing(AwardState.HELD, goal.amount, waiting, late)
        return Standing(AwardState.AVAILABLE, self.capped(self.rules, goal.amount))

    def _broken(self) -> Standing:
        """Leave the postings as they are; what is available stays so until a person looks."""
        available = self.award.state is AwardState.AVAILABLE
        state = AwardState.AVAILABLE if available else AwardState.HELD
        return Standing(state, self.award.amount, (Hold.ERROR.value,))

    def _waiting(self, rules: Rules, amount: int, holds: Iterable[str]) -> tuple[str, ...]:
        reasons = set(holds)
        if rules.release_after:
            reasons.add(Hold.RELEASE.value)
        if caps.budget_spent(self.session, self.award, rules, amount):
            reasons.add(Hold.BUDGET.value)
        return tuple(sorted(reasons - set(self.award.cleared)))

    def capped(self, rules: Rules, amount: int) -> int:
        """Return what the caps leave, by the day and month of submission."""
        used = caps.usage(self.session, self.award.account_id, self.award.day, self.award.id)
        return granted(amount, used, rules, self.award.reason)

    def run(
        self,
        balances: dict[int, Balance],
        standing: Standing,
        cause: Cause,
        facts: dict[str, Any],
    ) -> None:
        """Post the difference and note the new state; all of it, or the hold `error`."""
        account_id = self.award.account_id

        def post() -> None:
            balance = lapse_due(self.session, account_id, balances[account_id], self.at)
            expires_at = self._lot(standing)
            plan = _difference(self.award, standing, balance, expires_at)
            if plan and write(self.session, account_id, plan, cause) is None:
                return
            balances[account_id] = balance.after(plan)
            self._note(standing, {**facts, "expires_at": expires_at})

        def hold() -> None:
            self._note(self._broken(), facts)

        guarded(self.session, post, hold, self.award.number)

    def _lot(self, standing: Standing) -> datetime | None:
        """Return the lot of the award's points: its first one, unless that has lapsed."""
        kept = self.award.expires_at
        fresh = standing.state is AwardState.AVAILABLE and (kept is None or kept <= self.at)
        adds = standing.amount > (self.award.amount if kept else 0)
        return expiry(self.at, self.rules) if fresh and adds and self.rules else kept

    def _note(self, standing: Standing, facts: dict[str, Any]) -> None:
        values = {
            **facts,
            "state": standing.state,
            "amount": standing.amount,
            "holds": list(standing.holds),
            "release_at": standing.release_at,
            "updated_at": self.at,
        }
        change(self.session, Award, self.award.id, values)
        for name, value in values.items():
            set_committed_value(self.award, name, value)  # the object shows the row, unwritten


def _difference(
    award: Award, standing: Standing, balance: Balance, expires_at: datetime | None
) -> Plan:
    """Plan from what is posted to what should be: the promise first, then what is available."""
    was_promised, was_available = _pots(award.state, award.amount)
    promised, available = _pots(standing.state, standing.amount)
    plan = promise(promised - was_promised)
    added = available - was_available
    if added > 0 and expires_at is not None:
        return plan.then(grant(balance, added, expires_at))
    if added < 0:
        return plan.then(take_back(balance, -added, award.expires_at))
    return plan


def _pots(state: AwardState, amount: int) -> tuple[int, int]:
    """Say what an award has in pending and in available."""
    waits = state in {AwardState.PENDING, AwardState.HELD}
    return amount if waits else 0, amount if state is AwardState.AVAILABLE else 0
