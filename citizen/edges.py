"""One table of what can be done to a case (contract 5): from where, to where, by whom.

A new action is a new row of TABLE; `workflow.advance`, the routes and `actions` all read it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from citizen.errors import InvalidTransition
from citizen.models import Report
from citizen.states import Action, Asking, Clock, PointsEffect, Status
from core.clock import day_end, local_day
from core.permissions import Kind, Role
from core.tokens import Caller

RESIDENT, SYSTEM = "resident", "system"
D, H, R = Role.DISPATCHER.value, Role.HANDLER.value, Role.REVIEWER.value
S = Status
ANY = frozenset(Status)
SAME = None
APPEAL_DAYS = timedelta(days=30)
OPEN = frozenset(
    {S.SUBMITTED, S.INFO_REQUESTED, S.ACCEPTED, S.DISPATCHED, S.HANDLING, S.PARKED, S.RESOLVED}
)


@dataclass(frozen=True)
class Edge:
    """One action; without a `target` the case stays, or the service names one of `targets`."""

    action: Action
    sources: frozenset[Status]
    target: Status | None
    who: str
    needs: tuple[str, ...] = ()
    clock: Clock | None = None
    points: PointsEffect = PointsEffect.NONE
    targets: frozenset[Status] = frozenset()
    back: bool = False  # goes back to where the case came from


def _edge(
    action: Action,
    sources: set[Status] | frozenset[Status],
    target: Status | None,
    who: str,
    **kwargs: Any,
) -> Edge:
    return Edge(action, frozenset(sources), target, who, **kwargs)


RUN, PAUSE, STOP = Clock.RUNNING, Clock.PAUSED, Clock.STOPPED
PENDING, SETTLE, VOID = PointsEffect.PENDING, PointsEffect.SETTLE, PointsEffect.VOID

TABLE: tuple[Edge, ...] = (
    _edge(
        Action.REQUEST_INFO,
        {S.SUBMITTED, S.ACCEPTED},
        S.INFO_REQUESTED,
        D,
        needs=("question",),
        clock=PAUSE,
    ),
    _edge(Action.SUPPLEMENT, {S.INFO_REQUESTED}, None, RESIDENT, clock=RUN, back=True),
    _edge(Action.LAPSE, {S.INFO_REQUESTED}, S.DECLINED, SYSTEM, clock=STOP, points=VOID),
    _edge(Action.ACCEPT, {S.SUBMITTED}, S.ACCEPTED, D),
    _edge(
        Action.DECLINE,
        {S.SUBMITTED, S.INFO_REQUESTED},
        S.DECLINED,
        D,
        needs=("reason",),
        clock=STOP,
        points=VOID,
    ),
    _edge(Action.MERGE, {S.SUBMITTED, S.ACCEPTED}, S.MERGED, D, needs=("into",), clock=STOP),
    _edge(Action.UNMERGE, {S.MERGED}, None, D, needs=("reason",), clock=RUN, back=True),
    _edge(Action.LEAD, {S.MERGED}, None, SYSTEM, clock=RUN, back=True),
    _edge(
        Action.VERIFY,
        {S.ACCEPTED, S.RESOLVED},
        None,
        D,
        needs=("verdict",),
        points=SETTLE,
        targets=frozenset({S.ACCEPTED, S.CLOSED}),
    ),
    _edge(Action.OVERTURN, ANY, SAME, R, needs=("verdict", "reason"), points=SETTLE),
    _edge(Action.DISPATCH, {S.ACCEPTED}, S.DISPATCHED, D, clock=RUN),
    _edge(Action.SIGN, {S.DISPATCHED}, S.HANDLING, H),
    _edge(Action.REASSIGN, {S.DISPATCHED, S.HANDLING}, SAME, H, needs=("username",)),
    _edge(Action.RETURN, {S.DISPATCHED, S.HANDLING}, S.ACCEPTED, H, needs=("reason",)),
    _edge(Action.EXTEND, {S.DISPATCHED, S.HANDLING}, SAME, H, needs=("reason", "due_at")),
    _edge(Action.GRANT_EXTENSION, {S.DISPATCHED, S.HANDLING}, SAME, D),
    _edge(Action.REFUSE_EXTENSION, {S.DISPATCHED, S.HANDLING}, SAME, D, needs=("reason",)),
    _edge(Action.PARK, {S.HANDLING}, S.PARKED, D, needs=("reason", "review_on"), clock=PAUSE),
    _edge(Action.UNPARK, {S.PARKED}, S.HANDLING, D, clock=RUN),
    _edge(Action.RESOLVE, {S.HANDLING}, S.RESOLVED, H, needs=("finding", "measures", "media")),
    _edge(Action.REWORK, {S.RESOLVED}, S.HANDLING, D, needs=("reason",)),
    _edge(
        Action.WITHDRAW,
        {S.SUBMITTED, S.INFO_REQUESTED},
        S.WITHDRAWN,
        RESIDENT,
        clock=STOP,
        points=VOID,
    ),
    _edge(Action.RATE, {S.CLOSED, S.MERGED}, SAME, RESIDENT, needs=("satisfied", "score")),
    _edge(Action.APPEAL, {S.DECLINED, S.CLOSED}, SAME, RESIDENT, needs=("reason",)),
    _edge(Action.CORRECT, {S.SUBMITTED, S.ACCEPTED}, SAME, D, needs=("reason",)),
    _edge(
        Action.GRANT_APPEAL,
        {S.DECLINED, S.CLOSED},
        None,
        R,
        needs=("reason",),
        clock=RUN,
        points=PENDING,
        targets=frozenset({S.SUBMITTED, S.ACCEPTED}),
    ),
    _edge(Action.REJECT_APPEAL, {S.DECLINED, S.CLOSED}, SAME, R, needs=("reason",)),
)
EDGES: Mapping[Action, Edge] = {edge.action: edge for edge in TABLE}


LEAVING: Mapping[Status, tuple[Edge, ...]] = {
    status: tuple(edge for edge in TABLE if status in edge.sources) for status in Status
}


def edge_of(action: Action, status: Status) -> Edge:
    """Return the edge that leaves `status` by `action`.

    Raises:
        InvalidTransition: the table has none.
    """
    edge = EDGES.get(action)
    if edge is None or status not in edge.sources:
        raise InvalidTransition(status=status.value, action=action.value)
    return edge


def plays(edge: Edge, actor: Caller | None) -> bool:
    """Say whether the actor is of the kind and role that the edge names."""
    if actor is None:
        return edge.who == SYSTEM
    if actor.kind is Kind.RESIDENT:
        return edge.who == RESIDENT
    return actor.kind is Kind.STAFF and edge.who in actor.roles


def fits(report: Report, edge: Edge, now: datetime) -> bool:
    """Say whether the row allows the edge, beyond its status; `actions` and `advance` both ask."""
    if report.status not in edge.sources:
        return False
    rule = ROW_RULES.get(edge.action)
    return rule is None or rule(report, now)


def appealable(report: Report, now: datetime) -> bool:
    """Say whether the 30 days after the end still run; the last of them counts whole."""
    ended_at = report.ended_at
    return ended_at is not None and now < day_end(local_day(ended_at) + APPEAL_DAYS)


def _from_submitted(report: Report, _now: datetime) -> bool:
    return S.SUBMITTED in {report.status, report.origin}


def _appealed(report: Report, _now: datetime) -> bool:
    return report.appeal is Asking.ASKED


def _extended(report: Report, _now: datetime) -> bool:
    return report.extension is Asking.ASKED


ROW_RULES: Mapping[Action, Callable[[Report, datetime], bool]] = {
    Action.DECLINE: _from_submitted,
    Action.WITHDRAW: _from_submitted,
    Action.MERGE: lambda report, _now: report.followers == 0,
    Action.VERIFY: lambda report, _now: (
        report.status is S.RESOLVED or report.verified_round < report.round
    ),
    Action.OVERTURN: lambda report, _now: report.verdict is not None and report.primary_id is None,
    Action.EXTEND: lambda report, _now: report.extension is Asking.NONE,
    Action.GRANT_EXTENSION: _extended,
    Action.REFUSE_EXTENSION: _extended,
    Action.RATE: lambda report, _now: report.rated_at is None,
    Action.APPEAL: lambda report, now: report.appeal is Asking.NONE and appealable(report, now),
    Action.GRANT_APPEAL: _appealed,
    Action.REJECT_APPEAL: _appealed,
}


def target_of(edge: Edge, report: Report, wanted: Status | None) -> Status:
    """Return where the case goes: where it came from, the table's target, or the one wanted."""
    if edge.back:
        return report.origin or S.SUBMITTED
    if edge.target is not None:
        return edge.target
    target = wanted or report.status
    if edge.targets and target not in edge.targets:
        raise InvalidTransition(status=report.status.value, action=edge.action.value)
    return target
