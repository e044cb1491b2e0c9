"""What is counted: each measure is a condition on the cases that came in during the period.

So every number is the length of a list, and what is parted into groups adds up again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, or_, select

from citizen.models import HistoryEntry, Report
from citizen.states import Action, Clock, Status, Verdict
from moderation.models import Rating


class Counted(StrEnum):
    """The names of the numbers."""

    RECEIVED = "received"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    MERGED = "merged"
    CLOSED = "closed"
    ON_TIME = "on_time"
    LATE = "late"
    OVERDUE = "overdue"
    REWORK = "rework"
    REOPENED = "reopened"
    SUBSTANTIATED = "substantiated"
    PARTLY_SUBSTANTIATED = "partly_substantiated"
    UNSUBSTANTIATED = "unsubstantiated"
    SATISFIED = "satisfied"
    DISSATISFIED = "dissatisfied"


@dataclass(frozen=True)
class Measure:
    """One number: its name, its rule in words, its condition at an instant.

    `filters` are those of the case list that find the same cases; None where it has none. `beside`
    says that the condition asks another table than that of the cases.
    """

    name: str
    rule: str
    condition: Callable[[datetime], ColumnElement[bool]]
    filters: Mapping[str, str] | None = None
    beside: bool = field(default=False, kw_only=True)


TAKEN_ON = (
    Status.ACCEPTED,
    Status.DISPATCHED,
    Status.HANDLING,
    Status.PARKED,
    Status.RESOLVED,
    Status.CLOSED,
)


def _accepted(_now: datetime) -> ColumnElement[bool]:
    return or_(Report.status.in_(TAKEN_ON), Report.origin == Status.ACCEPTED)


def _closed(_now: datetime) -> ColumnElement[bool]:
    return Report.status == Status.CLOSED


def _on_time(now: datetime) -> ColumnElement[bool]:
    return and_(_closed(now), Report.ended_at <= Report.due_at)


def _late(now: datetime) -> ColumnElement[bool]:
    return and_(_closed(now), Report.ended_at > Report.due_at)


def _overdue(now: datetime) -> ColumnElement[bool]:
    return and_(Report.clock == Clock.RUNNING, Report.due_at <= now)


# Asked of each case of the period by index: as EXISTS, PostgreSQL would read the whole other table.


def _reworked(_now: datetime) -> ColumnElement[bool]:
    reworked = select(HistoryEntry.id).where(
        HistoryEntry.report_id == Report.id, HistoryEntry.action == Action.REWORK
    )
    return reworked.limit(1).correlate(Report).scalar_subquery().is_not(None)


def _rated(*, satisfied: bool) -> Callable[[datetime], ColumnElement[bool]]:
    rating = select(Rating.satisfied).where(Rating.report_id == Report.id).correlate(Report)
    said = rating.scalar_subquery().is_(satisfied)
    return lambda _now: and_(Report.rated_at.is_not(None), said)


def _status(status: Status) -> tuple[Callable[[datetime], ColumnElement[bool]], dict[str, str]]:
    return lambda _now: Report.status == status, {"status": status.value}


def _verdict(verdict: Verdict) -> Callable[[datetime], ColumnElement[bool]]:
    return lambda _now: Report.verdict == verdict


MEASURES: Mapping[Counted, Measure] = {
    Counted.RECEIVED: Measure("收到", "期间内提交的办件", lambda _now: Report.id.is_not(None), {}),
    Counted.ACCEPTED: Measure("受理", "现在或先前已受理的办件", _accepted),
    Counted.DECLINED: Measure("不予受理", "状态为不予受理", *_status(Status.DECLINED)),
    Counted.WITHDRAWN: Measure("撤回", "举报人已撤回", *_status(Status.WITHDRAWN)),
    Counted.MERGED: Measure("合并", "已合并到其他办件", *_status(Status.MERGED)),
    Counted.CLOSED: Measure("办结", "状态为已办结", *_status(Status.CLOSED)),
    Counted.ON_TIME: Measure("按期办结", "已办结，且不晚于办理期限", _on_time),
    Counted.LATE: Measure("逾期办结", "已办结，但晚于办理期限", _late),
    Counted.OVERDUE: Measure("在办超期", "计时中且已过办理期限", _overdue, {"overdue": "true"}),
    Counted.REWORK: Measure("返工", "至少一次被要求返工", _reworked, beside=True),
    Counted.REOPENED: Measure("重新办理", "申诉成立后进入新一轮", lambda _now: Report.round > 1),
    Counted.SUBSTANTIATED: Measure("属实", "认定为属实", _verdict(Verdict.SUBSTANTIATED)),
    Counted.PARTLY_SUBSTANTIATED: Measure(
        "部分属实", "认定为部分属实", _verdict(Verdict.PARTLY_SUBSTANTIATED)
    ),
    Counted.UNSUBSTANTIATED: Measure("不属实", "认定为不属实", _verdict(Verdict.UNSUBSTANTIATED)),
    Counted.SATISFIED: Measure("满意", "举报人评价满意", _rated(satisfied=True), beside=True),
    Counted.DISSATISFIED: Measure(
        "不满意", "举报人评价不满意", _rated(satisfied=False), beside=True
    ),
}
