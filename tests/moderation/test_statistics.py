"""Statistics: every number is the length of a list, and groups add up to the total."""

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import time_machine

from core.permissions import Role
from moderation.statistics.measures import Counted
from tests.clients import ON_THE_LAKE
from tests.moderation.office import CLOSED, OTHER, REPORTER, Office, problem

COUNTED = [code.value for code in Counted]
WAYS = ("department", "district", "category", "month", "channel")


def counted(office: Office, query: str = "", by: str = "dispatcher") -> dict[str, Any]:
    answer = office(by).get(f"/stats/handling?{query}")
    assert answer.status_code == 200, answer.get_json()
    found: dict[str, Any] = answer.get_json()
    return found


def listed(office: Office, path: str, by: str) -> list[str]:
    """Return all numbers that a list gives, by small pages."""
    found: list[str] = []
    cursor = ""
    while True:
        answer = office(by).get(f"{path}&limit=3{cursor}")
        assert answer.status_code == 200, (path, answer.get_json())
        page = answer.get_json()
        found += [item["number"] for item in page["items"]]
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"


def at(moment: str) -> Any:
    return time_machine.travel(datetime.fromisoformat(moment), tick=False)


def a_busy_office(office: Office) -> dict[str, str]:
    """Bring one case to every end that is counted."""
    made = {
        "new": office.case(),
        "declined": office.case("decline", channel="huhutong", category="WAT-FLOAT",
                                location=ON_THE_LAKE),
        "asked": office.case("accept", "ask"),
        "withdrawn": office.case("withdraw"),
        "merged": office.case("accept", "merge"),
        "refuted": office.case("accept", "refute", category="AIR-DUST"),
        "reopened": office.case("accept", "refute", "appeal", "grant_appeal"),
        "closed": office.case(*CLOSED, reporter=OTHER),
        "reworked": office.case("accept", "dispatch", "sign", "resolve", "rework"),
        "unhappy": office.case(*CLOSED),
        "helped": office.case("accept"),
    }  # fmt: skip
    helping = {"department": "urban", "assisting": ["epb"]}
    office.act("dispatcher", made["helped"], "dispatch", helping)
    for name, who, satisfied, score in (
        ("closed", OTHER, True, 5),
        ("unhappy", REPORTER, False, 1),
    ):
        body = {"satisfied": satisfied, "score": score}
        assert office(who).post(f"/reports/{made[name]}/rating", body).status_code == 200
    return made


def test_every_number_is_the_length_of_its_list_and_groups_add_up(office: Office) -> None:
    made = a_busy_office(office)
    office.hire("lake", Role.HANDLER, department="epb", areas=["370826"])
    for by in ("dispatcher", "handler-epb", "handler-urban", "lake", "auditor"):
        for way in WAYS:
            told = counted(office, f"by={way}", by)
            for code in COUNTED:
                assert sum(item[code] for item in told["items"]) == told["total"][code]
            for item in (*told["items"], told["total"]):
                for code in COUNTED if by == "dispatcher" else ("received", "overdue", "rework"):
                    found = listed(office, item["lists"][code], by)
                    assert len(found) == len(set(found)) == item[code], (way, code, item)
    total = counted(office)["total"]
    assert {code: total[code] for code in COUNTED} == {
        "received": 12,  # the primary that the merged one joined is the twelfth
        "accepted": 8,
        "declined": 1,
        "withdrawn": 1,
        "merged": 1,
        "closed": 3,
        "on_time": 3,
        "late": 0,
        "overdue": 0,
        "rework": 1,
        "reopened": 1,
        "substantiated": 2,
        "partly_substantiated": 0,
        "unsubstantiated": 1,
        "satisfied": 1,
        "dissatisfied": 1,
    }
    for code, name in (("rework", "reworked"), ("satisfied", "closed"), ("dissatisfied", "unhappy"),
                       ("reopened", "reopened"), ("unsubstantiated", "refuted")):  # fmt: skip
        assert listed(office, total["lists"][code], "dispatcher") == [made[name]]


def test_groups_are_named_and_a_case_that_assists_counts_once(office: Office) -> None:
    a_busy_office(office)
    named = {item["code"]: item for item in counted(office)["items"]}
    assert named["-"]["name"] == "未派单"
    assert (named["urban"]["name"], named["urban"]["received"]) == ("市城市管理局", 1)
    assert named["epb"]["received"] == 3  # the list of the department has a fourth, where it helps
    districts = {item["name"] for item in counted(office, "by=district")["items"]}
    assert districts == {"任城区", "微山县"}
    channels = {item["code"]: item["name"] for item in counted(office, "by=channel")["items"]}
    assert channels["huhutong"] == "护湖通"


def test_a_list_of_the_statistics_shows_no_more_than_the_case_list(office: Office) -> None:
    own = office.case("accept", "dispatch", "sign", category="AIR-IND")
    other = office.case("accept")
    office.act("dispatcher", other, "dispatch", {"department": "urban"})
    path = "/stats/handling/cases?measure=accepted"
    (item,) = office("handler-epb").get(path).get_json()["items"]
    assert item == office("handler-epb").get("/cases").get_json()["items"][0]
    assert item["number"] == own
    assert office("handler-epb").get(f"{path}&group=urban").get_json()["items"] == []
    for name in ("rewards", "admin", REPORTER, "bus"):
        for asked in ("/stats/handling", path):
            assert problem(office(name).get(asked)) == (403, "forbidden"), name


def test_on_time_late_and_overdue_go_by_the_due_time(office: Office) -> None:
    with at("2026-03-05T12:00:00+08:00"):
        office.people.clear()
        office.case("accept", "refute")
        open_case = office.case()
        slow = office.case("accept")
    with at("2026-12-01T12:00:00+08:00"):
        office.people.clear()
        office.take(slow, "refute")
        march = "from=2026-03-01&to=2026-03-31&by=month"
        told = counted(office, march)
        total = told["total"]
        assert (total["closed"], total["on_time"], total["late"]) == (2, 1, 1)
        assert total["overdue"] == 1
        assert listed(office, total["lists"]["overdue"], "dispatcher") == [open_case]
        assert listed(office, total["lists"]["late"], "dispatcher") == [slow]
        assert counted(office)["total"]["received"] == 0
        assert counted(office)["from"], counted(office)["to"] == ("2026-12-01", "2026-12-31")


@pytest.fixture(params=["UTC", "America/New_York", "Asia/Tokyo"])
def process_zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_days_and_months_are_those_of_shanghai_whatever_the_process_zone(
    process_zone: None, office: Office
) -> None:
    """B31, B32."""
    for moment in (
        "2026-03-31T15:59:59+00:00",  # the last second of March in Shanghai
        "2026-03-31T16:00:00+00:00",
        "2026-03-31T16:30:00+00:00",
        "2026-04-30T15:59:59+00:00",
        "2026-04-30T16:00:00+00:00",
    ):
        with at(moment):
            office.people.clear()
            office.case()
    with at("2026-04-30T15:30:00+00:00"):
        office.people.clear()
        assert counted(office)["total"]["received"] == 3
        told = counted(office, "from=2026-03-01&to=2026-05-31&by=month")
        months = {item["code"]: (item["name"], item["received"]) for item in told["items"]}
        assert months == {
            "2026-03": ("2026年3月", 1),
            "2026-04": ("2026年4月", 3),
            "2026-05": ("2026年5月", 1),
        }
        for item in told["items"]:
            for code in ("received", "on_time"):
                assert len(listed(office, item["lists"][code], "dispatcher")) == item[code]
        partly = counted(office, "from=2026-04-01&to=2026-04-29&by=month")["items"][0]
        assert partly["received"] == 2
        assert len(listed(office, partly["lists"]["received"], "dispatcher")) == 2
        assert counted(office, "from=2026-03-31&to=2026-03-31")["total"]["received"] == 1
        assert counted(office, "from=2026-04-30&to=2026-04-30")["total"]["received"] == 1
        assert counted(office, "to=2026-03-31")["total"]["received"] == 1
        assert counted(office, "from=2026-04-01")["to"] == "2026-04-30"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=2026-03-02&to=2026-03-01", "to"),
        ("from=2026-02-30", "from"),
        ("to=2026-03-01T00:00:00Z", "to"),
        ("by=officer", "by"),
        ("start=2026-03-01", "start"),
        ("from=2026-03-01&from=2026-03-02", "from"),
    ],
)
def test_what_is_no_question_is_refused_by_name(office: Office, query: str, field: str) -> None:
    for path in ("/stats/handling?", "/stats/handling/cases?measure=received&"):
        answer = office("dispatcher").get(path + query)
        assert answer.status_code == 422
        assert list(answer.get_json()["errors"]) == [field]


@pytest.mark.parametrize("query", ["", "measure=all", "measure=received&group=%00"])
def test_a_list_without_a_measure_is_refused(office: Office, query: str) -> None:
    assert office("dispatcher").get(f"/stats/handling/cases?{query}").status_code == 422


def test_the_statistics_are_few_statements_however_many_cases(
    office: Office, statements: Any
) -> None:
    def asked() -> int:
        with statements() as found:
            counted(office)
        return len(found.seen)

    asked()
    office.case()
    before = asked()
    a_busy_office(office)
    assert asked() == before <= 6


def test_a_page_of_the_list_behind_a_number_is_one_audit_row(office: Office) -> None:
    from core.audit import AuditEvent

    office.case("accept")
    office("auditor").get("/stats/handling/cases?measure=accepted")
    office("auditor").get("/stats/handling")
    found = office.rows(AuditEvent.action, AuditEvent.actor_role, AuditEvent.details)
    looks = [row for row in found if row.actor_role == "auditor"]
    assert [(row.action, len(row.details["ids"])) for row in looks] == [("cases.list", 1)]
