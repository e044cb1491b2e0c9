"""Cases: lists, one case, and one route per row of the action table."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Response, request
from sqlalchemy.orm import Session

from citizen import schemas as resident_schemas
from citizen import service as reports
from citizen import views as resident_views
from citizen import workflow
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
from citizen.geo import Crs
from citizen.models import Report
from citizen.states import ACTION_LABELS, STATUS_LABELS, Action
from core import audit, jsonbody
from core.api import BODY_LIMIT, Blueprint, EmptySchema, Schema, answer, body, dump, query
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
from moderation import access, appeals, cases, handling, merging, schemas, triage, views
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
    Action.REQUEST_INFO: StaffAction(schemas.QuestionSchema, triage.request_info),
    Action.ACCEPT: StaffAction(EmptySchema, triage.accept),
    Action.DECLINE: StaffAction(schemas.DeclineSchema, triage.decline),
    Action.MERGE: StaffAction(schemas.MergeSchema, merging.merge, (HasFollowers,)),
    Action.UNMERGE: StaffAction(schemas.ReasonSchema, merging.unmerge, (DecidedBefore,)),
    Action.VERIFY: StaffAction(schemas.VerdictSchema, triage.verify, (AlreadyVerified,)),
    Action.OVERTURN: StaffAction(schemas.OverturnSchema, triage.overturn, (DecidedBefore,)),
    Action.DISPATCH: StaffAction(schemas.DispatchSchema, triage.dispatch),
    Action.SIGN: StaffAction(EmptySchema, handling.sign),
    Action.REASSIGN: StaffAction(schemas.ReassignSchema, handling.reassign),
    Action.RETURN: StaffAction(schemas.ReasonSchema, handling.give_back, (ReturnClosed,)),
    Action.EXTEND: StaffAction(schemas.ExtendSchema, handling.extend, (ExtensionUsed,)),
    Action.GRANT_EXTENSION: StaffAction(schemas.GrantExtensionSchema, triage.grant_extension),
    Action.REFUSE_EXTENSION: StaffAction(schemas.ReasonSchema, triage.refuse_extension),
    Action.PARK: StaffAction(schemas.ParkSchema, triage.park),
    Action.UNPARK: StaffAction(EmptySchema, triage.unpark),
    Action.RESOLVE: StaffAction(
        schemas.ResolveSchema, handling.resolve, (MediaNotFound, MediaUsed)
    ),
    Action.REWORK: StaffAction(schemas.ReasonSchema, triage.rework),
    Action.CORRECT: StaffAction(schemas.CorrectSchema, triage.correct),
    Action.GRANT_APPEAL: StaffAction(schemas.ReasonSchema, appeals.grant, (DecidedBefore,)),
    Action.REJECT_APPEAL: StaffAction(schemas.ReasonSchema, appeals.reject, (DecidedBefore,)),
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
    cases.note_reading(
        caller(), "cases.list", ("cases", "-"), {"ids": [case.id for case in found.items]}
    )
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
    _note_reading("case.read", ("report", found.number))
    return answer(data, headers=[("ETag", etag(found))])


@routes.get("/cases/<number>/history")
@routes.gives(200, schemas.HistoryListSchema)
@routes.fails(NotFound)
@may("moderation.read")
def case_history(number: str) -> Response:
    """Read all steps of a case."""
    with reading() as session:
        found = access.case_for(session, number, access.officer(session, caller()))
        steps = views.history(session, found)
        data = dump(schemas.HistoryListSchema, {"items": steps, "next_cursor": None})
    _note_reading("case.history", ("report", found.number))
    return answer(data)


@routes.get("/workflow")
@routes.gives(200, schemas.WorkflowSchema)
@may("moderation.workflow")
def workflow_table() -> Response:
    """Serve the table that decides what can be done to a case, so that no client repeats it."""
    statuses = [{"code": status.value, "name": label} for status, label in STATUS_LABELS.items()]
    edges = [_edge(edge) for edge in workflow.TABLE]
    return answer(dump(schemas.WorkflowSchema, {"statuses": statuses, "edges": edges}))


def _edge(edge: workflow.Edge) -> dict[str, Any]:
    return {
        "action": edge.action,
        "label": ACTION_LABELS[edge.action],
        "sources": sorted(edge.sources),
        "targets": sorted(edge.targets) or ([edge.target] if edge.target else []),
        "who": edge.who,
        "needs": list(edge.needs),
        "clock": edge.clock and edge.clock.value,
        "points": edge.points.value,
    }


def _note_reading(
    action: str, subject: tuple[str, str], details: dict[str, Any] | None = None
) -> None:
    """Write the audit row of a look, in its own transaction, before the bytes leave."""
    with writing():
        audit.record(action, actor=caller(), subject=subject, details=details)


def etag(report: Report) -> str:
    """Return a case's ETag: its version, for the audience of staff."""
    return f'"{report.version}-staff"'


def check_match(report: Report) -> None:
    """Require `If-Match` with the present version.

    Raises:
        PreconditionRequired, Stale.
    """
    sent = request.headers.get("If-Match")
    if sent is None:
        raise PreconditionRequired
    if etag(report) not in {part.strip() for part in sent.split(",")}:
        raise Stale


def _act(action: Action, number: str) -> Response:
    """Do one staff action; what is checked comes in the order of contract 1."""
    request.max_content_length = BODY_LIMIT
    raw = request.get_data()  # before the transaction: a slow sender must not hold its lock
    now, wanted = present(), STAFF_ACTIONS[action]
    with writing() as session:
        who = access.officer(session, caller())
        _lock_others(session, action, number, raw)
        report = access.case_for(session, number, who, lock=True)
        access.require(session, report, workflow.EDGES[action], who)
        if raw and request.mimetype != "application/json":
            raise UnsupportedMedia
        check_match(report)
        outcome = wanted.work(session, report, body(wanted.schema), caller(), now)
        shown = views.whole(session, report, who, now, Crs.WGS84)
        data = dump(
            schemas.CaseSchema,
            {**shown, **({"correction": outcome} if outcome is not None else {})},
        )
    return answer(data, headers=[("ETag", etag(report))])


def _lock_others(session: Session, action: Action, number: str, raw: bytes) -> None:
    """Lock both cases of a merge in order of id, before either is looked at."""
    if action is Action.MERGE:
        try:
            sent = jsonbody.parse(raw)
        except DomainError:
            return  # the body is refused at its turn
        into = sent.get("into") if isinstance(sent, dict) else None
        merging.lock_pair(session, number, into if isinstance(into, str) else None)
    if action is Action.UNMERGE:
        merging.lock_pair(session, number, merging.primary_of(session, number))


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
    view = routes.takes(wanted.schema, required=wanted.schema is not EmptySchema)(view)
    routes.post(f"/cases/<number>/{action.value}", endpoint=view.__name__)(view)


for _action, _wanted in STAFF_ACTIONS.items():
    _add_route(_action, _wanted)


@routes.post("/reports/<number>/rating")
@routes.takes(schemas.RatingSchema)
@routes.gives(200, resident_schemas.OwnReportSchema)
@routes.fails(NotFound, AlreadyRated, InvalidTransition, Invalid)
@may("moderation.respond")
def rate(number: str) -> Response:
    """Rate the result of one's report, once."""
    return _respond(number, schemas.RatingSchema, appeals.rate)


@routes.post("/reports/<number>/appeal")
@routes.takes(schemas.ReasonSchema)
@routes.gives(200, resident_schemas.OwnReportSchema)
@routes.fails(NotFound, AlreadyAppealed, AppealClosed, InvalidTransition, Invalid)
@may("moderation.respond")
def appeal(number: str) -> Response:
    """Appeal against the outcome of one's report, once within 30 days."""
    return _respond(number, schemas.ReasonSchema, appeals.appeal)


def _respond(number: str, schema: type[Schema], work: Work) -> Response:
    request.max_content_length = BODY_LIMIT
    request.get_data()
    now = present()
    with writing() as session:
        report = reports.own_report(session, number, caller(), lock=True)
        work(session, report, body(schema), caller(), now)
        shown = resident_views.whole(session, report, caller(), Crs.WGS84)
        data = dump(resident_schemas.OwnReportSchema, shown)
    return answer(data)
