"""Points for rating the result of a case that was found true."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from citizen.events import CaseRated
from core.clock import local_day
from core.database import public_id
from core.upsert import insert_into
from rewards import caps
from rewards.awards import Rules, expiry, granted
from rewards.convergence import guarded, rules_of
from rewards.ledger import grant
from rewards.models import Award
from rewards.posting import Cause, lapse_due, lock, write
from rewards.states import AwardReason, AwardState, EntryReason, Hold


def rated(session: Session, event: CaseRated) -> None:
    """Grant the rating's points, once, to a resident whose own report earns."""
    report = _earning_report(session, event)
    if report is None or not event.found_true:
        return
    rules = rules_of(session, report)
    values = _values(event, report, rules)

    def post() -> None:
        if rules is not None:
            _grant(session, event, rules, values)

    def hold() -> None:
        held = {**values, "state": AwardState.HELD, "amount": 0, "holds": [Hold.ERROR.value]}
        session.execute(insert_into(session, Award).values(**held).on_conflict_do_nothing())

    guarded(session, post if rules else hold, hold, event.number)


def _earning_report(session: Session, event: CaseRated) -> Award | None:
    return session.scalars(
        select(Award).where(
            Award.report_id == event.report_id,
            Award.account_id == event.account_id,
            Award.reason == AwardReason.REPORT,
        )
    ).first()


def _values(event: CaseRated, report: Award, rules: Rules | None) -> dict[str, Any]:
    return {
        "public_id": public_id(),
        "report_id": event.report_id,
        "number": event.number,
        "account_id": event.account_id,
        "reason": AwardReason.RATING,
        "rule_set_id": report.rule_set_id,
        "state": AwardState.AVAILABLE,
        "target": rules.rating if rules else 0,
        "place": 1,
        "holds": [],
        "cleared": [],
        "expires_at": expiry(event.at, rules) if rules else None,
        "day": local_day(event.at),
        "submitted_at": event.at,
        "updated_at": event.at,
    }


def _grant(session: Session, event: CaseRated, rules: Rules, values: dict[str, Any]) -> None:
    balance = lock(session, [event.account_id])[event.account_id]
    used = caps.usage(session, event.account_id, values["day"], None)
    amount = granted(rules.rating, used, rules, AwardReason.RATING)
    once = insert_into(session, Award).values(**values, amount=amount).on_conflict_do_nothing()
    award_id = session.scalar(once.returning(Award.id))
    plan = grant(
        lapse_due(session, event.account_id, balance, event.at), amount, values["expires_at"]
    )
    if award_id is None or not plan:
        return
    cause = Cause(
        source=f"rating:{event.report_id}:{event.account_id}",
        reason=EntryReason.RATING,
        subject=("rating", event.number),
        at=event.at,
        award_id=award_id,
    )
    write(session, event.account_id, plan, cause)
