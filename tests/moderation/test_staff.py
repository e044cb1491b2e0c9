"""The administrator's list of staff, and hiring."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text

from core.accounts import Credential
from core.database import reading
from moderation import staff
from moderation.models import Department
from moderation.staff import Scope
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


def test_the_administrator_lists_staff_and_nobody_else(app: Flask, api: SignedIn) -> None:
    answer = api("admin").get("/staff")
    assert answer.status_code == 200
    found = {item["username"]: item for item in answer.get_json()["items"]}
    assert {"admin", "auditor", "dispatcher", "reviewer", "rewards"} <= set(found)
    assert "bus" not in found
    assert found["dispatcher"]["roles"] == ["dispatcher"]
    assert found["handler-epb"]["department"] in departments(app)
    assert set(found["dispatcher"]) == {
        "username",
        "display_name",
        "roles",
        "department",
        "areas",
        "status",
        "phone_confirmed_at",
    }


def test_the_list_comes_in_pages_that_miss_nobody(api: SignedIn) -> None:
    admin = api("admin")
    whole = [item["username"] for item in admin.get("/staff?limit=100").get_json()["items"]]
    seen, cursor = [], ""
    while True:
        page = admin.get(f"/staff?limit=3{cursor}").get_json()
        seen += [item["username"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == whole == sorted(whole)


@pytest.mark.parametrize(
    "name", ["dispatcher", "reviewer", "auditor", "rewards", "handler-epb", RESIDENT, "bus"]
)
def test_nobody_but_the_administrator_sees_or_changes_staff(api: SignedIn, name: str) -> None:
    caller = api(name)
    assert caller.get("/staff").status_code == 403
    assert caller.post("/staff", NEWCOMER).status_code == 403
    assert caller.patch("/staff/dispatcher", {"roles": ["sysadmin"]}).status_code == 403


def test_the_administrator_sees_no_cases(api: SignedIn) -> None:
    assert api("admin").get("/cases").status_code == 403


def test_a_newcomer_signs_in_with_the_first_password(app: Flask, api: SignedIn) -> None:
    made = api("admin").post("/staff", NEWCOMER)
    assert made.status_code == 201
    assert made.get_json()["status"] == "active"
    assert PASSWORD not in made.get_data(as_text=True)
    signed_in = sign_in(app, "wang.li", PASSWORD)
    assert signed_in.get_json()["account"]["roles"] == ["dispatcher"]
    with app.app_context(), reading() as session:
        of_newcomer = select(Credential).where(Credential.username == "wang.li")
        credential = session.scalars(of_newcomer).one()
        assert credential.must_change
        assert credential.password_hash.startswith("$argon2id$")


def test_a_handler_is_hired_for_a_department_and_areas(app: Flask, api: SignedIn) -> None:
    department, district = departments(app)[0], area(app)
    body = {**NEWCOMER, "roles": ["handler"], "department": department, "areas": [district]}
    made = api("admin").post("/staff", body).get_json()
    assert (made["department"], made["areas"]) == (department, [district])
    with app.app_context():
        account = account_named("wang.li")
        with reading() as session:
            assert staff.scope(session, account.id) == Scope(department, frozenset({district}))


def test_a_taken_username_is_409_also_among_partners_and_at_once(app: Flask, api: SignedIn) -> None:
    admin = api("admin")
    for name in ("dispatcher", "bus"):
        answer = admin.post("/staff", {**NEWCOMER, "username": name})
        assert (answer.status_code, answer.get_json()["code"]) == (409, "username_taken")
    together, answers = threading.Barrier(5), []

    def hire() -> None:
        together.wait(10)
        answers.append(admin.post("/staff", NEWCOMER).status_code)

    threads = [threading.Thread(target=hire) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(answers) == [201] + [409] * 4


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"username": "X"}, "username"),
        ({"username": "with space"}, "username"),
        ({"username": "../admin"}, "username"),
        ({"password": "short"}, "password"),
        ({"password": 123456789012}, "password"),
        ({"roles": []}, "roles"),
        ({"roles": ["king"]}, "roles.0"),
        ({"roles": "dispatcher"}, "roles"),
        ({"roles": ["handler"]}, "department"),
        ({"department": "nowhere"}, "department"),
        ({"areas": ["nowhere"]}, "areas"),
        ({"areas": ["a b"]}, "areas.0"),
        ({"kind": "resident"}, "kind"),
        ({"token_epoch": 7}, "token_epoch"),
        ({"phone": RESIDENT}, "phone"),
    ],
)
def test_a_newcomer_of_another_form_is_422_by_its_path(
    api: SignedIn, change: dict[str, Any], field: str
) -> None:
    answer = api("admin").post("/staff", {**NEWCOMER, **change})
    assert answer.status_code == 422
    assert list(answer.get_json()["errors"]) == [field]
