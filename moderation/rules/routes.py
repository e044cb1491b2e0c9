"""Trying the rules without a case: nothing is written, and nobody's place is kept."""

from flask import Response

from citizen.errors import LocationInvalid, OutsideServiceArea
from core.api import Blueprint, answer, body, dump
from core.clock import local_day
from core.clock import now as present
from core.database import reading
from core.errors import Invalid
from core.tokens import may
from moderation.rules import service
from moderation.rules.schemas import ExplainSchema, ExplanationSchema

ABOUT = "派单规则 Routing rules: whose job a case would be, and why"
routes = Blueprint("routing", __name__, description=ABOUT)


@routes.post("/routing/explain")
@routes.takes(ExplainSchema)
@routes.gives(200, ExplanationSchema)
@routes.fails(LocationInvalid, OutsideServiceArea, Invalid)
@may("moderation.rules")
def explain() -> Response:
    """Say whose job a case would be, by which rule, and why the rules before it did not apply."""
    sent = body(ExplainSchema)
    with reading() as session:
        told = service.explain(session, sent, local_day(present()))
    return answer(dump(ExplanationSchema, told))
