"""One table of what can be done to a case (contract 5): from where, to where, by whom.

A new action is a new row of TABLE; `workflow.advance`, the routes, `actions`, the timeline and the
README's picture all read it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from citizen.errors import InvalidTransition
from citizen.guards import RULES, Guard
from citizen.models import Report
from citizen.states import Action, Clock, PointsEffect, Status, Told
from core.permissions import Kind, Role
from core.tokens import Caller

RESIDENT, SYSTEM = "resident", "system"
OF_STAFF = (Guard.CURRENT_VERSION, Guard.NOT_A_PARTY)  # of every step by staff
Moves = Mapping[Status, frozenset[Status]]


@dataclass(frozen=True)
class Edge:
    """One action: from each status where it may lead, by whom, what it needs and what follows.

    `clock` is what becomes of the case's time, None as it was; it stops only where the case ends.
    `back`: the case goes back to where it came from, which is one of the statuses named.
    """

    action: Action
    who: str
    moves: Moves
    needs: tuple[str, ...] = ()
    guards: tuple[Guard, ...] = ()
    clock: Clock | None = None
    points: PointsEffect = PointsEffect.NONE
    tells: tuple[Told, ...] = ()
    back: bool = False

    @cached_property
    def sources(self) -> frozenset[Status]:
        """Return the statuses that the action is possible in."""
        return frozenset(self.moves)

    @cached_property
    def targets(self) -> frozenset[Status]:
        """Return the statuses that it may lead to."""
        return frozenset().union(*self.moves.values())

    @cached_property
    def checked(self) -> tuple[Guard, ...]:
        """Return all that must hold, with what holds for every step by staff."""
        return self.guards if self.who in {RESIDENT, SYSTEM} else (*OF_STAFF, *self.guards)


def _to(target: Status, *sources: Status) -> Moves:
    return dict.fromkeys(sources, frozenset({target}))


def _back(source: Status, *targets: Status) -> Moves:
    return {source: frozenset(targets)}


def _same(statuses: Iterable[Status]) -> Moves:
    return {status: frozenset({status}) for status in statuses}


A, G, S = Action, Guard, Status
D, H, R = Role.DISPATCHER.value, Role.HANDLER.value, Role.REVIEWER.value
RUN, PAUSE, STOP = Clock.RUNNING, Clock.PAUSED, Clock.STOPPED
PENDING, SETTLE, VOID = PointsEffect.PENDING, PointsEffect.SETTLE, PointsEffect.VOID
OWNER, DESK, REVIEWERS = Told.REPORTER, Told.DISPATCHERS, Told.REVIEWERS
ALL = (Told.REPORTER, Told.FOLLOWERS)
LEAD, HELPERS = Told.DEPARTMENT, Told.ASSISTING
OPEN = frozenset(
    {S.SUBMITTED, S.INFO_REQUESTED, S.ACCEPTED, S.DISPATCHED, S.HANDLING, S.PARKED, S.RESOLVED}
)
FINAL = frozenset({S.WITHDRAWN})  # nothing leaves it; the other ends may be opened again

# fmt: off
# By hand: a table is read row by row.
TABLE: tuple[Edge, ...] = (
    Edge(A.REQUEST_INFO, D, _to(S.INFO_REQUESTED, S.SUBMITTED, S.ACCEPTED),
         needs=("question",), clock=PAUSE, tells=(OWNER,)),
    Edge(A.SUPPLEMENT, RESIDENT, _back(S.INFO_REQUESTED, S.SUBMITTED, S.ACCEPTED),
         back=True, clock=RUN, tells=(DESK,)),
    Edge(A.LAPSE, SYSTEM, _to(S.DECLINED, S.INFO_REQUESTED),
         guards=(G.ANSWER_OVERDUE,), clock=STOP, points=VOID, tells=ALL),
    Edge(A.ACCEPT, D, _to(S.ACCEPTED, S.SUBMITTED), tells=ALL),
    Edge(A.DECLINE, D, _to(S.DECLINED, S.SUBMITTED, S.INFO_REQUESTED),
         needs=("reason",), guards=(G.FROM_SUBMITTED,), clock=STOP, points=VOID, tells=ALL),
    Edge(A.MERGE, D, _to(S.MERGED, S.SUBMITTED, S.ACCEPTED),
         needs=("into",), guards=(G.NO_FOLLOWERS, G.PRIMARY_OPEN), clock=STOP, tells=(OWNER,)),
    Edge(A.UNMERGE, D, _back(S.MERGED, S.SUBMITTED, S.ACCEPTED),
         needs=("reason",), guards=(G.JOINED_BY_ANOTHER,), back=True, clock=RUN, tells=(OWNER,)),
    Edge(A.LEAD, SYSTEM, _back(S.MERGED, S.SUBMITTED, S.ACCEPTED),
         guards=(G.PRIMARY_LEAVES,), back=True, clock=RUN, tells=(OWNER,)),
    Edge(A.VERIFY, D, {S.ACCEPTED: frozenset({S.ACCEPTED, S.CLOSED}), **_to(S.CLOSED, S.RESOLVED)},
         needs=("verdict",), guards=(G.FIRST_OF_ROUND,), clock=STOP, points=SETTLE, tells=ALL),
    Edge(A.OVERTURN, R, _same(Status), needs=("verdict", "reason"),
         guards=(G.HAS_VERDICT, G.FOLLOWS_NONE, G.NEVER_DECIDED), points=SETTLE,
         tells=(*ALL, DESK)),
    Edge(A.DISPATCH, D, _to(S.DISPATCHED, S.ACCEPTED), clock=RUN, tells=(*ALL, LEAD, HELPERS)),
    Edge(A.SIGN, H, _to(S.HANDLING, S.DISPATCHED), guards=(G.OWN_DEPARTMENT,), tells=ALL),
    Edge(A.REASSIGN, H, _same((S.DISPATCHED, S.HANDLING)),
         needs=("username",), guards=(G.OWN_DEPARTMENT, G.COLLEAGUE), tells=(Told.ASSIGNEE,)),
    Edge(A.RETURN, H, _to(S.ACCEPTED, S.DISPATCHED, S.HANDLING),
         needs=("reason",), guards=(G.OWN_DEPARTMENT, G.RETURN_IN_TIME), tells=(DESK, HELPERS)),
    Edge(A.EXTEND, H, _same((S.DISPATCHED, S.HANDLING)), needs=("reason", "due_at"),
         guards=(G.OWN_DEPARTMENT, G.ONE_EXTENSION, G.TEN_WORKING_DAYS), tells=(DESK,)),
    Edge(A.GRANT_EXTENSION, D, _same((S.DISPATCHED, S.HANDLING)),
         guards=(G.EXTENSION_ASKED,), tells=(*ALL, LEAD)),
    Edge(A.REFUSE_EXTENSION, D, _same((S.DISPATCHED, S.HANDLING)),
         needs=("reason",), guards=(G.EXTENSION_ASKED,), tells=(LEAD,)),
    Edge(A.PARK, D, _to(S.PARKED, S.HANDLING), needs=("reason", "review_on"),
         guards=(G.REVIEW_LATER,), clock=PAUSE, tells=(*ALL, LEAD, HELPERS)),
    Edge(A.UNPARK, D, _to(S.HANDLING, S.PARKED), clock=RUN, tells=(*ALL, LEAD, HELPERS)),
    Edge(A.RESOLVE, H, _to(S.RESOLVED, S.HANDLING), needs=("finding", "measures", "media"),
         guards=(G.OWN_DEPARTMENT, G.PHOTO_AFTER), tells=(*ALL, DESK)),
    Edge(A.REWORK, D, _to(S.HANDLING, S.RESOLVED), needs=("reason",), tells=(*ALL, LEAD)),
    Edge(A.WITHDRAW, RESIDENT, _to(S.WITHDRAWN, S.SUBMITTED, S.INFO_REQUESTED),
         guards=(G.FROM_SUBMITTED,), clock=STOP, points=VOID, tells=(DESK,)),
    Edge(A.RATE, RESIDENT, _same((S.CLOSED, S.MERGED)),
         needs=("satisfied", "score"), guards=(G.UNRATED, G.RESULT_CLOSED), tells=(DESK, LEAD)),
    Edge(A.APPEAL, RESIDENT, _same((S.DECLINED, S.CLOSED)),
         needs=("reason",), guards=(G.ONE_APPEAL, G.THIRTY_DAYS), tells=(REVIEWERS,)),
    Edge(A.CORRECT, D, _same((S.SUBMITTED, S.ACCEPTED)), needs=("reason",), tells=(DESK,)),
    Edge(A.GRANT_APPEAL, R, {**_to(S.SUBMITTED, S.DECLINED), **_to(S.ACCEPTED, S.CLOSED)},
         needs=("reason",), guards=(G.APPEAL_ASKED, G.NEVER_DECIDED), clock=RUN, points=PENDING,
         tells=(*ALL, DESK)),
    Edge(A.REJECT_APPEAL, R, _same((S.DECLINED, S.CLOSED)),
         needs=("reason",), guards=(G.APPEAL_ASKED, G.NEVER_DECIDED), tells=ALL),
)
# fmt: on
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
    return all(RULES[guard](report, now) for guard in edge.guards if guard in RULES)


def possible(action: Action, report: Report, now: datetime) -> Edge:
    """Return the edge that the case may take by `action`, whoever takes it.

    Raises:
        InvalidTransition: the table or the row does not allow it.
    """
    edge = edge_of(action, report.status)
    if not fits(report, edge, now):
        raise InvalidTransition(status=report.status.value, action=action.value)
    return edge


def target_of(edge: Edge, report: Report, wanted: Status | None) -> Status:
    """Return where the case goes: where it came from, the only way there is, or the one wanted."""
    allowed = edge.moves[report.status]
    if edge.back:
        return report.origin or S.SUBMITTED
    if wanted is None and len(allowed) == 1:
        return next(iter(allowed))
    if wanted not in allowed:
        raise InvalidTransition(status=report.status.value, action=edge.action.value)
    return wanted
