"""Cases: lists, one case, and one route per row of the action table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Response
from sqlalchemy.orm import Session

from citizen import schemas as resident_schemas
from citizen import service as reports
from citizen import views as resident_views
from citizen.edges import EDGES, FINAL, OPEN, TABLE, Edge
from citizen.errors import (
    AlreadyAppealed,
    AlreadyRated,
    AlreadyVerified,
    AppealClosed,
    HasFollowers,
    InvalidTransition,
    NotForYou,
    ReturnClosed,
)
from citizen.guards import GUARD_LABELS
from citizen.models import Report
from citizen.states import ACTION_LABELS, STATUS_LABELS, TOLD_LABELS, Action
from core import audit, jsonbody
from core.api import Blueprint, EmptySchema, Schema, answer, body, dump, query, received
from core.clock import now as present
from core.database import reading, writing
from core.errors import (
    DomainError,
    Forbidden,
    Invalid,
    NotFound,
    PreconditionRequired,
    Stale,
    UnsupportedMedia,
)
from core.schemas import page_of
from core.tokens import caller, may
from media.errors import MediaNotFound, MediaUsed
from moderation import (
    access,
    appeals,
    bodies,
    cases,
    extensions,
    handling,
    merging,
    preconditions,
    schemas,
    triage,
    views,
)
from moderation.errors import DecidedBefore, ExtensionUsed

routes = Blueprint("cases", __name__, description="办件 Triage, verification, dispatch")
CasePageSchema = page_of(schemas.CaseItemSchema, "CasePageSchema")
Work = Callable[..., Any]


@dataclass(frozen=True)
class StaffAction:
    """What a staff action reads and does; `errors` are those beyond the common ones."""

    schema: type[Schema]
    work: Work
    errors: tuple[type[DomainError], ...] = ()


STAFF_ACTIONS: dict[Action, StaffAction] = {
    Action.REQUEST_INFO: StaffAction(bodies.QuestionSchema, triage.request_info),
    Action.ACCEPT: StaffAction(EmptySchema, triage.accept),
    Action.DECLINE: StaffAction(bodies.DeclineSchema, triage.decline),
    Action.MERGE: StaffAction(bodies.MergeSchema, merging.merge, (HasFollowers,)),
    Action.UNMERGE: StaffAction(bodies.ReasonSchema, merging.unmerge, (DecidedBefore,)),
    Action.VERIFY: StaffAction(bodies.VerdictSchema, triage.verify, (AlreadyVerified,)),
    Action.OVERTURN: StaffAction(bodies.OverturnSchema, triage.overturn, (DecidedBefore,)),
    Action.DISPATCH: StaffAction(bodies.DispatchSchema, triage.dispatch),
    Action.SIGN: StaffAction(EmptySchema, handling.sign),
    Action.REASSIGN: StaffAction(bodies.ReassignSchema, handling.reassign),
    Action.RETURN: StaffAction(bodies.ReasonSchema, handling.give_back, (ReturnClosed,)),
    Action.EXTEND: StaffAction(bodies.ExtendSchema, extensions.extend, (ExtensionUsed,)),
    Action.GRANT_EXTENSION: StaffAction(bodies.GrantExtensionSchema, extensions.grant),
    Action.REFUSE_EXTENSION: StaffAction(bodies.ReasonSchema, extensions.refuse),
    Action.PARK: StaffAction(bodies.ParkSchema, triage.park),
    Action.UNPARK: StaffAction(EmptySchema, triage.unpark),
    Action.RESOLVE: StaffAction(bodies.ResolveSchema, handling.resolve, (MediaNotFound, MediaUsed)),
    Action.REWORK: StaffAction(bodies.ReasonSchema, triage.rework),
    Action.CORRECT: StaffAction(bodies.CorrectSchema, triage.correct),
    Action.GRANT_APPEAL: StaffAction(bodies.ReasonSchema, appeals.grant, (DecidedBefore,)),
    Action.REJECT_APPEAL: StaffAction(bodies.ReasonSchema, appeals.reject, (DecidedBefore,)),
}


@routes.get("/cases")
@routes.asks(schemas.CaseQuery)
@routes.gives(200, CasePageSchema)
@routes.fails(Invalid)
@may("moderation.read")
def case_list() -> Response:
    """List the cases that exist for the caller, by filters."""
    asked, now = query(schemas.CaseQuery), present()
    with reading() as session:
        who = access.officer(session, caller())
        found = cases.found(session, asked, who, now)
        shown = views.items(session, found.items, who, now, asked["crs"])
        data = dump(CasePageSchema, {"items": shown, "next_cursor": found.next_cursor})
    audit.look("cases.list", ("cases", "-"), {"ids": [case.id for case in found.items]})
    return answer(data)


@routes.get("/cases/<number>")
@routes.asks(resident_schemas.CrsQuery)
@routes.gives(200, schemas.CaseSchema, headers={"ETag": {"schema": {"type": "string"}}})
@routes.fails(NotFound, Invalid)
@may("moderation.read")
def case(number: str) -> Response:
    """Read one case; its ETag is what actions send back as `If-Match`."""
    now = present()
    with reading() as session:
        who = access.officer(session, caller())
        found = access.case_for(session, number, who)
        crs = query(resident_schemas.CrsQuery)["crs"]
        data = dump(schemas.CaseSchema, views.whole(session, found, who, now, crs))
    audit.look("case.read", ("report", found.number))
    return answer(data, headers=[("ETag", views.etag(found))])


@routes.get("/cases/<number>/history")
@routes.gives(200, schemas.HistoryListSchema)
@routes.fails(NotFound)
@may("moderation.read")
def case_history(number: str) -> Response:
    """Read all steps of a case, and its alarms."""
    with reading() as session:
        found = access.case_for(session, number, access.officer(session, caller()))
        data = dump(schemas.HistoryListSchema, views.history(session, found))
    audit.look("case.history", ("report", found.number))
    return answer(data)


@routes.get("/workflow")
@routes.gives(200, schemas.WorkflowSchema)
@may("moderation.workflow")
def workflow_table() -> Response:
    """Serve the table that decides what can be done to a case, so that no client repeats it."""
    statuses = [
        {"code": status, "name": label, "open": status in OPEN, "final": status in FINAL}
        for status, label in STATUS_LABELS.items()
    ]
    edges = [_edge(edge) for edge in TABLE]
    return answer(dump(schemas.WorkflowSchema, {"statuses": statuses, "edges": edges}))


def _edge(edge: Edge) -> dict[str, Any]:
    return {
        "action": edge.action,
        "label": ACTION_LABELS[edge.action],
        "sources": sorted(edge.sources),
        "targets": sorted(edge.targets),
        "moves": [{"source": one, "targets": sorted(edge.moves[one])} for one in edge.moves],
        "who": edge.who,
        "needs": list(edge.needs),
        "guards": [{"code": guard, "name": GUARD_LABELS[guard]} for guard in edge.checked],
        "clock": edge.clock and edge.clock.value,
        "points": edge.points.value,
        "tells": [{"code": told, "name": TOLD_LABELS[told]} for told in edge.tells],
    }


def _act(action: Action, number: str) -> Response:
    """Do one staff action; what is checked comes in the order of contract 1."""
    raw = received()
    now, wanted = present(), STAFF_ACTIONS[action]
    with writing() as session:
        who = access.officer(session, caller())
        beside = _lock_others(session, action, number, raw)
        report = access.case_for(session, number, who, lock=True)
        access.require(session, report, EDGES[action], who, beside=beside)
        preconditions.check(report, raw)
        outcome = wanted.work(session, report, body(wanted.schema), caller(), now)
        shown = views.whole(session, report, who, now)
        data = dump(
            schemas.CaseSchema,
            {**shown, **({"correction": outcome} if outcome is not None else {})},
        )
    return answer(data, headers=[("ETag", views.etag(report))])


def _lock_others(session: Session, action: Action, number: str, raw: bytes) -> Sequence[Report]:
    """Lock both cases of a merge in order of id, before either is looked at."""
    if action is Action.UNMERGE:
        return merging.lock_pair(session, number, merging.primary_of(session, number))
    if action is not Action.MERGE:
        return ()
    try:
        sent = jsonbody.parse(raw)
    except DomainError:
        return ()  # the body is refused at its turn
    into = sent.get("into") if isinstance(sent, dict) else None
    return merging.lock_pair(session, number, into if isinstance(into, str) else None)


def _add_route(action: Action, wanted: StaffAction) -> None:
    common = (
        Forbidden,
        NotForYou,
        NotFound,
        UnsupportedMedia,
        PreconditionRequired,
        Stale,
        Invalid,
        InvalidTransition,
    )

    def view(number: str) -> Response:
        return _act(action, number)

    view.__name__ = f"case_{action.value}"
    view.__doc__ = f"{ACTION_LABELS[action]}."
    view = may("moderation.act")(view)
    view = routes.fails(*common, *wanted.errors)(view)
    view = routes.gives(200, schemas.CaseSchema, headers={"ETag": {"schema": {"type": "string"}}})(
        view
    )
    view = routes.needs("If-Match", example='"1-staff"')(view)
    view = routes.takes(wanted.schema)(view)
    routes.post(f"/cases/<number>/{action.value}", endpoint=view.__name__)(view)


for _action, _wanted in STAFF_ACTIONS.items():
    _add_route(_action, _wanted)


@routes.post("/reports/<number>/rating")
@routes.takes(bodies.RatingSchema)
@routes.gives(200, resident_schemas.OwnReportSchema)
@routes.fails(NotFound, AlreadyRated, InvalidTransition, Invalid)
@may("moderation.respond")
def rate(number: str) -> Response:
    """Rate the result of one's report, once."""
    return _respond(number, bodies.RatingSchema, appeals.rate)


@routes.post("/reports/<number>/appeal")
@routes.takes(bodies.ReasonSchema)
@routes.gives(200, resident_schemas.OwnReportSchema)
@routes.fails(NotFound, AlreadyAppealed, AppealClosed, InvalidTransition, Invalid)
@may("moderation.respond")
def appeal(number: str) -> Response:
    """Appeal against the outcome of one's report, once within 30 days."""
    return _respond(number, bodies.ReasonSchema, appeals.appeal)


def _respond(number: str, schema: type[Schema], work: Work) -> Response:
    received()
    now = present()
    with writing() as session:
        report = reports.own_report(session, number, caller(), lock=True)
        work(session, report, body(schema), caller(), now)
        shown = resident_views.whole(session, report, caller(), now)
        data = dump(resident_schemas.OwnReportSchema, shown)
    return answer(data)
