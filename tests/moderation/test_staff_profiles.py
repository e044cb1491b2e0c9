"""What other rooms ask of staff: scope, colleagues, and a phone that opens nothing."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text

from core import crypto
from core.accounts import Credential
from core.audit import AuditEvent
from core.clock import now
from core.database import reading, writing
from core.errors import Invalid
from core.passwords import hash_password
from core.permissions import Kind, Role
from moderation import staff
from moderation.models import Department
from moderation.staff import Post, Scope
from moderation.staff.profiles import UsernameTaken
from tests.clients import Api, account_named
from tests.conftest import DEMO_PASSWORD
from tests.doors import NEW, by_sms, proved, who
from tests.fakes import FakeSms, FakeWeChat

SignedIn = Callable[[str], Api]
RESIDENT = "13800000001"
PASSWORD = "a first password"
NEWCOMER = {
    "username": "wang.li",
    "password": PASSWORD,
    "display_name": "王丽",
    "roles": ["dispatcher"],
}


def sign_in(app: Flask, username: str, password: str = DEMO_PASSWORD) -> Any:
    body = {"username": username, "password": password}
    return app.test_client().post("/api/v1/auth/staff", json=body)


def departments(app: Flask) -> list[str]:
    with app.app_context(), reading() as session:
        return list(session.scalars(select(Department.code).order_by(Department.code)))


def area(app: Flask) -> str:
    with app.app_context(), reading() as session:
        return str(session.scalar(text("SELECT min(code) FROM areas WHERE kind = 'district'")))


def test_hiring_says_what_is_wrong_before_anything_is_written(app: Flask) -> None:
    with app.app_context():
        hashed = hash_password(PASSWORD)
        wrong = [
            ("wang.li", Post(frozenset())),
            ("wang.li", Post(frozenset({Role.HANDLER}))),
            ("wang.li", Post(frozenset({Role.AUDITOR}), areas=frozenset({"nowhere"}))),
        ]
        for name, post in wrong:
            with pytest.raises(Invalid), writing() as session:
                staff.hire(session, name, hashed, post, now=now())
        with pytest.raises(UsernameTaken), writing() as session:
            staff.hire(session, "bus", hashed, Post(frozenset({Role.AUDITOR})), now=now())
        with writing() as session:
            made = staff.hire(
                session, "wang.li", hashed, Post(frozenset({Role.AUDITOR})), now=now()
            )
            credential = session.get_one(Credential, made.id)
            assert (made.kind, credential.must_change) == (Kind.STAFF, False)


def test_a_colleague_is_of_the_department_and_role_and_active(app: Flask, api: SignedIn) -> None:
    codes = departments(app)
    with app.app_context():
        handler = account_named("handler-epb")
        with reading() as session:
            department = staff.scope(session, handler.id).department
            other = next(code for code in codes if code != department)

            def found(*wanted: Any) -> int | None:
                return staff.colleague(session, *wanted)

            assert found("handler-epb", Role.HANDLER, department) == handler.id
            assert found("handler-epb", Role.HANDLER, other) is None
            assert found("handler-epb", Role.REVIEWER, department) is None
            assert found("handler-water", Role.HANDLER, department) is None
    api("admin").patch("/staff/handler-epb", {"status": "disabled"})
    with app.app_context(), reading() as session:
        assert staff.colleague(session, "handler-epb", Role.HANDLER, department) is None


def test_a_scope_is_one_read_and_covers_the_whole_city_without_areas(
    app: Flask, statements: Callable[[], Any]
) -> None:
    with app.app_context():
        handler = account_named("handler-epb")
        with reading() as session:
            account_id = handler.id
            with statements() as found:
                scope = staff.scope(session, account_id)
            assert len(found.seen) == 1
            assert staff.scope(session, -1) == Scope(None, frozenset())
    assert scope.covers("anywhere")
    assert not Scope("epb", frozenset({"370811"})).covers("370812")
    assert Scope("epb", frozenset({"370811"})).covers("370811")


def test_staff_confirm_a_phone_that_may_be_a_residents_and_opens_nothing(
    app: Flask, api: SignedIn, sms: FakeSms
) -> None:
    handler = api("handler-epb")
    answer = handler.post("/me/identities", proved(app, sms, RESIDENT))
    assert answer.status_code == 200
    assert answer.get_json()["phone"] == "138****0001"
    assert who(by_sms(app, sms, RESIDENT)) == api(RESIDENT).get("/me").get_json()["id"]
    with app.app_context(), reading() as session:
        row = session.execute(
            text(
                "SELECT phone_index, phone_confirmed_at FROM staff_profiles "
                "WHERE phone_index IS NOT NULL"
            )
        ).one()
        assert row.phone_index == crypto.blind_index(RESIDENT, "phone")
        confirmed = select(AuditEvent).where(AuditEvent.action == "staff.phone_confirmed")
        assert len(session.scalars(confirmed).all()) == 1


def test_staff_bind_no_wechat_and_no_phone_without_its_code(
    app: Flask, api: SignedIn, sms: FakeSms, wechat: FakeWeChat
) -> None:
    wechat.knows("suishoupai", "c1", "o-1")
    handler = api("handler-epb")
    assert handler.post("/me/identities", {"app": "suishoupai", "code": "c1"}).status_code == 403
    assert wechat.asked == []
    assert handler.post("/me/identities", {"phone": NEW, "code": "123456"}).status_code == 401
    assert handler.get("/me").get_json()["phone"] is None
