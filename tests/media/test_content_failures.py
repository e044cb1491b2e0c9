"""The content check where something goes wrong: closed, asked again, given up in sight."""

from dataclasses import replace

import pytest
from sqlalchemy import update
from structlog.testing import capture_logs

from core.clock import now as present
from core.database import writing
from core.gateways.contentchecks import Finding, WeChatChecker
from core.outbox import OutboxMessage
from media import checking
from media.models import ContentCheck, ContentState, PhotoDecision
from tests.media.checker import (
    APP,
    OTHER,
    Desk,
)


def test_a_picture_that_wechat_could_not_fetch_is_offered_three_times_with_a_new_link(
    desk: Desk,
) -> None:
    chosen = desk.publish()
    desk.deliver()
    for attempt, minutes in ((1, 2), (2, 20)):
        desk.finds(f"trace-{attempt}", "", errcode=-1008)
        desk.later(minutes=minutes - 1)
        assert desk.deliver() == 0
        desk.later(minutes=1, seconds=30)
        assert desk.deliver() == 1
        assert desk.state(chosen) is ContentState.PENDING
    assert len({question["media_url"] for question in desk.stub.questions}) == 3
    with capture_logs() as logged:
        desk.finds("trace-3", "", errcode=-1008)
    assert "content_check_given_up" in [line["event"] for line in logged]
    assert desk.state(chosen) is ContentState.FAILED
    assert desk.audited(chosen) == ["photo.content_failed"]
    assert not desk.is_public(chosen)
    desk.publish(chosen)  # a dispatcher tries again
    desk.later(minutes=1)
    assert desk.deliver() == 1
    desk.finds("trace-4")
    assert desk.is_public(chosen)


@pytest.mark.parametrize("suggest", ["", "Pass", "fine"])
def test_an_answer_that_says_nothing_known_is_no_pass(desk: Desk, suggest: str) -> None:
    chosen = desk.publish()
    desk.deliver()
    desk.finds("trace-1", suggest)
    assert desk.state(chosen) is ContentState.PENDING
    assert desk.count(ContentCheck, ContentCheck.state == ContentState.PENDING) == 1


def test_what_is_not_answered_within_an_hour_is_asked_again_and_then_given_up(
    desk: Desk,
) -> None:
    chosen = desk.publish()
    for attempt in range(1, 4):
        assert desk.deliver() == 1
        assert len(desk.stub.questions) == attempt
        desk.later(minutes=59)
        assert desk.follow_up() == 0
        desk.later(minutes=2)
        assert desk.follow_up() == 1
        assert desk.follow_up() == 0
        desk.later(minutes=21)
    assert desk.deliver() == 0
    assert desk.state(chosen) is ContentState.FAILED
    desk.finds("trace-2")  # late, and right
    assert desk.is_public(chosen)


def test_a_late_failure_of_an_attempt_that_was_given_up_asks_nothing_more(desk: Desk) -> None:
    desk.publish()
    desk.deliver()
    desk.later(minutes=61)
    desk.follow_up()
    desk.finds("trace-1", "", errcode=-1008)
    assert desk.count(ContentCheck) == desk.count(OutboxMessage) == 2


def test_a_late_pass_makes_the_next_attempt_needless(desk: Desk) -> None:
    chosen = desk.publish()
    desk.deliver()
    desk.later(minutes=61)
    desk.follow_up()
    desk.finds("trace-1")
    assert desk.is_public(chosen)
    desk.later(minutes=3)
    assert desk.deliver() == 1
    assert len(desk.stub.questions) == 1


def test_a_pass_does_not_open_what_another_attempt_found_risky(desk: Desk) -> None:
    chosen = desk.publish()
    desk.deliver()
    desk.later(minutes=61)
    desk.follow_up()
    desk.later(minutes=3)
    desk.deliver()
    desk.finds("trace-1", "risky")
    desk.finds("trace-2")
    assert desk.state(chosen) is ContentState.REFUSED


def test_what_is_hidden_and_published_again_while_wechat_looks_is_not_asked_twice(
    desk: Desk,
) -> None:
    chosen = desk.publish()
    desk.deliver()
    desk.decide(chosen, PhotoDecision.HIDDEN)
    desk.publish(chosen)
    assert desk.deliver() == 0
    desk.decide(chosen, PhotoDecision.HIDDEN)
    desk.finds("trace-1")
    assert not desk.is_public(chosen)
    desk.publish(chosen)
    assert desk.is_public(chosen)


def test_a_question_that_wechat_does_not_take_is_asked_three_times(desk: Desk) -> None:
    desk.stub.answers = [{"errcode": 61010, "errmsg": "code is expired"}] * 3
    chosen = desk.publish()
    for minutes in (0, 3, 21):
        desk.later(minutes=minutes)
        assert desk.deliver() == 1
    desk.later(hours=2)
    assert desk.deliver() == 0
    assert desk.state(chosen) is ContentState.FAILED


def test_while_wechat_refuses_every_token_the_decision_stands_and_the_log_says_so(
    desk: Desk,
) -> None:
    desk.stub.refusing = 40001
    chosen = desk.publish()
    with capture_logs() as logged:
        desk.deliver()
    assert desk.photo(chosen).decision is PhotoDecision.PUBLISHED
    assert desk.state(chosen) is ContentState.PENDING
    assert [call["force_refresh"] for call in desk.stub.token_calls] == [False, True]
    assert ("content_check_refused", 40001) in [
        (line["event"], line.get("errcode")) for line in logged
    ]


def test_while_wechat_is_away_people_report_as_always_and_publishing_waits(desk: Desk) -> None:
    gateways = desk.app.extensions["gateways"]
    away = WeChatChecker("http://127.0.0.1:9", APP, "o-office")
    desk.app.extensions["gateways"] = replace(gateways, content=away)
    chosen = desk.publish()
    with capture_logs() as logged:
        assert desk.deliver() == 1
    assert [line["event"] for line in logged][-1] == "delivery_failed"
    assert desk.api(OTHER).report()["number"]
    assert desk.state(chosen) is ContentState.PENDING
    assert not desk.is_public(chosen)
    desk.later(minutes=90)
    assert desk.follow_up() == 0  # it was not asked, so nobody owes an answer
    desk.app.extensions["gateways"] = gateways
    assert desk.deliver() == 1
    desk.finds("trace-1")
    assert desk.is_public(chosen)


def test_a_message_that_was_given_up_is_put_again_after_six_hours(desk: Desk) -> None:
    chosen = desk.publish()
    with desk.app.app_context(), writing() as session:
        session.execute(update(OutboxMessage).values(failed_at=present()))
    desk.later(hours=6, minutes=1)
    assert desk.follow_up() == 1
    desk.later(minutes=3)
    assert desk.deliver() == 1
    desk.finds("trace-1")
    assert desk.is_public(chosen)


def test_a_checker_that_gives_one_trace_twice_answers_for_the_first_alone(desk: Desk) -> None:
    desk.stub.answers = [{"errcode": 0, "trace_id": "same"}] * 2
    first, second = desk.publish(), desk.publish()
    desk.deliver()
    desk.finds("same")
    assert desk.is_public(first)
    assert desk.state(second) is ContentState.PENDING


def test_rules_of_checking_open_no_transaction_of_their_own(desk: Desk) -> None:
    with desk.app.app_context(), writing():
        checking.answered(Finding("trace-9", 0, "pass", None), present())
        checking.unanswered(10**9, present())
        assert checking.question(10**9, present()) is None
        checking.lapse(10**9, present())
        checking.asked(10**9, "trace-9", present())
