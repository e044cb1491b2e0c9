"""Words and boxes: what few cases meet is found first, what many meet while the list is walked.

Neither order is good for both: walking a million cases for a word that none holds takes a second,
and so does sorting the half of them that hold a common one.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Text,
    cast,
    func,
    literal,
    select,
    text,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session, aliased

from citizen import words
from citizen.geo import COARSE_DECIMALS
from citizen.models import Report, ReportWords

FEW = 2_000
SPREAD = 0.6 * 10**-COARSE_DECIMALS  # how far a place lies from where it is shown, and a little


def narrowed(session: Session, asked: Mapping[str, Any]) -> list[ColumnElement[bool]]:
    """Return conditions that name the few cases which words or box leave; none where they are many.

    They let through more than the filters do, never less.
    """
    found = []
    if asked["q"] is not None:
        found.append(_holding(session, asked["q"]))
    if asked["bbox"] is not None:
        found.append(_around(asked["bbox"]))
    return [Report.id.in_(ids) for ids in found if _few(session, ids)]


def plan_anew(session: Session) -> None:
    """Let PostgreSQL plan this transaction's statements by their values.

    A plan that was made for any value reads a million rows where the right one reads some hundred.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))


def _few(session: Session, ids: Select[int]) -> bool:
    some = ids.limit(FEW + 1).subquery()
    return (session.scalar(select(func.count()).select_from(some)) or 0) <= FEW


def _holding(session: Session, asked: str) -> Select[int]:
    grams = ReportWords.grams
    ids = select(ReportWords.report_id)
    if session.get_bind().dialect.name == "sqlite":
        return ids.where(grams.op("MATCH")(literal(words.phrase(asked), Text)))
    sought = literal(words.sought(asked), ARRAY(BigInteger), literal_execute=True)
    numbers = type_coerce(grams, ARRAY(BigInteger))
    return ids.where(numbers.contains(cast(sought, ARRAY(BigInteger))))


def _around(box: tuple[float, float, float, float]) -> Select[int]:
    west, south, east, north = box
    near = aliased(Report)
    return select(near.id).where(
        near.latitude.between(south - SPREAD, north + SPREAD),
        near.longitude.between(west - SPREAD, east + SPREAD),
    )
