"""Accounts: one identity has one account, under every index key, and nothing lies open."""

import base64
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from core import crypto
from core.accounts import (
    Account,
    Credential,
    Identity,
    Subject,
    attach,
    find,
    holding_phone,
    phone_of,
)
from core.clock import now
from core.database import db, reading, writing
from core.keys import parse_keys
from core.permissions import Kind, Role
from tests.clients import account_named

PHONE = "13800000001"


@pytest.fixture(autouse=True)
def inside(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


@pytest.fixture
def keys(app: Flask) -> Iterator[Any]:
    """Change key sets for one test: `keys(index="k2:…,k1:…")` sets INDEX_KEYS."""
    before = app.extensions["settings"]

    def use(**sets: str) -> None:
        changed = {f"{name}_keys": parse_keys(name, value) for name, value in sets.items()}
        app.extensions["settings"] = replace(app.extensions["settings"], **changed)

    yield use
    app.extensions["settings"] = before


def written(app: Flask, name: str) -> str:
    key = getattr(app.extensions["settings"], f"{name}_keys")[0]
    return f"{key.id}:{base64.b64encode(key.secret).decode()}"


FRESH = f"k9:{base64.b64encode(b'9' * 32).decode()}"


def open_account(*subjects: Subject) -> int:
    with writing() as session:
        account = Account(kind=Kind.RESIDENT, roles=frozenset(), token_epoch=0, created_at=now())
        session.add(account)
        session.flush()
        for subject in subjects:
            attach(session, account, subject, now())
        return account.id


def holder(subject: Subject) -> int | None:
    with reading() as session:
        account = find(session, subject)
        return account and account.id


def test_an_identity_finds_its_account_and_no_other() -> None:
    mine = open_account(Subject("wechat:wx-a", "o-1"), Subject("phone", "13900000001"))
    other = open_account(Subject("wechat:wx-a", "o-2"))
    assert holder(Subject("wechat:wx-a", "o-1")) == mine
    assert holder(Subject("phone", "13900000001")) == mine
    assert holder(Subject("wechat:wx-a", "o-2")) == other


@pytest.mark.parametrize(
    "subject",
    [
        Subject("wechat:wx-b", "o-1"),
        Subject("wechat:wx-a", "O-1"),
        Subject("wechat:wx-a", "o-1 "),
        Subject("phone", "o-1"),
        Subject("identity:aishandong", "o-1"),
        Subject("", ""),
    ],
)
def test_the_same_value_of_another_provider_is_somebody_else(subject: Subject) -> None:
    open_account(Subject("wechat:wx-a", "o-1"))
    assert holder(subject) is None


def test_an_identity_is_held_once() -> None:
    open_account(Subject("wechat:wx-a", "o-1"))
    with pytest.raises(IntegrityError):
        open_account(Subject("wechat:wx-a", "o-1"))
    with reading() as session:
        count = select(func.count()).select_from(Identity)
        assert session.scalar(count.where(Identity.provider == "wechat:wx-a")) == 1


def test_while_an_index_key_rotates_old_and_new_rows_are_found(app: Flask, keys: Any) -> None:
    before = open_account(Subject("phone", "13900000001"))
    old = written(app, "index")
    keys(index=f"{FRESH},{old}")
    during = open_account(Subject("phone", "13900000002"))
    assert holder(Subject("phone", "13900000001")) == before
    assert holder(Subject("phone", "13900000002")) == during
    keys(index=FRESH)
    assert holder(Subject("phone", "13900000002")) == during
    assert holder(Subject("phone", "13900000001")) is None
    keys(index=f"{old},{FRESH}")
    assert holder(Subject("phone", "13900000002")) == during


def test_a_phone_is_read_back_also_after_a_new_data_key(app: Flask, keys: Any) -> None:
    account, staff = account_named(PHONE), account_named("dispatcher")
    keys(data=f"{FRESH},{written(app, 'data')}")
    newer = open_account(Subject("phone", "13900000003"))
    with reading() as session:
        assert phone_of(session, account.id) == PHONE
        assert phone_of(session, newer) == "13900000003"
        assert phone_of(session, staff.id) is None


def test_neither_phone_nor_open_id_is_kept_in_the_clear() -> None:
    open_account(Subject("wechat:wx-a", "o-canary-open-id"), Subject("phone", "13912345678"))
    with reading() as session:
        rows = session.execute(text("SELECT * FROM identities")).all()
    kept = repr(rows) + "".join(
        bytes(value).decode("latin-1") for row in rows for value in row if isinstance(value, bytes)
    )
    assert "13912345678" not in kept
    assert "canary" not in kept


def test_a_ciphertext_opens_for_its_purpose_only() -> None:
    blob = crypto.encrypt("13912345678", "phone")
    assert crypto.decrypt(blob, "phone") == "13912345678"
    for bad, purpose in ((blob, "nickname"), (blob[:-1] + b"\x00", "phone"), (b"k?\0x", "phone")):
        with pytest.raises(crypto.UnreadableSecret):
            crypto.decrypt(bad, purpose)
    assert crypto.blind_index("1", "phone") != crypto.blind_index("1", "nickname")


def test_who_holds_a_phone_is_told_among_the_named_accounts_only() -> None:
    mine, other = open_account(Subject("phone", "13900000001")), open_account()
    indexes = crypto.blind_indexes("13900000001", "phone")
    with reading() as session:
        assert holding_phone(session, indexes, [mine, other]) == {mine}
        assert holding_phone(session, indexes, [other]) == set()
        assert holding_phone(session, indexes, []) == set()
        assert holding_phone(session, [], [mine]) == set()
        assert holding_phone(session, crypto.blind_indexes("1", "phone"), [mine]) == set()


def test_roles_come_back_as_the_set_that_went_in() -> None:
    roles = frozenset({Role.SYSADMIN, Role.AUDITOR})
    with writing() as session:
        account = Account(kind=Kind.STAFF, roles=roles, token_epoch=0, created_at=now())
        session.add(account)
        session.flush()
        account_id = account.id
    db.session.expunge_all()
    with reading() as session:
        assert session.get_one(Account, account_id).roles == roles
        kept = session.scalar(text("SELECT roles FROM accounts WHERE id = :id"), {"id": account_id})
        assert kept == "auditor,sysadmin"


def test_a_kind_or_status_of_another_name_is_refused_by_the_database() -> None:
    for column in ("kind", "status"):
        with pytest.raises(IntegrityError), writing() as session:
            session.execute(text(f"UPDATE accounts SET {column} = 'king'"))


def test_usernames_are_unique_across_kinds() -> None:
    account_id = open_account()
    taken = Credential(account_id=account_id, username="bus", password_hash="x", changed_at=now())
    with pytest.raises(IntegrityError), writing() as session:
        session.add(taken)


def test_public_ids_tell_nothing_of_their_order() -> None:
    ids = [open_account() for _ in range(3)]
    with reading() as session:
        shown = [session.get_one(Account, account_id).public_id for account_id in ids]
    assert len(set(shown)) == 3
    assert all(len(public) == 32 for public in shown)
