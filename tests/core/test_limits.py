"""Limits count exactly, across threads and processes, with Redis, without, and while it is away."""

import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis
import time_machine
from flask import Flask
from sqlalchemy import func, select

from core import limits, sharing
from core.database import no_transaction, reading
from core.errors import TooMany
from core.limits import LimitCount
from core.sharing import SharedCounts
from core.worker import forget_past
from tests.conftest import World
from tests.live import free_port

WINDOW = 600
START = datetime(2026, 11, 25, 4, 0, tzinfo=UTC)


class RedisServer:
    """A real one on loopback, which can be stopped, frozen and started again."""

    def __init__(self, home: Path) -> None:
        self.home, self.port = home, free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        program = shutil.which("redis-server")
        if program is None:
            pytest.skip("redis-server is not installed")
        command = [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        self.process = subprocess.Popen(
            [*command, "--dir", str(self.home)], stdout=subprocess.DEVNULL
        )
        client = redis.Redis.from_url(self.url)
        for _ in range(200):
            try:
                client.ping()
                break
            except redis.RedisError:
                time.sleep(0.02)
        client.close()

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    made = RedisServer(tmp_path)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def inside(app: Flask) -> Iterator[Flask]:
    with app.app_context():
        yield app


@pytest.fixture
def shared(inside: Flask, server: RedisServer) -> Iterator[SharedCounts]:
    """The application with a Redis of its own."""
    kept = inside.extensions["shared_counts"]
    inside.extensions["shared_counts"] = made = SharedCounts(server.url)
    yield made
    if made._client is not None:
        made._client.close()
    inside.extensions["shared_counts"] = kept


def rows() -> int:
    with reading() as session:
        return session.scalar(select(func.count()).select_from(LimitCount)) or 0


def admitted(app: Flask, tries: int, limit: int, key: str = "one", threads: int = 8) -> int:
    """Return how many of many tries, spread over threads, are let through."""
    passed, failed = [], list[BaseException]()
    ready = threading.Barrier(threads)

    def run() -> None:
        with app.app_context():
            ready.wait(10)
            for _ in range(tries // threads):
                try:
                    limits.count("test", key, limit, WINDOW)
                    passed.append(key)
                except TooMany:
                    continue
                except BaseException as error:  # noqa: BLE001  told below
                    failed.append(error)

    started = [threading.Thread(target=run) for _ in range(threads)]
    with time_machine.travel(START, tick=False):
        for thread in started:
            thread.start()
        for thread in started:
            thread.join(60)
    assert failed == []
    return len(passed)


# ---------------------------------------------------------------------- in the database
def test_exactly_the_limit_passes_however_many_ask_at_once(inside: Flask) -> None:
    assert admitted(inside, 80, 13) == 13
    assert admitted(inside, 80, 13) == 0
    assert admitted(inside, 16, 13, key="another") == 13


def test_a_refusal_says_how_long_the_window_still_runs(inside: Flask) -> None:
    with time_machine.travel(START + timedelta(seconds=100), tick=False):
        limits.count("test", "one", 1, WINDOW)
        with pytest.raises(TooMany) as caught:
            limits.count("test", "one", 1, WINDOW)
        assert caught.value.retry_after == 500
        with pytest.raises(TooMany) as caught:
            limits.check("test", "one", 1, WINDOW)
        assert caught.value.retry_after == 500


def test_in_the_next_window_it_begins_anew(inside: Flask) -> None:
    with time_machine.travel(START, tick=False) as traveller:
        limits.count("test", "one", 1, WINDOW)
        traveller.shift(WINDOW)
        limits.count("test", "one", 1, WINDOW)


def test_scopes_and_keys_have_counts_of_their_own(inside: Flask) -> None:
    with time_machine.travel(START, tick=False):
        for scope, key in (("a", "bc"), ("ab", "c"), ("a", "b"), ("a\0b", "c")):
            limits.count(scope, key, 1, WINDOW)


def test_looking_does_not_count(inside: Flask) -> None:
    with time_machine.travel(START, tick=False):
        for _ in range(5):
            limits.check("test", "one", 1, WINDOW)
        assert rows() == 0
        limits.count("test", "one", 1, WINDOW)
        with pytest.raises(TooMany):
            limits.check("test", "one", 1, WINDOW)


def test_a_hit_given_back_makes_room_for_one(inside: Flask) -> None:
    with time_machine.travel(START, tick=False):
        limits.count("test", "one", 1, WINDOW)
        limits.give_back("test", "one", WINDOW)
        limits.count("test", "one", 1, WINDOW)
        with pytest.raises(TooMany):
            limits.count("test", "one", 1, WINDOW)


def test_a_hit_given_back_in_a_later_window_makes_no_room_there(inside: Flask) -> None:
    with time_machine.travel(START, tick=False) as traveller:
        limits.count("test", "one", 1, WINDOW)
        traveller.shift(WINDOW)
        limits.give_back("test", "one", WINDOW)
        limits.count("test", "one", 1, WINDOW)
        with pytest.raises(TooMany):
            limits.count("test", "one", 1, WINDOW)


def test_a_count_stands_although_its_request_is_refused(inside: Flask) -> None:
    with time_machine.travel(START, tick=False):
        for _ in range(3):
            with pytest.raises(TooMany):
                limits.count("test", "one", 0, WINDOW)
            no_transaction()
        with reading() as session:
            assert session.scalar(select(LimitCount.hits)) == 3


def test_the_database_keeps_neither_phones_nor_addresses(inside: Flask) -> None:
    limits.count("sms", "13800000001", 5, WINDOW)
    with reading() as session:
        (row,) = session.scalars(select(LimitCount)).all()
    assert "13800000001" not in row.subject
    assert len(row.subject) == 64


def test_past_windows_are_forgotten_and_present_ones_kept(inside: Flask) -> None:
    with time_machine.travel(START, tick=False):
        limits.count("test", "old", 5, WINDOW)
        limits.count("test", "long", 5, 10 * WINDOW)
    forget_past(START + timedelta(seconds=WINDOW))
    assert rows() == 1


def test_a_factor_stretches_every_limit_for_load_tests(
    build: Callable[..., Flask], world: World
) -> None:
    stretched = build(limits_factor=2.5)
    with stretched.app_context(), time_machine.travel(START, tick=False):
        for _ in range(5):
            limits.count("test", "one", 2, WINDOW)
        with pytest.raises(TooMany):
            limits.count("test", "one", 2, WINDOW)
    assert world


# ---------------------------------------------------------------------- in Redis
@pytest.mark.usefixtures("shared")
def test_with_redis_exactly_the_limit_passes_and_the_database_is_left_alone(inside: Flask) -> None:
    assert admitted(inside, 80, 13) == 13
    assert rows() == 0


@pytest.mark.usefixtures("shared")
def test_with_redis_looking_giving_back_and_refusing_are_the_same(inside: Flask) -> None:
    with time_machine.travel(START, tick=False) as traveller:
        limits.check("test", "one", 1, WINDOW)
        limits.count("test", "one", 1, WINDOW)
        with pytest.raises(TooMany) as caught:
            limits.check("test", "one", 1, WINDOW)
        assert caught.value.retry_after == WINDOW
        limits.give_back("test", "one", WINDOW)
        limits.count("test", "one", 1, WINDOW)
        traveller.shift(WINDOW)
        limits.give_back("test", "one", WINDOW)
        limits.count("test", "one", 1, WINDOW)
        with pytest.raises(TooMany):
            limits.count("test", "one", 1, WINDOW)
    assert rows() == 0


def test_two_processes_share_their_counts(
    inside: Flask, shared: SharedCounts, server: RedisServer
) -> None:
    assert admitted(inside, 8, 10) == 8
    inside.extensions["shared_counts"] = other = SharedCounts(server.url)
    assert admitted(inside, 8, 10) == 2
    assert other._client is not None
    other._client.close()
    assert shared.answers()


def test_what_redis_keeps_ends_by_itself_and_names_nobody(
    inside: Flask, shared: SharedCounts
) -> None:
    limits.count("sms", "13800000001", 5, WINDOW)
    client = shared._client
    assert client is not None
    (name,) = client.keys("*")  # type: ignore[misc]
    assert b"13800000001" not in name
    assert 0 < client.ttl(name) <= WINDOW  # type: ignore[operator]


# ---------------------------------------------------------------------- while Redis is away
@pytest.mark.usefixtures("shared")
def test_when_redis_is_gone_the_database_still_limits(inside: Flask, server: RedisServer) -> None:
    server.stop()
    began = time.monotonic()
    assert admitted(inside, 40, 5) == 5
    assert rows() == 1
    assert time.monotonic() - began < 5


def test_a_redis_that_hangs_costs_its_timeout_once_and_not_for_each_request(
    inside: Flask, shared: SharedCounts, server: RedisServer
) -> None:
    limits.count("test", "warm", 100, WINDOW)
    server.signal(signal.SIGSTOP)
    try:
        assert timed(lambda: shared.ask(lambda client: client.ping())) < sharing.TIMEOUT + 0.2
        each = [timed(lambda: shared.ask(lambda client: client.ping())) for _ in range(50)]
        assert max(each) < 0.1
        limits.count("test", "one", 1, WINDOW)
        with pytest.raises(TooMany):
            limits.count("test", "one", 1, WINDOW)
    finally:
        server.signal(signal.SIGCONT)


def timed(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def test_after_the_pause_one_request_tries_and_the_others_still_pass_by(
    shared: SharedCounts, server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "PAUSE", 0.2)
    asked: list[int] = []

    def ask() -> object:
        return shared.ask(lambda client: (asked.append(1), client.ping())[1])

    server.stop()
    assert ask() is None
    assert [ask() for _ in range(5)] == [None] * 5
    assert len(asked) == 1
    time.sleep(0.25)
    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(asked) == 2


def test_redis_is_used_again_once_it_is_back(
    shared: SharedCounts, server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "PAUSE", 0.1)
    server.stop()
    limits.count("test", "one", 5, WINDOW)
    assert rows() == 1
    assert not shared.answers()
    server.start()
    time.sleep(0.15)
    limits.count("test", "two", 5, WINDOW)
    assert rows() == 1
    assert shared.answers()
    assert shared.ask(lambda client: client.ping()) is True


def test_without_redis_nobody_is_asked() -> None:
    none = SharedCounts(None)
    assert none.ask(lambda _client: pytest.fail("asked")) is None
    assert none.answers()
