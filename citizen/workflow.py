"""The life of a case: one table of edges (contract 5), and `advance`, the only writer of a report's row.

A new action is a new row of TABLE; routes, `actions`, the served workflow and the tests all read it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from citizen.errors import InvalidTransition
from citizen.events import CaseSettled, Claim
from citizen.models import HistoryEntry, Report
from citizen.states import Action, Clock, Earning, PointsEffect, Status
from core import audit
from core.events import announce
from core.permissions import Kind, Role
from core.tokens import Caller

RESIDENT, SYSTEM = "resident", "system"
D, H, R = Role.DISPATCHER.value, Role.HANDLER.value, Role.REVIEWER.value
S = Status
ANY = frozenset(Status)
SAME = None
OPEN = frozenset(
    {S.SUBMITTED, S.INFO_REQUESTED, S.ACCEPTED, S.DISPATCHED, S.HANDLING, S.PARKED, S.RESOLVED}
)


@dataclass(frozen=True)
class Edge:
    """One action: from where, to where (None: it stays, or the service says), by whom, with what effects."""

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


def fits(report: Report, edge: Edge) -> bool:
    """Say whether the row itself allows the edge, beyond its status: what `actions` and `advance` both ask."""
    if report.status not in edge.sources:
        return False
    rule = ROW_RULES.get(edge.action)
    return rule is None or rule(report)


ROW_RULES: Mapping[Action, Callable[[Report], bool]] = {
    Action.DECLINE: lambda r: r.status is S.SUBMITTED or r.origin is S.SUBMITTED,
    Action.WITHDRAW: lambda r: r.status is S.SUBMITTED or r.origin is S.SUBMITTED,
    Action.MERGE: lambda r: r.followers == 0,
    Action.VERIFY: lambda r: r.status is S.RESOLVED or r.verified_round < r.round,
    Action.OVERTURN: lambda r: r.verdict is not None,
    Action.EXTEND: lambda r: r.extension.value == "none",
    Action.GRANT_EXTENSION: lambda r: r.extension.value == "asked",
    Action.REFUSE_EXTENSION: lambda r: r.extension.value == "asked",
    Action.RATE: lambda r: r.rated_at is None,
    Action.APPEAL: lambda r: r.appeal.value == "none",
    Action.GRANT_APPEAL: lambda r: r.appeal.value == "asked",
    Action.REJECT_APPEAL: lambda r: r.appeal.value == "asked",
}


def target_of(edge: Edge, report: Report, wanted: Status | None) -> Status:
    """Return where the case goes: the table's target, where it came from, or what the service wants of the allowed."""
    if edge.back:
        return report.origin or S.SUBMITTED
    if edge.target is not None:
        return edge.target
    target = wanted or report.status
    if edge.targets and target not in edge.targets:
        raise InvalidTransition(status=report.status.value, action=edge.action.value)
    return target


def advance(
    session: Session,
    report: Report,
    action: Action,
    *,
    actor: Caller | None,
    now: datetime,
    target: Status | None = None,
    changes: Mapping[str, Any] | None = None,
    note: str | None = None,
    holds: Mapping[int, tuple[str, ...]] | None = None,
) -> None:
    """Take one step: row, history, audit, version and events together. The row must be locked by the caller.

    `changes` are further columns of the row. Points follow when the edge says so (`CaseSettled`); `holds` names,
    by report id, why an award must wait.

    Raises:
        InvalidTransition: the table or the row does not allow it.
    """
    edge = edge_of(action, report.status)
    if not plays(edge, actor) or not fits(report, edge):
        raise InvalidTransition(status=report.status.value, action=action.value)
    source, reached = report.status, target_of(edge, report, target)
    values = {
        **_clock(edge, report, reached, now),
        **_origin(edge, report, reached),
        **(changes or {}),
    }
    values.update(status=reached, version=report.version + 1)
    if reached not in OPEN and source in OPEN:
        values["ended_at"] = now
    _write(session, report, values)
    _record(session, report, action, source, actor, now, note, changes or {})
    _settle_points(session, report, edge, now, holds or {})


def _clock(edge: Edge, report: Report, reached: Status, now: datetime) -> dict[str, Any]:
    """Run, pause or stop; time spent in a pause is added to what is due."""
    wanted = Clock.STOPPED if reached is S.CLOSED else edge.clock
    if wanted is None or wanted is report.clock:
        return {}
    values: dict[str, Any] = {"clock": wanted, "paused_at": now if wanted is Clock.PAUSED else None}
    if wanted is Clock.RUNNING and report.paused_at is not None:
        passed = now - report.paused_at
        values["due_at"] = report.due_at + passed
        values["next_alarm_at"] = report.next_alarm_at and report.next_alarm_at + passed
    return values


def _origin(edge: Edge, report: Report, reached: Status) -> dict[str, Any]:
    """Remember where a case came from when it may have to go back there."""
    if reached in {S.INFO_REQUESTED, S.MERGED}:
        return {"origin": report.status}
    return {"origin": None} if edge.back else {}


def _write(session: Session, report: Report, values: dict[str, Any]) -> None:
    session.execute(
        update(Report)
        .where(Report.id == report.id)
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    for name, value in values.items():
        set_committed_value(
            report, name, value
        )  # the object shows the row, and is not written again


def _record(
    session: Session,
    report: Report,
    action: Action,
    source: Status | None,
    actor: Caller | None,
    now: datetime,
    note: str | None,
    changes: Mapping[str, Any],
) -> None:
    noted = {name: plain(value) for name, value in changes.items()}
    session.execute(
        insert(HistoryEntry).values(
            report_id=report.id,
            version=report.version,
            at=now,
            action=action,
            source=source,
            target=report.status,
            actor_id=actor and actor.account_id,
            actor_role=role_in(action, actor),
            department=report.lead_department,
            note=note,
            changes=noted,
        )
    )
    details = {
        "from": source and source.value,
        "to": report.status.value,
        "version": report.version,
    }
    audit.record(
        f"case.{action.value}",
        actor=actor,
        subject=("report", report.number),
        details=details,
        at=now,
    )


def role_in(action: Action, actor: Caller | None) -> str:
    """Return the one role in which the actor acted; an officer may hold several."""
    if actor is None:
        return SYSTEM
    edge = EDGES.get(action)
    return edge.who if edge is not None and actor.kind is Kind.STAFF else actor.acting_as


def plain(value: Any) -> Any:
    """Return a value as JSON holds it."""
    return value.isoformat() if isinstance(value, datetime) else value


def opened(session: Session, report: Report, actor: Caller, now: datetime) -> None:
    """Write the first line of a new report's history."""
    _record(session, report, Action.SUBMIT, None, actor, now, None, {})


def _settle_points(
    session: Session,
    report: Report,
    edge: Edge,
    now: datetime,
    holds: Mapping[int, tuple[str, ...]],
) -> None:
    """Announce the edge's effect on points; what was found true stays so until the next verdict."""
    effect = edge.points
    if effect is PointsEffect.NONE:
        return
    if effect is PointsEffect.PENDING and report.verdict is not None:
        effect = PointsEffect.SETTLE
    settle(report, effect, held(claims_of(session, report), holds), now)


def settle(
    report: Report,
    effect: PointsEffect,
    claims: tuple[Claim, ...],
    now: datetime,
    *,
    decision: str | None = None,
) -> None:
    """Announce what the claims on a case should earn by what its row now says.

    `decision` must be unique; without one the row's own step is the decision.
    """
    decision = decision or f"decision:{report.number}:{report.version}"
    announce(
        CaseSettled(decision, report.number, effect, report.verdict, report.severity, claims, now)
    )


def claims_of(session: Session, report: Report) -> tuple[Claim, ...]:
    """Return the claims on a case: its own and those of the reports merged into it, by receipt."""
    own = (claim_on(report),)
    if not report.followers:
        return own
    followers = (
        select(Report)
        .where(Report.primary_id == report.id)
        .order_by(Report.submitted_at, Report.id)
    )
    every = (*own, *(claim_on(follower) for follower in session.scalars(followers)))
    return tuple(sorted(every, key=lambda claim: (claim.received_at, claim.report_id)))


def claim_on(report: Report, *, holds: tuple[str, ...] = ()) -> Claim:
    """Return a report as a claim on points."""
    return Claim(
        report_id=report.id,
        number=report.number,
        account_id=report.reporter_id,
        received_at=report.submitted_at,
        earns=report.earning is Earning.YES,
        channel=report.channel,
        category=report.category,
        holds=holds,
    )


def effect_now(report: Report) -> PointsEffect:
    """Return what the claims on a case should be by its row: settled by a verdict, void, or pending."""
    if report.verdict is not None:
        return PointsEffect.SETTLE
    return PointsEffect.VOID if report.status in {S.DECLINED, S.WITHDRAWN} else PointsEffect.PENDING


def adopt(session: Session, primary: Report, count: int) -> None:
    """Count followers in or out of a locked primary; its status and version stay."""
    _write(session, primary, {"followers": primary.followers + count})


def held(claims: tuple[Claim, ...], holds: Mapping[int, tuple[str, ...]]) -> tuple[Claim, ...]:
    """Return the claims with the reasons for which each award must wait."""
    return tuple(replace(claim, holds=holds.get(claim.report_id, ())) for claim in claims)
