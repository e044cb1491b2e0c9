"""Counts of the case list."""

from flask import Response

from core import audit
from core.api import Blueprint, answer, dump, query
from core.clock import now as present
from core.database import reading
from core.errors import Invalid
from core.tokens import caller, may
from moderation import access
from moderation.counts import service
from moderation.counts.schemas import CountsQuery, CountsSchema

routes = Blueprint("counts", __name__, description="办件计数 Counts: the case list by status")


@routes.get("/cases/counts")
@routes.asks(CountsQuery)
@routes.gives(200, CountsSchema)
@routes.fails(Invalid)
@may("moderation.read")
def case_counts() -> Response:
    """Count the cases of the list by status; by the same filters, so that they add up to it."""
    asked, now = query(CountsQuery), present()
    with reading() as session:
        who = access.officer(session, caller())
        data = dump(CountsSchema, service.counted(session, asked, who, now))
    audit.look("cases.counted", ("cases", "-"), {"total": data["total"]})
    return answer(data)
