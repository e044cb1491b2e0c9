"""What leaves the database: at least once, never by two at once, put off and given up in sight."""

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select, update

from core import outbox, worker
from core.database import no_transaction, reading, writing
from core.outbox import ATTEMPTS, KEPT, LEASE, OutboxMessage
from core.worker import Job
from media.objects import new_key
from tests.conftest import PROJECT, World
from tests.live import TOOLS

START = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)


class Receiver:
    """Takes what it is handed; `away` refuses that many times."""

    def __init__(self) -> None:
        self.taken: list[tuple[dict[str, Any], str]] = []
        self.away = 0
        self.lock = threading.Lock()

    def __call__(self, payload: dict[str, Any], message_id: str) -> None:
        no_transaction()
        with self.lock:
            if self.away:
                self.away -= 1
                raise ConnectionError("secret address 13800000001")
            self.taken.append((payload, message_id))

    @property
    def payloads(self) -> list[dict[str, Any]]:
        return [payload for payload, _ in self.taken]


@pytest.fixture
def receiver(app: Flask) -> Iterator[Receiver]:
    """The receiver of the topic `test`, with the application's context open."""
    made, kept = Receiver(), app.extensions["outbox"]
    app.extensions["outbox"] = {**kept, "test": made}
    with app.app_context():
        yield made
    app.extensions["outbox"] = kept


def put(*payloads: dict[str, Any], due_at: datetime = START, topic: str = "test") -> None:
    with writing():
        for payload in payloads:
            outbox.put(topic, payload, due_at=due_at)


def deliver(moment: datetime = START) -> int:
    with time_machine.travel(moment, tick=False):
        return worker.deliver(moment)


def messages() -> list[OutboxMessage]:
    with reading() as session:
        wanted = select(OutboxMessage).where(OutboxMessage.topic == "test")
        ordered = wanted.order_by(OutboxMessage.id).execution_options(populate_existing=True)
        return list(session.scalars(ordered))


# ---------------------------------------------------------------------- delivery
def test_what_was_put_is_delivered_once_with_an_id_that_stays(receiver: Receiver) -> None:
    put({"n": 1}, {"n": 2})
    assert deliver() == 2
    assert deliver() == 0
    assert receiver.payloads == [{"n": 1}, {"n": 2}]
    assert [identifier for _, identifier in receiver.taken] == [m.public_id for m in messages()]
    assert all(message.sent_at == START for message in messages())


def test_what_was_rolled_back_is_never_delivered(receiver: Receiver) -> None:
    def fail() -> None:
        with writing():
            outbox.put("test", {"n": 1}, due_at=START)
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert deliver() == 0
    assert receiver.taken == []


def test_what_is_due_later_waits(receiver: Receiver) -> None:
    put({"n": 1}, due_at=START + timedelta(minutes=5))
    assert deliver(START + timedelta(minutes=4, seconds=59)) == 0
    assert deliver(START + timedelta(minutes=5)) == 1


def test_without_a_time_it_is_due_at_once(receiver: Receiver) -> None:
    with writing():
        outbox.put("test", {"n": 1})
    assert worker.deliver(datetime.now(UTC)) == 1


def test_the_payload_can_not_be_read_in_the_database(receiver: Receiver) -> None:
    put({"phone": "13800000001", "text": "办结通知"})
    (message,) = messages()
    for word in ("13800000001", "phone", "办结"):
        assert word.encode() not in message.payload_ciphertext
    deliver()
    assert receiver.payloads == [{"phone": "13800000001", "text": "办结通知"}]


def test_an_idle_worker_takes_no_write_lock(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "writing", lambda: pytest.fail("took the write lock"))
    assert deliver() == 0
    assert receiver.taken == []


# ---------------------------------------------------------------------- tries
def test_a_receiver_that_is_away_is_tried_again_later_and_later(
    receiver: Receiver, lines: list[str]
) -> None:
    put({"n": 1})
    receiver.away = 3
    waits, moment = [], START
    for _ in range(3):
        deliver(moment)
        (message,) = messages()
        waits.append((message.due_at - moment).total_seconds())
        assert deliver(message.due_at - timedelta(seconds=1)) == 0
        moment = message.due_at
    assert waits == [10, 20, 40]
    deliver(moment)
    assert receiver.payloads == [{"n": 1}]
    (message,) = messages()
    assert (message.attempts, message.last_error) == (4, "ConnectionError")
    assert sum('"delivery_failed"' in line for line in lines) == 3
    assert not [line for line in lines if "secret address" in line]


def test_after_the_last_try_it_is_given_up_in_sight_and_others_go_on(
    receiver: Receiver, lines: list[str]
) -> None:
    put({"n": 1})
    receiver.away = 10**6
    moment = START
    for _ in range(ATTEMPTS):
        assert deliver(moment) == 1
        moment = messages()[0].due_at
    (message,) = messages()
    assert (message.attempts, message.sent_at) == (ATTEMPTS, None)
    assert message.failed_at is not None
    assert deliver(moment + timedelta(days=9)) == 0
    given_up = [json.loads(line) for line in lines if '"delivery_given_up"' in line]
    assert [(line["topic"], line["message"]) for line in given_up] == [("test", message.public_id)]
    receiver.away = 0
    put({"n": 2}, due_at=moment)
    assert deliver(moment) == 1
    assert receiver.payloads == [{"n": 2}]


def test_the_wait_never_grows_beyond_a_day() -> None:
    waits = [min(timedelta(seconds=5) * 2**tries, timedelta(days=1)) for tries in range(1, 13)]
    assert max(waits) <= timedelta(days=1)
    assert sum(waits, timedelta()) > timedelta(hours=11), "an outage of a night must pass"


def test_one_message_that_fails_does_not_hold_up_the_others(receiver: Receiver) -> None:
    put({"n": 1}, {"n": 2}, {"n": 3})
    receiver.away = 1
    assert deliver() == 3
    assert receiver.payloads == [{"n": 2}, {"n": 3}]


def test_one_message_that_can_not_be_read_does_not_hold_up_the_others(receiver: Receiver) -> None:
    put({"n": 1}, {"n": 2})
    with writing() as session:
        spoilt = update(OutboxMessage).where(OutboxMessage.id == messages_first(session))
        session.execute(spoilt.values(payload_ciphertext=b"gone\0xx"))
    assert deliver() == 2
    assert receiver.payloads == [{"n": 2}]
    assert [message.last_error for message in messages()] == ["UnreadableSecret", None]


def messages_first(session: Any) -> int:
    first: int = session.scalar(
        select(OutboxMessage.id).where(OutboxMessage.topic == "test").order_by(OutboxMessage.id)
    )
    return first


def test_a_topic_without_a_handler_waits_for_one_a_week_at_most(app: Flask) -> None:
    kept = app.extensions["outbox"]
    with app.app_context(), time_machine.travel(START, tick=False):
        put({"n": 1}), put({"n": 2}, topic="of no interest ever")
        assert deliver() == 0
        made = app.extensions["outbox"] = {**kept, "test": Receiver()}
        with writing() as session:
            outbox.forget(session, START + KEPT - timedelta(seconds=1))
        assert deliver() == 0, "the worker takes them on when it starts"
        worker.claim(START)
        assert deliver() == 1
        assert made["test"].payloads == [{"n": 1}]
        app.extensions["outbox"] = kept
        with writing() as session:
            outbox.forget(session, START + KEPT)
            assert session.scalars(select(OutboxMessage.id)).all() == []


# ---------------------------------------------------------------------- leases
def test_the_messages_of_a_worker_that_was_killed_come_back(receiver: Receiver) -> None:
    put({"n": 1}, {"n": 2})
    with writing() as session:
        taken = outbox.lease(session, START)
    assert len(taken) == 2
    assert deliver(START + LEASE - timedelta(seconds=1)) == 0
    assert deliver(START + LEASE) == 2
    assert receiver.payloads == [{"n": 1}, {"n": 2}]
    assert [message.attempts for message in messages()] == [2, 2]


def test_workers_at_once_never_hold_the_same_message(app: Flask, receiver: Receiver) -> None:
    put(*({"n": number} for number in range(60)))
    ready, failed = threading.Barrier(4), list[BaseException]()

    def run() -> None:
        with app.app_context():
            ready.wait(10)
            try:
                while worker.deliver(START):
                    pass
            except BaseException as error:  # noqa: BLE001  told below
                failed.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    with time_machine.travel(START, tick=False):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert failed == []
    assert sorted(payload["n"] for payload in receiver.payloads) == list(range(60))


def test_a_batch_that_takes_too_long_leaves_the_rest_to_its_next_lease(
    app: Flask, receiver: Receiver
) -> None:
    put({"n": 1}, {"n": 2}, {"n": 3})
    with time_machine.travel(START, tick=False) as clock:
        slow = receiver.__call__

        def linger(payload: dict[str, Any], message_id: str) -> None:
            clock.shift(LEASE / 2 + timedelta(seconds=1))
            slow(payload, message_id)

        app.extensions["outbox"]["test"] = linger
        worker.deliver(START)
        assert receiver.payloads == [{"n": 1}]
        app.extensions["outbox"]["test"] = slow
        worker.deliver(START + LEASE)
    assert receiver.payloads == [{"n": 1}, {"n": 2}, {"n": 3}]


def test_what_was_delivered_is_deleted_after_a_week_and_nothing_else(receiver: Receiver) -> None:
    put({"n": 1})
    deliver()
    put({"n": 2}, due_at=START + timedelta(days=30))
    worker.forget_past(START + KEPT - timedelta(seconds=1))
    assert len(messages()) == 2
    worker.forget_past(START + KEPT)
    assert len(messages()) == 1
    assert messages()[0].sent_at is None


# ---------------------------------------------------------------------- the worker
def test_a_job_that_fails_does_not_stop_the_others_and_has_its_next_turn(
    app: Flask, monkeypatch: pytest.MonkeyPatch, lines: list[str]
) -> None:
    runs: list[str] = []

    def broken(_now: datetime) -> None:
        runs.append("broken")
        with writing():
            raise ValueError("13800000001 is odd")

    def sound(_now: datetime) -> None:
        no_transaction()
        runs.append("sound")
        if runs.count("sound") == 3:
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(worker, "JOBS", ())
    monkeypatch.setattr(worker, "deliver", lambda _now: 0)
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with app.app_context():
            worker.run([Job("broken", 0, broken), Job("sound", 0, sound)])
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
    assert runs == ["broken", "sound"] * 3
    assert sum('"job_failed"' in line for line in lines) == 3
    assert not [line for line in lines if "13800000001" in line]


def test_jobs_keep_their_pauses(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[str] = []

    def note(name: str) -> Callable[[datetime], None]:
        def run(now: datetime) -> None:
            assert now.utcoffset() == timedelta(0)
            runs.append(name)
            if runs.count("often") == 3:
                signal.raise_signal(signal.SIGINT)

        return run

    monkeypatch.setattr(worker, "JOBS", ())
    monkeypatch.setattr(worker, "deliver", lambda _now: 0)
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with app.app_context():
            worker.run([Job("often", 0, note("often")), Job("seldom", 3600, note("seldom"))])
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
    assert runs.count("seldom") == 1


def test_every_job_has_a_name_of_its_own_and_a_pause(app: Flask) -> None:
    jobs = (*worker.JOBS, *app.extensions["jobs"])
    assert len({job.name for job in jobs}) == len(jobs)
    assert all(job.seconds > 0 for job in jobs)


def test_every_job_twice_in_a_row_does_no_harm(app: Flask) -> None:
    with app.app_context():
        for job in (*worker.JOBS, *app.extensions["jobs"]):
            for _ in range(2):
                job.run(datetime.now(UTC))
                no_transaction()


def test_the_command_delivers_and_ends_on_sigterm(app: Flask, world: World) -> None:
    """A process of its own, as an operator starts it."""
    environ = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "FLASK_APP": "app",
        "INSTANCE_PATH": str(world.home),
        "DATABASE_URL": world.app.extensions["settings"].database_url,
        "LOG_LEVEL": "WARNING",
    }
    with app.app_context(), writing():
        outbox.put("media.delete", {"key": new_key()})
    command = [str(TOOLS / "flask"), "worker"]
    process = subprocess.Popen(command, cwd=PROJECT, env=environ, stderr=subprocess.PIPE)
    try:
        began = time.monotonic()
        while not _all_sent(app) and time.monotonic() - began < 30:
            time.sleep(0.2)
        assert _all_sent(app)
        asked = time.monotonic()
        process.terminate()
        assert process.wait(15) == 0
        assert time.monotonic() - asked < 10
    finally:
        process.kill()
        _, said = process.communicate()
    assert b"Traceback" not in said, said.decode()


def _all_sent(app: Flask) -> bool:
    with app.app_context(), reading() as session:
        waiting = select(OutboxMessage.id).where(OutboxMessage.sent_at.is_(None))
        return session.scalar(waiting) is None
