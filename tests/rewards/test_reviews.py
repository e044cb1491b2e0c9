"""Held awards: the verdict stands, the award waits, and a reviewer or the worker settles it."""

import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from citizen.events import Verdict
from core.clock import now as present
from core.database import db, reading, writing
from rewards import convergence, jobs, rulebook
from rewards.awards import DEFAULT_RULES
from rewards.models import Award, RuleSet
from rewards.states import AwardState
from tests.rewards.steps import NOON, OTHER, RESIDENT, SignIn, claim, decide, points


def held(api: SignIn, state: str = "held") -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = api("reviewer").get(f"/awards?state={state}").get_json()["items"]
    return items


def forget_rules(app: Flask) -> None:
    """Let this process read the rule book again at its next use."""
    app.extensions["caches"].pop("rule_sets", None)


def publish(app: Flask, *, forget: bool = True, **changes: Any) -> None:
    """Put other rules in force before every report of the tests."""
    if forget:
        forget_rules(app)
    with app.app_context(), writing() as session:
        session.add(
            RuleSet(
                title="其他规则",
                body=DEFAULT_RULES | changes,
                effective_from=NOON - timedelta(days=30),
                created_at=NOON,
            )
        )


def test_a_recycled_photo_holds_the_award_until_a_reviewer_releases_it(
    api: SignIn, app: Flask
) -> None:
    one = claim(app)
    decide(app, replace(one, holds=("recycled",)), severity=3)
    assert points(api) == (0, 50, 0)
    (waiting,) = held(api)
    assert (waiting["report"], waiting["holds"], waiting["target"]) == (
        one.number,
        ["recycled"],
        50,
    )
    assert "account" not in waiting
    path = f"/awards/{waiting['id']}/release"
    for name in ("dispatcher", "rewards", "auditor", RESIDENT):
        assert api(name).post(path).status_code == 403
    assert api("reviewer").post(path).get_json()["state"] == "available"
    assert api("reviewer").post(path).get_json()["code"] == "award_not_held"
    assert points(api) == (50, 0, 0)
    assert api("reviewer").post("/awards/unknown/release").status_code == 404


def test_what_was_released_is_not_held_again_by_the_closing_verdict(
    api: SignIn, app: Flask
) -> None:
    one = replace(claim(app), holds=("recycled",))
    decide(app, one, severity=1)
    api("reviewer").post(f"/awards/{held(api)[0]['id']}/release")
    decide(app, one, severity=2)
    assert points(api) == (20, 0, 0)


def test_a_refused_award_stays_nothing_whatever_comes_later(api: SignIn, app: Flask) -> None:
    one = replace(claim(app), holds=("second_look",))
    decide(app, one)
    path = f"/awards/{held(api)[0]['id']}/refuse"
    assert api("reviewer").post(path, {}).status_code == 422
    assert api("reviewer").post(path, {"reason": "照片与举报不符"}).get_json()["state"] == "void"
    decide(app, one, severity=3)
    assert points(api) == (0, 0, 0)


def test_a_held_award_follows_an_overturned_verdict(api: SignIn, app: Flask) -> None:
    one = replace(claim(app), holds=("recycled",))
    decide(app, one)
    decide(app, one, verdict=Verdict.UNSUBSTANTIATED, severity=None)
    assert (points(api), held(api)) == ((0, 0, 0), [])


def test_broken_rules_hold_the_award_and_the_verdict_stands(api: SignIn, app: Flask) -> None:
    sound = claim(app, OTHER)
    publish(app, base="ten")
    one = claim(app)
    assert points(api) == (0, 0, 0)
    decide(app, one)
    decide(app, sound)
    assert points(api, OTHER) == (20, 0, 0)
    assert [(award["report"], award["holds"]) for award in held(api)] == [(one.number, ["error"])]
    answer = api("reviewer").post(f"/awards/{held(api)[0]['id']}/release")
    assert (answer.status_code, answer.get_json()["code"]) == (422, "rules_unreadable")


def test_without_any_rule_set_awards_wait_and_are_released_once_there_is_one(
    api: SignIn, app: Flask
) -> None:
    with app.app_context():
        forget_rules(app)
    one = claim(app, at=NOON - timedelta(days=9000))
    decide(app, one, severity=3)
    assert held(api)[0]["holds"] == ["error"]
    with app.app_context(), writing() as session:
        rules = RuleSet(
            title="最早规则",
            body=DEFAULT_RULES,
            effective_from=NOON - timedelta(days=9999),
            created_at=NOON,
        )
        session.add(rules)
    forget_rules(app)
    assert api("reviewer").post(f"/awards/{held(api)[0]['id']}/release").status_code == 200
    assert points(api) == (50, 0, 0)


def test_a_fault_in_the_postings_holds_that_award_only(
    api: SignIn, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, sound = claim(app), claim(app, OTHER, at=NOON + timedelta(minutes=1))
    real = convergence.write

    def failing(session: Any, account_id: int, plan: Any, cause: Any) -> int | None:
        written = real(session, account_id, plan, cause)
        if cause.subject[1] == broken.number:
            raise ZeroDivisionError
        return written

    monkeypatch.setattr(convergence, "write", failing)
    decide(app, broken, sound, severity=3)
    assert (points(api), points(api, OTHER)) == ((0, 10, 0), (2, 0, 0))
    assert held(api)[0]["holds"] == ["error"]
    monkeypatch.undo()
    assert api("reviewer").post(f"/awards/{held(api)[0]['id']}/release").status_code == 200
    assert points(api) == (50, 0, 0)


def test_a_fault_at_submission_holds_the_award_and_the_report_is_taken(
    api: SignIn, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_args: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(convergence, "write", failing)
    report = api(RESIDENT).report()
    assert report["points"]["state"] == "held"
    monkeypatch.undo()
    assert api("reviewer").post(f"/awards/{held(api)[0]['id']}/release").status_code == 200
    assert points(api) == (0, 10, 0)


def test_a_release_time_is_waited_for_by_the_worker(api: SignIn, app: Flask) -> None:
    publish(app, release_after_seconds=3600)
    one = claim(app)
    decided = present()
    decide(app, one, at=decided)
    assert points(api) == (0, 20, 0)
    with app.app_context():
        early = jobs.release_awards(decided + timedelta(seconds=3599))
        due = [jobs.release_awards(decided + timedelta(seconds=3600)) for _ in range(2)]
    assert (early, due) == (0, [1, 0])
    assert points(api) == (20, 0, 0)


def test_an_exhausted_budget_queues_awards_instead_of_refusing_them(
    api: SignIn, app: Flask
) -> None:
    publish(app, budget_a_month=25)
    decide(app, claim(app))
    decide(app, claim(app, OTHER))
    assert (points(api), points(api, OTHER)) == ((20, 0, 0), (0, 20, 0))
    assert held(api)[0]["holds"] == ["budget"]


def test_new_rules_count_from_their_beginning_and_never_backwards(api: SignIn, app: Flask) -> None:
    before = claim(app, at=present())
    admin = api("rewards")
    rules = DEFAULT_RULES | {"base": 7, "by_severity": [1, 2, 3]}
    past = {"title": "旧", "rules": rules, "effective_from": "2020-01-01T00:00:00+08:00"}
    assert admin.post("/rule-sets", past).get_json()["code"] == "rules_retroactive"
    broken = {"title": "坏", "rules": rules | {"base": -1}}
    assert admin.post("/rule-sets", broken).get_json()["code"] == "rules_unreadable"
    assert api("auditor").post("/rule-sets", {"title": "新", "rules": rules}).status_code == 403
    assert admin.post("/rule-sets", {"title": "新", "rules": rules}).status_code == 201
    later = claim(app, OTHER, at=present() + rulebook.NOTICE)
    assert (points(api), points(api, OTHER)) == ((0, 10, 0), (0, 7, 0))
    decide(app, before, severity=3)
    decide(app, later, severity=3)
    assert (points(api), points(api, OTHER)) == ((50, 0, 0), (3, 0, 0))
    titles = [one["title"] for one in api("auditor").get("/rule-sets").get_json()["items"]]
    assert titles == ["新", "默认规则"]


def test_the_rule_book_is_read_again_before_another_process_s_rules_begin(
    api: SignIn, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert rulebook.NOTICE.total_seconds() > rulebook.KEPT_SECONDS
    with app.app_context():
        with reading() as session:
            first = rulebook.in_force(session, NOON)
        publish(app, forget=False, base=3)
        with reading() as session:
            assert rulebook.in_force(session, NOON) is first
        later = time.monotonic() + rulebook.KEPT_SECONDS + 1
        monkeypatch.setattr(rulebook.time, "monotonic", lambda: later)
        with reading() as session:
            second = rulebook.in_force(session, NOON)
    assert first is not None
    assert second is not None
    assert (first.rules is None, second.rules is None) == (False, False)
    assert [one.rules and one.rules.base for one in (first, second)] == [10, 3]


def test_books_refuse_what_would_be_rewritten(api: SignIn, app: Flask) -> None:
    from sqlalchemy.exc import DBAPIError

    from rewards.models import Posting, Transaction

    decide(app, claim(app))
    for model, column in ((Posting, "amount"), (Transaction, "reason")):
        with app.app_context():
            with pytest.raises(DBAPIError), writing() as session:
                session.execute(update(model).values({column: 1}))
            with pytest.raises(DBAPIError), writing() as session:
                session.execute(db.delete(model))
    with app.app_context(), reading() as session:
        award = session.scalars(select(Award)).one()
    assert award.state is AwardState.AVAILABLE
