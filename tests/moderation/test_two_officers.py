"""Two officers at the same case from the same view: one wins, the other is told (B38)."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError
from werkzeug.test import TestResponse

from core.permissions import Role
from moderation import access, preconditions
from tests.moderation.office import FALSE, OTHER, TRUE, WHY, Office

Attempt = Callable[[], TestResponse]


def at_once(*attempts: Attempt) -> list[TestResponse]:
    """Run the attempts in threads of their own that start together."""
    gate, answers = threading.Barrier(len(attempts)), [None] * len(attempts)

    def run(place: int, attempt: Attempt) -> None:
        gate.wait()
        answers[place] = attempt()

    threads = [
        threading.Thread(target=run, args=(place, attempt))
        for place, attempt in enumerate(attempts)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers  # type: ignore[return-value]


def acting(office: Office, by: str, number: str, action: str, body: Any, match: str) -> Attempt:
    client = office(by)
    return lambda: client.post(f"/cases/{number}/{action}", body, match=match)


@pytest.fixture
def second(office: Office) -> str:
    office.hire("dispatcher-2", Role.DISPATCHER)
    return "dispatcher-2"


@pytest.mark.parametrize("turn", range(3))
def test_one_of_two_officers_wins_and_everything_agrees_with_the_winner(
    office: Office, second: str, turn: int
) -> None:
    number = office.case()
    match = '"1-staff"'
    accepted, declined = at_once(
        acting(office, "dispatcher", number, "accept", {}, match),
        acting(office, second, number, "decline", {"reason": "malicious"}, match),
    )
    assert sorted([accepted.status_code, declined.status_code]) in ([200, 409], [200, 412])
    won = "accepted" if accepted.status_code == 200 else "declined"
    assert office.status(number) == won
    assert [step["to"] for step in office.history(number)] == ["submitted", won]
    pending = {"accepted": 10, "declined": 0}
    assert office.points()["pending"] == pending[won]


def test_two_verdicts_at_once_post_points_once(office: Office, second: str) -> None:
    number = office.case("accept")
    match = '"2-staff"'
    answers = at_once(
        acting(office, "dispatcher", number, "verify", TRUE, match),
        acting(office, second, number, "verify", TRUE, match),
        acting(office, second, number, "verify", FALSE, match),
    )
    assert sorted(answer.status_code for answer in answers)[0] == 200
    assert sorted(answer.status_code for answer in answers)[1:] in (
        [409, 409],
        [409, 412],
        [412, 412],
    )
    verdicts = [step for step in office.history(number) if step["action"] == "verify"]
    assert len(verdicts) == 1
    true = office.seen(number)["verdict"] == "substantiated"
    assert office.points()["available"] == (20 if true else 0)
    assert office.points()["pending"] == 0


def test_a_withdrawal_and_an_acceptance_at_once_leave_one_of_them(office: Office) -> None:
    number = office.case()
    resident = office("13800000001")
    accepted, withdrawn = at_once(
        acting(office, "dispatcher", number, "accept", {}, '"1-staff"'),
        lambda: resident.post(f"/reports/{number}/withdraw"),
    )
    assert sorted([accepted.status_code, withdrawn.status_code]) in ([200, 409], [200, 412])
    assert len(office.history(number)) == 2


def test_merging_two_cases_into_each_other_at_once_joins_them_once(
    office: Office, second: str
) -> None:
    first, other = office.case(), office.case(reporter=OTHER)
    answers = at_once(
        acting(office, "dispatcher", first, "merge", {"into": other}, '"1-staff"'),
        acting(office, second, other, "merge", {"into": first}, '"1-staff"'),
    )
    assert sorted(answer.status_code for answer in answers) in ([200, 409], [200, 422])
    assert sorted([office.status(first), office.status(other)]) == ["merged", "submitted"]
    assert office.seen(first)["followers"] + office.seen(other)["followers"] == 1


def test_a_merge_and_the_primarys_end_at_once_never_leave_a_follower_of_nothing(
    office: Office, second: str
) -> None:
    first, primary = office.case(), office.case(reporter=OTHER)
    merged, declined = at_once(
        acting(office, "dispatcher", first, "merge", {"into": primary}, '"1-staff"'),
        acting(office, second, primary, "decline", {"reason": "other"}, '"1-staff"'),
    )
    assert declined.status_code == 200
    assert merged.status_code in {200, 422}
    if merged.status_code == 200:  # the follower shares what became of its primary
        assert office.points()["pending"] == 0
    else:
        assert office.points()["pending"] == 10


def test_followers_that_leave_or_are_rated_while_the_primary_moves_never_wait_in_a_circle(
    office: Office, second: str
) -> None:
    follower = office.case(reporter=OTHER)
    primary = office.case()
    office.act("dispatcher", follower, "merge", {"into": primary})
    owner = office("13800000001")
    parted, withdrawn = at_once(
        acting(office, second, follower, "unmerge", WHY, '"2-staff"'),
        lambda: owner.post(f"/reports/{primary}/withdraw"),
    )
    assert {parted.status_code, withdrawn.status_code} <= {200, 409, 412}
    assert office.status(follower) == "submitted"
    assert office.seen(follower)["followers"] == 0


def test_without_the_version_check_both_would_win(
    office: Office, second: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: it is the check that decides above, not luck."""
    number = office.case()
    bodies = ({**WHY, "address": "运河路 1 号"}, {**WHY, "address": "运河路 2 号"})
    attempts = [
        acting(office, by, number, "correct", body, '"1-staff"')
        for by, body in zip(("dispatcher", second), bodies, strict=True)
    ]
    assert sorted(answer.status_code for answer in at_once(*attempts)) == [200, 412]
    monkeypatch.setattr(preconditions, "check", lambda *_asked: None)
    assert sorted(answer.status_code for answer in at_once(*attempts)) == [200, 200]
    assert len(office.history(number)) == 4


def test_without_the_lock_the_history_is_the_last_guard(
    office: Office, second: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: both pass every check, and only the unique version in the history is left."""
    if office.app.config["SQLALCHEMY_DATABASE_URI"].startswith("sqlite"):
        pytest.skip("on SQLite the whole unit of work is the lock; there is none to take off")
    number = office.case("accept", "dispatch", "sign")
    met, failed = threading.Barrier(2), []
    case_for = access.case_for

    def read_together(*args: Any, lock: bool = False) -> Any:
        assert lock
        found = case_for(*args)  # without it
        met.wait(timeout=10)
        return found

    def parking(by: str, day: str) -> Attempt:
        act = acting(office, by, number, "park", {**WHY, "review_on": day}, '"4-staff"')

        def attempt() -> TestResponse | None:
            try:
                return act()
            except IntegrityError as error:
                failed.append(error)
                return None

        return attempt  # type: ignore[return-value]

    monkeypatch.setattr(access, "case_for", read_together)
    answers = at_once(parking("dispatcher", "2199-01-01"), parking(second, "2199-01-02"))
    assert [answer.status_code for answer in answers if answer] == [200]
    assert "uq_report_history_report_id_version" in str(failed)
