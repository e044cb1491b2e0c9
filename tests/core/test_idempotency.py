"""One effect for a key, whatever happens to the request (reliability.md R5, B34-B37)."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from core import idempotency
from core.database import db, reading, writing
from core.idempotency import IdempotencyKey
from core.worker import forget_past
from tests.clients import Api
from tests.conftest import World
from tests.core.conftest import effects

THING = {"name": "thing"}
START = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)


@pytest.fixture
def resident(lab: Flask) -> Api:
    return Api.signed_in(lab, "13800000001")


def stored(app: Flask) -> list[IdempotencyKey]:
    with app.app_context(), reading() as session:
        return list(session.scalars(select(IdempotencyKey)))


def send(api: Api, key: str = "k", body: Any = None, path: str = "/lab/effects") -> TestResponse:
    return api.post(path, THING if body is None else body, key=key)


def at_once(count: int, work: Callable[[int], TestResponse]) -> list[TestResponse]:
    """Run in as many threads, which begin together."""
    ready, answers = threading.Barrier(count), list[TestResponse]()

    def run(number: int) -> None:
        ready.wait(10)
        answers.append(work(number))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return answers


# ---------------------------------------------------------------------- same key
def test_the_same_request_again_gives_the_first_answer_and_no_second_effect(
    lab: Flask, resident: Api
) -> None:
    first = send(resident)
    assert (first.status_code, first.headers.get("Idempotency-Replayed")) == (201, None)
    for _ in range(20):
        again = send(resident)
        assert (again.status_code, again.get_data()) == (201, first.get_data())
        assert again.headers["Idempotency-Replayed"] == "true"
        assert again.content_type == "application/json"
        assert again.headers["Cache-Control"] == "no-store"
    assert effects(lab) == 1


def test_sent_many_times_at_once_it_has_one_effect_and_one_answer(
    lab: Flask, resident: Api, world: World
) -> None:
    answers = at_once(12, lambda _: send(resident))
    good = {answer.get_data() for answer in answers if answer.status_code == 201}
    others = [answer for answer in answers if answer.status_code != 201]
    assert len(good) == 1
    assert effects(lab) == 1
    for answer in others:
        assert answer.get_json()["code"] == "idempotency_key_in_flight"
        assert answer.headers["Retry-After"] == "1"
    if world.kind == "sqlite":
        assert not others, "on SQLite the second waits"
    assert send(resident).get_data() in good


def test_keys_of_their_own_have_effects_of_their_own(lab: Flask, resident: Api) -> None:
    answers = at_once(6, lambda number: send(resident, f"key-{number}"))
    assert {answer.status_code for answer in answers} == {201}
    assert effects(lab) == 6


def test_without_the_claim_there_are_two_effects(
    lab: Flask, resident: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: what these tests see, they would see missing."""
    monkeypatch.setattr(idempotency, "_claim", lambda *_args, **_options: None)
    assert {send(resident).status_code for _ in range(2)} == {201}
    assert effects(lab) == 2


def test_while_the_first_runs_the_second_is_told_to_come_back_or_waits(
    lab: Flask, resident: Api, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, leave = threading.Event(), threading.Event()
    put = idempotency.Reply.set

    def slow(self: idempotency.Reply, *args: Any, **kwargs: Any) -> None:
        entered.set()
        leave.wait(10)
        put(self, *args, **kwargs)

    monkeypatch.setattr(idempotency.Reply, "set", slow)
    answers: dict[str, TestResponse] = {}
    first = threading.Thread(target=lambda: answers.update(first=send(resident)))
    first.start()
    assert entered.wait(10)
    threading.Timer(0.5, leave.set).start()
    second = send(resident)
    first.join(10)
    assert answers["first"].status_code == 201
    if world.kind == "postgresql":
        assert (second.status_code, second.headers["Retry-After"]) == (409, "1")
        assert second.get_json()["code"] == "idempotency_key_in_flight"
        second = send(resident)
    assert second.get_data() == answers["first"].get_data()
    assert second.headers["Idempotency-Replayed"] == "true"
    assert effects(lab) == 1


# ---------------------------------------------------------------------- another request
def test_the_same_key_with_another_body_or_query_is_refused_and_the_first_stays(
    lab: Flask, resident: Api
) -> None:
    first = send(resident)
    for answer in (
        send(resident, body={"name": "other"}),
        send(resident, body={"name": "thing", "amount": 1}),
        send(resident, body={"amount": 1, "name": "thing"}),
        send(resident, path="/lab/effects?a=1"),
    ):
        assert (answer.status_code, answer.get_json()["code"]) == (422, "idempotency_key_reused")
    assert send(resident).get_data() == first.get_data()
    assert effects(lab) == 1


def test_another_person_with_the_same_key_gets_an_answer_of_their_own(
    lab: Flask, resident: Api
) -> None:
    first = send(resident, "1")
    second = send(Api.signed_in(lab, "13800000002"), "1")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.get_json()["id"] != second.get_json()["id"]
    assert "Idempotency-Replayed" not in second.headers
    assert effects(lab) == 2


def test_two_sign_ins_of_one_person_share_their_keys(lab: Flask, resident: Api) -> None:
    first = send(resident)
    assert send(Api.signed_in(lab, "13800000001")).get_data() == first.get_data()


def test_on_another_route_the_key_stands_for_nothing(lab: Flask, resident: Api) -> None:
    first, second = send(resident), send(resident, path="/lab/other")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.get_data() != second.get_data()
    assert effects(lab) == 2


# ---------------------------------------------------------------------- the key itself
@pytest.mark.parametrize(
    "key", ["", " ", "x" * 129, "with space", "tab\tinside", "schlüssel", "键", "\x7f", "a\x1fb"]
)
def test_a_key_that_is_none_is_400_and_nothing_happens(lab: Flask, resident: Api, key: str) -> None:
    headers = {"Idempotency-Key": key.encode().decode("latin-1")}
    answer = resident.post("/lab/effects", THING, headers=headers)
    assert (answer.status_code, answer.get_json()["code"]) == (400, "idempotency_key_required")
    assert effects(lab) == 0


def test_without_a_key_it_is_400_unless_the_route_can_do_without(lab: Flask, resident: Api) -> None:
    assert resident.post("/lab/effects", THING).status_code == 400
    assert effects(lab) == 0
    assert {resident.post("/lab/optional", THING).status_code for _ in range(2)} == {201}
    assert effects(lab) == 2
    assert {send(resident, path="/lab/optional").status_code for _ in range(2)} == {201}
    assert effects(lab) == 3
    assert resident.post("/lab/optional", THING, key="bad key").status_code == 400


@pytest.mark.parametrize("key", ["x", "x" * 128, "!~", "1;DROP--", "\"',{}"])
def test_every_key_of_visible_ascii_works(lab: Flask, resident: Api, key: str) -> None:
    assert send(resident, key).status_code == 201
    assert send(resident, key).headers["Idempotency-Replayed"] == "true"
    assert effects(lab) == 1


# ---------------------------------------------------------------------- what is kept
@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": ""}, 422),
        ({"nmae": "x"}, 422),
        ({"name": "refused"}, 409),
        ({"name": "broken"}, 500),
    ],
)
def test_what_fails_is_not_kept_and_the_key_is_free_again(
    lab: Flask, resident: Api, body: dict[str, str], status: int
) -> None:
    assert send(resident, body=body).status_code == status
    assert send(resident, body=body).status_code == status
    assert stored(lab) == []
    assert effects(lab) == 0
    assert send(resident).status_code == 201


def test_a_unit_of_work_without_an_answer_rolls_back(lab: Flask, resident: Api) -> None:
    """Kept without an answer, its key would be in flight for ever."""
    assert send(resident, body={"name": "silent"}).status_code == 500
    assert resident.post("/lab/optional", {"name": "silent"}).status_code == 500
    assert (stored(lab), effects(lab)) == ([], 0)


def test_only_what_succeeded_can_be_set_as_an_answer() -> None:
    reply = idempotency.Reply(db.session, None)  # type: ignore[arg-type]
    for status in (199, 302, 404, 500):
        with pytest.raises(ValueError, match="succeeded"):
            reply.set({}, status)


def test_the_kept_answer_can_not_be_read_in_the_database(lab: Flask, resident: Api) -> None:
    answer = send(resident)
    (row,) = stored(lab)
    assert row.answer_ciphertext is not None
    for word in (b"thing", answer.get_json()["id"].encode(), b"name"):
        assert word not in row.answer_ciphertext
    assert (row.status, row.key, len(row.request_digest)) == (201, "k", 64)


def test_a_kept_answer_that_was_changed_is_not_replayed(lab: Flask, resident: Api) -> None:
    send(resident)
    with lab.app_context(), writing() as session:
        changed = update(IdempotencyKey).values(answer_ciphertext=b"k1\0" + b"x" * 40)
        session.execute(changed)
    assert send(resident).status_code == 500
    assert effects(lab) == 1


# ---------------------------------------------------------------------- how long
def signed_in_at(lab: Flask, moment: datetime) -> Api:
    with time_machine.travel(moment, tick=False):
        return Api.signed_in(lab, "13800000001")


def at(lab: Flask, moment: datetime, path: str = "/lab/effects", **changes: Any) -> TestResponse:
    """Send as somebody who signed in just then: tokens live for a quarter of an hour."""
    resident = signed_in_at(lab, moment)
    with time_machine.travel(moment, tick=False):
        return send(resident, path=path, **changes)


def test_a_key_is_kept_for_a_day_and_is_free_after_that(lab: Flask) -> None:
    first = at(lab, START)
    almost = at(lab, START + timedelta(hours=24, seconds=-1))
    assert almost.get_data() == first.get_data()
    later = at(lab, START + timedelta(hours=24))
    assert "Idempotency-Replayed" not in later.headers
    assert later.get_json()["id"] != first.get_json()["id"]
    assert effects(lab) == 2
    again = at(lab, START + timedelta(hours=47))
    assert again.get_data() == later.get_data(), "taken over, it lives for another day"


def test_an_old_key_may_stand_for_another_body(lab: Flask) -> None:
    at(lab, START)
    changed = at(lab, START + timedelta(days=2), body={"name": "other"})
    assert changed.status_code == 201
    assert len(stored(lab)) == 1


def test_a_report_s_key_never_ends(lab: Flask) -> None:
    first = at(lab, START, "/lab/lasting")
    with lab.app_context(), time_machine.travel(START + timedelta(days=400)):
        forget_past(START + timedelta(days=400))
    again = at(lab, START + timedelta(days=400), "/lab/lasting")
    assert again.get_data() == first.get_data()
    other = at(lab, START + timedelta(days=400), "/lab/lasting", body={"name": "x"})
    assert other.status_code == 422
    assert effects(lab) == 1


def test_the_worker_forgets_keys_whose_day_is_past_and_no_others(lab: Flask) -> None:
    at(lab, START)
    at(lab, START, "/lab/lasting")
    at(lab, START + timedelta(hours=23), key="young")
    with lab.app_context():
        assert forget_past(START + timedelta(hours=24)) == 1
        assert forget_past(START + timedelta(hours=24)) == 0
    assert {(row.route.rpartition("/")[2], row.key) for row in stored(lab)} == {
        ("lasting", "k"),
        ("effects", "young"),
    }


# ---------------------------------------------------------------------- a crash
class Killed(BaseException):
    """What no handler catches, as no handler catches a kill."""


@contextmanager
def killed_after_commit() -> Iterator[Session]:
    with writing() as session:
        yield session
    raise Killed


def test_after_a_crash_between_commit_and_reply_the_replay_tells_the_result(
    lab: Flask, resident: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(idempotency, "writing", killed_after_commit)
        with pytest.raises(Killed):
            send(resident)
    assert effects(lab) == 1
    replay = send(resident)
    assert (replay.status_code, replay.headers["Idempotency-Replayed"]) == (201, "true")
    assert replay.get_json()["name"] == "thing"
    assert effects(lab) == 1


def test_after_a_crash_before_the_commit_nothing_stands(
    lab: Flask, resident: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_args: object) -> None:
        raise Killed

    with monkeypatch.context() as broken:
        broken.setattr(idempotency.Reply, "_keep", killed)
        with pytest.raises(Killed):
            send(resident)
    assert (stored(lab), effects(lab)) == ([], 0)
    assert "Idempotency-Replayed" not in send(resident).headers
    assert effects(lab) == 1
