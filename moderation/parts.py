"""Cases of departments in parts, each in the order of one index: those led, those helped with.

Asked as one condition with OR, all cases of the department would be sorted for every page.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import InstrumentedAttribute, aliased

from citizen.models import AssistingDepartment, Report
from core.database import unsought

Conditions = Sequence[ColumnElement[bool]]


@dataclass(frozen=True)
class Share:
    """Cases that one department leads, if any is named, and that all `helping` ones help with.

    Without a lead, cases led by one of `besides` are left out: shares have no case in common.
    """

    lead: str | None
    helping: tuple[str, ...]
    besides: tuple[str, ...] = ()

    def cases(
        self, columns: Sequence[Any], sort: str, conditions: Conditions
    ) -> tuple[Select[Any], Sequence[InstrumentedAttribute[Any]]]:
        """Select columns of the share's cases; return also the keys of the sort's index."""
        helpers = [aliased(AssistingDepartment) for _ in self.helping]
        statement = select(*columns).where(*self._led(sort), *conditions)
        for helper, code in zip(helpers, self.helping, strict=True):
            joined = (helper.report_id == Report.id) & (helper.department == code)
            statement = statement.join(helper, joined)
        if not helpers:
            return statement, (getattr(Report, sort), Report.id)
        return statement, (getattr(helpers[0], sort), helpers[0].report_id)

    def _led(self, sort: str) -> Iterator[ColumnElement[bool]]:
        if self.lead is not None:
            column = Report.lead_department
            yield (unsought(column) if sort == "due_at" else column) == self.lead
        elif self.besides:
            other = Report.lead_department.not_in(self.besides)
            yield or_(Report.lead_department.is_(None), other)


def shares(departments: Collection[str]) -> list[Share]:
    """Part the cases of which each named department is lead or helper; without any, all cases."""
    codes = tuple(sorted(departments))
    led = [Share(code, tuple(other for other in codes if other != code)) for code in codes]
    return [*led, Share(None, codes, codes)]
