"""What comes of the answers about a picture, whenever and however often they come (B66)."""

import threading
from typing import Any
from urllib.parse import urlsplit

import pytest
import time_machine
from sqlalchemy import select

from core.clock import now as present
from core.database import reading, writing
from media import checking
from media.models import ContentCheck, ContentState, PhotoDecision
from tests.media.checker import (
    Desk,
    event,
)


@pytest.mark.parametrize("suggest", ["risky", "review"])
def test_what_is_risky_or_wants_a_review_stays_closed_and_staff_see_it(
    desk: Desk, suggest: str
) -> None:
    chosen = desk.publish()
    desk.deliver()
    desk.finds("trace-1", suggest)
    assert desk.state(chosen) is ContentState.REFUSED
    assert not desk.is_public(chosen)
    assert desk.audited(chosen) == ["photo.content_refused"]
    assert desk.count(ContentCheck, ContentCheck.label == "20002") == 1


def test_an_answer_that_comes_again_changes_nothing(desk: Desk) -> None:
    chosen = desk.publish()
    desk.deliver()
    for suggest in ("risky", "risky", "pass"):
        desk.finds("trace-1", suggest)
    photo = desk.photo(chosen)
    assert (photo.content, photo.links) == (ContentState.REFUSED, 1)
    assert desk.audited(chosen) == ["photo.content_refused"]
    assert desk.count(ContentCheck, ContentCheck.state == ContentState.REFUSED) == 1


def test_of_two_answers_to_one_question_the_first_counts(desk: Desk) -> None:
    chosen = desk.publish()
    desk.deliver()
    desk.finds("trace-1")
    desk.finds("trace-1", "risky")
    assert desk.is_public(chosen)
    assert desk.audited(chosen) == []


def test_risky_after_the_public_saw_it_closes_the_photo_and_ends_its_links(desk: Desk) -> None:
    chosen = desk.publish()
    desk.deliver()
    desk.later(minutes=61)
    assert desk.follow_up() == 1
    desk.later(minutes=3)
    assert desk.deliver() == 1
    desk.finds("trace-2")
    assert desk.is_public(chosen)
    link = urlsplit(desk.stub.questions[1]["media_url"])
    desk.finds("trace-1", "risky")  # the first question's answer, after an hour
    assert not desk.is_public(chosen)
    assert desk.state(chosen) is ContentState.REFUSED
    with time_machine.travel(desk.moment):
        path = f"{link.path}?{link.query}"
        assert desk.app.test_client().get(path, buffered=True).status_code == 404
    assert desk.audited(chosen) == ["photo.content_refused"]


def test_an_answer_to_an_unknown_question_touches_no_photo_and_is_forgotten_after_a_day(
    desk: Desk,
) -> None:
    chosen = desk.publish()
    desk.deliver()
    for _ in range(2):
        desk.finds("trace-unknown", "risky")
    assert desk.state(chosen) is ContentState.PENDING
    early = ContentCheck.photo_id.is_(None)
    assert desk.count(ContentCheck, early) == 1
    desk.later(hours=23)
    desk.follow_up()
    assert desk.count(ContentCheck, early) == 1
    desk.later(hours=1, seconds=30)
    desk.follow_up()
    assert desk.count(ContentCheck, early) == 0
    assert desk.count(ContentCheck) > 0


@pytest.mark.parametrize(
    ("suggest", "state"), [("pass", ContentState.PASSED), ("risky", ContentState.REFUSED)]
)
def test_an_answer_that_comes_before_the_receipt_counts_when_the_receipt_is_kept(
    desk: Desk, suggest: str, state: ContentState
) -> None:
    def early(trace_id: str, _question: dict[str, Any]) -> None:
        desk.finds(trace_id, suggest)

    desk.stub.on_question = early
    chosen = desk.publish()
    desk.deliver()
    assert desk.state(chosen) is state
    assert desk.count(ContentCheck, ContentCheck.photo_id.is_(None)) == 0
    desk.finds("trace-1", "pass")
    assert desk.state(chosen) is state


def test_receipt_and_answer_at_the_same_moment_lose_nothing(desk: Desk) -> None:
    answers: list[threading.Thread] = []

    def at_once(trace_id: str, _question: dict[str, Any]) -> None:
        answers.append(threading.Thread(target=desk.finds, args=(trace_id,)))
        answers[-1].start()

    desk.stub.on_question = at_once
    chosen = [desk.publish() for _ in range(8)]
    desk.deliver()
    for answer in answers:
        answer.join(20)
    assert {desk.state(photo) for photo in chosen} == {ContentState.PASSED}
    assert desk.count(ContentCheck) == 8


def test_an_early_answer_that_comes_again_while_the_receipt_is_kept_is_a_success(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row that it waits for goes, and another one has its trace id."""
    chosen = desk.publish()
    with desk.at_work(), reading() as session:
        (check_id,) = session.scalars(select(ContentCheck.id))
    desk.finds("trace-1")
    answers: list[int] = []
    again = event("trace-1")
    thread = threading.Thread(target=lambda: answers.append(desk.push(again).status_code))
    found = checking._check

    def meanwhile(wanted: int) -> ContentCheck | None:
        thread.start()
        thread.join(0.5)
        assert answers == [], "it waits for the row"
        return found(wanted)

    with desk.app.app_context(), writing():
        monkeypatch.setattr(checking, "_check", meanwhile)
        checking.asked(check_id, "trace-1", present())
        monkeypatch.undo()
    thread.join(20)
    assert answers == [200]
    assert desk.state(chosen) is ContentState.PASSED
    assert desk.count(ContentCheck) == 1


@pytest.mark.parametrize("suggest", ["pass", "risky", ""])
def test_an_answer_about_a_version_of_before_changes_nothing(desk: Desk, suggest: str) -> None:
    chosen = desk.publish()
    desk.deliver()
    desk.redact(chosen)
    desk.publish(chosen)
    desk.deliver()
    desk.finds("trace-1", suggest)
    photo = desk.photo(chosen)
    assert (photo.content, photo.links) == (ContentState.PENDING, 1)
    assert desk.count(ContentCheck) == 2
    desk.finds("trace-2")
    assert desk.state(chosen) is ContentState.PASSED


def test_a_version_is_asked_about_once_and_a_refused_one_stays_refused(desk: Desk) -> None:
    passed, refused = desk.publish(), desk.publish()
    desk.deliver()
    desk.finds("trace-1")
    desk.finds("trace-2", "risky")
    for chosen in (passed, refused):
        desk.decide(chosen, PhotoDecision.HIDDEN)
        desk.publish(chosen)
    assert desk.deliver() == 0
    assert desk.state(passed) is ContentState.PASSED
    assert desk.state(refused) is ContentState.REFUSED
    desk.redact(refused)
    desk.publish(refused)
    assert desk.state(refused) is ContentState.PENDING
