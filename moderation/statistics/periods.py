"""From which day to which: days of Asia/Shanghai, the last one included."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement

from citizen.models import Report
from core.clock import day_end, day_start
from core.errors import Invalid
from core.messages import say


@dataclass(frozen=True)
class Period:
    """Some days, both ends included."""

    start: date
    end: date

    @property
    def holds(self) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        """Return the conditions on when a case was submitted."""
        return Report.submitted_at >= day_start(self.start), Report.submitted_at < day_end(self.end)

    def month(self, name: str) -> "Period":
        """Return the days of a month, `2026-03`, that lie in the period."""
        first = date.fromisoformat(f"{name}-01")
        return Period(max(self.start, first), min(self.end, _month_end(first)))


def period(start: date | None, end: date | None, today: date) -> Period:
    """Return the period asked for; the present month by default, else up to today or from the 1st.

    Raises:
        Invalid: it ends before it begins.
    """
    if start is None:
        known = end or today
        start = known.replace(day=1)
        end = end or _month_end(today)
    made = Period(start, end or max(start, today))
    if made.end < made.start:
        raise Invalid(errors={"to": [say("不能早于开始日期", "May not lie before from")]})
    return made


def _month_end(day: date) -> date:
    return day.replace(day=monthrange(day.year, day.month)[1])
