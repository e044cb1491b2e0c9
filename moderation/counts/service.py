"""How many cases of each status a list holds: the same filters, the same cases, so they add up.

Open cases are few, and counted by an index. Those that have ended are tallied by what does not
change any more, and counted one by one only where a filter asks for something else.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Select, func, select, union_all
from sqlalchemy.orm import Session

from citizen.edges import OPEN
from citizen.models import CaseTally, Report
from citizen.states import STATUS_LABELS, Status
from moderation import cases
from moderation.access import Officer
from moderation.cases import EXACT
from moderation.narrowing import plan_anew
from moderation.parts import Conditions, Share, shares

Asked = Mapping[str, Any]
UNTALLIED = ("assignee", "q", "submitted_from", "submitted_to", "bbox")


def counted(session: Session, asked: Asked, who: Officer, now: datetime) -> dict[str, Any]:
    """Return the count of each status, zeros too, and how many cases the list holds."""
    found = by_status(session, asked, who, now)
    items = [
        {"status": status, "status_label": label, "count": found[status]}
        for status, label in STATUS_LABELS.items()
    ]
    return {"items": items, "total": sum(found.values())}


def by_status(session: Session, asked: Asked, who: Officer, now: datetime) -> dict[Status, int]:
    """Count the cases of a list by status, all in one statement, so as of one moment."""
    plan_anew(session)
    given = cases.given(session, asked, who, now)
    parts = [
        part
        for share in shares(cases.scope(asked, who))
        for part in _parts(share, given, asked, who)
    ]
    found = dict.fromkeys(Status, 0)
    for status, count in session.execute(union_all(*parts)):
        found[Status(status)] += count
    return found


def _parts(share: Share, given: Conditions, asked: Asked, who: Officer) -> Iterator[Select[Any]]:
    every, _ = share.cases((Report.status, func.count()), "submitted_at", given)
    one_by_one = every.group_by(Report.status)
    late, tallied = asked["overdue"] is True, _tallied(share, asked, who)
    open_ones = one_by_one.where(Report.status.in_(sorted(OPEN)))
    yield open_ones if late or tallied else one_by_one
    if tallied and not late:  # what has ended runs no more
        yield _ended(share, asked, who)


def _tallied(share: Share, asked: Asked, who: Officer) -> bool:
    """Say whether tallies know what the filters ask for; not so who helps with a case."""
    known = all(asked[name] is None for name in UNTALLIED)
    return known and not share.helping and (who.sees_all or who.department is not None)


def _ended(share: Share, asked: Asked, who: Officer) -> Select[Any]:
    met = [getattr(CaseTally, name) == asked[name] for name in EXACT if asked[name] is not None]
    if share.lead is not None:
        met.append(CaseTally.department == share.lead)
    if who.areas and not who.sees_all:
        met.append(CaseTally.area.in_(sorted(who.areas)))
    tallied = select(CaseTally.status, func.sum(CaseTally.count)).where(*met)
    return cast("Select[Any]", tallied.group_by(CaseTally.status))
