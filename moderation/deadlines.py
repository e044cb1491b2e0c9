"""Pure: by when something must be done.

Days are those of Asia/Shanghai. The day something starts on does not count (民法典 art. 201); the
last day counts whole: a term in days is over at its 24:00, stored as that exclusive UTC instant. A
term in calendar days that would end on a day off ends on the next working day (art. 203). A term in
hours ends at its exact instant. A day counts only if the clock was running as it ended: the day a
pause begins is not used up, the day it ends is, so no term ever ends inside a pause.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from citizen.states import Unit
from core.clock import day_end, local_day
from moderation.calendar import Calendar

ONE_DAY = timedelta(days=1)
INSTANT = timedelta(microseconds=1)
ANY_CATEGORY = "*"


class Term(StrEnum):
    """What there is a deadline for."""

    TRIAGE = "triage"
    ACCEPT = "accept"
    RETURN = "return"
    HANDLING = "handling"
    EXTENSION = "extension"
    INFO = "info"
    CHECK = "check"
    APPEAL = "appeal"
    ESCALATION = "escalation"


@dataclass(frozen=True)
class DeadlineRule:
    """So much time for one term, for one category or for all; `basis` names law and article.

    An escalation also says which step it is, to whom (`to`, in words) and how many times in a row.
    """

    term: Term
    category: str
    amount: int
    unit: Unit
    basis: str
    effective_from: date
    effective_until: date | None = None
    step: int = 1
    to: str | None = None
    times: int = 1

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> "DeadlineRule":
        """Read one row of the file or the table.

        Raises:
            ValueError, KeyError: a field is missing or makes no sense.
        """
        amount, until = body["amount"], body.get("effective_until")
        if not _whole(amount, 3_650):
            raise ValueError("amount must be a whole number from 1 to 3650")
        step, to, times = body.get("step", 1), body.get("to"), body.get("times", 1)
        if not (_whole(step, 9) and _whole(times, 9)):
            raise ValueError("step and times must be whole numbers from 1 to 9")
        if body["term"] == Term.ESCALATION and not to:
            raise ValueError("an escalation must say to whom")
        return cls(
            Term(body["term"]),
            str(body["category"]),
            amount,
            Unit(body["unit"]),
            str(body["basis"]),
            date.fromisoformat(body["effective_from"]),
            date.fromisoformat(until) if until else None,
            step,
            to,
            times,
        )

    def holds(self, day: date) -> bool:
        """Say whether the rule is in force on a Shanghai day; the last day is included."""
        return self.effective_from <= day and (
            not self.effective_until or day <= self.effective_until
        )


@dataclass(frozen=True)
class Pause:
    """Time that does not count: from one instant to another."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Due:
    """The instant that ends a term (exclusive, UTC); `provisional`: it rests on assumed days."""

    at: datetime
    provisional: bool


def find_rule(
    rules: Iterable[DeadlineRule], term: Term, category: str, *, on: date
) -> DeadlineRule:
    """Give the rule in force for a category, else the one for all.

    Raises:
        LookupError: the table has none; it must say at least `*`.
    """
    valid = [rule for rule in rules if rule.term is term and rule.holds(on)]
    for wanted in (category, ANY_CATEGORY):
        found = [rule for rule in valid if rule.category == wanted]
        if found:
            return max(found, key=lambda rule: rule.effective_from)
    raise LookupError(f"no deadline for {term.value} of {category} on {on}")


def due(
    start: datetime, amount: int, unit: Unit, calendar: Calendar, pauses: Sequence[Pause] = ()
) -> Due:
    """Give the end of a term that starts at an instant, without the time of ended pauses."""
    if unit is Unit.HOURS:
        return Due(after_hours(start, timedelta(hours=amount), pauses), provisional=False)
    return after_days(local_day(start) + ONE_DAY, amount, unit, calendar, pauses)


def resume(due_at: datetime, start: datetime, pause: Pause, unit: Unit, calendar: Calendar) -> Due:
    """Give the new end after a pause, whatever set the old one (a rule, an officer, an extension).

    What was over when the pause began stays as it was. A time of day that an officer chose is kept
    if it still lies ahead. `start` is the term's own.
    """
    if pause.start >= due_at or pause.end <= pause.start:
        return Due(due_at, provisional=_assumed(last_day(due_at), unit, calendar))
    if unit is Unit.HOURS:
        return Due(due_at + (pause.end - pause.start), provisional=False)
    first = max(local_day(pause.start), local_day(start) + ONE_DAY)
    left = _days_between(first, last_day(due_at), unit, calendar)
    moved = after_days(first, max(1, left), unit, calendar, (pause,))
    kept = due_at + (last_day(moved.at) - last_day(due_at))
    return Due(kept, moved.provisional) if kept > pause.end else moved


def extension_limit(due_at: datetime, working_days: int, calendar: Calendar) -> Due:
    """Give the latest end that an extension may ask for: so many working days after the old end."""
    return after_days(last_day(due_at) + ONE_DAY, working_days, Unit.WORKING_DAYS, calendar, ())


def last_day(due_at: datetime) -> date:
    """Give the Shanghai day that people see as the last one of a term."""
    return local_day(due_at - INSTANT)


def _whole(value: object, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most


def after_days(
    first: date, amount: int, unit: Unit, calendar: Calendar, pauses: Sequence[Pause]
) -> Due:
    """Count days from `first` on, but those of pauses, until there are enough."""
    day, left, assumed = first, amount, False
    while True:
        worked, runs = calendar.works(day), not _paused(day, pauses)
        assumed = assumed or (unit is Unit.WORKING_DAYS and _assumed(day, unit, calendar))
        left -= runs and (worked or unit is Unit.DAYS)
        if left <= 0 and worked and runs:
            return Due(day_end(day), provisional=assumed or _assumed(day, unit, calendar))
        day += ONE_DAY


def _days_between(first: date, last: date, unit: Unit, calendar: Calendar) -> int:
    days = (first + timedelta(days=ahead) for ahead in range((last - first).days + 1))
    return sum(unit is Unit.DAYS or calendar.works(day) for day in days)


def after_hours(start: datetime, length: timedelta, pauses: Sequence[Pause]) -> datetime:
    """Give the instant at which so much time has run since the start."""
    end = start + length
    for pause in apart(pauses):
        begins = max(pause.start, start)
        if begins < end and pause.end > begins:
            end += pause.end - begins
    return end


def apart(pauses: Sequence[Pause]) -> list[Pause]:
    """Join pauses that overlap, in order of time, so that no instant counts twice."""
    joined: list[Pause] = []
    for pause in sorted(pauses, key=lambda pause: pause.start):
        if joined and pause.start <= joined[-1].end:
            joined[-1] = Pause(joined[-1].start, max(joined[-1].end, pause.end))
        else:
            joined.append(pause)
    return joined


def _paused(day: date, pauses: Sequence[Pause]) -> bool:
    """Say whether the clock stood still as the day ended."""
    end = day_end(day)
    return any(pause.start < end <= pause.end for pause in pauses)


def _assumed(day: date, unit: Unit, calendar: Calendar) -> bool:
    return unit is not Unit.HOURS and not calendar.published(day)
