"""Held awards: a reviewer releases or refuses them, the worker releases what only had to wait."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from citizen.events import Verdict
from core import audit
from core.database import locked
from core.events import port
from core.tokens import Caller
from rewards.awards import Rules, Target, found_true, worth
from rewards.convergence import Standing, Step, rules_of
from rewards.errors import AwardNotForYou, AwardNotFound, AwardNotHeld, RulesUnreadable
from rewards.models import Award
from rewards.ports import CaseDesk
from rewards.posting import lock
from rewards.states import AwardReason, AwardState, Hold


def award_of(session: Session, public_id: str) -> Award:
    """Return an award by its public id.

    Raises:
        AwardNotFound: there is none.
    """
    award = session.scalars(select(Award).where(Award.public_id == public_id)).first()
    if award is None:
        raise AwardNotFound
    return award


def release(session: Session, award: Award, *, actor: Caller | None, now: datetime) -> Award:
    """Let a held award go on to what the last decision made of it; the worker has no actor.

    Who releases what waits for a second look agrees with the verdict: that look is over, for all
    claims on the case.

    Raises:
        AwardNotForYou: whoever asks decided in the case, or is a party to it.
        AwardNotHeld: it was settled by somebody else.
        RulesUnreadable: its rule set is still broken.
    """
    _require_impartial(session, award, actor)
    award = _lock_held(session, award)
    rules = rules_of(session, award)
    if rules is None:
        raise RulesUnreadable
    if actor is not None and Hold.SECOND_LOOK in award.holds:
        port(CaseDesk).looked_again(session, award.number, actor, now)  # type: ignore[type-abstract]
    if award.state is AwardState.HELD:
        _let_go(session, award, rules, actor, now)
    audit.record("award.release", actor=actor, subject=("award", award.public_id), at=now)
    return award


def _let_go(
    session: Session, award: Award, rules: Rules, actor: Caller | None, now: datetime
) -> None:
    """Post what the last decision made of a held award; none of its holds comes back."""
    goal = _goal(award, rules)
    step = Step(session, award, rules, now)
    amount = step.capped(rules, goal.amount) if goal.state is AwardState.AVAILABLE else goal.amount
    cleared = sorted({*award.cleared, *award.holds})
    _run(step, Standing(goal.state, amount), actor, {"cleared": cleared, "target": goal.amount})


def refuse(session: Session, award: Award, *, reason: str, actor: Caller, now: datetime) -> Award:
    """Settle a held award at nothing, for good, whatever later verdicts say.

    Raises:
        AwardNotForYou: whoever asks decided in the case, or is a party to it.
        AwardNotHeld: it was settled by somebody else.
    """
    _require_impartial(session, award, actor)
    award = _lock_held(session, award)
    step = Step(session, award, rules_of(session, award), now)
    _run(step, Standing(AwardState.VOID, 0), actor, {"refusal": reason, "target": 0})
    audit.record("award.refuse", actor=actor, subject=("award", award.public_id), at=now)
    return award


def _require_impartial(session: Session, award: Award, actor: Caller | None) -> None:
    """Lock the case before the award, and keep out who had a hand in it; the worker had none."""
    if actor is None:
        return
    if not port(CaseDesk).impartial(session, award.number, actor):  # type: ignore[type-abstract]
        raise AwardNotForYou


def _lock_held(session: Session, award: Award) -> Award:
    found = session.scalars(locked(select(Award).where(Award.id == award.id))).one()
    if found.state is not AwardState.HELD:
        raise AwardNotHeld
    return found


def _goal(award: Award, rules: Rules) -> Target:
    """Work the target out again from the facts of the last decision."""
    if award.reason is AwardReason.RATING:
        return Target(AwardState.AVAILABLE, rules.rating, award.place)
    verdict = Verdict(award.verdict) if award.verdict else None
    if verdict is None:
        return Target(AwardState.PENDING, rules.base, award.place)
    state = AwardState.AVAILABLE if found_true(verdict) else AwardState.VOID
    return Target(state, worth(award.place, verdict, award.severity, rules), award.place)


def _run(step: Step, standing: Standing, actor: Caller | None, facts: dict[str, object]) -> None:
    award = step.award
    cause = step.cause(
        f"review:{award.public_id}:{award.decision}", actor.account_id if actor else None
    )
    step.run(lock(step.session, [award.account_id]), standing, cause, facts)


def due(session: Session, now: datetime) -> list[Award]:
    """Return awards whose only reason to wait is over."""
    waiting = select(Award).where(Award.state == AwardState.HELD, Award.release_at <= now)
    return [a for a in session.scalars(waiting.limit(200)) if a.holds == [Hold.RELEASE.value]]
