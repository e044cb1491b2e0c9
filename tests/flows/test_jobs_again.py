"""Background jobs run twice, in reverse order, and cut off at any commit have one effect (R8)."""

import itertools
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from citizen.models import Report
from core import outbox, worker
from core.audit import AuditEvent
from core.clock import now as present
from core.database import db, reading
from core.outbox import OutboxMessage
from core.worker import Job
from media.models import ContentCheck, Photo, Variant
from media.objects import new_key, object_name
from tests.moderation.desk import Desk, objects
from tests.moderation.office import OTHER, REPORTER, Office

START = datetime.fromisoformat("2027-03-01T10:00:00+08:00")
LATER = START + timedelta(days=30)
THIRD = "13800000003"


class Killed(BaseException):
    """The power went."""


@dataclass
class Checker:
    """Takes every question about a photo and never answers."""

    asks: bool = True
    asked: list[str] = field(default_factory=list)

    def submit(self, url: str) -> str:
        self.asked.append(url)
        return f"trace-{len(self.asked)}"


@pytest.fixture
def checker(app: Flask) -> Iterator[Checker]:
    before, made = app.extensions["gateways"], Checker()
    app.extensions["gateways"] = replace(before, content=made)
    yield made
    app.extensions["gateways"] = before


@pytest.fixture
def due(app: Flask, checker: Checker) -> Flask:
    """An application where a month later something is due for every job of these rooms."""
    office = Office(app)
    with time_machine.travel(START, tick=False):
        asked = office.case("ask")
        follower = office.case(reporter=OTHER)
        office.case("accept", "ask")
        assert office.act("dispatcher", follower, "merge", {"into": asked}).status_code == 200
        for phone in (REPORTER, OTHER):
            office(phone).upload()  # nothing will use it
        number = office.case(reporter=THIRD)
        Desk(office, number, office.seen(number)["media"][0]["id"]).publish()
        with app.app_context():
            assert worker.deliver(present()) == 1
        office.case("accept", "dispatch", "sign", reporter=THIRD)
        _orphan(app)
    assert len(checker.asked) == 1
    return app


def _orphan(app: Flask) -> None:
    store, name = app.extensions["photo_store"], object_name(new_key(), Variant.THUMB)
    (store.root / name).parent.mkdir(parents=True, exist_ok=True)
    (store.root / name).write_bytes(b"x")
    os.utime(store.root / name, (START.timestamp(), START.timestamp()))


def jobs_of(app: Flask) -> list[Job]:
    everything: Sequence[Job] = (*worker.JOBS, *app.extensions["jobs"])
    return [*everything, Job("deliver", 1, worker.deliver)]


def run(app: Flask, *jobs: Job, at: datetime = LATER) -> None:
    with app.app_context(), time_machine.travel(at, tick=False):
        for job in jobs:
            try:
                job.run(present())
            finally:
                db.session.remove()


def killed_at(
    app: Flask,
    monkeypatch: pytest.MonkeyPatch,
    turn: int,
    moment: str,
    jobs: Sequence[Job],
) -> bool:
    """Run all jobs until the commit of that number; say whether there was one."""
    commit, left = Session.commit, itertools.count(turn - 1, -1)

    def cut(session: Session) -> None:
        last = next(left) == 0
        if last and moment == "before":
            raise Killed
        commit(session)
        if last:
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Session, "commit", cut)
        try:
            run(app, *jobs)
        except Killed:
            return True
    return False


def facts(app: Flask) -> dict[str, Any]:
    """Return all that jobs may leave behind: each case's steps, rows of every table, files."""
    told: dict[str, Any] = {"files": len(objects(app))}
    with app.app_context(), reading() as session:
        for name, table in db.metadata.tables.items():
            told[name] = session.scalar(select(func.count()).select_from(table))
        events = session.execute(select(AuditEvent.action, AuditEvent.subject_id))
        told["trail"] = Counter(tuple(row) for row in events)
        checks = select(ContentCheck.attempts, ContentCheck.state).order_by(ContentCheck.id)
        told["checks"] = [tuple(row) for row in session.execute(checks)]
        told["words"] = Counter(map(_word, session.scalars(select(OutboxMessage))))
        told["photos"] = session.scalar(select(func.count()).select_from(Photo))
        told["cases"] = session.execute(
            select(Report.status, Report.version, Report.followers).order_by(Report.id)
        ).all()
    return told


def _word(message: OutboxMessage) -> tuple[Any, Any]:
    """Return about which case and step a message is, or about what else."""
    names = (message.id, message.public_id, message.topic, message.payload_ciphertext, 0)
    said = outbox.opened(outbox.Due(*names))
    return said.get("number", message.topic), said.get("action", said.get("level"))


def check(app: Flask) -> None:
    """Each thing that was due happened once, and the books hold."""
    told = facts(app)
    assert [tuple(case) for case in told["cases"]] == [
        ("declined", 3, 1),
        ("merged", 2, 0),
        ("declined", 4, 0),
        ("submitted", 1, 0),
        ("handling", 4, 0),
    ]
    assert told["checks"] == [(1, "failed"), (2, "pending")]
    assert told["files"] == 3 * told["photos"] == 3 * 5  # what nothing used has gone
    lapsed = [count for (action, _), count in told["trail"].items() if action == "case.lapse"]
    assert lapsed == [1, 1]
    told_of = [count for (_, action), count in told["words"].items() if action == "lapse"]
    assert told_of == [1, 1]
    run(app, *worker.JOBS)
    with time_machine.travel(LATER, tick=False):
        for command in (["ledger", "check"], ["audit", "check"]):
            result = app.test_cli_runner().invoke(args=command)
            assert result.exit_code == 0, result.output


@pytest.mark.parametrize("world", ["sqlite"], indirect=True)
@pytest.mark.parametrize("order", [1, -1])
def test_every_job_twice_and_in_either_order_has_one_effect(due: Flask, order: int) -> None:
    jobs = jobs_of(due)[::order]
    run(due, *jobs, *jobs)
    once = facts(due)
    run(due, *jobs[::-1], *jobs)
    assert facts(due) == once
    check(due)


@pytest.mark.parametrize(
    ("world", "moment"), [("sqlite", "before"), ("postgresql", "after")], indirect=["world"]
)
def test_a_worker_that_is_killed_at_any_commit_resumes_and_does_nothing_twice(
    due: Flask, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """At the first commit, then at the second of what is left, and so on to the end."""
    jobs = jobs_of(due)
    turns = itertools.takewhile(
        lambda turn: killed_at(due, monkeypatch, turn, moment, jobs), itertools.count(1)
    )
    assert len(list(turns)) > 10
    for ahead in range(1, 4):  # what was leased as the power went comes back
        run(due, jobs[-1], at=LATER + ahead * timedelta(minutes=3))
    run(due, *jobs)
    check(due)
