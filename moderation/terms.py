"""Terms of cases: begun with a stage, longer by pauses, counted anew for another rule or calendar.

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
from moderation import deadlines, registry, urgency
from moderation.deadlines import INSTANT, DeadlineRule, Due, Pause, Term
from moderation.urgency import Alarm

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
    rule = _rule(session, term, category, start)
    if until is not None:
        end, amount = Due(until, provisional=False), None
    else:
        calendar = registry.rules(session).calendar
        end, amount = deadlines.due(start, rule.amount, rule.unit, calendar), rule.amount
    warned = _alarm(_plan(session, category, start, end.at), end.at, start)
    return _deadline(end, start, rule.unit, amount, warned)


def resume(session: Session, case: Report, now: datetime) -> Deadline:
    """Lengthen the term of a case by the pause that ends now; an officer's date moves with it.

    What would have rung during the pause rings as it ends.
    """
    calendar, start, unit = registry.rules(session).calendar, _start(case), _unit(case)
    pause = Pause(case.paused_at or now, now)
    end = deadlines.resume(case.due_at, start, pause, unit, calendar)
    warnings = _plan(session, case.category, start, end.at, [*pauses(session, case), pause])
    warned = _alarm(warnings, end.at, _unheard(case, pause.start))
    counted = case.due_amount is not None or case.due_provisional
    settled = Due(end.at, provisional=end.provisional and counted)
    return _deadline(settled, start, unit, case.due_amount, warned)


def correct(session: Session, case: Report, category: str, now: datetime) -> Deadline:
    """Count the desk's term for another category: from the same start, with the same pauses."""
    rule = _rule(session, Term.ACCEPT, category, _start(case))
    return _count(session, case, category, rule.amount, rule.unit, now)


def recount(session: Session, case: Report, now: datetime) -> Deadline:
    """Count the term that a case has anew, by the calendar as it is known now.

    Rows of the release before do not say how much; their rule does.
    """
    stage = Term.HANDLING if case.lead_department else Term.ACCEPT
    rule = _rule(session, stage, case.category, _start(case))
    amount, unit = case.due_amount or rule.amount, case.due_unit or rule.unit
    return _count(session, case, case.category, amount, unit, now)


def _count(
    session: Session, case: Report, category: str, amount: int, unit: Unit, now: datetime
) -> Deadline:
    calendar, start, held = registry.rules(session).calendar, _start(case), pauses(session, case)
    end = deadlines.due(start, amount, unit, calendar)
    for pause in held:
        end = deadlines.resume(end.at, start, pause, unit, calendar)
    warned = _alarm(_plan(session, category, start, end.at, held), end.at, _unheard(case, now))
    return _deadline(end, start, unit, amount, warned)


def again(session: Session, case: Report, now: datetime) -> Mapping[str, Any]:
    """Begin the department's term again for a rework, unless what it was given ends later still."""
    fresh = begin(session, case.category, Term.HANDLING, now)
    return fresh.columns if fresh.due_at > case.due_at else {}


def extended(session: Session, case: Report, due_at: datetime, now: datetime) -> Deadline:
    """Let the term of a case end when an officer says, with warnings of its new length."""
    start, held = _start(case), pauses(session, case)
    warned = _alarm(_plan(session, case.category, start, due_at, held), due_at, now)
    return _deadline(Due(due_at, provisional=False), start, _unit(case), None, warned)


def plan(session: Session, case: Report) -> Sequence[Alarm]:
    """Return all warnings of the term of a case, in order of time."""
    return _plan(session, case.category, _start(case), case.due_at, pauses(session, case))


def steps(session: Session, case: Report) -> Sequence[DeadlineRule]:
    """Return to whom a case goes once it is over."""
    return _steps(session, case.category, _start(case))


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


def pauses(session: Session, case: Report) -> list[Pause]:
    """Return when the time of a case stood still since its term began, by its history.

    A pause that goes on is not among them.
    """
    step = select(HistoryEntry.at, HistoryEntry.target).where(
        HistoryEntry.report_id == case.id, HistoryEntry.at >= _start(case)
    )
    found: list[Pause] = []
    began: datetime | None = None
    for at, target in session.execute(step.order_by(HistoryEntry.version)):
        if target in STILL:
            began = began or at
        elif began is not None:
            found.append(Pause(began, at))
            began = None
    return found


def _rule(session: Session, term: Term, category: str, start: datetime) -> DeadlineRule:
    known = registry.rules(session).deadlines
    return deadlines.find_rule(known, term, category, on=local_day(start))


def _start(case: Report) -> datetime:
    """Return when the term began; rows of the release before did not say."""
    return case.due_from or case.dispatched_at or case.submitted_at


def _unit(case: Report) -> Unit:
    return case.due_unit or Unit.WORKING_DAYS


def _unheard(case: Report, until: datetime) -> datetime:
    """Return the instant up to which the alarms of a case have rung, at most the one given."""
    return min(until, case.next_alarm_at - INSTANT) if case.next_alarm_at else until


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


def _steps(session: Session, category: str, start: datetime) -> tuple[DeadlineRule, ...]:
    known = registry.rules(session).deadlines
    return urgency.escalations(known, category, on=local_day(start))


def _plan(
    session: Session,
    category: str,
    start: datetime,
    due_at: datetime,
    held: Sequence[Pause] = (),
) -> Sequence[Alarm]:
    calendar, after = registry.rules(session).calendar, _steps(session, category, start)
    return urgency.alarms(start, due_at, calendar, held, after)


def _alarm(plan: Sequence[Alarm], due_at: datetime, after: datetime) -> datetime | None:
    """Return the first warning later than an instant; of a term that is over, its end."""
    first = urgency.next_alarm(plan, min(after, due_at - INSTANT))
    return first.at if first else None
