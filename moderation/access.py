"""Which cases an officer may read and act on: role, department, area, and no case of one's own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, false, func, or_, select, true
from sqlalchemy.orm import Session, aliased

from citizen import edges, geo, places
from citizen import service as reports
from citizen.edges import Edge
from citizen.errors import NotForYou
from citizen.geo import Point
from citizen.guards import Guard
from citizen.models import AssistingDepartment, HistoryEntry, Report
from citizen.states import Action, Status
from core import accounts
from core.database import locked
from core.errors import Forbidden, NotFound
from core.permissions import Role
from core.tokens import Caller
from moderation import staff, terms
from moderation.errors import DecidedBefore
from moderation.models import Merge, SecondReview

ALL_CASES = frozenset({Role.DISPATCHER, Role.REVIEWER, Role.AUDITOR})
DECIDING = (
    Action.ACCEPT,
    Action.DECLINE,
    Action.VERIFY,
    Action.OVERTURN,
    Action.MERGE,
    Action.UNMERGE,
    Action.DISPATCH,
    Action.GRANT_EXTENSION,
    Action.REFUSE_EXTENSION,
    Action.PARK,
    Action.REWORK,
    Action.GRANT_APPEAL,
    Action.REJECT_APPEAL,
    Action.RESOLVE,
)

CASE = select(Report).where(Report.number == bindparam("the_number"))  # built once
LOCKED_CASE = locked(CASE)


@dataclass(frozen=True)
class Officer:
    """A member of staff with the scope read for this request; no areas means the whole city."""

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
    return and_(true(), *(of_department(code) for code in departments(who)), *within(who))


def departments(who: Officer) -> frozenset[str]:
    """Return the department whose cases alone exist for the officer, if there is one."""
    return frozenset() if who.sees_all or who.department is None else frozenset({who.department})


def within(who: Officer) -> list[ColumnElement[bool]]:
    """Return what a case of the officer's department must meet besides."""
    if who.sees_all:
        return []
    if who.department is None:
        return [false()]
    return [Report.area.in_(sorted(who.areas))] if who.areas else []


def of_department(code: str) -> ColumnElement[bool]:
    """Return the condition that a department leads a case, or helps with it."""
    helping = select(AssistingDepartment.report_id).where(AssistingDepartment.department == code)
    return or_(Report.lead_department == code, Report.id.in_(helping))


def precise(who: Officer) -> frozenset[str] | None:
    """Return the categories whose precise places the officer may know; None: those of all.

    Insiders report the others (places name them), or nobody can tell any more who does.
    """
    if who.sees_all:
        return None
    return frozenset(found.code for found in places.categories() if not found.whistle)


def blurred(who: Officer, category: str) -> bool:
    """Say whether the officer may know places of a category to three decimals only."""
    known = precise(who)
    return known is not None and category not in known


def spot(who: Officer, case: Any) -> Point:
    """Return where a case or its row is, as far as the officer may know.

    Whatever is worked out for the officer begins here: a distance or a hint from the precise place
    would let them find it.
    """
    point = Point(case.longitude, case.latitude)
    return geo.coarse(point) if blurred(who, case.category) else point


def case_for(session: Session, number: str, who: Officer, *, lock: bool = False) -> Report:
    """Return a case that exists for the officer, locked where it is to be changed.

    Raises:
        NotFound: there is none, or it is not to be known.
    """
    found = LOCKED_CASE if lock else CASE
    if not who.sees_all:
        found = found.where(visible(who))
    named = {"the_number": reports.read_number(number)}
    report = session.scalars(found, named).one_or_none()
    if report is None:
        raise NotFound
    return report


def require(
    session: Session, report: Report, edge: Edge, who: Officer, *, beside: Sequence[Report] = ()
) -> None:
    """Check role, department and conflicts of interest; `beside` is what the action touches too.

    Raises:
        Forbidden, NotForYou, DecidedBefore: who may not.
    """
    if not _plays(report, edge, who):
        raise Forbidden
    if parties(session, [report, *beside], who):
        raise NotForYou
    if barred(session, [report], [edge], who):
        raise DecidedBefore


def _plays(report: Report, edge: Edge, who: Officer) -> bool:
    """Say whether role and department fit; handlers act for the lead department, in their areas."""
    if not edges.plays(edge, who.caller):
        return False
    if Guard.OWN_DEPARTMENT not in edge.guards:
        return True
    in_area = not who.areas or report.area in who.areas
    return in_area and who.department is not None and report.lead_department == who.department


def parties(session: Session, cases: Sequence[Report], who: Officer) -> set[int]:
    """Return the ids of cases to which the officer's own confirmed phone is a party.

    Reports that were merged are one case: whoever sent one of them is a party to all.
    """
    if not who.phone_indexes or not cases:
        return set()
    heads = {case.primary_id or case.id for case in cases}
    family = select(Report.id, Report.primary_id, Report.reporter_id).where(
        or_(Report.id.in_(heads), Report.primary_id.in_(heads)), Report.reporter_id.is_not(None)
    )
    rows = session.execute(family).all()
    own = accounts.holding_phone(session, who.phone_indexes, [row.reporter_id for row in rows])
    touched = {row.primary_id or row.id for row in rows if row.reporter_id in own}
    return {case.id for case in cases if (case.primary_id or case.id) in touched}


def barred(
    session: Session, cases: Sequence[Report], wanted: Sequence[Edge], who: Officer
) -> set[tuple[int, Action]]:
    """Return the actions that somebody else must take, since the officer decided before."""
    found: set[tuple[int, Action]] = set()
    if judged := _guarded(wanted, Guard.NEVER_DECIDED):
        found |= {(case, action) for case in _decided(session, cases, who) for action in judged}
    merged = [case for case in cases if case.status is Status.MERGED]
    parted = _guarded(wanted, Guard.JOINED_BY_ANOTHER)
    if merged and parted:
        found |= {(case, action) for case in _joined(session, merged, who) for action in parted}
    return found


def _guarded(wanted: Sequence[Edge], guard: Guard) -> set[Action]:
    return {edge.action for edge in wanted if guard in edge.guards}


def _decided(session: Session, cases: Sequence[Report], who: Officer) -> set[int]:
    """Return the ids of cases in which the officer decided something before.

    Reports that were merged are one case here too: who joined one decided about all.
    """
    heads = {case.primary_id or case.id for case in cases}
    family = select(func.coalesce(Report.primary_id, Report.id)).where(
        or_(Report.id.in_(heads), Report.primary_id.in_(heads))
    )
    steps = family.join(HistoryEntry, HistoryEntry.report_id == Report.id).where(
        HistoryEntry.actor_id == who.caller.account_id, HistoryEntry.action.in_(DECIDING)
    )
    looks = family.join(SecondReview, SecondReview.report_id == Report.id).where(
        SecondReview.actor_id == who.caller.account_id
    )
    touched = set(session.scalars(steps.union(looks)))
    return {case.id for case in cases if (case.primary_id or case.id) in touched}


def impartial(session: Session, case: Report, who: Officer) -> bool:
    """Say whether the officer decided nothing in a case and is no party to it."""
    return not parties(session, [case], who) and not _decided(session, [case], who)


def _joined(session: Session, merged: Sequence[Report], who: Officer) -> set[int]:
    """Return the ids of reports that the officer joined to a primary which has a verdict by now."""
    latest = (
        select(func.max(Merge.id))
        .where(Merge.report_id.in_([case.id for case in merged]), Merge.joined)
        .group_by(Merge.report_id)
    )
    primary = aliased(Report)  # not Merge.into_id: a primary that was withdrawn has an heir
    own = (
        select(Merge.report_id)
        .join(Report, Report.id == Merge.report_id)
        .join(primary, primary.id == Report.primary_id)
        .where(Merge.id.in_(latest), Merge.actor_id == who.caller.account_id)
        .where(primary.verdict.is_not(None))
    )
    return set(session.scalars(own))


def actions(
    session: Session, cases: Sequence[Report], who: Officer, now: datetime
) -> dict[int, list[str]]:
    """Return what the officer may do to each case now, from the one table; a few queries a page."""
    offered = {case.id: _fitting(session, case, who, now) for case in cases}
    able = [case for case in cases if offered[case.id]]
    own = parties(session, able, who)
    wanted = list({edge.action: edge for case in able for edge in offered[case.id]}.values())
    other = barred(session, able, wanted, who)
    return {
        case: []
        if case in own
        else [edge.action.value for edge in fitting if (case, edge.action) not in other]
        for case, fitting in offered.items()
    }


def _fitting(session: Session, case: Report, who: Officer, now: datetime) -> list[Edge]:
    return [
        edge
        for edge in edges.LEAVING[case.status]
        if _plays(case, edge, who)
        and edges.fits(case, edge, now)
        and not (Guard.RETURN_IN_TIME in edge.guards and terms.return_closed(session, case, now))
    ]
