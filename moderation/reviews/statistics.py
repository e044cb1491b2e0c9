"""How second reviewers agree: in total, and by month or category."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from citizen import places
from citizen.models import Report
from core.clock import day_end, day_start
from moderation.models import Look, SecondReview
from moderation.reviews.agreement import measured
from moderation.statistics.groups import month_of
from moderation.statistics.periods import Period

Counts = Counter[tuple[Any, Any]]


class By(StrEnum):
    """What second reviews are parted by: the month of the draw, or the category."""

    MONTH = "month"
    CATEGORY = "category"


KEYS: Mapping[By, Callable[[Session], ColumnElement[Any]]] = {
    By.MONTH: lambda session: month_of(session, SecondReview.drawn_at),
    By.CATEGORY: lambda _session: Report.category.expression,
}


def agreement(session: Session, period: Period, by: By) -> dict[str, Any]:
    """Count the reviews drawn in a period, as they stand now; groups add up to the total."""
    waiting, pairs = _counted(session, period, by)
    codes = sorted(waiting.keys() | pairs.keys())
    names = _names(by)
    groups = [
        {
            "code": code,
            "name": names.get(code, code),
            **asdict(measured(waiting[code], pairs.get(code, Counter()))),
        }
        for code in codes
    ]
    whole: Counts = sum(pairs.values(), Counter())
    return {"total": asdict(measured(waiting.total(), whole)), "groups": groups}


def _counted(session: Session, period: Period, by: By) -> tuple[Counter[str], dict[str, Counts]]:
    first = SecondReview.first_verdict, SecondReview.first_severity
    second = SecondReview.second_verdict, SecondReview.second_severity
    columns = (KEYS[by](session), SecondReview.state, *first, *second)
    wanted = (
        select(*columns, func.count())
        .join(Report, Report.id == SecondReview.report_id)
        .where(SecondReview.drawn_at >= day_start(period.start))
        .where(SecondReview.drawn_at < day_end(period.end))
        .group_by(*columns)
    )
    waiting: Counter[str] = Counter()
    pairs: dict[str, Counts] = {}
    for code, state, *said, count in session.execute(wanted):
        if state is Look.OPEN:
            waiting[code] += count
        else:
            pairs.setdefault(code, Counter())[(tuple(said[:2]), tuple(said[2:]))] += count
    return waiting, pairs


def _names(by: By) -> Mapping[str, str]:
    return {one.code: one.name for one in places.categories()} if by is By.CATEGORY else {}
