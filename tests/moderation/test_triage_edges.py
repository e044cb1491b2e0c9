"""Small faults of triage that nobody had reported yet: what closes, lapses or grows too long."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from core.clock import now
from core.database import writing
from moderation import jobs
from moderation.models import Department
from tests.moderation.office import REPORTER, WHY, Office

pytestmark = pytest.mark.parametrize("world", ["sqlite"], indirect=True)


def close(office: Office, code: str) -> None:
    with office.app.app_context(), writing() as session:
        chosen = update(Department).where(Department.code == code)
        session.execute(chosen.values(active=False))
    office.app.extensions["caches"].clear()


def test_a_department_that_closed_meanwhile_gets_no_case_and_keeps_its_name(office: Office) -> None:
    old, number = office.case("accept", "dispatch"), office.case("accept")
    suggested = office.seen(number)["suggested_department"]
    close(office, suggested["code"])
    for body in ({}, {"department": suggested["code"]}):
        answer = office.act("dispatcher", number, "dispatch", body)
        assert list(answer.get_json()["errors"]) == ["department"], body
    helped = {"department": "urban", "assisting": [suggested["code"]]}
    refused = office.act("dispatcher", number, "dispatch", helped)
    assert list(refused.get_json()["errors"]) == ["assisting.0"]
    assert office.status(number) == "accepted"
    assert office.act("dispatcher", number, "dispatch", {"department": "urban"}).status_code == 200
    assert office.seen(old)["department"] == suggested
    assert suggested["name"] in office("dispatcher").get("/cases.csv").get_data(as_text=True)


def test_a_case_that_was_declined_earns_nothing_until_an_appeal_opens_it(office: Office) -> None:
    number = office.case("accept", "verify", "ask")
    assert office.points()["available"] == 20
    with office.app.app_context():
        assert jobs.lapse_questions(now() + timedelta(days=60)) == 1
    assert office.points()["available"] == 0
    graver = {"verdict": "substantiated", "severity": 3, **WHY}
    assert office.act("reviewer", number, "overturn", graver).status_code == 200
    assert (office.points()["available"], office.status(number)) == (0, "declined")
    office.take(number, "appeal")
    office.hire("reviewer-2", "reviewer")  # type: ignore[arg-type]
    assert office.act("reviewer-2", number, "grant_appeal", WHY).status_code == 200
    assert office.points()["available"] == 50


def longest(document: Any, schema: str) -> int:
    found: int = document["components"]["schemas"][schema]["properties"]["note"]["maxLength"]
    return found


def test_the_longest_reason_is_as_long_as_the_document_says(office: Office) -> None:
    number = office.case()
    body = {"reason": "not_ours", "competent": "x" * 200, "note": "y" * 2000}
    assert office.act("dispatcher", number, "decline", body).status_code == 200
    document = office("").get("/openapi.json").get_json()
    told = office(REPORTER).get(f"/reports/{number}").get_json()["timeline"][-1]["note"]
    assert len(told) <= longest(document, "Step")
    assert len(office.history(number)[-1]["note"]) <= longest(document, "History")
    assert told.endswith("y" * 2000)
