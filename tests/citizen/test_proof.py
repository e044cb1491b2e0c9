"""Every step of a case is proved by its audit row: tested by breaking one or the other."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from citizen import proof
from citizen.models import Report
from core.audit import AuditEvent
from core.clock import now
from core.database import db, reading, snapshot
from core.worker import seal_audit
from tests.moderation.office import CLOSED, OTHER, Office

STEP = "report_id = (SELECT id FROM reports WHERE number = :number) AND version = 3"
TRACE = "subject_id = :number AND action = 'case.verify'"

COLUMNS = "report_id, at, action, source, target, actor_id, actor_role, note, changes"
COPY = f"SELECT 99, {COLUMNS} FROM report_history WHERE {STEP}"
BREAKS = [
    (f"DELETE FROM audit_events WHERE {TRACE}", "step 3: it has 0 audit rows"),
    (f"UPDATE audit_events SET action = 'case.accept' WHERE {TRACE}", "tells it otherwise"),
    (f"UPDATE audit_events SET actor_id = 1 WHERE {TRACE}", "tells it otherwise"),
    (f"UPDATE audit_events SET actor_role = 'auditor' WHERE {TRACE}", "dispatcher may not ver"),
    (f"UPDATE audit_events SET subject_id = 'x' WHERE {TRACE}", "its case is gone"),
    (f"UPDATE report_history SET note = 'another' WHERE {STEP}", "tells it otherwise"),
    (f"UPDATE report_history SET department = 'epb' WHERE {STEP}", "tells it otherwise"),
    (f"UPDATE report_history SET changes = '{{}}' WHERE {STEP}", "tells it otherwise"),
    (f"UPDATE report_history SET target = 'closed' WHERE {STEP}", "tells it otherwise"),
    (f"UPDATE report_history SET actor_id = 1 WHERE {STEP}", "tells it otherwise"),
    (f"UPDATE report_history SET actor_role = 'handler' WHERE {STEP}", "handler may not ver"),
    (f"DELETE FROM report_history WHERE {STEP}", "tells of a step that is not there"),
    (f"DELETE FROM report_history WHERE {STEP}", "its steps are [1, 2, 4, 5, 6, 7]"),
    ("UPDATE reports SET status = 'closed' WHERE number = :number", "its last step led to"),
    ("UPDATE reports SET version = 9 WHERE number = :number", "its version is 9"),
    ("DELETE FROM reports WHERE number = :number", "its case is gone"),
    (f"INSERT INTO report_history (version, {COLUMNS}) {COPY}", "step 99: it has 0 audit rows"),
]


@pytest.fixture
def office(app: Flask) -> Office:
    return Office(app)


@pytest.fixture
def number(office: Office) -> str:
    """A case with steps of many kinds, beside others that are left alone."""
    office.case("ask", "answer", "accept", reporter=OTHER)
    office.take(office.case("merge"), "unmerge")
    return office.case("accept", "verify", "dispatch", "sign", "extend", "grant")


@pytest.fixture
def unguarded(office: Office) -> Iterator[Session]:
    """A unit of work without triggers and references, rolled back at the end."""
    with office.app.app_context():
        session = db.session()
        connection = session.connection(execution_options={"write": True})
        if connection.dialect.name == "sqlite":
            names = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
            for name in connection.execute(text(names)).scalars().all():
                connection.exec_driver_sql(f'DROP TRIGGER "{name}"')
            connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        else:
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        yield session
        session.rollback()


def test_what_offices_do_holds_and_the_command_says_so(office: Office, number: str) -> None:
    office.take(number, "resolve", "verify", "appeal", "grant_appeal")
    office.case("decline", "appeal", "reject_appeal")
    office.case("withdraw")
    office.take(office.case(*CLOSED[:-1]), "rework")
    with office.app.app_context():
        seal_audit(now())
    found = office.app.test_cli_runner().invoke(args=["audit", "check"])
    assert (found.exit_code, found.output.startswith("audit trail holds: ")) == (0, True), (
        found.output
    )


def test_what_is_changed_without_the_key_is_found(number: str, unguarded: Session) -> None:
    assert list(proof.steps(unguarded)) == []
    for statement, words in BREAKS:
        with unguarded.begin_nested() as broken:
            done: Any = unguarded.execute(text(statement), {"number": number})
            assert done.rowcount == 1, statement
            found = list(proof.steps(unguarded))
            assert [finding for finding in found if words in finding], (statement, found)
            assert len(found) <= (7 if statement.startswith("DELETE FROM reports") else 2), found
            broken.rollback()
    assert list(proof.steps(unguarded)) == []


def test_the_command_prints_what_is_broken_and_fails(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(office.app.extensions, "proofs", [lambda _session: iter(["a step fell"])])
    found = office.app.test_cli_runner().invoke(args=["audit", "check"])
    assert (found.exit_code, "a step fell" in found.output) == (1, True)


def test_memory_holds_one_batch_of_cases_whatever_their_number(
    office: Office, statements: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        office.case()
    sizes: list[int] = []
    compare = proof._taken
    monkeypatch.setattr(
        proof, "_taken", lambda session, ids: sizes.append(len(ids)) or compare(session, ids)
    )
    monkeypatch.setattr(proof, "BATCH", 2)
    with office.app.app_context(), statements() as found, reading() as session:
        assert list(proof.steps(session)) == []
    assert sizes == [2, 2, 1]
    assert len(found.seen) == 3 * 3 + 2


def test_a_step_taken_while_the_proof_reads_is_no_finding(office: Office) -> None:
    office.case()
    number = office.case()
    act = threading.Thread(target=office.take, args=(number, "accept"))
    with office.app.app_context(), snapshot() as session:
        assert session.scalar(select(func.count()).select_from(AuditEvent))  # the moment looked at
        act.start()
        act.join()
        assert list(proof.steps(session)) == []
        seen = session.scalar(select(Report.version).where(Report.number == number))
    assert (seen, office.seen(number)["version"]) == (1, 2)
