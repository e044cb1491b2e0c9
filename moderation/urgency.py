"""Pure: when to warn of the end of a term, and to whom a case goes that is over.

Warnings are those of the hotline rules: 75 % of the time gone, one working day left (黄牌), over
(红牌). The steps after that, to whom and after how long each, are data.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from citizen.states import Unit
from moderation.calendar import Calendar, previous_working_day
from moderation.deadlines import (
    ANY_CATEGORY,
    ONE_DAY,
    DeadlineRule,
    Pause,
    Term,
    after_days,
    after_hours,
    apart,
    find_rule,
    last_day,
)


class Level(StrEnum):
    """How urgent an alarm is."""

    NOTICE = "notice"
    YELLOW = "yellow"
    RED = "red"
    ESCALATED = "escalated"
    REVIEW = "review"  # of what was put aside until a day that has come; it never rings


LEVEL_LABELS: dict[Level, str] = {
    Level.NOTICE: "时限已过四分之三",
    Level.YELLOW: "黄牌",
    Level.RED: "红牌",
    Level.ESCALATED: "升级督办",
    Level.REVIEW: "挂账到期待复查",
}
SEVERITY = tuple(Level)


@dataclass(frozen=True)
class Alarm:
    """When to say what; steps of the escalation are numbered from 1, `to` says whom it goes to."""

    level: Level
    at: datetime
    step: int = 0
    to: str | None = None

    @property
    def name(self) -> str:
        """Return what tells it from the other alarms of the same term."""
        return self.level.value if self.step < 2 else f"{self.level.value}_{self.step}"

    @property
    def severity(self) -> tuple[int, int]:
        """Return what alarms are ordered by, the gravest last, whichever of them came first."""
        return SEVERITY.index(self.level), self.step


def escalations(
    rules: Iterable[DeadlineRule], category: str, *, on: date
) -> tuple[DeadlineRule, ...]:
    """Give the steps that a case takes once it is over, in order; one that repeats comes again."""
    known = [rule for rule in rules if rule.term is Term.ESCALATION and rule.holds(on)]
    mine = [rule for rule in known if rule.category in {category, ANY_CATEGORY}]
    found: list[DeadlineRule] = []
    for step in sorted({rule.step for rule in mine}):
        same = [rule for rule in mine if rule.step == step]
        rule = find_rule(same, Term.ESCALATION, category, on=on)
        found += [rule] * rule.times
    return tuple(found)


def alarms(
    start: datetime,
    due_at: datetime,
    calendar: Calendar,
    pauses: Sequence[Pause] = (),
    steps: Sequence[DeadlineRule] = (),
) -> tuple[Alarm, ...]:
    """Give the warnings of a term in order of time, without those that would precede its start."""
    planned = (
        Alarm(Level.NOTICE, _share_of(start, due_at, pauses)),
        Alarm(Level.YELLOW, _working_day_before(due_at, calendar)),
        Alarm(Level.RED, due_at),
        *_escalated(due_at, calendar, pauses, steps),
    )
    return tuple(sorted((alarm for alarm in planned if alarm.at > start), key=lambda a: a.at))


def _escalated(
    due_at: datetime,
    calendar: Calendar,
    pauses: Sequence[Pause],
    steps: Sequence[DeadlineRule],
) -> Iterator[Alarm]:
    """Give each step so long after the one before; days of a pause do not count here either."""
    at = due_at
    for number, rule in enumerate(steps, start=1):
        if rule.unit is Unit.HOURS:
            at = after_hours(at, timedelta(hours=rule.amount), pauses)
        else:
            first = last_day(at) + ONE_DAY
            at = after_days(first, rule.amount, rule.unit, calendar, pauses).at
        yield Alarm(Level.ESCALATED, at, number, rule.to)


def next_alarm(plan: Sequence[Alarm], after: datetime) -> Alarm | None:
    """Give the first alarm of a plan later than an instant."""
    return next((alarm for alarm in plan if alarm.at > after), None)


def read(name: str) -> tuple[Level, int]:
    """Give level and step of an alarm by its name."""
    level, _, step = name.partition("_")
    return Level(level), int(step or level == Level.ESCALATED)


def label(level: Level, to: str | None = None) -> str:
    """Give a level's name in Chinese; of an escalation, with whom it went to, if that is known."""
    return f"{LEVEL_LABELS[level]}：{to}" if to else LEVEL_LABELS[level]


def graver(name: str | None, other: Alarm) -> str:
    """Give the graver of an alarm that is known by its name, and another."""
    if name is None:
        return other.name
    level, step = read(name)
    return max(Alarm(level, other.at, step), other, key=lambda alarm: alarm.severity).name


def gravest(found: Iterable[Alarm]) -> Alarm | None:
    """Give the gravest of some alarms; where several are due at once, only that one rings."""
    return max(found, key=lambda alarm: alarm.severity, default=None)


def _share_of(start: datetime, due_at: datetime, pauses: Sequence[Pause]) -> datetime:
    """Give the instant at which three quarters of the running time are over."""
    held = [Pause(max(p.start, start), min(p.end, due_at)) for p in apart(pauses)]
    stood = sum((p.end - p.start for p in held if p.end > p.start), timedelta())
    return after_hours(start, (due_at - start - stood) * 3 / 4, pauses)


def _working_day_before(due_at: datetime, calendar: Calendar) -> datetime:
    """Give the same time of day on the working day before; the end of a day is its 24:00."""
    day = previous_working_day(last_day(due_at), calendar)
    return due_at - (last_day(due_at) - day)
