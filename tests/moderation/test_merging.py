"""Reports of the same fact: joined, parted, inherited; and whose claim is the first."""

from datetime import datetime, timedelta

import pytest
import time_machine

from core.clock import now
from core.permissions import Role
from moderation import jobs
from tests.moderation.office import FALSE, OTHER, REPORTER, TRUE, WHY, Office, problem

THIRD = "13800000003"
TRUE_AMOUNT, CORROBORATION = 20, 2


def merge(office: Office, number: str, into: str, by: str = "dispatcher") -> None:
    answer = office.act(by, number, "merge", {"into": into})
    assert answer.status_code == 200, answer.get_json()


def balances(office: Office) -> list[tuple[int, int]]:
    found = [office.points(phone) for phone in (REPORTER, OTHER, THIRD)]
    return [(each["available"], each["pending"]) for each in found]


def test_a_report_follows_its_primary_and_learns_its_outcome(office: Office) -> None:
    primary = office.case(reporter=OTHER)
    number, noise = office.case(), office.case(reporter=THIRD)
    merge(office, number, primary)
    case = office.seen(number)
    assert (case["status"], case["merged_into"]) == ("merged", primary)
    assert office.seen(primary)["followers"] == 1
    assert office.seen(noise)["followers"] == 0
    told = office.own(number)
    assert told["status_label"] == "已合并"
    assert told["outcome"] == {
        "status": "submitted",
        "status_label": "待受理",
        "verdict": None,
        "verdict_label": None,
    }
    assert primary not in office(REPORTER).get(f"/reports/{number}").get_data(as_text=True)
    assert number not in office(OTHER).get(f"/reports/{primary}").get_data(as_text=True)
    office.take(primary, "accept", "verify")
    assert office.own(number)["outcome"]["verdict"] == "substantiated"


@pytest.mark.parametrize("first_leads", [True, False])
def test_the_first_received_earns_in_full_whichever_case_leads(
    office: Office, *, first_leads: bool
) -> None:
    first = office.case(reporter=REPORTER)
    second = office.case(reporter=OTHER)
    primary, follower = (first, second) if first_leads else (second, first)
    merge(office, follower, primary)
    office.take(primary, "accept", "verify")
    assert balances(office) == [(TRUE_AMOUNT, 0), (CORROBORATION, 0), (0, 0)]


def test_a_merge_after_the_verdict_moves_points_to_the_first_received(office: Office) -> None:
    first, second = office.case(reporter=REPORTER), office.case(reporter=OTHER)
    office.take(second, "accept", "verify", reporter=OTHER)
    assert balances(office)[:2] == [(0, 10), (TRUE_AMOUNT, 0)]
    merge(office, first, second)
    assert balances(office)[:2] == [(TRUE_AMOUNT, 0), (CORROBORATION, 0)]


def test_an_untrue_primary_voids_the_claims_of_all(office: Office) -> None:
    primary, follower = office.case(reporter=REPORTER), office.case(reporter=OTHER)
    merge(office, follower, primary)
    office.take(primary, "accept", "refute")
    assert balances(office)[:2] == [(0, 0), (0, 0)]


def test_a_declined_primary_voids_the_claims_of_all(office: Office) -> None:
    primary, follower = office.case(reporter=REPORTER), office.case(reporter=OTHER)
    merge(office, follower, primary)
    office.take(primary, "decline")
    assert balances(office)[:2] == [(0, 0), (0, 0)]


def test_one_account_earns_once_in_a_case(office: Office) -> None:
    primary, again = office.case(), office.case()
    other = office.case(reporter=OTHER)
    merge(office, again, primary)
    merge(office, other, primary)
    office.take(primary, "accept", "verify")
    assert balances(office)[:2] == [(TRUE_AMOUNT, 0), (CORROBORATION, 0)]


def test_a_case_is_no_duplicate_of_itself_or_of_nothing(office: Office) -> None:
    """B41."""
    first, second, third = (office.case(reporter=phone) for phone in (REPORTER, OTHER, THIRD))
    assert office.act("dispatcher", first, "merge", {"into": first}).status_code == 422
    typed = first.lower().replace("0", "o")
    assert office.act("dispatcher", first, "merge", {"into": typed}).status_code == 422
    for into in ("3708-261125-000000-0", "nothing", "9223372036854775808"):
        answer = office.act("dispatcher", first, "merge", {"into": into})
        assert list(answer.get_json()["errors"]) == ["into"], into
    for padded in (f"{second} ", f"  {second}", f"{first} ", f"{second}\n"):
        answer = office.act("dispatcher", first, "merge", {"into": padded})
        assert list(answer.get_json()["errors"]) == ["into"], padded
    merge(office, first, second.lower().replace("0", "o"))
    assert office.seen(first)["merged_into"] == second
    back = office.act("dispatcher", second, "merge", {"into": first})
    assert back.status_code == 422  # what it would follow is merged itself
    led = office.act("dispatcher", second, "merge", {"into": third})
    assert problem(led) == (409, "has_followers")
    chain = office.act("dispatcher", third, "merge", {"into": first})
    assert chain.status_code == 422
    assert office.act("dispatcher", first, "merge", {"into": third}).status_code == 409
    assert [office.status(number) for number in (first, second, third)] == [
        "merged",
        "submitted",
        "submitted",
    ]


@pytest.mark.parametrize("steps", [("decline",), ("withdraw",), ("accept", "refute"), ("merge",)])
def test_what_has_ended_is_no_primary(office: Office, steps: tuple[str, ...]) -> None:
    ended = office.case(*steps)
    number = office.case(reporter=THIRD)
    answer = office.act("dispatcher", number, "merge", {"into": ended})
    assert list(answer.get_json()["errors"]) == ["into"]
    assert office.points(THIRD)["pending"] == 10


@pytest.mark.parametrize(
    "steps",
    [
        ("ask",),
        ("accept",),
        ("accept", "dispatch", "sign", "park"),
        ("accept", "dispatch", "sign", "resolve"),
    ],
)
def test_whatever_is_open_may_lead(office: Office, steps: tuple[str, ...]) -> None:
    primary, number = office.case(*steps), office.case(reporter=OTHER)
    merge(office, number, primary)
    assert office.seen(primary)["followers"] == 1


def test_a_report_that_leaves_goes_back_to_where_it_came_from(office: Office) -> None:
    primary = office.case(reporter=REPORTER)
    first, second = office.case(reporter=OTHER), office.case("accept", reporter=THIRD)
    merge(office, first, primary)
    merge(office, second, primary)
    office.take(primary, "accept", "verify")
    assert balances(office) == [(20, 0), (2, 0), (2, 0)]
    office.hire("dispatcher-2", Role.DISPATCHER)
    for number, status in ((first, "submitted"), (second, "accepted")):
        case = office.act("dispatcher-2", number, "unmerge", WHY).get_json()
        assert (case["status"], case["merged_into"]) == (status, None)
    assert balances(office) == [(20, 0), (0, 10), (0, 10)]
    assert office.seen(primary)["followers"] == 0
    assert office.own(first, OTHER)["outcome"] is None


def test_whoever_joined_reports_does_not_part_them_once_points_moved(office: Office) -> None:
    primary, number = office.case(reporter=OTHER), office.case()
    merge(office, number, primary)
    assert "unmerge" in office.seen(number)["actions"]
    office.take(primary, "accept", "verify")
    assert "unmerge" not in office.seen(number)["actions"]
    assert problem(office.act("dispatcher", number, "unmerge", WHY)) == (403, "decided_before")
    office.hire("dispatcher-2", Role.DISPATCHER)
    assert "unmerge" in office.seen(number, "dispatcher-2")["actions"]
    assert office.act("dispatcher-2", number, "unmerge", WHY).status_code == 200


def test_before_points_moved_the_same_person_may_part_them(office: Office) -> None:
    primary, number = office.case(reporter=OTHER), office.case()
    merge(office, number, primary)
    assert office.act("dispatcher", number, "unmerge", WHY).status_code == 200
    merge(office, number, primary)
    assert office.seen(primary)["followers"] == 1


def test_a_report_that_was_joined_again_is_judged_by_who_joined_it_last(office: Office) -> None:
    office.hire("dispatcher-2", Role.DISPATCHER)
    primary, number = office.case(reporter=OTHER), office.case()
    merge(office, number, primary)
    office.act("dispatcher", number, "unmerge", WHY)
    merge(office, number, primary, by="dispatcher-2")
    office.take(primary, "accept", "verify")
    assert office.act("dispatcher-2", number, "unmerge", WHY).status_code == 403
    assert office.act("dispatcher", number, "unmerge", WHY).status_code == 200


def test_the_earliest_follower_inherits_a_case_that_is_withdrawn(office: Office) -> None:
    primary = office.case(reporter=REPORTER)
    first, second = office.case("accept", reporter=OTHER), office.case(reporter=THIRD)
    merge(office, second, primary)
    merge(office, first, primary)
    gone = office(REPORTER).post(f"/reports/{primary}/withdraw")
    assert gone.get_json()["status"] == "withdrawn"
    heir = office.seen(first)
    assert (heir["status"], heir["merged_into"], heir["followers"]) == ("accepted", None, 1)
    assert office.seen(second)["merged_into"] == first
    assert office.seen(primary)["followers"] == 0
    lead = office.history(first)[-1]
    assert (lead["action"], lead["actor_role"]) == ("lead", "system")
    assert balances(office) == [(0, 0), (0, 10), (0, 10)]
    office.take(first, "verify")
    assert balances(office) == [(0, 0), (20, 0), (2, 0)]


def test_an_only_follower_inherits_alone(office: Office) -> None:
    primary, follower = office.case(reporter=REPORTER), office.case(reporter=OTHER)
    merge(office, follower, primary)
    office(REPORTER).post(f"/reports/{primary}/withdraw")
    heir = office.seen(follower)
    assert (heir["status"], heir["followers"]) == ("submitted", 0)
    assert "merge" in heir["actions"]


def test_a_case_that_left_its_primary_is_open_again_in_every_sense(office: Office) -> None:
    primary, number = office.case(reporter=OTHER), office.case()
    merge(office, number, primary)
    office.act("dispatcher", number, "unmerge", WHY)
    office.take(number, "accept", "verify", "dispatch", "sign", "resolve", "verify")
    assert "appeal" in office.own(number)["actions"]


def test_a_primary_that_lapsed_stays_void_when_its_follower_leaves(office: Office) -> None:
    start = datetime.fromisoformat("2026-03-02T10:00:00+08:00")
    with time_machine.travel(start, tick=False):
        primary, number = office.case("accept", "verify"), office.case(reporter=OTHER)
        merge(office, number, primary)
        office.take(primary, "ask")
    with time_machine.travel(start + timedelta(days=8), tick=False):
        office.people.clear()
        with office.app.app_context():
            assert jobs.lapse_questions(now()) == 1
        assert balances(office)[:2] == [(0, 0), (0, 0)]
        office.hire("dispatcher-2", Role.DISPATCHER)
        assert office.act("dispatcher-2", number, "unmerge", WHY).status_code == 200
        assert balances(office)[:2] == [(0, 0), (0, 10)]


def test_a_verdict_of_its_own_waits_while_a_report_follows(office: Office) -> None:
    primary, number = office.case(reporter=OTHER), office.case("accept", "verify")
    assert balances(office)[:2] == [(20, 0), (0, 10)]
    merge(office, number, primary)
    assert balances(office)[:2] == [(0, 10), (0, 10)]
    answer = office.act("reviewer", number, "overturn", {**FALSE, **WHY})
    assert problem(answer) == (409, "invalid_transition")
    office.act("dispatcher", number, "unmerge", WHY)
    assert balances(office)[:2] == [(20, 0), (0, 10)]
    assert office.act("reviewer", number, "overturn", {**TRUE, **WHY}).status_code == 200


def test_an_anonymous_follower_earns_nothing_and_blocks_nobody(office: Office) -> None:
    first = office.case(reporter=OTHER, anonymous=True)
    primary = office.case(reporter=REPORTER)
    merge(office, first, primary)
    office.take(primary, "accept", "verify")
    assert office.points(OTHER)["available"] == 0
    assert office.points(REPORTER)["available"] in {TRUE_AMOUNT, CORROBORATION}
