"""Facts reach everyone who listens, in order, in one transaction; ports give their bodies."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import pytest
from flask import Flask
from sqlalchemy import select

from core import events
from core.clock import now
from core.database import reading, writing
from core.limits import LimitCount


@dataclass(frozen=True)
class Happened:
    number: int


@dataclass(frozen=True)
class Undeclared:
    number: int


class Answers(Protocol):
    def __call__(self) -> str: ...


@pytest.fixture
def heard() -> list[str]:
    return []


@pytest.fixture
def room(heard: list[str]) -> Iterator[Flask]:
    made = Flask("room")
    listeners = (
        lambda event: heard.append(f"first {event.number}"),
        lambda event: heard.append(f"second {event.number}"),
    )
    events.connect(made, {Happened: listeners}, {Answers: lambda: "answer"})
    with made.app_context():
        yield made


@pytest.mark.usefixtures("room")
def test_listeners_are_called_in_order_each_time(heard: list[str]) -> None:
    events.announce(Happened(1))
    events.announce(Happened(2))
    assert heard == ["first 1", "second 1", "first 2", "second 2"]


@pytest.mark.usefixtures("room")
def test_a_fact_that_was_never_declared_is_an_error_and_no_silence() -> None:
    with pytest.raises(LookupError):
        events.announce(Undeclared(1))


def test_a_listener_that_fails_stops_the_ones_after_it(room: Flask, heard: list[str]) -> None:
    def fail(_event: object) -> None:
        raise ArithmeticError

    events.connect(room, {Happened: (fail, lambda event: heard.append("late"))}, {})
    with pytest.raises(ArithmeticError):
        events.announce(Happened(1))
    assert heard == []


@pytest.mark.usefixtures("room")
def test_a_port_gives_its_body_and_an_empty_one_says_so() -> None:
    assert events.port(Answers)() == "answer"
    with pytest.raises(LookupError):
        events.port(Undeclared)


def test_a_fact_whose_effect_fails_never_happened(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_event: object) -> None:
        raise ArithmeticError

    def work() -> None:
        with writing() as session:
            session.add(LimitCount(subject="cause", window=0, hits=1, expires_at=now()))
            session.flush()
            events.announce(Happened(1))

    monkeypatch.setitem(app.extensions["listeners"], Happened, (fail,))
    with app.app_context(), pytest.raises(ArithmeticError):
        work()
    with app.app_context(), reading() as session:
        assert session.scalar(select(LimitCount.hits)) is None
