"""The content check: what is published waits for it, and whatever goes wrong stays closed (B66)."""

import io
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import time_machine
from flask import Flask
from PIL import Image
from sqlalchemy import func, select, update
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from core import worker
from core.audit import AuditEvent
from core.clock import now as present
from core.database import locked, reading, writing
from core.gateways.contentchecks import Finding, WeChatChecker
from core.gateways.messagepush import cipher_key, signature
from core.outbox import OutboxMessage
from core.settings import ContentAccount, WeChatApp
from media import checking, publication
from media.models import ContentCheck, ContentState, Photo, PhotoDecision
from media.objects import new_key
from media.publication import Prepared
from media.push import jobs
from tests.clients import Api
from tests.core import wechatstub
from tests.core.test_message_push import LETTERS, envelope, sealed
from tests.core.wechatstub import WeChatStub

APP = WeChatApp("suishoupai", "wx-one", "app-secret")
TOKEN = "push-token"
RESIDENT, OTHER = "13800000001", "13800000002"
DOOR = "/api/v1/wechat/push"


@dataclass
class Desk:
    """An application whose content check is WeChat, and what a test does with it."""

    app: Flask
    stub: WeChatStub
    api: Callable[[str], Api]
    ahead: timedelta = timedelta(0)

    @property
    def moment(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    @contextmanager
    def at_work(self) -> Iterator[datetime]:
        """The application at the desk's moment."""
        moment = self.moment
        with self.app.app_context(), time_machine.travel(moment, tick=False):
            yield moment

    def publish(self, public_id: str | None = None) -> str:
        """Publish a photo of a new report."""
        chosen = public_id or self.reported()
        self.decide(chosen, PhotoDecision.PUBLISHED)
        return chosen

    def reported(self) -> str:
        resident = self.api(RESIDENT)
        chosen = resident.upload()
        resident.report(media=[chosen])
        return chosen

    def decide(self, public_id: str, decision: PhotoDecision) -> None:
        with self.at_work(), writing() as session:
            wanted = locked(select(Photo).where(Photo.public_id == public_id))
            publication.decide(session.scalars(wanted).one(), decision, present())

    def redact(self, public_id: str) -> None:
        with self.app.app_context(), writing() as session:
            photo = session.scalars(select(Photo).where(Photo.public_id == public_id)).one()
            publication.redact(photo, Prepared(new_key(), (), present()), photo.owner_id, present())

    def later(self, **span: float) -> None:
        self.ahead += timedelta(**span)

    def deliver(self) -> int:
        """Let the worker deliver what is due at the desk's moment."""
        with self.at_work() as moment:
            return worker.deliver(moment)

    def follow_up(self) -> int:
        with self.at_work() as moment:
            return jobs.follow_up(moment)

    def push(self, raw: bytes | dict[str, Any], **changes: Any) -> TestResponse:
        """Knock as WeChat does; at the present moment also from another thread."""
        body = json.dumps(raw).encode() if isinstance(raw, dict) else raw
        travelled = time_machine.travel(self.moment, tick=False) if self.ahead else nullcontext()
        with travelled:
            query = signed(**changes)
            return self.app.test_client().post(DOOR, query_string=query, data=body)

    def finds(self, trace_id: str, suggest: str = "pass", errcode: int = 0) -> TestResponse:
        answer = self.push(event(trace_id, suggest, errcode))
        assert (answer.status_code, answer.get_data()) == (200, b"success")
        return answer

    def photo(self, public_id: str) -> Photo:
        with self.app.app_context(), reading() as session:
            wanted = select(Photo).where(Photo.public_id == public_id)
            return session.scalars(wanted.execution_options(populate_existing=True)).one()

    def state(self, public_id: str) -> ContentState | None:
        return self.photo(public_id).content

    def is_public(self, public_id: str) -> bool:
        path = f"/api/v1/media/{public_id}/large"
        answer = self.app.test_client().get(path, buffered=True)
        assert answer.status_code in {200, 404}
        return answer.status_code == 200

    def count(self, model: type[Any], *which: Any) -> int:
        with self.app.app_context(), reading() as session:
            return session.scalar(select(func.count()).select_from(model).where(*which)) or 0

    def audited(self, public_id: str) -> list[str]:
        with self.app.app_context(), reading() as session:
            wanted = AuditEvent.subject_kind == "photo", AuditEvent.subject_id == public_id
            wanted = *wanted, AuditEvent.action.startswith("photo.content")
            return list(session.scalars(select(AuditEvent.action).where(*wanted)))


def signed(token: str = TOKEN, *covered: str, age: float = 0) -> dict[str, str]:
    query = {"timestamp": str(int(present().timestamp() - age)), "nonce": "n-1"}
    query["signature"] = signature(token, query["timestamp"], query["nonce"])
    query["msg_signature"] = signature(token, query["timestamp"], query["nonce"], *covered)
    return query


def event(trace_id: str, suggest: str = "pass", errcode: int = 0) -> dict[str, Any]:
    return {
        "MsgType": "event",
        "Event": "wxa_media_check",
        "appid": "wx-one",
        "trace_id": trace_id,
        "version": 2,
        "errcode": errcode,
        "result": {"suggest": suggest, "label": 100 if suggest == "pass" else 20002},
    }


@pytest.fixture
def stub() -> Iterator[WeChatStub]:
    with wechatstub.running() as made:
        yield made


@pytest.fixture
def desk(app: Flask, api: Callable[[str], Api], stub: WeChatStub) -> Iterator[Desk]:
    before = app.extensions["settings"], app.extensions["gateways"]
    app.extensions["settings"] = replace(
        before[0],
        public_url="https://city.example",
        content_check=ContentAccount("wechat", "suishoupai", "o-office", TOKEN, ""),
        wechat_apps=(APP,),
    )
    checker = WeChatChecker(stub.url, APP, "o-office")
    app.extensions["gateways"] = replace(before[1], content=checker)
    yield Desk(app, stub, api)
    app.extensions["settings"], app.extensions["gateways"] = before


# ---------------------------------------------------------------------- before anything is public
def test_without_a_checker_what_is_published_is_public_at_once(
    app: Flask, api: Callable[[str], Api], stub: WeChatStub
) -> None:
    offline = Desk(app, stub, api)
    chosen = offline.publish()
    assert offline.state(chosen) is ContentState.PASSED
    assert offline.is_public(chosen)
    assert offline.count(OutboxMessage) == offline.count(ContentCheck) == 0


@pytest.mark.parametrize(
    "broken", [{"width": 0}, {"byte_size": 0}, {"mime_type": "image/gif"}, {"height": 50_000_000}]
)
def test_a_row_that_the_intake_would_not_write_is_refused_by_our_own_rules(
    app: Flask, api: Callable[[str], Api], stub: WeChatStub, broken: dict[str, Any]
) -> None:
    offline = Desk(app, stub, api)
    chosen = offline.reported()
    with app.app_context(), writing() as session:
        session.execute(update(Photo).where(Photo.public_id == chosen).values(**broken))
    offline.publish(chosen)
    assert offline.state(chosen) is ContentState.REFUSED
    assert not offline.is_public(chosen)


def test_what_is_published_waits_for_wechat_and_is_public_when_it_passed(desk: Desk) -> None:
    chosen, other = desk.publish(), desk.publish()
    assert desk.state(chosen) is ContentState.PENDING
    assert not desk.is_public(chosen)
    assert desk.deliver() == 2
    assert not desk.is_public(chosen)
    desk.finds("trace-1")
    assert desk.is_public(chosen)
    assert desk.state(other) is ContentState.PENDING
    assert not desk.is_public(other)


def test_wechat_gets_a_short_lived_link_to_a_stripped_copy_and_the_link_is_in_no_log(
    desk: Desk,
) -> None:
    image = Image.new("RGB", (640, 480), (9, 90, 9))
    exif = image.getexif()
    exif[0x010F] = "canary-make"
    file = io.BytesIO()
    image.save(file, "JPEG", exif=exif)
    resident = desk.api(RESIDENT)
    chosen = resident.upload(file.getvalue())
    resident.report(media=[chosen])
    with capture_logs() as logged:
        desk.publish(chosen)
        desk.deliver()
    (question,) = desk.stub.questions
    assert question["media_url"].startswith("https://city.example/api/v1/media/")
    address = urlsplit(question["media_url"])
    assert address.path.endswith(f"{chosen}/large")
    assert "signature" not in repr(logged)
    path = f"{address.path}?{address.query}"
    opened = desk.app.test_client().get(path, buffered=True)
    assert (opened.status_code, opened.content_type) == (200, "image/jpeg")
    assert b"canary" not in opened.data
    with time_machine.travel(present() + timedelta(seconds=301)):
        assert desk.app.test_client().get(path, buffered=True).status_code == 404


def test_of_a_redacted_photo_wechat_is_shown_the_version_that_the_public_would_see(
    desk: Desk,
) -> None:
    chosen = desk.reported()
    desk.redact(chosen)
    desk.redact(chosen)
    desk.publish(chosen)
    desk.deliver()
    assert desk.stub.questions[0]["media_url"].endswith("&version=2")


def test_a_photo_that_is_hidden_before_it_was_asked_about_is_not_shown_to_wechat(
    desk: Desk,
) -> None:
    chosen = desk.publish()
    desk.decide(chosen, PhotoDecision.HIDDEN)
    assert desk.deliver() == 1
    assert desk.stub.questions == []
    desk.publish(chosen)
    assert desk.deliver() == 1
    desk.finds("trace-1")
    assert desk.is_public(chosen)


def test_a_second_delivery_of_the_same_message_asks_nothing(desk: Desk) -> None:
    desk.publish()
    desk.deliver()
    with desk.app.app_context(), writing() as session:
        session.execute(update(OutboxMessage).values(sent_at=None, due_at=present()))
    assert desk.deliver() == 1
    assert len(desk.stub.questions) == 1


# ---------------------------------------------------------------------- answers
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


# ---------------------------------------------------------------------- what goes wrong
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


# ---------------------------------------------------------------------- the door
def test_wechat_is_told_that_the_address_is_ours(desk: Desk) -> None:
    client = desk.app.test_client()
    answer = client.get(DOOR, query_string={**signed(), "echostr": "<b>echo</b>"})
    assert (answer.status_code, answer.get_data()) == (200, b"<b>echo</b>")
    assert answer.content_type == "text/plain; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"token": "another-token"},
        {"token": ""},
        {"age": 601},
        {"age": -120},
    ],
)
def test_what_wechat_did_not_sign_is_refused_at_both_doors(
    desk: Desk, query: dict[str, Any]
) -> None:
    chosen = desk.publish()
    desk.deliver()
    sent = signed(**query) if query else {}
    client = desk.app.test_client()
    forged = json.dumps(event("trace-1")).encode()
    for answer in (
        client.get(DOOR, query_string={**sent, "echostr": "echo"}),
        client.post(DOOR, query_string=sent, data=forged),
    ):
        assert (answer.status_code, answer.get_json()["code"]) == (401, "push_refused")
        assert answer.content_type == "application/problem+json"
    assert desk.state(chosen) is ContentState.PENDING
    assert desk.count(ContentCheck) == 1


def test_without_a_push_token_nobody_comes_in(
    app: Flask, api: Callable[[str], Api], stub: WeChatStub
) -> None:
    answer = Desk(app, stub, api).push(event("trace-1"), token="")
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        {"MsgType": "event", "Event": "subscribe_msg_sent_event"},
        {"MsgType": "text", "Content": "您好", "MsgId": 12345678901234567890},
        {},
        {**event("trace-1"), "appid": "wx-other"},
        {**event("trace-1"), "trace_id": ["x"]},
        {**event("trace-1"), "trace_id": "t" * 129},
        {**event("trace-1"), "trace_id": "nul\0"},
    ],
)
def test_an_event_that_nobody_waits_for_is_a_success(desk: Desk, body: dict[str, Any]) -> None:
    chosen = desk.publish()
    desk.deliver()
    assert desk.push(body).get_data() == b"success"
    assert desk.state(chosen) is ContentState.PENDING


def odd(**changes: Any) -> bytes:
    return json.dumps({**event("trace-1"), **changes}).encode()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"<xml><Event>wxa_media_check</Event></xml>", 415),
        (b"", 400),
        (b"\xff\xfe", 400),
        (b"[" * 60_000, 400),
        (b'{"a": ' + b"9" * 5000 + b"}", 400),
        (b"x" * (64 * 1024 + 1), 413),
        (
            json.dumps({**event("trace-1"), "result": {"suggest": None, "label": "\0"}}).encode(),
            200,
        ),
        (json.dumps({**event("trace-1"), "result": [1], "errcode": 1e400}).encode(), 200),
        (json.dumps({**event("trace-1"), "result": {"label": 10**400}}).encode(), 200),
    ],
)
def test_no_body_is_a_fault_of_ours(desk: Desk, body: bytes, status: int) -> None:
    assert desk.push(body).status_code == status


def test_where_a_key_is_agreed_on_only_sealed_events_count(desk: Desk) -> None:
    made = desk.app.extensions["settings"]
    account = replace(made.content_check, push_key=LETTERS)
    desk.app.extensions["settings"] = replace(made, content_check=account)
    assert cipher_key(LETTERS)
    chosen = desk.publish()
    desk.deliver()
    assert desk.push(event("trace-1")).status_code == 401
    assert desk.state(chosen) is ContentState.PENDING
    text = sealed(json.dumps(event("trace-1")).encode())
    sent = signed(TOKEN, text)
    answer = desk.app.test_client().post(DOOR, query_string=sent, data=envelope(text))
    assert answer.get_data() == b"success"
    assert desk.is_public(chosen)
