"""The queue of second reviews, their two answers, and how often reviewers agree."""

from collections.abc import Callable
from typing import Any

from flask import Response
from sqlalchemy.orm import Session

from citizen.edges import EDGES
from citizen.errors import InvalidTransition, NotForYou
from citizen.models import Report
from citizen.states import Action
from core import audit
from core.api import Blueprint, EmptySchema, Schema, answer, body, dump, query, received
from core.clock import local_day
from core.clock import now as present
from core.database import reading, writing
from core.errors import (
    Forbidden,
    Invalid,
    NotFound,
    PreconditionRequired,
    Stale,
    UnsupportedMedia,
)
from core.paging import PageQuery
from core.tokens import caller, may
from moderation import access, preconditions, schemas, views
from moderation.access import Officer
from moderation.bodies import OverturnSchema
from moderation.errors import DecidedBefore, NotDrawn
from moderation.reviews import service, statistics
from moderation.reviews.schemas import (
    AgreementAnswerSchema,
    AgreementQuery,
    SecondReviewPageSchema,
)
from moderation.statistics.periods import period

routes = Blueprint("second_reviews", __name__, description="复核抽查 Second reviews of verdicts")
ETAG = {"ETag": {"schema": {"type": "string"}}}
REFUSALS = (
    NotFound,
    Forbidden,
    NotForYou,
    DecidedBefore,
    UnsupportedMedia,
    PreconditionRequired,
    Stale,
    Invalid,
    InvalidTransition,
    NotDrawn,
)


@routes.get("/second-reviews")
@routes.asks(PageQuery)
@routes.gives(200, SecondReviewPageSchema)
@routes.fails(Invalid)
@may("moderation.second_reviews")
def second_reviews() -> Response:
    """List the verdicts that wait for a second look, the oldest first."""
    asked, now = query(PageQuery), present()
    with reading() as session:
        found = service.queue(session, **asked)
        shown = service.shown(session, found.items, access.officer(session, caller()), now)
    details = {"ids": [review.report_id for review in found.items]}
    audit.look("second_reviews.list", ("cases", "-"), details)
    data = {"items": shown, "next_cursor": found.next_cursor}
    return answer(dump(SecondReviewPageSchema, data))


@routes.post("/cases/<number>/second-review/agree")
@routes.takes(EmptySchema)
@routes.needs("If-Match", example='"1-staff"')
@routes.gives(200, schemas.CaseSchema, headers=ETAG)
@routes.fails(*REFUSALS)
@may("moderation.review")
def agree(number: str) -> Response:
    """Confirm a verdict that was drawn; the points that waited for it go on."""
    return _judge(number, EmptySchema, service.agree)


@routes.post("/cases/<number>/second-review/disagree")
@routes.takes(OverturnSchema)
@routes.needs("If-Match", example='"1-staff"')
@routes.gives(200, schemas.CaseSchema, headers=ETAG)
@routes.fails(*REFUSALS)
@may("moderation.review")
def disagree(number: str) -> Response:
    """Replace a verdict that was drawn by one's own; points follow."""
    return _judge(number, OverturnSchema, service.disagree)


def _judge(number: str, schema: type[Schema], work: Callable[..., None]) -> Response:
    raw, now = received(), present()
    with writing() as session:
        report, who = _allowed(session, number, raw)
        work(session, report, body(schema), caller(), now)
        data = dump(schemas.CaseSchema, views.whole(session, report, who, now))
    return answer(data, headers=[("ETag", views.etag(report))])


def _allowed(session: Session, number: str, raw: bytes) -> tuple[Report, Officer]:
    """Return the locked case, once what contract 1 puts before the body has been checked."""
    who = access.officer(session, caller())
    report = access.case_for(session, number, who, lock=True)
    access.require(session, report, EDGES[Action.OVERTURN], who)
    preconditions.check(report, raw)
    return report, who


@routes.get("/stats/second-reviews")
@routes.asks(AgreementQuery)
@routes.gives(200, AgreementAnswerSchema)
@routes.fails(Invalid)
@may("moderation.second_reviews")
def second_review_statistics() -> Response:
    """Count the verdicts drawn in a period, and how often the second reviewer agreed."""
    asked = query(AgreementQuery)
    days = period(asked["start"], asked["end"], local_day(present()))
    with reading() as session:
        told: dict[str, Any] = statistics.agreement(session, days, asked["by"])
    told |= {"start": days.start, "end": days.end, "by": asked["by"]}
    return answer(dump(AgreementAnswerSchema, told))
