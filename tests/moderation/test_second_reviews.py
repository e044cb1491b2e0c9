"""Verdicts drawn for a second look: what waits, who answers, and what follows for points."""

from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from core.permissions import Role
from moderation import draws
from moderation.models import Look, SecondReview
from tests.moderation.office import CLOSED, FALSE, OTHER, REPORTER, TRUE, WHY, Office, problem
from tests.moderation.test_two_officers import at_once

ONE_DATABASE = pytest.mark.parametrize("world", ["sqlite"], indirect=True)
MINOR: dict[str, Any] = {"verdict": "substantiated", "severity": 1, **WHY}


def share(app: Flask, percent: int) -> None:
    """Let so many of a hundred verdicts be drawn from now on."""
    made = replace(app.extensions["settings"], second_review_percent=percent)
    app.extensions["settings"] = made


@pytest.fixture
def every(office: Office, monkeypatch: pytest.MonkeyPatch) -> Office:
    """An office in which each verdict is drawn."""
    monkeypatch.setitem(office.app.extensions, "settings", office.app.extensions["settings"])
    share(office.app, 100)
    return office


def answered(
    office: Office, number: str, said: str, body: Any = None, by: str = "reviewer"
) -> TestResponse:
    match = office("dispatcher").get(f"/cases/{number}").headers["ETag"]
    return office(by).post(f"/cases/{number}/second-review/{said}", body, match=match)


def queued(office: Office, by: str = "reviewer") -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = office(by).get("/second-reviews").get_json()["items"]
    return items


def pots(office: Office, phone: str = REPORTER) -> tuple[int, int]:
    found = office.points(phone)
    return found["available"], found["pending"]


def award_of(office: Office, number: str) -> dict[str, Any]:
    found = office("reviewer").get("/awards").get_json()["items"]
    return next(award for award in found if award["report"] == number)


def states(office: Office) -> list[tuple[int, Look]]:
    return [(row.round, row.state) for row in office.rows(SecondReview.round, SecondReview.state)]


# -------- the draw


@ONE_DATABASE
def test_without_a_share_nothing_is_drawn(office: Office) -> None:
    number = office.case(*CLOSED)
    assert office.rows(SecondReview.id) == []
    assert pots(office) == (20, 0)
    assert problem(answered(office, number, "agree")) == (409, "not_drawn")
    assert problem(answered(office, number, "disagree", MINOR)) == (409, "not_drawn")


@ONE_DATABASE
def test_a_draw_is_the_same_each_time_and_falls_on_about_its_share(app: Flask) -> None:
    numbers = [f"3708-261125-{count:06d}-0" for count in range(4_000)]
    with app.app_context():
        drawn = [number for number in numbers if draws.is_drawn(number, 1, 20)]
        assert drawn == [number for number in numbers if draws.is_drawn(number, 1, 20)]
        assert 680 <= len(drawn) <= 920  # 800 ± 4.7 standard deviations
        assert set(drawn) < {number for number in numbers if draws.is_drawn(number, 1, 60)}
        assert drawn != [number for number in numbers if draws.is_drawn(number, 2, 20)]
        assert not any(draws.is_drawn(number, 1, 0) for number in numbers)
        assert all(draws.is_drawn(number, 1, 100) for number in numbers)


def test_a_round_is_drawn_once_with_its_first_verdict(every: Office) -> None:
    number = every.case(*CLOSED)
    assert states(every) == [(1, Look.OPEN)]
    answered(every, number, "agree")
    every.take(number, "appeal")
    every.hire("reviewer-2", Role.REVIEWER)
    assert every.act("reviewer-2", number, "grant_appeal", WHY).status_code == 200
    every.take(number, "verify")
    assert states(every) == [(1, Look.AGREED), (2, Look.OPEN)]
    late = every.case("accept", reporter=OTHER)
    share(every.app, 0)
    every.take(late, "verify")
    share(every.app, 100)
    every.take(late, "dispatch", "sign", "resolve", "verify")  # no second chance for the draw
    assert len(states(every)) == 2


# -------- what follows


def test_the_award_waits_until_another_reviewer_agrees(every: Office) -> None:
    number, noise = every.case("accept", "verify"), every.case("accept", "verify", reporter=OTHER)
    assert (pots(every), pots(every, OTHER)) == ((0, 20), (0, 20))
    assert award_of(every, number)["holds"] == ["second_look"]
    every.take(number, "dispatch", "sign", "resolve", "verify")
    assert pots(every) == (0, 20)  # the closing verdict does not drop what the first one held
    (item, other) = queued(every)
    assert (item["number"], other["number"]) == (number, noise)
    assert (item["verdict_label"], item["severity"], item["round"]) == ("属实", 2, 1)
    assert item["actions"] == ["agree", "disagree"]
    version = every.seen(number)["version"]
    agreed = answered(every, number, "agree")
    assert (agreed.status_code, agreed.get_json()["verdict"]) == (200, "substantiated")
    assert every.seen(number)["version"] == version
    assert (pots(every), pots(every, OTHER)) == ((20, 0), (0, 20))
    assert [item["number"] for item in queued(every)] == [noise]
    assert problem(answered(every, number, "agree")) == (403, "decided_before")
    every.hire("reviewer-2", Role.REVIEWER)
    late = answered(every, number, "agree", by="reviewer-2")
    assert problem(late) == (409, "not_drawn")


def test_who_disagrees_gives_the_verdict_that_counts(every: Office) -> None:
    number = every.case("accept", "verify")
    same = answered(every, number, "disagree", {**TRUE, **WHY})
    assert list(same.get_json()["errors"]) == ["verdict"]
    case = answered(every, number, "disagree", MINOR).get_json()
    assert (case["verdict"], case["severity"]) == ("substantiated", 1)
    assert pots(every) == (10, 0)
    last = every.history(number)[-1]
    assert (last["action"], last["note"]) == ("overturn", WHY["reason"])
    assert states(every) == [(1, Look.DISAGREED)]
    wrong = every.case("accept", "refute", reporter=OTHER)
    assert pots(every, OTHER) == (0, 0)
    every.hire("reviewer-2", Role.REVIEWER)
    answered(every, wrong, "disagree", {**TRUE, **WHY}, by="reviewer-2")
    assert pots(every, OTHER) == (20, 0)


@ONE_DATABASE
def test_an_overturned_verdict_had_its_second_look(every: Office) -> None:
    number, other = every.case("accept", "verify"), every.case("accept", "verify", reporter=OTHER)
    every.act("reviewer", number, "overturn", {**FALSE, **WHY})
    every.act("reviewer", other, "overturn", {**TRUE, **WHY})
    assert [state for _, state in states(every)] == [Look.DISAGREED, Look.AGREED]
    assert (pots(every), pots(every, OTHER)) == ((0, 0), (20, 0))


def test_all_claims_on_a_case_wait_and_what_follows_is_not_asked_about(every: Office) -> None:
    primary, number = every.case("accept", reporter=OTHER), every.case("accept", "verify")
    every.act("dispatcher", number, "merge", {"into": primary})
    assert queued(every) == []
    assert problem(answered(every, number, "agree")) == (409, "invalid_transition")
    every.take(primary, "verify")
    assert [item["number"] for item in queued(every)] == [primary]
    assert (pots(every), pots(every, OTHER)) == ((0, 2), (0, 20))
    answered(every, primary, "agree")
    assert (pots(every), pots(every, OTHER)) == ((2, 0), (20, 0))
    checked = every.app.test_cli_runner().invoke(args=["ledger", "check"])
    assert checked.exit_code == 0, checked.output
    every.hire("dispatcher-2", Role.DISPATCHER)
    every.act("dispatcher-2", number, "unmerge", WHY)
    assert pots(every) == (20, 0)  # what was available is not held again
    assert [item["number"] for item in queued(every)] == [number]
    answered(every, number, "disagree", MINOR)
    assert pots(every) == (10, 0)
    checked = every.app.test_cli_runner().invoke(args=["ledger", "check"])
    assert checked.exit_code == 0, checked.output


# -------- who may


@ONE_DATABASE
def test_who_decided_or_is_a_party_answers_nothing_and_releases_nothing(every: Office) -> None:
    every.hire("both", Role.DISPATCHER, Role.REVIEWER)
    every.hire("party", Role.REVIEWER)
    every.lend_phone("party", REPORTER)
    number = every.case("accept")
    every.act("both", number, "verify", TRUE)
    path = f"/awards/{award_of(every, number)['id']}"
    for by, code in (("both", "decided_before"), ("party", "not_for_you")):
        assert queued(every, by)[0]["actions"] == []
        assert problem(answered(every, number, "agree", by=by)) == (403, code)
        assert problem(answered(every, number, "disagree", MINOR, by=by)) == (403, code)
        assert problem(every(by).post(f"{path}/release")) == (403, "award_not_for_you")
        assert problem(every(by).post(f"{path}/refuse", WHY)) == (403, "award_not_for_you")
    assert pots(every) == (0, 20)
    for by in ("dispatcher", "handler-epb", "auditor", REPORTER):
        assert answered(every, number, "agree", by=by).status_code == 403
        assert every(by).get("/second-reviews").status_code == (200 if by == "auditor" else 403)
    assert queued(every, "auditor")[0]["actions"] == []
    assert every("reviewer").post(f"/cases/{number}/second-review/agree").status_code == 428
    stale = every("reviewer").post(f"/cases/{number}/second-review/agree", match='"1-staff"')
    assert stale.status_code == 412
    assert states(every) == [(1, Look.OPEN)]


@ONE_DATABASE
def test_who_agreed_does_not_decide_the_appeal(every: Office) -> None:
    number = every.case("accept", "refute")
    answered(every, number, "agree")
    every.take(number, "appeal")
    assert every.seen(number, "reviewer")["actions"] == []
    assert problem(every.act("reviewer", number, "grant_appeal", WHY)) == (403, "decided_before")


def test_a_released_award_is_agreement_for_all_claims_of_the_case(every: Office) -> None:
    primary, number = every.case("accept", reporter=OTHER), every.case()
    every.act("dispatcher", number, "merge", {"into": primary})
    every.take(primary, "verify")
    path = f"/awards/{award_of(every, number)['id']}/release"
    released = every("reviewer").post(path)
    assert (released.status_code, released.get_json()["state"]) == (200, "available")
    assert (pots(every), pots(every, OTHER)) == ((2, 0), (20, 0))
    assert states(every) == [(1, Look.AGREED)]
    assert problem(every("reviewer").post(path)) == (403, "award_not_for_you")  # agreed before


@ONE_DATABASE
def test_a_refused_award_stays_nothing_when_a_reviewer_agrees_with_the_verdict(
    every: Office,
) -> None:
    number = every.case("accept", "verify")
    award = award_of(every, number)["id"]
    assert every("reviewer").post(f"/awards/{award}/refuse", WHY).status_code == 200
    assert states(every) == [(1, Look.OPEN)]
    assert answered(every, number, "agree").status_code == 200
    assert pots(every) == (0, 0)


# -------- two at once


def both_at_once(office: Office, number: str, second: str, body: Any = None) -> list[int]:
    """Let one reviewer agree while another gives the second answer."""
    match = office("dispatcher").get(f"/cases/{number}").headers["ETag"]
    path = f"/cases/{number}/second-review"
    one, other = office("reviewer"), office("reviewer-2")
    answers = at_once(
        lambda: one.post(f"{path}/agree", match=match),
        lambda: other.post(f"{path}/{second}", body, match=match),
    )
    return [answer.status_code for answer in answers]


def test_agreement_and_disagreement_at_once_leave_one_of_them(every: Office) -> None:
    every.hire("reviewer-2", Role.REVIEWER)
    number = every.case("accept", "verify")
    agreed, disagreed = both_at_once(every, number, "disagree", MINOR)
    assert (agreed, disagreed) in {(200, 409), (412, 200)}
    won = (Look.AGREED, 20) if agreed == 200 else (Look.DISAGREED, 10)
    assert (states(every)[0][1], pots(every)[0]) == won
    assert pots(every)[1] == 0


def test_without_the_look_whether_it_is_open_two_would_answer(
    every: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: agreement leaves the version, so it is the open review that decides."""
    every.hire("reviewer-2", Role.REVIEWER)
    number, other = every.case("accept", "verify"), every.case("accept", "verify", reporter=OTHER)
    assert sorted(both_at_once(every, number, "agree")) == [200, 409]
    (_, kept) = every.rows(SecondReview)
    monkeypatch.setattr(draws, "open_of", lambda _session, _report: kept[0])
    assert both_at_once(every, other, "agree") == [200, 200]
    assert (pots(every), pots(every, OTHER)) == ((20, 0), (20, 0))


# -------- how often they agree


def test_statistics_count_what_was_drawn_and_how_often_reviewers_agree(every: Office) -> None:
    agreed, other = every.case("accept", "verify"), every.case("accept", "refute", reporter=OTHER)
    every.case("accept", "verify", reporter="13800000003", category="AIR-DUST")
    answered(every, agreed, "agree")
    answered(every, other, "disagree", {**TRUE, **WHY})
    told = every("auditor").get("/stats/second-reviews?by=category").get_json()
    assert told["total"] == {
        "drawn": 3,
        "open": 1,
        "agreed": 1,
        "disagreed": 1,
        "rate": 0.5,
        "kappa": 0.0,
    }
    groups = {group["code"]: group for group in told["groups"]}
    assert (groups["WAT-OUT"]["drawn"], groups["WAT-OUT"]["rate"]) == (2, 0.5)
    assert (groups["AIR-DUST"]["open"], groups["AIR-DUST"]["rate"]) == (1, None)
    assert groups["AIR-DUST"]["kappa"] is None
    by_month = every("reviewer").get("/stats/second-reviews").get_json()
    assert [group["drawn"] for group in by_month["groups"]] == [3]
    before = every("reviewer").get("/stats/second-reviews?from=2020-01-01&to=2020-01-31")
    assert (before.get_json()["total"]["drawn"], before.get_json()["groups"]) == (0, [])
    assert every("dispatcher").get("/stats/second-reviews").status_code == 403
