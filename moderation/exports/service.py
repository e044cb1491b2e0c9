"""Which cases are in a file, and their rows, some hundreds at a time.

One statement draws the ids, so that no case is missed or doubled whose due time moves while the
file is written; a page is read by its ids under the same conditions again, so that a case which
left the officer's reach meanwhile stays out.
"""

from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from citizen import places
from citizen.models import AssistingDepartment, Report
from core.errors import Invalid, TooMany
from moderation import cases, registry
from moderation.access import Officer
from moderation.cases import Asked
from moderation.exports.columns import FIELDS, Line, Reading, line
from moderation.narrowing import narrowed
from moderation.schemas import Sort

MOST = 50_000  # cases in one file; said in the document of the routes
PAGE = 500
Ids = Sequence[int]


class TooManyCases(Invalid):
    """More cases than a file takes; filters make them fewer."""

    code = "too_many_cases"
    zh = f"符合条件的办件超过 {MOST:,} 件，请缩小筛选范围，例如按提交日期分段导出"
    en = f"More than {MOST:,} cases; narrow the filter, for example by submitted_from and _to"


class ExportsBusy(TooMany):
    """This process is writing as many files as it should; each takes a thread and some memory."""

    code = "exports_busy"
    zh, en = "正在生成的导出文件较多，请稍后再试", "Too many files are being written, try later"
    default_retry_after = 10


def reading_of(session: Session, who: Officer, asked: Asked, now: datetime) -> Reading:
    """Return what rows are read with."""
    return Reading(
        who=who,
        now=now,
        crs=asked["crs"],
        departments=registry.departments(session),
        categories={found.code: found.name for found in places.categories()},
        channels={code: found.name for code, found in places.channels().items()},
    )


def drawn(session: Session, asked: Asked, by: Reading) -> Ids:
    """Return the ids of the whole list in its order.

    Raises:
        TooManyCases: there are more than `MOST`.
    """
    keys = cases.order(asked["sort"])
    newest = asked["sort"] is Sort.NEWEST
    listed = (
        select(Report.id)
        .where(*cases.wanted(asked, by.who, by.now), *narrowed(session, asked))
        .order_by(*(key.desc() if newest else key.asc() for key in keys))
        .limit(MOST + 1)
    )
    found = array("q", session.scalars(listed))
    if len(found) > MOST:
        raise TooManyCases
    return found


def parts(ids: Ids) -> Iterator[Ids]:
    """Cut the list into pages."""
    return (ids[start : start + PAGE] for start in range(0, len(ids), PAGE))


def lines(session: Session, ids: Ids, asked: Asked, by: Reading) -> list[Line]:
    """Return the rows of some ids in their order, those left out that the list no longer holds."""
    wanted = cases.wanted(asked, by.who, by.now)
    rows = session.execute(select(*FIELDS).where(Report.id.in_(ids), *wanted))
    found = {row.id: row for row in rows}
    helping = _assisting(session, ids)
    return [line(found[key], helping[key], by) for key in ids if key in found]


def _assisting(session: Session, ids: Ids) -> defaultdict[int, tuple[str, ...]]:
    helpers = select(AssistingDepartment.report_id, AssistingDepartment.department).where(
        AssistingDepartment.report_id.in_(ids)
    )
    found: defaultdict[int, tuple[str, ...]] = defaultdict(tuple)
    for report, department in session.execute(helpers.order_by(AssistingDepartment.department)):
        found[report] += (department,)
    return found
