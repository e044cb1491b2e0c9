"""Terms of cases: begun with a stage, longer by their pauses, counted anew when their rule changes.

Time since the submission never starts again. The term of a stage does: the desk's (to take a report
on and to dispatch it) with the submission, a return and a granted appeal, the department's (to
finish and to have it checked) with a dispatch and a rework. A colleague gets no time of their own.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from citizen.atlas import Place
from citizen.models import HistoryEntry, Report
from citizen.ports import Assessment, Deadline
from citizen.states import Status, Unit
from core.clock import local_day
from moderation import deadlines, registry
from moderation.calendar import Calendar
from moderation.deadlines import INSTANT, DeadlineRule, Due, Pause, Term

STILL = frozenset({Status.INFO_REQUESTED, Status.PARKED, Status.MERGED})


def assess(session: Session, category: str, place: Place, received_at: datetime) -> Assessment:
    """Suggest the department, and say by when the report must be taken on or refused."""
    decision = registry.suggest(session, category, place, received_at)
    desk = begin(session, category, Term.ACCEPT, received_at)
    return Assessment(department=decision.lead, rule=decision.words, deadline=desk)


def begin(
    session: Session, category: str, term: Term, start: datetime, *, until: datetime | None = None
) -> Deadline:
    """Begin a term by the category's rule; `until` is the end that an officer chose instead."""
    calendar, rule = registry.rules(session).calendar, _rule(session, term, category, start)
    if until is not None:
        end, amount = Due(until, provisional=False), None
    else:
        end, amount = deadlines.due(start, rule.amount, rule.unit, calendar), rule.amount
    return _deadline(end, start, rule.unit, amount, _alarm(calendar, start, end.at, start))


def resume(session: Session, case: Report, now: datetime) -> Deadline:
    """Lengthen the term of a case by the pause that ends now; an officer's date moves with it.

    What would have rung during the pause rings as it ends.
    """
    calendar, start, unit = registry.rules(session).calendar, _start(case), _unit(case)
    began = case.paused_at or now
    end = deadlines.resume(case.due_at, start, Pause(began, now), unit, calendar)
    unheard = min(began, case.next_alarm_at - INSTANT) if case.next_alarm_at else began
    alarm = _alarm(calendar, start, end.at, unheard, pauses(session, case, now))
    settled = Due(end.at, provisional=end.provisional and case.due_amount is not None)
    return _deadline(settled, start, unit, case.due_amount, alarm)


def recount(session: Session, case: Report, category: str, now: datetime) -> Deadline:
    """Count the desk's term for another category: from the same start, with the same pauses."""
    calendar, start = registry.rules(session).calendar, _start(case)
    rule = _rule(session, Term.ACCEPT, category, start)
    held = pauses(session, case, now)
    end = _with_pauses(start, rule.amount, rule.unit, calendar, held)
    alarm = _alarm(calendar, start, end.at, now, held)
    return _deadline(end, start, rule.unit, rule.amount, alarm)


def again(session: Session, case: Report, now: datetime) -> Mapping[str, Any]:
    """Begin the department's term again for a rework, unless what it was given ends later still."""
    fresh = begin(session, case.category, Term.HANDLING, now)
    return fresh.columns if fresh.due_at > case.due_at else {}


def extended(session: Session, case: Report, due_at: datetime, now: datetime) -> Deadline:
    """Let the term of a case end when an officer says, with warnings of its new length."""
    calendar, start = registry.rules(session).calendar, _start(case)
    alarm = _alarm(calendar, start, due_at, now, pauses(session, case, now))
    return _deadline(Due(due_at, provisional=False), start, _unit(case), None, alarm)


def extension_ends_at(session: Session, case: Report) -> datetime:
    """Return the latest due time that an extension of a case may have."""
    calendar = registry.rules(session).calendar
    rule = _rule(session, Term.EXTENSION, case.category, case.due_at)
    if rule.unit is not Unit.WORKING_DAYS:
        return deadlines.due(case.due_at, rule.amount, rule.unit, calendar).at
    return deadlines.extension_limit(case.due_at, rule.amount, calendar).at


def return_closed(session: Session, case: Report, now: datetime) -> bool:
    """Say whether the time to send a dispatched case back is over."""
    dispatched_at = case.dispatched_at or now
    rule = _rule(session, Term.RETURN, case.category, dispatched_at)
    calendar = registry.rules(session).calendar
    return now >= deadlines.due(dispatched_at, rule.amount, rule.unit, calendar).at


def pauses(session: Session, case: Report, now: datetime) -> list[Pause]:
    """Return when the time of a case stood still, by its history; a pause yet open ends now."""
    steps = select(HistoryEntry.at, HistoryEntry.target).where(
        HistoryEntry.report_id == case.id, HistoryEntry.at >= _start(case)
    )
    found: list[Pause] = []
    began: datetime | None = None
    for at, target in session.execute(steps.order_by(HistoryEntry.version)):
        if began is not None and target not in STILL:
            found.append(Pause(began, at))
            began = None
        elif began is None and target in STILL:
            began = at
    return [*found, Pause(began, now)] if began is not None else found


def _with_pauses(
    start: datetime, amount: int, unit: Unit, calendar: Calendar, held: Sequence[Pause]
) -> Due:
    end = deadlines.due(start, amount, unit, calendar)
    for pause in held:
        end = deadlines.resume(end.at, start, pause, unit, calendar)
    return end


def _rule(session: Session, term: Term, category: str, start: datetime) -> DeadlineRule:
    known = registry.rules(session).deadlines
    return deadlines.find_rule(known, term, category, on=local_day(start))


def _start(case: Report) -> datetime:
    """Return when the term began; rows of the release before did not say."""
    return case.due_from or case.dispatched_at or case.submitted_at


def _unit(case: Report) -> Unit:
    return case.due_unit or Unit.WORKING_DAYS


def _deadline(
    end: Due, start: datetime, unit: Unit, amount: int | None, alarm_at: datetime | None
) -> Deadline:
    return Deadline(
        due_at=end.at,
        due_provisional=end.provisional,
        due_from=start,
        due_unit=unit,
        due_amount=amount,
        next_alarm_at=alarm_at,
    )


def _alarm(
    calendar: Calendar,
    start: datetime,
    due_at: datetime,
    after: datetime,
    held: Sequence[Pause] = (),
) -> datetime | None:
    """Return the first warning later than an instant; of a term that is over, its end."""
    plan = deadlines.alarms(start, due_at, calendar, held)
    first = deadlines.next_alarm(plan, min(after, due_at - INSTANT))
    return first.at if first else None
