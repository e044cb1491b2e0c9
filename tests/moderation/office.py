"""An office at work: cases brought to where a test begins, over HTTP, by the demo set's people."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import time_machine
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from core.clock import now
from core.crypto import blind_index
from core.database import writing
from core.permissions import Role
from moderation import staff
from tests.clients import Api, account_named

REPORTER, OTHER = "13800000001", "13800000002"
TRUE: dict[str, Any] = {"verdict": "substantiated", "severity": 2}
FALSE: dict[str, Any] = {"verdict": "unsubstantiated"}
WHY: dict[str, Any] = {"reason": "现场核实后的决定"}
Step = tuple[str, str, Any]


@dataclass
class Office:
    """Signed-in people by name; each signs in once."""

    app: Flask
    people: dict[str, Api] = field(default_factory=dict)

    def __call__(self, name: str) -> Api:
        if name not in self.people:
            self.people[name] = Api.signed_in(self.app, name)
        return self.people[name]

    def case(self, *steps: str, reporter: str = REPORTER, **report: Any) -> str:
        """Submit a report and take it through the named steps; return its number."""
        number: str = self(reporter).report(**report)["number"]
        self.take(number, *steps, reporter=reporter)
        return number

    def take(self, number: str, *steps: str, reporter: str = REPORTER) -> None:
        for step in steps:
            answer = STEPS[step](self, number, reporter)
            assert answer.status_code == 200, (step, answer.get_data(as_text=True))

    def seen(self, number: str, by: str = "dispatcher") -> dict[str, Any]:
        answer = self(by).get(f"/cases/{number}")
        assert answer.status_code == 200, answer.get_data(as_text=True)
        found: dict[str, Any] = answer.get_json()
        return found

    def status(self, number: str) -> str:
        found: str = self.seen(number)["status"]
        return found

    def history(self, number: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (
            self("dispatcher").get(f"/cases/{number}/history").get_json()["items"]
        )
        return found

    def points(self, phone: str = REPORTER) -> dict[str, Any]:
        found: dict[str, Any] = self(phone).get("/me/points").get_json()
        return found

    def own(self, number: str, phone: str = REPORTER) -> dict[str, Any]:
        answer = self(phone).get(f"/reports/{number}")
        assert answer.status_code == 200, answer.get_data(as_text=True)
        found: dict[str, Any] = answer.get_json()
        return found

    def act(self, by: str, number: str, action: str, body: Any = None) -> TestResponse:
        """Act as a member of staff, with the version that the dispatcher sees."""
        match = self("dispatcher").get(f"/cases/{number}").headers["ETag"]
        return self(by).act(number, action, body, match=match)

    def hire(
        self, username: str, *roles: Role, department: str | None = None, areas: Any = ()
    ) -> Api:
        """Add a member of staff to the demo set."""
        post = staff.Post(frozenset(roles), department, frozenset(areas))
        with self.app.app_context(), writing() as session:
            staff.hire(session, username, "no password", post, now=now())
        return self(username)

    def lend_phone(self, username: str, phone: str) -> None:
        """Confirm a phone for a member of staff, as the SMS code would."""
        with self.app.app_context():
            account = account_named(username)
            with writing() as session:
                profile = session.get_one(staff.StaffProfile, account.id)
                profile.phone_index = blind_index(phone, "phone")

    def public_id(self, name: str) -> str:
        with self.app.app_context():
            return account_named(name).public_id

    def rows(self, *wanted: Any) -> list[Any]:
        """Return what a select finds in the database, in the order of the first table's keys."""
        found = select(*wanted)
        first = found.get_final_froms()[0]
        with self.app.app_context(), writing() as session:
            return list(session.execute(found.order_by(*first.primary_key)).all())  # type: ignore[attr-defined]

    def account_id(self, name: str) -> int:
        with self.app.app_context():
            return int(account_named(name).id)


def shanghai(moment: str) -> datetime:
    """`"03-02 10:00"` of 2026."""
    return datetime.fromisoformat(f"2026-{moment.replace(' ', 'T')}:00+08:00")


@contextmanager
def on(office: Office, moment: str) -> Iterator[None]:
    """Be at a moment of 2026; who was signed in before is not any more."""
    with time_machine.travel(shanghai(moment), tick=False):
        office.people.clear()
        yield


def later(case: dict[str, Any], **passed: float) -> str:
    """Return an instant after the due time of a case, as JSON holds it."""
    moment: str = (datetime.fromisoformat(case["due_at"]) + timedelta(**passed)).isoformat()
    return moment


def _dispatched(office: Office, number: str, _reporter: str) -> TestResponse:
    return office.act("dispatcher", number, "dispatch", {"department": "epb"})


def _resolved(office: Office, number: str, _reporter: str) -> TestResponse:
    body = {
        "finding": "已现场核实",
        "measures": "已责令整改",
        "media": [office("handler-epb").upload()],
    }
    return office.act("handler-epb", number, "resolve", body)


def _asked_for_time(office: Office, number: str, _reporter: str) -> TestResponse:
    body = {**WHY, "due_at": later(office.seen(number), days=1)}
    return office.act("handler-epb", number, "extend", body)


def _parked(office: Office, number: str, _reporter: str) -> TestResponse:
    day = (now() + timedelta(days=20)).date().isoformat()
    return office.act("dispatcher", number, "park", {**WHY, "review_on": day})


def _merged(office: Office, number: str, _reporter: str) -> TestResponse:
    into = office.case(reporter=OTHER)
    return office.act("dispatcher", number, "merge", {"into": into})


def _staff(by: str, action: str, body: Any = None) -> Callable[[Office, str, str], TestResponse]:
    return lambda office, number, _reporter: office.act(by, number, action, body)


def _resident(action: str, body: Any = None) -> Callable[[Office, str, str], TestResponse]:
    return lambda office, number, reporter: office(reporter).post(
        f"/reports/{number}/{action}", body
    )


STEPS: dict[str, Callable[[Office, str, str], TestResponse]] = {
    "accept": _staff("dispatcher", "accept"),
    "decline": _staff("dispatcher", "decline", {"reason": "insufficient"}),
    "ask": _staff("dispatcher", "request_info", {"question": "具体在哪个路口？"}),
    "answer": _resident("supplement", {"text": "在桥东侧"}),
    "verify": _staff("dispatcher", "verify", TRUE),
    "refute": _staff("dispatcher", "verify", FALSE),
    "dispatch": _dispatched,
    "sign": _staff("handler-epb", "sign"),
    "extend": _asked_for_time,
    "grant": _staff("dispatcher", "grant_extension", {}),
    "park": _parked,
    "unpark": _staff("dispatcher", "unpark"),
    "resolve": _resolved,
    "rework": _staff("dispatcher", "rework", WHY),
    "return": _staff("handler-epb", "return", WHY),
    "merge": _merged,
    "unmerge": _staff("dispatcher", "unmerge", WHY),
    "withdraw": _resident("withdraw"),
    "appeal": _resident("appeal", WHY),
    "grant_appeal": _staff("reviewer", "grant_appeal", WHY),
    "reject_appeal": _staff("reviewer", "reject_appeal", WHY),
}
CLOSED = ("accept", "verify", "dispatch", "sign", "resolve", "verify")
HANDLING = ("accept", "dispatch", "sign")
MONDAY = "03-02 10:00"  # of 2026; no holiday before the 4th of April


def problem(answer: TestResponse) -> tuple[int, str]:
    """Return status and code of an error."""
    return answer.status_code, answer.get_json()["code"]
