"""Likely duplicates of a case, for staff; and of what a resident is about to report."""

from flask import Response

from citizen.errors import LocationInvalid, OutsideLakeArea, OutsideServiceArea
from core import audit
from core.api import Blueprint, answer, body, dump
from core.clock import now as present
from core.database import reading
from core.errors import Invalid, NotFound
from core.tokens import caller, may
from moderation import access
from moderation.suggestions import service
from moderation.suggestions.schemas import DraftSchema, HintPageSchema, SimilarCasePageSchema

routes = Blueprint("suggestions", __name__, description="疑似重复 Likely duplicates")


@routes.get("/cases/<number>/similar")
@routes.gives(200, SimilarCasePageSchema)
@routes.fails(NotFound)
@may("moderation.read")
def similar_cases(number: str) -> Response:
    """List likely duplicates of a case, the likeliest first, with reasons and photos."""
    with reading() as session:
        who = access.officer(session, caller())
        found = access.case_for(session, number, who)
        items = service.of_case(session, found, who)
        data = dump(SimilarCasePageSchema, {"items": items, "next_cursor": None})
    details = {"numbers": [item["number"] for item in items]}
    audit.look("case.similar", ("report", found.number), details)
    return answer(data)


@routes.post("/similar-reports")
@routes.takes(DraftSchema)
@routes.gives(200, HintPageSchema)
@routes.fails(LocationInvalid, OutsideServiceArea, OutsideLakeArea, Invalid)
@may("citizen.report")
def similar_reports() -> Response:
    """Tell whether something like it is at work near by, before one reports; nothing is kept."""
    sent = body(DraftSchema)
    with reading() as session:
        items = service.while_reporting(session, sent, present())
    return answer(dump(HintPageSchema, {"items": items, "next_cursor": None}))
