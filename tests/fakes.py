"""Working stand-ins for the servers that we ask; each keeps a list of what it was asked."""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pytest
from flask import Flask

from core.database import no_transaction
from core.gateways import Gateways, Proof, WeChatSession
from core.gateways.miniprograms import WeChatCodeInvalid
from core.gateways.providers import TicketInvalid
from core.gateways.textmessages import SmsUnavailable


@dataclass
class FakeWeChat:
    """Knows people by app and code; a code works once, as WeChat's do, unless it is `lasting`."""

    people: dict[tuple[str, str], WeChatSession] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    lasting: bool = False
    together: threading.Barrier | None = None

    def knows(self, app: str, code: str, open_id: str, union_id: str | None = None) -> None:
        self.people[app, code] = WeChatSession(f"wx-{app}", open_id, union_id)

    def code_to_session(self, app: str, code: str) -> WeChatSession:
        no_transaction()
        self.asked.append((app, code))
        if self.together:
            self.together.wait(10)
        found = self.people.get((app, code)) if self.lasting else self.people.pop((app, code), None)
        if found is None:
            raise WeChatCodeInvalid
        return found


@dataclass
class FakeSms:
    """Keeps every message; `away` refuses them."""

    sent: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    away: bool = False

    def send(self, phone: str, template: str, parameters: Mapping[str, str]) -> None:
        no_transaction()
        if self.away:
            raise SmsUnavailable
        self.sent.append((phone, template, dict(parameters)))

    def code(self, phone: str) -> str:
        """Return the last code that the phone received."""
        return next(sent["code"] for to, _, sent in reversed(self.sent) if to == phone)


@dataclass
class FakeIdentity:
    """Knows people by ticket, each good for one use."""

    people: dict[str, Proof] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def subject_of(self, provider: str, ticket: str) -> Proof:
        no_transaction()
        self.asked.append((provider, ticket))
        if ticket not in self.people:
            raise TicketInvalid
        return self.people.pop(ticket)


@pytest.fixture
def doubles(app: Flask) -> Iterator[Gateways]:
    before = app.extensions["gateways"]
    app.extensions["gateways"] = Gateways(FakeWeChat(), FakeSms(), FakeIdentity())
    yield app.extensions["gateways"]
    app.extensions["gateways"] = before


@pytest.fixture
def wechat(doubles: Gateways) -> FakeWeChat:
    assert isinstance(doubles.wechat, FakeWeChat)
    return doubles.wechat


@pytest.fixture
def sms(doubles: Gateways) -> FakeSms:
    assert isinstance(doubles.sms, FakeSms)
    return doubles.sms


@pytest.fixture
def identity(doubles: Gateways) -> FakeIdentity:
    assert isinstance(doubles.identity, FakeIdentity)
    return doubles.identity
