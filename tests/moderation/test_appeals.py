"""Ratings and appeals: once, in time, and decided by somebody who decided nothing before."""

from datetime import datetime

import pytest
import time_machine

from core.permissions import Role
from moderation.models import Appeal
from tests.moderation.office import CLOSED, OTHER, REPORTER, TRUE, WHY, Office, problem

GOOD = {"satisfied": True, "score": 5, "comment": "处理及时"}
BAD = {"satisfied": False, "score": 1, "comment": "气味还在"}


def test_a_closed_case_is_rated_once_and_the_rating_earns(office: Office) -> None:
    number = office.case(*CLOSED)
    resident = office(REPORTER)
    rated = resident.post(f"/reports/{number}/rating", GOOD)
    assert rated.status_code == 200
    assert "rate" not in rated.get_json()["actions"]
    assert office.points()["available"] == 22
    assert problem(resident.post(f"/reports/{number}/rating", GOOD)) == (409, "already_rated")
    assert office.points()["available"] == 22
    assert office.seen(number)["status"] == "closed"
    assert office.seen(number, "reviewer")["actions"] == ["overturn"]


def test_a_rating_of_what_was_untrue_earns_nothing(office: Office) -> None:
    number = office.case("accept", "refute")
    assert office(REPORTER).post(f"/reports/{number}/rating", GOOD).status_code == 200
    assert office.points()["available"] == 0


def test_before_the_end_there_is_nothing_to_rate(office: Office) -> None:
    number = office.case(*CLOSED[:-1])
    answer = office(REPORTER).post(f"/reports/{number}/rating", GOOD)
    assert problem(answer) == (409, "invalid_transition")


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"score": 0}, "score"),
        ({"score": 6}, "score"),
        ({"score": 4.0}, "score"),
        ({"score": "5"}, "score"),
        ({"score": True}, "score"),
        ({"satisfied": 1}, "satisfied"),
        ({"satisfied": None}, "satisfied"),
        ({"comment": "长" * 2001}, "comment"),
        ({"stars": 5}, "stars"),
    ],
)
def test_a_rating_out_of_range_is_refused(office: Office, change: object, path: str) -> None:
    number = office.case("accept", "refute")
    answer = office(REPORTER).post(f"/reports/{number}/rating", {**GOOD, **change})  # type: ignore[dict-item]
    assert list(answer.get_json()["errors"]) == [path]


def test_a_merged_report_is_rated_when_its_primary_has_closed(office: Office) -> None:
    primary, number = office.case(reporter=OTHER), office.case()
    office.act("dispatcher", number, "merge", {"into": primary})
    assert office.own(number)["actions"] == []
    early = office(REPORTER).post(f"/reports/{number}/rating", GOOD)
    assert problem(early) == (409, "invalid_transition")
    office.take(primary, *CLOSED)
    assert office.own(number)["actions"] == ["rate"]
    assert office(REPORTER).post(f"/reports/{number}/rating", GOOD).status_code == 200
    assert office(OTHER).post(f"/reports/{primary}/rating", GOOD).status_code == 200
    assert problem(office(REPORTER).post(f"/reports/{number}/rating", GOOD)) == (
        409,
        "already_rated",
    )
    assert office.own(number)["status"] == "merged"


def test_whoever_is_not_satisfied_opens_an_appeal(office: Office) -> None:
    number = office.case(*CLOSED)
    office(REPORTER).post(f"/reports/{number}/rating", BAD)
    assert set(office.seen(number, "reviewer")["actions"]) == {
        "overturn",
        "grant_appeal",
        "reject_appeal",
    }
    filed = office.rows(Appeal.origin, Appeal.step, Appeal.reason)
    assert [tuple(row) for row in filed] == [("rating", "asked", "气味还在")]
    again = office(REPORTER).post(f"/reports/{number}/appeal", WHY)
    assert problem(again) == (409, "already_appealed")
    case = office.act("reviewer", number, "grant_appeal", WHY).get_json()
    assert case["status"] == "accepted"
    assert [row.origin for row in office.rows(Appeal.origin, Appeal.step)] == ["rating", "rating"]


def test_a_dissatisfied_follower_opens_an_appeal_of_the_primary(office: Office) -> None:
    primary, number = office.case(reporter=OTHER), office.case()
    office.act("dispatcher", number, "merge", {"into": primary})
    office.take(primary, *CLOSED)
    assert office(REPORTER).post(f"/reports/{number}/rating", BAD).status_code == 200
    assert "grant_appeal" in office.seen(primary, "reviewer")["actions"]
    assert office.seen(number, "reviewer")["actions"] == []
    assert problem(office.act("dispatcher", primary, "grant_appeal", WHY)) == (403, "forbidden")


@pytest.mark.parametrize("decision", ["grant_appeal", "reject_appeal"])
def test_a_followers_appeal_leaves_the_primarys_reporter_an_appeal_of_their_own(
    office: Office, decision: str
) -> None:
    primary, number = office.case(reporter=OTHER), office.case()
    office.act("dispatcher", number, "merge", {"into": primary})
    office.take(primary, "accept", "refute")
    office(REPORTER).post(f"/reports/{number}/rating", BAD)
    office.take(primary, decision)
    if decision == "grant_appeal":
        office.take(primary, "refute")
    assert "appeal" in office.own(primary, OTHER)["actions"]
    assert office(OTHER).post(f"/reports/{primary}/appeal", WHY).status_code == 200
    assert problem(office.act("reviewer", primary, "reject_appeal", WHY)) == (403, "decided_before")
    office.hire("reviewer-2", Role.REVIEWER)
    assert office.act("reviewer-2", primary, "reject_appeal", WHY).status_code == 200
    again = office(OTHER).post(f"/reports/{primary}/appeal", WHY)
    assert problem(again) == (409, "already_appealed")
    words = office(OTHER).get(f"/reports/{primary}").get_data(as_text=True)
    assert (BAD["comment"] in words, number in words) == (False, False)


def test_a_bad_rating_after_an_appeal_opens_no_second_one(office: Office) -> None:
    number = office.case(*CLOSED, "appeal", "reject_appeal")
    assert office(REPORTER).post(f"/reports/{number}/rating", BAD).status_code == 200
    assert len(office.rows(Appeal.id)) == 2
    assert "grant_appeal" not in office.seen(number, "reviewer")["actions"]


def test_an_appeal_is_possible_once(office: Office) -> None:
    number = office.case("decline", "appeal")
    answer = office(REPORTER).post(f"/reports/{number}/appeal", WHY)
    assert problem(answer) == (409, "already_appealed")
    office.take(number, "reject_appeal")
    answer = office(REPORTER).post(f"/reports/{number}/appeal", WHY)
    assert problem(answer) == (409, "already_appealed")
    assert office.own(number)["actions"] == []


@pytest.mark.parametrize("steps", [("decline",), ("accept", "refute")])
def test_an_appeal_is_possible_for_thirty_days(office: Office, steps: tuple[str, ...]) -> None:
    with time_machine.travel(datetime.fromisoformat("2026-03-01T10:00:00+08:00"), tick=False):
        early, late = office.case(*steps), office.case(*steps)
    with time_machine.travel(datetime.fromisoformat("2026-03-31T23:59:59+08:00"), tick=False):
        office.people.clear()
        assert "appeal" in office.own(early)["actions"]
        assert office(REPORTER).post(f"/reports/{early}/appeal", WHY).status_code == 200
    with time_machine.travel(datetime.fromisoformat("2026-04-01T00:00:00+08:00"), tick=False):
        office.people.clear()
        assert "appeal" not in office.own(late)["actions"]
        answer = office(REPORTER).post(f"/reports/{late}/appeal", WHY)
        assert problem(answer) == (409, "appeal_closed")


def test_a_granted_appeal_of_a_declined_report_begins_anew(office: Office) -> None:
    number = office.case("decline", "appeal")
    assert office.points()["pending"] == 0
    case = office.act("reviewer", number, "grant_appeal", WHY).get_json()
    assert case["status"] == "submitted"
    assert case["overdue"] is False
    assert office.points()["pending"] == 10
    office.take(number, "accept", "verify")
    assert office.points()["available"] == 20


def test_a_granted_appeal_of_an_untrue_report_opens_a_round_of_its_own(office: Office) -> None:
    number = office.case("accept", "refute", "appeal", "grant_appeal")
    case = office.seen(number)
    assert (case["status"], case["verdict"], case["department"]) == ("accepted", None, None)
    assert office.points()["pending"] == 10
    assert "verify" in case["actions"]
    office.take(number, "verify", "dispatch", "sign", "resolve", "verify")
    assert office.points()["available"] == 20
    assert "appeal" not in office.own(number)["actions"]


def test_what_was_found_true_stays_paid_while_an_appeal_is_heard(office: Office) -> None:
    number = office.case(*CLOSED, "appeal")
    assert office.points()["available"] == 20
    office.take(number, "grant_appeal")
    assert office.points()["available"] == 20
    assert office.seen(number)["verdict"] == "substantiated"
    again = office.act("dispatcher", number, "verify", {**TRUE, "severity": 3})
    assert again.status_code == 200
    assert office.points()["available"] == 50


def test_a_rejected_appeal_leaves_everything_as_it_was(office: Office) -> None:
    number = office.case("accept", "refute", "appeal")
    case = office.act("reviewer", number, "reject_appeal", {"reason": "证据不足"}).get_json()
    assert (case["status"], case["verdict"]) == ("closed", "unsubstantiated")
    assert office.points()["pending"] == 0
    assert office.history(number)[-1]["note"] == "证据不足"


@pytest.mark.parametrize("action", ["grant_appeal", "reject_appeal"])
def test_an_appeal_is_decided_by_somebody_who_decided_nothing_before(
    office: Office, action: str
) -> None:
    office.hire("both", Role.DISPATCHER, Role.REVIEWER)
    number, noise = office.case(), office.case(reporter=OTHER)
    office.act("both", number, "decline", {"reason": "other"})
    office.act("dispatcher", noise, "decline", {"reason": "other"})
    office(REPORTER).post(f"/reports/{number}/appeal", WHY)
    office(OTHER).post(f"/reports/{noise}/appeal", WHY)
    assert office.seen(number, "both")["actions"] == []
    assert problem(office.act("both", number, action, WHY)) == (403, "decided_before")
    assert office.act("both", noise, action, WHY).status_code == 200
    assert office.act("reviewer", number, action, WHY).status_code == 200


def test_an_appeal_that_was_never_filed_is_not_decided(office: Office) -> None:
    number = office.case("decline")
    for action in ("grant_appeal", "reject_appeal"):
        answer = office.act("reviewer", number, action, WHY)
        assert problem(answer) == (409, "invalid_transition")
    assert office.rows(Appeal.id) == []


def test_somebody_elses_outcome_is_neither_rated_nor_appealed(office: Office) -> None:
    number = office.case(*CLOSED)
    for action, body in (("rating", BAD), ("appeal", WHY)):
        answer = office(OTHER).post(f"/reports/{number}/{action}", body)
        assert problem(answer) == (404, "not_found")
        assert office("dispatcher").post(f"/reports/{number}/{action}", body).status_code == 403
    assert len(office.history(number)) == 7
