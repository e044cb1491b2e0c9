"""Counts by status: they follow every step, and say no more than the list does."""

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from citizen.edges import OPEN, TABLE
from citizen.models import CaseTally, Report
from citizen.states import Clock, Status
from core.database import writing
from moderation import narrowing
from tests.moderation.crowd import crowd
from tests.moderation.office import CLOSED, OTHER, Office


def counts(office: Office, query: str = "", by: str = "dispatcher") -> dict[str, int]:
    answer = office(by).get(f"/cases/counts?{query}")
    assert answer.status_code == 200, answer.get_json()
    shown = {item["status"]: item["count"] for item in answer.get_json()["items"]}
    assert sum(shown.values()) == answer.get_json()["total"]
    return {status: count for status, count in shown.items() if count}


def tallies(office: Office) -> dict[tuple[str, ...], int]:
    return {tuple(key): count for *key, count in office.rows(*CaseTally.__table__.columns) if count}


def ended(office: Office) -> dict[tuple[str, ...], int]:
    """Count by hand what the tallies should say."""
    department = func.coalesce(Report.lead_department, "")
    keys = (Report.status, department, Report.area, Report.category, Report.channel)
    wanted = select(*keys, func.count()).where(Report.status.not_in(sorted(OPEN)))
    with office.app.app_context(), writing() as session:
        rows = session.execute(wanted.group_by(*keys)).all()
    return {(status.value, *key): count for status, *key, count in rows}


def test_counts_follow_a_case_through_its_end_and_back(office: Office) -> None:
    number = office.case(*CLOSED)
    office.case("decline", reporter=OTHER)
    assert counts(office) == {"closed": 1, "declined": 1}
    assert tallies(office) == ended(office)
    office.take(number, "appeal", "grant_appeal")
    assert counts(office) == {"accepted": 1, "declined": 1}
    follower, withdrawn = office.case("accept", reporter=OTHER), office.case("withdraw")
    office.act("dispatcher", follower, "merge", {"into": number})
    assert counts(office) == {"accepted": 1, "declined": 1, "merged": 1, "withdrawn": 1}
    assert tallies(office) == ended(office)
    assert counts(office, f"q={withdrawn}") == {}


def test_tallies_are_those_of_rows_however_they_came(office: Office) -> None:
    crowd(office, 40)
    assert tallies(office) == ended(office)
    for statement in (
        "UPDATE reports SET status = 'closed' WHERE id % 3 = 0",
        "UPDATE reports SET area = '370826', lead_department = NULL WHERE id % 2 = 0",
        "UPDATE reports SET status = 'accepted' WHERE id % 5 = 0",
    ):
        with office.app.app_context(), writing() as session:
            session.execute(text(statement))
        assert tallies(office) == ended(office), statement


def test_what_is_rolled_back_is_not_counted(office: Office) -> None:
    office.case()
    statement = "UPDATE reports SET status = 'closed', clock = 'nowhen'"
    with office.app.app_context(), pytest.raises(DBAPIError), writing() as session:
        session.execute(text(statement))
    assert counts(office) == {"submitted": 1}


def test_who_may_not_list_cases_may_not_count_them(office: Office) -> None:
    office.case(*CLOSED)
    assert counts(office, by="handler-urban") == {}
    assert office("rewards").get("/cases/counts").status_code == 403
    assert office(OTHER).get("/cases/counts").status_code == 403


@pytest.mark.parametrize("query", ["limit=5", "cursor=x", "status=open", "q=x&sort=due_at"])
def test_a_question_that_is_none_is_refused(office: Office, query: str) -> None:
    assert office("dispatcher").get(f"/cases/counts?{query}").status_code == 422


def test_no_ended_case_runs_so_none_is_overdue() -> None:
    """Counts of overdue cases rely on it."""
    for edge in TABLE:
        reached = set(edge.targets) or ({edge.target} if edge.target else set())
        if reached and not reached & OPEN and set(edge.sources) & OPEN:
            assert edge.clock is Clock.STOPPED, edge.action
    assert Status.CLOSED not in OPEN
    assert narrowing.FEW > 0
