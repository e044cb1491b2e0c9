"""A change to staff counts at the next request, with every token that was out (B78)."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text

from core.audit import AuditEvent
from core.database import reading
from moderation.models import Department
from tests.clients import Api, account_named
from tests.conftest import DEMO_PASSWORD

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


@pytest.mark.parametrize(
    "change",
    [
        {"roles": ["auditor"]},
        {"roles": ["dispatcher", "reviewer"]},
        {"areas": []},
        {"status": "disabled"},
        {"password": "a new password"},
        {"department": None},
    ],
)
def test_a_change_ends_every_token_at_the_next_request(
    app: Flask, api: SignedIn, change: dict[str, Any]
) -> None:
    signed_in = sign_in(app, "dispatcher").get_json()
    old, other = Api(app, signed_in["access_token"]), api("reviewer")
    assert old.get("/me").status_code == 200
    assert api("admin").patch("/staff/dispatcher", change).status_code == 200
    assert old.get("/me").status_code == 401
    assert old.get("/cases").status_code == 401
    refreshed = api("").post("/auth/refresh", {"refresh_token": signed_in["refresh_token"]})
    assert refreshed.status_code == 401
    assert other.get("/me").status_code == 200


def test_a_disabled_member_signs_in_no_more_until_enabled_again(app: Flask, api: SignedIn) -> None:
    admin = api("admin")
    admin.patch("/staff/dispatcher", {"status": "disabled"})
    assert sign_in(app, "dispatcher").status_code == 401
    assert sign_in(app, "reviewer").status_code == 200
    admin.patch("/staff/dispatcher", {"status": "active"})
    assert sign_in(app, "dispatcher").status_code == 200


def test_a_reset_password_replaces_the_old_one(app: Flask, api: SignedIn) -> None:
    assert api("admin").patch("/staff/dispatcher", {"password": PASSWORD}).status_code == 200
    assert sign_in(app, "dispatcher").status_code == 401
    assert sign_in(app, "dispatcher", PASSWORD).status_code == 200


def test_a_moved_handler_has_the_new_department_at_once(app: Flask, api: SignedIn) -> None:
    other = departments(app)[-1]
    admin = api("admin")
    moved = admin.patch("/staff/handler-epb", {"department": other, "areas": [area(app)]})
    assert moved.get_json()["department"] == other
    me = api("handler-epb").get("/me").get_json()
    assert (me["department"]["code"], me["areas"]) == (other, [area(app)])


def test_another_name_ends_no_tokens(api: SignedIn) -> None:
    dispatcher = api("dispatcher")
    changed = api("admin").patch("/staff/dispatcher", {"display_name": "李四"})
    assert changed.get_json()["display_name"] == "李四"
    assert dispatcher.get("/me").get_json()["display_name"] == "李四"


def test_nobody_changes_their_own_rights(api: SignedIn) -> None:
    admin = api("admin")
    for change in ({"roles": ["sysadmin", "dispatcher"]}, {"status": "disabled"}):
        answer = admin.patch("/staff/admin", change)
        assert (answer.status_code, answer.get_json()["code"]) == (403, "own_account")


@pytest.mark.parametrize("name", ["nobody", "bus", RESIDENT, "x" * 64, "%00", "Dispatcher"])
def test_somebody_who_is_not_of_staff_is_404(api: SignedIn, name: str) -> None:
    assert api("admin").patch(f"/staff/{name}", {"status": "disabled"}).status_code == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"roles": []}, "roles"),
        ({"roles": ["handler"]}, "department"),
        ({"department": "nowhere"}, "department"),
        ({"areas": ["nowhere"]}, "areas"),
        ({"status": "deleted"}, "status"),
        ({"password": "short"}, "password"),
        ({"username": "other"}, "username"),
    ],
)
def test_a_change_of_another_form_is_422_and_changes_nothing(
    app: Flask, api: SignedIn, change: dict[str, Any], field: str
) -> None:
    dispatcher = api("dispatcher")
    answer = api("admin").patch("/staff/dispatcher", change)
    assert answer.status_code == 422
    assert list(answer.get_json()["errors"]) == [field]
    assert dispatcher.get("/me").get_json()["roles"] == ["dispatcher"]


def test_changes_are_audited_with_who_and_what_and_without_names_and_passwords(
    app: Flask, api: SignedIn
) -> None:
    admin = api("admin")
    admin.post("/staff", NEWCOMER)
    change = {"roles": ["auditor"], "display_name": "王小丽", "password": "another password"}
    admin.patch("/staff/wang.li", change)
    with app.app_context():
        by = account_named("admin")
        with reading() as session:
            mine = select(AuditEvent).where(AuditEvent.actor_id == by.id).order_by(AuditEvent.id)
            hired, changed = session.scalars(mine).all()
    assert (hired.action, hired.actor_role) == ("staff.hired", "sysadmin")
    assert hired.details == {"roles": ["dispatcher"], "department": None, "areas": []}
    assert changed.action == "staff.changed"
    assert changed.details == {
        "roles": ["auditor"],
        "display_name": "changed",
        "password_hash": "changed",
    }
    assert hired.subject_id == changed.subject_id
