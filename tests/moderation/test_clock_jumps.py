"""The server's clock goes an hour ahead, an hour back and to and fro during a case (R7)."""

import itertools
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine

from core import worker
from moderation import jobs
from tests.clients import Api, report_body
from tests.media import pictures
from tests.moderation.office import REPORTER, WHY, Office

TUESDAY = datetime.fromisoformat("2027-03-02T10:00:00+08:00")
HOUR = timedelta(hours=1)
TO_AND_FRO = [0 * HOUR, HOUR, -HOUR, HOUR, 0 * HOUR, -HOUR, 2 * HOUR]
ROUND = ("accept", "verify", "dispatch", "sign", "extend", "grant", "park", "unpark", "resolve",
         "rework", "resolve", "verify")  # fmt: skip
LIFE = ("ask", "answer", *ROUND, "appeal", "grant_appeal", "verify", "dispatch", "sign", "resolve",
        "verify")  # fmt: skip


def at(moment: datetime) -> Any:
    return time_machine.travel(moment, tick=False)


def aside(office: Office, moment: datetime, *steps: str, number: str = "") -> str:
    """Take steps at a moment; who signed in at another one signs in again."""
    office.people.clear()
    with at(moment):
        number = number or office.case()
        office.take(number, *steps)
    office.people.clear()
    return number


@pytest.mark.parametrize("world", ["sqlite"], indirect=True)
def test_a_case_lives_through_a_clock_that_jumps_at_every_step(office: Office) -> None:
    number = aside(office, TUESDAY)
    due, points = [], []
    signed_in: dict[timedelta, dict[str, Api]] = {ahead: {} for ahead in TO_AND_FRO}
    for step, ahead in zip(LIFE, itertools.cycle(TO_AND_FRO), strict=False):
        office.people = signed_in[ahead]
        with at(TUESDAY + ahead):
            office.take(number, step)
            case = office.seen(number)
            due.append(datetime.fromisoformat(case["due_at"]))
            points.append(office.points()["available"])
            assert case["overdue"] is False, step
    with at(TUESDAY - HOUR):
        office.people = signed_in[-HOUR]
        history = office.history(number)
        told = office.own(number)["timeline"]
        listed = office("dispatcher").get("/cases").get_json()["items"]
    assert [step["version"] for step in history] == list(range(1, len(LIFE) + 2))
    assert [step["from"] for step in history[1:]] == [step["to"] for step in history[:-1]]
    moments = [step["at"] for step in history]
    assert moments != sorted(moments)  # the order above is not that of the clock
    named = {step["action"] for step in told}
    assert [step["action"] for step in told] == [
        step["action"] for step in history if step["action"] in named
    ]
    assert all(TUESDAY < each < TUESDAY + timedelta(days=60) for each in due)
    assert (points[-1], listed[0]["status"]) == (20, "closed")
    with office.app.app_context():
        worker.seal_audit(TUESDAY)
    with at(TUESDAY + timedelta(days=1)):
        for check in ("ledger", "audit"):
            result = office.app.test_cli_runner().invoke(args=[check, "check"])
            assert result.exit_code == 0, result.output


@pytest.mark.parametrize("world", ["sqlite"], indirect=True)
@pytest.mark.parametrize("ahead", [HOUR, -HOUR])
@pytest.mark.parametrize(("stop", "go"), [(("ask",), "answer"), ((*ROUND[:6], "park"), "unpark")])
def test_a_standstill_never_shortens_a_term_nor_moves_it_by_days(
    office: Office, stop: tuple[str, ...], go: str, ahead: timedelta
) -> None:
    number = aside(office, TUESDAY, *stop)
    with at(TUESDAY):
        before = office.seen(number)["due_at"]
    aside(office, TUESDAY + ahead, go, number=number)
    with at(TUESDAY + ahead):
        assert office.seen(number)["due_at"] == before
        office.people.clear()


@pytest.mark.parametrize("world", ["sqlite"], indirect=True)
def test_a_question_does_not_lapse_early_by_a_clock_that_came_back(office: Office) -> None:
    number = aside(office, TUESDAY + HOUR, "ask")
    for days, lapsed in ((-1, 0), (0, 0), (6, 0), (30, 1), (0, 0)):
        with at(TUESDAY + timedelta(days=days)), office.app.app_context():
            assert jobs.lapse_questions(TUESDAY + timedelta(days=days)) == lapsed
    with at(TUESDAY):
        office.people.clear()
        assert [step["action"] for step in office.history(number)][1:] == ["request_info", "lapse"]
        assert "appeal" in office.own(number)["actions"]
        assert office(REPORTER).post(f"/reports/{number}/appeal", WHY).status_code == 200


@pytest.mark.parametrize("world", ["sqlite"], indirect=True)
def test_a_photo_from_the_future_is_flagged_and_a_client_off_by_days_is_no_fault_of_ours(
    office: Office,
) -> None:
    """The server is an hour behind; a client thirty days ahead and behind."""
    taken = {pictures.TAKEN: pictures.text(f"{TUESDAY:%Y:%m:%d %H:%M:%S}")}
    photo = pictures.jpeg(pictures.noise((64, 48)), exif=pictures.exif({}, details=taken))
    with at(TUESDAY - HOUR):
        office.people.clear()
        number = office.case(media=[office(REPORTER).upload(photo)])
        (check,) = office.seen(number)["checks"]["photos"]
        assert check["time"] == "future"
        assert check["notes"]
        for days, status in ((30, 422), (-30, 201)):
            moment = (TUESDAY + timedelta(days=days)).isoformat()
            body = report_body(media=[office(REPORTER).upload()], occurred_at=moment)
            assert office(REPORTER).post("/reports", body, key=moment).status_code == status
