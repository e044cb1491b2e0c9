"""Which cases an officer may read and act on: role, department, area, and no case of one's own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, false, or_, select, true
from sqlalchemy.orm import Session

from citizen import service as reports
from citizen import workflow
from citizen.errors import NotForYou
from citizen.models import AssistingDepartment, HistoryEntry, Report
from citizen.states import Action
from citizen.workflow import Edge
from core import accounts
from core.errors import Forbidden, NotFound
from core.permissions import Role
from core.tokens import Caller
from moderation import staff
from moderation.errors import DecidedBefore

ALL_CASES = frozenset({Role.DISPATCHER, Role.REVIEWER, Role.AUDITOR})
DECIDING = (
    Action.ACCEPT,
    Action.DECLINE,
    Action.VERIFY,
    Action.OVERTURN,
    Action.MERGE,
    Action.UNMERGE,
    Action.GRANT_APPEAL,
    Action.REJECT_APPEAL,
    Action.RESOLVE,
)
BY_ANOTHER = frozenset({Action.OVERTURN, Action.GRANT_APPEAL, Action.REJECT_APPEAL})


@dataclass(frozen=True)
class Officer:
    """A member of staff with the scope that was read for this request; no areas means the whole city."""

    caller: Caller
    department: str | None
    areas: frozenset[str]
    phone_indexes: tuple[str, ...]

    @property
    def sees_all(self) -> bool:
        """Say whether the roles read all cases, not just those of a department."""
        return bool(self.caller.roles & ALL_CASES)


def officer(session: Session, caller: Caller) -> Officer:
    """Read the scope of the caller, by primary key."""
    scope = staff.scope(session, caller.account_id)
    return Officer(caller, scope.department, scope.areas, scope.phone_indexes)


def visible(who: Officer) -> ColumnElement[bool]:
    """Return the condition that a case must meet to exist for the officer."""
    if who.sees_all:
        return true()
    if who.department is None:
        return false()
    helping = select(AssistingDepartment.report_id).where(
        AssistingDepartment.department == who.department
    )
    ours = or_(Report.lead_department == who.department, Report.id.in_(helping))
    return ours & Report.area.in_(who.areas) if who.areas else ours


def case_for(session: Session, number: str, who: Officer, *, lock: bool = False) -> Report:
    """Return a case that exists for the officer, locked where it is to be changed.

    Raises:
        NotFound: there is none, or it is not to be known.
    """
    found = select(Report).where(Report.number == reports.read_number(number), visible(who))
    report = session.scalars(reports.locked(found) if lock else found).one_or_none()
    if report is None:
        raise NotFound
    return report


def require(session: Session, report: Report, edge: Edge, who: Officer) -> None:
    """Check role, department and conflicts of interest for one action.

    Raises:
        Forbidden, NotForYou, DecidedBefore: who may not.
    """
    if not _plays(report, edge, who):
        raise Forbidden
    if parties(session, [report], who):
        raise NotForYou
    if edge.action in BY_ANOTHER and decided(session, [report], who):
        raise DecidedBefore


def _plays(report: Report, edge: Edge, who: Officer) -> bool:
    """Say whether role and department fit; handlers act for the lead department only, within their area."""
    if not workflow.plays(edge, who.caller):
        return False
    if edge.who != Role.HANDLER:
        return True
    in_area = not who.areas or report.area in who.areas
    return in_area and who.department is not None and report.lead_department == who.department


def parties(session: Session, cases: Sequence[Report], who: Officer) -> set[int]:
    """Return the ids of cases to which the officer's own confirmed phone is a party."""
    if not who.phone_indexes or not cases:
        return set()
    ids = [case.id for case in cases]
    family = select(Report.id, Report.primary_id, Report.reporter_id).where(
        or_(Report.id.in_(ids), Report.primary_id.in_(ids))
    )
    rows = [row for row in session.execute(family) if row.reporter_id is not None]
    own = accounts.holding_phone(session, who.phone_indexes, [row.reporter_id for row in rows])
    touched = {
        found for row in rows if row.reporter_id in own for found in (row.id, row.primary_id)
    }
    return {case.id for case in cases if case.id in touched}


def decided(session: Session, cases: Sequence[Report], who: Officer) -> set[int]:
    """Return the ids of cases in which the officer decided something before."""
    steps = select(HistoryEntry.report_id).where(
        HistoryEntry.report_id.in_([case.id for case in cases]),
        HistoryEntry.actor_id == who.caller.account_id,
        HistoryEntry.action.in_(DECIDING),
    )
    return set(session.scalars(steps))


def actions(
    session: Session, cases: Sequence[Report], who: Officer, now: datetime
) -> dict[int, list[str]]:
    """Return what the officer may do to each case now, from the one table; at most two queries a page."""
    edges = [edge for edge in workflow.TABLE if workflow.plays(edge, who.caller)]
    if not edges:
        return {case.id: [] for case in cases}
    own = parties(session, cases, who)
    before = (
        decided(session, cases, who) if any(edge.action in BY_ANOTHER for edge in edges) else set()
    )
    return {
        case.id: _offered(case, edges, who, case.id in own, case.id in before) for case in cases
    }


def _offered(
    case: Report, edges: Sequence[Edge], who: Officer, is_party: bool, has_decided: bool
) -> list[str]:
    if is_party:
        return []
    return [
        edge.action.value
        for edge in edges
        if workflow.fits(case, edge)
        and _plays(case, edge, who)
        and not (has_decided and edge.action in BY_ANOTHER)
    ]
