"""The term of a case over HTTP: what begins it again, what lengthens it, what leaves it alone."""

from typing import Any

import pytest

from citizen.models import Report
from citizen.states import Unit
from core.permissions import Role
from tests.moderation.office import HANDLING, MONDAY, OTHER, WHY, Office, on, shanghai

pytestmark = pytest.mark.parametrize("world", ["sqlite"], indirect=True)
FRIDAY = "2026-03-06T18:00:00+08:00"


def ends(office: Office, number: str) -> str:
    """Return when a case is due, as month, day and time of Shanghai."""
    return str(office.seen(number)["due_at"])[5:16].replace("T", " ")


def row(office: Office, number: str) -> Any:
    """Return the term as the row keeps it."""
    names = ("due_from", "due_unit", "due_amount", "due_at", "next_alarm_at", "submitted_at")
    columns = [getattr(Report, name) for name in names]
    found = [kept for kept in office.rows(Report.number, *columns) if kept.number == number]
    return found[0]


# -------- pauses


@pytest.mark.parametrize(
    ("asked", "answered", "expected"),
    [
        ("03-02 11:00", "03-02 17:00", "03-05 00:00"),  # within a day: nothing changes
        ("03-03 10:00", "03-04 09:00", "03-06 00:00"),  # over one midnight: one working day
        ("03-04 10:00", "03-08 09:00", "03-10 00:00"),  # the last day is there again on Monday
        ("03-05 00:00", "03-06 09:00", "03-05 00:00"),  # what was over stays over
    ],
)
def test_a_question_moves_what_is_due_by_working_days(
    office: Office, asked: str, answered: str, expected: str
) -> None:
    with on(office, MONDAY):
        number = office.case()
        assert ends(office, number) == "03-05 00:00"  # two working days
    with on(office, asked):
        office.take(number, "ask")
    with on(office, answered):
        office.take(number, "answer")
        assert ends(office, number) == expected
        moved = office.history(number)[-1]["changes"].get("due_at")
        assert (moved is None) == (expected == "03-05 00:00")
        assert row(office, number).due_from == shanghai(MONDAY)


def test_what_is_parked_keeps_the_time_of_day_that_an_officer_chose(office: Office) -> None:
    with on(office, MONDAY):
        number = office.case("accept")
        sent = {"department": "epb", "due_at": FRIDAY}
        office.act("dispatcher", number, "dispatch", sent)
        office.take(number, "sign")
        assert row(office, number).due_amount is None
    with on(office, "03-05 10:00"):
        office.act("dispatcher", number, "park", {**WHY, "review_on": "2026-03-10"})
    with on(office, "03-10 09:00"):
        assert office.seen(number)["overdue"] is False
        office.take(number, "unpark")
        case = office.seen(number)
        assert case["due_at"] == "2026-03-11T18:00:00+08:00"  # two days were left
        assert case["due_provisional"] is False


def test_calendar_days_and_hours_pause_as_such(office: Office) -> None:
    with on(office, MONDAY):
        fume, water = (office.case(*HANDLING, category=code) for code in ("AIR-FUME", "WAT-DRINK"))
        found = [(row(office, n).due_unit, row(office, n).due_amount) for n in (fume, water)]
        assert found == [(Unit.DAYS, 15), (Unit.HOURS, 24)]
    with on(office, "03-02 16:00"):
        office.take(fume, "park")
        office.take(water, "park")
    with on(office, "03-05 17:30"):
        office.take(fume, "unpark")
        office.take(water, "unpark")
        assert (
            ends(office, fume) == "03-20 00:00"
        )  # two midnights after the first day, which never counts
        assert ends(office, water) == "03-06 11:30"  # 73.5 hours


def test_two_pauses_count_each_and_the_warning_is_that_of_all(office: Office) -> None:
    with on(office, MONDAY):
        number = office.case(*HANDLING)
    for start, end in (("03-03 10:00", "03-04 10:00"), ("03-05 10:00", "03-06 10:00")):
        with on(office, start):
            office.take(number, "park")
        with on(office, end):
            office.take(number, "unpark")
    # Of 230 hours 48 stood still; three quarters of the other 182, and those 48, end so:
    assert row(office, number).due_at == shanghai("03-12 00:00")
    assert row(office, number).next_alarm_at == shanghai("03-10 02:30")


def test_time_as_a_follower_stood_still(office: Office) -> None:
    with on(office, MONDAY):
        primary, number = office.case(reporter=OTHER), office.case()
    with on(office, "03-03 10:00"):
        office.act("dispatcher", number, "merge", {"into": primary})
    with on(office, "03-16 10:00"):
        office.take(number, "unmerge")
        assert ends(office, number) == "03-18 00:00"
        assert office.seen(number)["overdue"] is False
        assert office.seen(primary)["overdue"] is True


def test_a_follower_that_comes_to_lead_has_the_time_it_had_left(office: Office) -> None:
    with on(office, MONDAY):
        primary, number = office.case(), office.case(reporter=OTHER)
        office.act("dispatcher", number, "merge", {"into": primary})
    with on(office, "03-10 10:00"):
        office.take(primary, "withdraw")
        assert office.status(number) == "submitted"
        assert ends(office, number) == "03-12 00:00"


# -------- what begins a term again


def test_time_runs_on_while_a_result_is_checked(office: Office) -> None:
    with on(office, MONDAY):
        number = office.case(*HANDLING, "resolve")
        assert ends(office, number) == "03-10 00:00"
    with on(office, "03-10 00:00"):
        assert office.seen(number)["overdue"] is True


def test_a_return_begins_the_desks_term_and_a_rework_the_departments(office: Office) -> None:
    with on(office, MONDAY):
        returned, reworked = office.case(*HANDLING), office.case(*HANDLING)
        received = row(office, returned).submitted_at
    with on(office, "03-04 10:00"):
        office.take(returned, "return")
        office.take(reworked, "resolve", "rework")
        assert ends(office, returned) == "03-07 00:00"
        assert ends(office, reworked) == "03-12 00:00"
        for number in (returned, reworked):
            assert row(office, number).due_from == shanghai("03-04 10:00")
            assert row(office, number).submitted_at == received


def test_a_colleague_gets_no_time_of_their_own(office: Office) -> None:
    with on(office, MONDAY):
        office.hire("handler-2", Role.HANDLER, department="epb")
        number = office.case(*HANDLING)
        before = row(office, number)
    with on(office, "03-04 10:00"):
        answer = office.act("handler-epb", number, "reassign", {"username": "handler-2"})
        assert answer.status_code == 200
        assert row(office, number) == before


def test_an_appeal_that_is_granted_begins_a_round_not_the_time_since_the_report(
    office: Office,
) -> None:
    with on(office, MONDAY):
        number = office.case("decline", "appeal")
        received = row(office, number).submitted_at
    with on(office, "03-16 10:00"):
        office.take(number, "grant_appeal")
        assert ends(office, number) == "03-19 00:00"
        assert row(office, number).due_from == shanghai("03-16 10:00")
        assert row(office, number).submitted_at == received


def test_a_rework_never_takes_time_that_an_officer_gave(office: Office) -> None:
    with on(office, MONDAY):
        number = office.case("accept")
        sent = {"department": "epb", "due_at": "2026-04-30T18:00:00+08:00"}
        office.act("dispatcher", number, "dispatch", sent)
        office.take(number, "sign", "extend", "resolve", "rework")
        assert ends(office, number) == "04-30 18:00"
        # The question of more time lapsed with the result, and may be put again.
        assert "extend" in office.seen(number, "handler-epb")["actions"]


# -------- corrections and extensions


def test_a_correction_keeps_what_pauses_and_a_new_round_gave(office: Office) -> None:
    body = {**WHY, "category": "WAT-SEW"}
    with on(office, MONDAY):
        paused, returned = office.case(), office.case(*HANDLING)
    with on(office, "03-03 10:00"):
        office.take(paused, "ask")
        office.take(returned, "return")
    with on(office, "03-05 10:00"):
        office.take(paused, "answer")
        for number, expected in ((paused, "03-07 00:00"), (returned, "03-06 00:00")):
            assert ends(office, number) == expected
            answer = office.act("dispatcher", number, "correct", body)
            assert "due_at" not in answer.get_json()["correction"]
            assert ends(office, number) == expected


def test_more_time_warns_by_its_new_end(office: Office) -> None:
    with on(office, MONDAY):
        number = office.case(*HANDLING)
    with on(office, "03-09 10:00"):  # the last day; its warning is over
        due_at = "2026-03-12T00:00:00+08:00"
        office.act("handler-epb", number, "extend", {**WHY, "due_at": due_at})
        assert office.act("dispatcher", number, "grant_extension", {}).status_code == 200
        kept = row(office, number)
        assert (kept.due_at, kept.due_from) == (shanghai("03-12 00:00"), shanghai(MONDAY))
        # Three quarters of 230 hours from Monday are 03-09 14:30.
        assert (kept.next_alarm_at, kept.due_amount) == (shanghai("03-09 14:30"), None)


def test_what_was_asked_for_and_is_past_is_not_granted_unless_a_date_is_named(
    office: Office,
) -> None:
    with on(office, MONDAY):
        number = office.case(*HANDLING, "extend")  # until 03-11 00:00
    with on(office, "03-11 08:00"):
        answer = office.act("dispatcher", number, "grant_extension", {})
        assert (answer.status_code, list(answer.get_json()["errors"])) == (422, ["due_at"])
        early = {"due_at": "2026-03-09T12:00:00+08:00"}
        late = {"due_at": "2026-03-24T00:00:01+08:00"}
        for body in (early, late):
            assert office.act("dispatcher", number, "grant_extension", body).status_code == 422
        good = {"due_at": "2026-03-24T00:00:00+08:00"}
        assert office.act("dispatcher", number, "grant_extension", good).status_code == 200
