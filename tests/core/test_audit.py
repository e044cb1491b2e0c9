"""The trail is sealed within a second, at any size, and whatever is done to it afterwards shows."""

import contextlib
import dataclasses
import sqlite3
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select, text

from core import audit, worker
from core.audit import FIRST, AuditEvent, AuditSeal
from core.clock import now
from core.database import db, reading, writing
from core.permissions import Kind, Role
from core.settings import Key
from core.tokens import Caller
from tests.conftest import World

AT = datetime(2026, 3, 1, 7, 30, 15, 123456, tzinfo=UTC)
STAFF = Caller(7, "a" * 32, Kind.STAFF, frozenset({Role.REVIEWER, Role.AUDITOR}), 1)


@pytest.fixture
def trail(app: Flask) -> Iterator[Flask]:
    """The application with all sealed that the demo set left, inside its context."""
    with app.app_context():
        worker.seal_audit(now())
        yield app


def write(count: int = 1, *, at: datetime | None = None, **changes: Any) -> None:
    row: dict[str, Any] = {"actor": STAFF, "subject": ("case", "3708-261125-7K3M9Q-4"), **changes}
    with writing():
        for number in range(count):
            audit.record("case.accepted", details={"number": number}, at=at or AT, **row)


def findings(moment: datetime = AT) -> list[str]:
    with reading() as session:
        return list(audit.check(session, moment))


def counts() -> tuple[int, int]:
    with reading() as session:
        return audit.counts(session)


def seal() -> int:
    return worker.seal_audit(now())


def last_events(count: int) -> list[int]:
    with reading() as session:
        wanted = select(AuditEvent.id).order_by(AuditEvent.id.desc()).limit(count)
        return sorted(session.scalars(wanted))


def tamper(*statements: str) -> None:
    """Change the database as its owner could: triggers and references are switched off."""
    if db.engine.dialect.name == "postgresql":
        with db.engine.begin() as owner:
            for statement in ("SET LOCAL session_replication_role = replica", *statements):
                owner.execute(text(statement))
        return
    path = db.engine.url.database
    assert path is not None
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as owner_of_file:
        found = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'audit_%'"
        for (name,) in owner_of_file.execute(found).fetchall():
            owner_of_file.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            owner_of_file.execute(statement)


def unsealed() -> int:
    with reading() as session:
        found: int = session.scalars(audit._unsealed(AuditEvent.id, 0)).one()
    return found


# ---------------------------------------------------------------------- rows
def test_a_row_tells_who_did_what_to_what_and_as_whom(trail: Flask) -> None:
    write()
    with reading() as session:
        row = session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc()).limit(1)).one()
    assert (row.action, row.subject_kind, row.actor_id) == ("case.accepted", "case", 7)
    assert (row.actor_role, row.at, row.details) == ("auditor,reviewer", AT, {"number": 0})


def test_without_an_actor_it_was_the_system(trail: Flask) -> None:
    write(actor=None)
    with reading() as session:
        row = session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc()).limit(1)).one()
    assert (row.actor_id, row.actor_role) == (None, "system")


def test_a_row_goes_with_the_unit_of_work_that_it_tells_of(trail: Flask) -> None:
    def fail() -> None:
        with writing():
            audit.record("case.accepted", actor=None, subject=("case", "x"))
            raise LookupError

    before = counts()
    with pytest.raises(LookupError):
        fail()
    assert counts() == before


@pytest.mark.parametrize(
    "details",
    [
        {},
        {"text": "排污口 😀", "n": 2**53, "deep": {"list": [1, "a", None, True]}},
        {"ratio": 0.1, "whole": 1.0, "negative": -5},
    ],
)
def test_a_row_read_back_has_the_code_it_was_written_with(
    trail: Flask, details: dict[str, Any]
) -> None:
    for at in (AT, AT.replace(microsecond=0), AT.astimezone(timezone(timedelta(hours=8)))):
        with writing():
            audit.record("x.y", actor=STAFF, subject=("a", "b"), details=details, at=at)
    seal()
    assert findings() == []


# ---------------------------------------------------------------------- seals
def test_every_row_gets_one_seal_in_order_and_the_chain_begins_at_zero(trail: Flask) -> None:
    write(25)
    assert seal() == 25
    assert seal() == 0
    with reading() as session:
        seals = session.scalars(select(AuditSeal).order_by(AuditSeal.seq)).all()
    assert [found.seq for found in seals] == list(range(1, len(seals) + 1))
    assert [found.previous for found in seals] == [FIRST, *(found.hash for found in seals[:-1])]
    assert [found.event_id for found in seals] == sorted(found.event_id for found in seals)
    assert findings() == []


def test_a_backlog_of_many_batches_is_sealed_at_one_turn(
    trail: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "BATCH", 10)
    write(35)
    assert seal() == 35
    assert findings() == []


def test_two_sealers_at_once_seal_every_row_once(trail: Flask) -> None:
    write(300)
    ready, sealed, failed = threading.Barrier(4), list[int](), list[BaseException]()

    def run() -> None:
        with trail.app_context():
            ready.wait(10)
            try:
                sealed.append(seal())
            except BaseException as error:  # noqa: BLE001  told below
                failed.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    assert sum(sealed) == 300
    assert findings() == []


def test_a_row_that_is_committed_late_is_sealed_all_the_same(trail: Flask) -> None:
    """Ids are dealt at insert: one may appear behind others that are sealed already."""
    write()
    early = unsealed()
    tamper(f"UPDATE audit_events SET id = {early + 50} WHERE id = {early}")
    assert seal() == 1
    write()
    tamper(f"UPDATE audit_events SET id = {early} WHERE id = {unsealed()}")
    assert seal() == 1
    assert findings() == []


def test_what_comes_too_late_for_the_quick_look_is_found_by_the_slow_one(trail: Flask) -> None:
    write()
    early = unsealed()
    tamper(f"UPDATE audit_events SET id = {early + audit.LATE} WHERE id = {early}")
    assert seal() == 1
    write()
    tamper(f"UPDATE audit_events SET id = {early} WHERE id = {unsealed()}")
    assert seal() == 0
    assert findings(AT + timedelta(seconds=59)) == []
    late = f"audit event {early}: not sealed within a minute"
    assert findings(AT + timedelta(seconds=61)) == [late]
    assert worker.seal_late_audit(now()) == 1
    assert findings(AT + timedelta(days=1)) == []


def test_nothing_to_seal_takes_no_write_lock(trail: Flask) -> None:
    began: list[bool] = []

    def note(connection: Any) -> None:
        began.append(bool(connection.get_execution_options().get("write")))

    event.listen(db.engine, "begin", note)
    try:
        assert seal() == 0
        assert began
        assert not any(began)
        write()
        began.clear()
        assert seal() == 1
        assert any(began)
    finally:
        event.remove(db.engine, "begin", note)


MANY = 200_000
FILL_EVENTS = """
INSERT INTO audit_events
    (id, at, actor_id, actor_role, action, subject_kind, subject_id, details, mac)
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {many})
SELECT 1000 + n, '2026-01-01', NULL, 'system', 'noise.made', 'noise', 'x', '{{}}', 'k1:x'
FROM numbers
"""
FILL_SEALS = """
INSERT INTO audit_seals (seq, event_id, previous, hash)
SELECT (SELECT max(seq) FROM audit_seals) + id - 1000, id, 'x', 'x'
FROM audit_events WHERE id > 1000
"""


def test_sealing_one_row_after_very_many_costs_what_it_costs_after_few(
    trail: Flask, world: World
) -> None:
    write()
    seal()
    with writing() as session:
        if world.kind == "postgresql":
            session.execute(text("SET LOCAL statement_timeout = 0"))
        session.execute(text(FILL_EVENTS.format(many=MANY)))
        session.execute(text(FILL_SEALS))
        if world.kind == "postgresql":
            session.execute(text("SELECT setval('audit_events_id_seq', 1000000)"))
    with db.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("ANALYZE"))
    for statement in _statements_of_a_seal():
        plan = _plan(world, statement)
        assert "SCAN" not in plan, plan
        assert "Seq Scan" not in plan, plan
    took = []
    for _ in range(5):
        write()
        began = time.perf_counter()
        assert seal() == 1
        took.append(time.perf_counter() - began)
    assert min(took) < 0.25, took


def _statements_of_a_seal() -> list[Any]:
    with reading() as session:
        after = audit.recent(session)
    wanted = audit._unsealed(AuditEvent, after).order_by(AuditEvent.id).limit(1000)
    return [audit._unsealed(AuditEvent.id, after).limit(1), wanted]


def _plan(world: World, statement: Any) -> str:
    sql = str(statement.compile(dialect=db.engine.dialect, compile_kwargs={"literal_binds": True}))
    explain = "EXPLAIN QUERY PLAN" if world.kind == "sqlite" else "EXPLAIN"
    with reading() as session:
        return "\n".join(str(row) for row in session.execute(text(f"{explain} {sql}")))


# ---------------------------------------------------------------------- tampering
def test_a_changed_row_is_found(trail: Flask) -> None:
    write(3)
    seal()
    _, middle, _ = last_events(3)
    for column, value in {
        "action": "'case.declined'",
        "actor_id": "8",
        "actor_role": "'dispatcher'",
        "subject_id": "'another'",
        "details": "'{\"number\": 9}'",
        "at": "'2026-03-01 07:30:15.123457'",
    }.items():
        with reading() as session:
            kept = session.execute(
                text(f"SELECT CAST({column} AS TEXT) FROM audit_events WHERE id = {middle}")
            ).scalar_one()
        tamper(f"UPDATE audit_events SET {column} = {value} WHERE id = {middle}")
        assert findings() == [f"audit event {middle}: the row was changed"], column
        tamper(f"UPDATE audit_events SET {column} = '{kept}' WHERE id = {middle}")
    assert findings() == []


def test_a_code_copied_from_another_row_is_found(trail: Flask) -> None:
    write(2)
    seal()
    first, second = last_events(2)
    other = f"(SELECT mac FROM audit_events WHERE id = {first})"
    tamper(f"UPDATE audit_events SET mac = {other} WHERE id = {second}")
    found = findings()
    assert f"audit event {second}: the row was changed" in found
    assert any("chain is broken" in each for each in found)


def test_a_removed_seal_is_found(trail: Flask) -> None:
    write(4)
    seal()
    victim = last_events(4)[1]
    tamper(f"DELETE FROM audit_seals WHERE event_id = {victim}")
    assert any("chain is broken" in each for each in findings())


def test_a_removed_row_is_found_with_its_seal_and_without(trail: Flask) -> None:
    write(4)
    seal()
    victim = last_events(4)[1]
    tamper(f"DELETE FROM audit_events WHERE id = {victim}")
    assert any("chain is broken" in each for each in findings())
    tamper(f"DELETE FROM audit_seals WHERE event_id = {victim}")
    assert any("chain is broken" in each for each in findings())


def test_a_row_cut_out_with_the_ends_tied_together_is_found(trail: Flask) -> None:
    """Numbers and hashes before can be written anew; the links need the key."""
    write(4)
    seal()
    _, victim, third, _ = last_events(4)
    before = f"(SELECT previous FROM audit_seals WHERE event_id = {victim})"
    tamper(
        f"UPDATE audit_seals SET previous = {before} WHERE event_id = {third}",
        f"DELETE FROM audit_seals WHERE event_id = {victim}",
        f"DELETE FROM audit_events WHERE id = {victim}",
        f"UPDATE audit_seals SET seq = -(seq - 1) WHERE event_id > {victim}",
        "UPDATE audit_seals SET seq = -seq WHERE seq < 0",
    )
    assert any("chain is broken" in each for each in findings())


def test_two_rows_that_changed_places_are_found(trail: Flask) -> None:
    write(2)
    seal()
    first, second = last_events(2)
    tamper(
        f"UPDATE audit_seals SET event_id = -1 WHERE event_id = {first}",
        f"UPDATE audit_seals SET event_id = {first} WHERE event_id = {second}",
        f"UPDATE audit_seals SET event_id = {second} WHERE event_id = -1",
    )
    assert any("chain is broken" in each for each in findings())


def test_a_row_slipped_in_without_the_key_is_found(trail: Flask) -> None:
    columns = "at, actor_role, action, subject_kind, subject_id, details, mac"
    values = "'2026-03-01', 'system', 'case.accepted', 'case', 'x', '{}', 'k1:00'"
    tamper(f"INSERT INTO audit_events ({columns}) VALUES ({values})")
    (slipped,) = last_events(1)
    seal()
    assert findings() == [f"audit event {slipped}: the row was changed"]


def test_a_cut_off_end_is_found_by_who_noted_the_head(trail: Flask) -> None:
    write(3)
    seal()
    run = trail.test_cli_runner()
    printed = run.invoke(args=["audit", "check"])
    assert printed.exit_code == 0, printed.output
    events, seals = counts()
    assert f"{events} events, {seals} sealed" in printed.output
    head = printed.output.split("head ")[1].strip()
    assert run.invoke(args=["audit", "check", "--head", head]).exit_code == 0
    (last,) = last_events(1)
    tamper(
        f"DELETE FROM audit_seals WHERE event_id = {last}",
        f"DELETE FROM audit_events WHERE id = {last}",
    )
    assert findings() == [], "the chain alone does not show it"
    found = run.invoke(args=["audit", "check", "--head", head])
    assert found.exit_code == 1
    assert "end of the chain" in found.output


@pytest.mark.parametrize("noted", ["", "x", "1", ":", "0:0", "-1:x", f"1:{FIRST}", "9" * 30 + ":x"])
def test_a_head_that_never_was_does_not_hold(trail: Flask, noted: str) -> None:
    write()
    seal()
    with reading() as session:
        assert not audit.holds(session, noted)
        assert audit.holds(session, f"0:{FIRST}")
        assert audit.holds(session, audit.head(session))


def test_the_command_prints_findings_and_fails(trail: Flask) -> None:
    write()
    seal()
    (last,) = last_events(1)
    tamper(f"UPDATE audit_events SET action = 'x.y' WHERE id = {last}")
    found = trail.test_cli_runner().invoke(args=["audit", "check"])
    assert found.exit_code == 1
    assert f"audit event {last}: the row was changed" in found.output


# ---------------------------------------------------------------------- keys and digests
def test_rows_and_links_made_under_a_retired_key_still_hold(trail: Flask) -> None:
    write(2)
    seal()
    kept = trail.extensions["settings"]
    fresh = Key("k2", b"n" * 32)
    try:
        both = dataclasses.replace(kept, audit_keys=(fresh, *kept.audit_keys))
        trail.extensions["settings"] = both
        write(2)
        seal()
        assert findings() == []
        trail.extensions["settings"] = dataclasses.replace(kept, audit_keys=(fresh,))
        assert findings(), "without the old key, what it made can't be proved"
    finally:
        trail.extensions["settings"] = kept


@pytest.mark.parametrize("fresh", ["sm3", "sha256"])
def test_the_digest_can_be_changed_and_what_the_other_made_still_holds(
    trail: Flask, fresh: str
) -> None:
    kept = trail.extensions["settings"]
    try:
        for digest in ("sha256", "sm3", fresh):
            trail.extensions["settings"] = dataclasses.replace(kept, digest=digest)
            write(3)
            seal()
        assert findings() == []
        first = last_events(3)[0]
        tamper(f"UPDATE audit_events SET actor_id = 1 WHERE id = {first}")
        assert findings() == [f"audit event {first}: the row was changed"]
    finally:
        trail.extensions["settings"] = kept
