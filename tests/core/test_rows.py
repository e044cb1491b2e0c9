"""Rows written by prepared statements: the same rows, defaults and conflicts as by the ORM."""

from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from core import rows
from core.accounts import Account, AccountStatus
from core.audit import AuditEvent
from core.database import db, reading, writing
from core.permissions import Kind, Role

THEN = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)


def values(public_id: str) -> dict[str, object]:
    """An account's columns without those that have a default."""
    return {"public_id": public_id, "kind": Kind.STAFF, "created_at": THEN}


def test_an_object_that_was_made_shows_defaults_and_types_of_its_columns(app: Flask) -> None:
    with app.app_context(), writing() as session:
        made = rows.make(session, Account, {**values("a" * 32), "roles": {Role.AUDITOR}})
        assert (made.status, made.token_epoch) == (AccountStatus.ACTIVE, 0)
        assert (made.roles, made.created_at) == (frozenset({Role.AUDITOR}), THEN)
        assert session.get(Account, made.id) is made


def test_a_taken_key_makes_nothing_and_a_free_one_makes_a_row(app: Flask) -> None:
    with app.app_context(), writing() as session:
        first = rows.put_once(session, Account, values("b" * 32), ("public_id",))
        assert first is not None
        assert rows.put_once(session, Account, values("b" * 32)) is None
        assert rows.make_once(session, Account, values("b" * 32), ("public_id",)) is None
        made = rows.make_once(session, Account, values("c" * 32), ("public_id",))
        assert made is not None
        assert made.id > first


def test_a_plain_insert_of_a_taken_key_is_refused(app: Flask) -> None:
    with app.app_context(), writing() as session:
        rows.key_of(session, Account, values("d" * 32))
        with pytest.raises(IntegrityError), session.begin_nested():
            rows.put(session, Account, values("d" * 32))


def test_a_change_touches_one_row_and_the_named_columns_only(app: Flask) -> None:
    with app.app_context():
        with writing() as session:
            key, other = (rows.key_of(session, Account, values(c * 32)) for c in "ef")
            rows.change(session, Account, key, {"status": AccountStatus.DISABLED})
        with reading() as session:
            changed, kept = session.get_one(Account, key), session.get_one(Account, other)
            assert (changed.status, changed.created_at) == (AccountStatus.DISABLED, THEN)
            assert kept.status is AccountStatus.ACTIVE


def test_what_is_pending_in_the_session_comes_first(app: Flask) -> None:
    with app.app_context(), writing() as session:
        account = Account(public_id="9" * 32, kind=Kind.STAFF, created_at=THEN)
        session.add(account)
        key = rows.key_of(session, Account, values("8" * 32))
        assert account.id is not None
        assert account.id < key


def test_many_rows_or_none_go_in_one_call(app: Flask) -> None:
    row = {"at": THEN, "actor_role": "system", "subject_kind": "test", "subject_id": "1"}
    made = [{**row, "action": f"test.{at}", "details": {"at": at}, "mac": "m"} for at in range(3)]
    count = select(func.count()).select_from(AuditEvent).where(AuditEvent.subject_kind == "test")
    with app.app_context(), writing() as session:
        rows.put(session, AuditEvent)
        rows.put(session, AuditEvent, *made)
        assert session.scalar(count) == 3
        db.session.rollback()
