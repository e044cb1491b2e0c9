"""Statistics of case handling, and the list behind each number."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import Response
from sqlalchemy.orm import Session

from core import audit
from core.api import Blueprint, answer, dump, query
from core.clock import local_day
from core.clock import now as present
from core.database import reading
from core.errors import Invalid
from core.tokens import caller, may
from moderation import access, views
from moderation.statistics import service
from moderation.statistics.measures import MEASURES
from moderation.statistics.periods import period
from moderation.statistics.schemas import (
    CountedCasePageSchema,
    CountedQuery,
    HandlingQuery,
    HandlingSchema,
)
from moderation.statistics.service import Question

ABOUT = "办理统计 Statistics: how cases are handled"
routes = Blueprint("statistics", __name__, description=ABOUT)
WORDS = [
    {"code": code.value, "name": measure.name, "rule": measure.rule}
    for code, measure in MEASURES.items()
]


@routes.get("/stats/handling")
@routes.asks(HandlingQuery)
@routes.gives(200, HandlingSchema)
@routes.fails(Invalid)
@may("moderation.statistics")
def handling() -> Response:
    """Count the cases submitted in a period, by group and in total, as they stand now."""
    asked, now = query(HandlingQuery), present()
    with reading() as session:
        question = _question(session, asked, now)
        numbers = service.handling(session, question)
    days = {"start": question.period.start, "end": question.period.end}
    told = {**numbers, **days, "by": question.by, "at": now, "measures": WORDS}
    return answer(dump(HandlingSchema, told))


@routes.get("/stats/handling/cases")
@routes.asks(CountedQuery)
@routes.gives(200, CountedCasePageSchema)
@routes.fails(Invalid)
@may("moderation.statistics")
def handling_cases() -> Response:
    """List the cases that a number of the statistics counts, newest first."""
    asked, now = query(CountedQuery), present()
    with reading() as session:
        question = _question(session, asked, now)
        pages = {"limit": asked["limit"], "cursor": asked["cursor"]}
        found = service.listed(session, question, asked["measure"], asked["group"], **pages)
        shown = views.items(session, found.items, question.who, now, asked["crs"])
        data = dump(CountedCasePageSchema, {"items": shown, "next_cursor": found.next_cursor})
    audit.look("cases.list", ("cases", "-"), {"ids": [case.id for case in found.items]})
    return answer(data)


def _question(session: Session, asked: Mapping[str, Any], now: datetime) -> Question:
    who = access.officer(session, caller())
    return Question(who, period(asked["start"], asked["end"], local_day(now)), asked["by"], now)
