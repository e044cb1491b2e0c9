"""Every error has one shape, in the reader's language, and tells nothing of our insides."""

import json
import shutil
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.test import TestResponse

from core import errors
from core.database import db
from core.errors import TITLES, DomainError, Invalid, TooMany, Unauthenticated
from core.messages import flat, say, spoken
from tests.clients import Api
from tests.conftest import World

FAMILIES = [
    ("BadRequest", 400, "bad_request"),
    ("Unauthenticated", 401, "unauthenticated"),
    ("Forbidden", 403, "forbidden"),
    ("NotFound", 404, "not_found"),
    ("Conflict", 409, "conflict"),
    ("Stale", 412, "stale"),
    ("TooLarge", 413, "too_large"),
    ("UnsupportedMedia", 415, "unsupported_media_type"),
    ("Invalid", 422, "invalid"),
    ("PreconditionRequired", 428, "precondition_required"),
    ("TooMany", 429, "too_many_requests"),
    ("Unavailable", 503, "unavailable"),
]


def problem(response: TestResponse, status: int, code: str) -> dict[str, Any]:
    """Return a problem's body once its shape is proved."""
    assert response.status_code == status, response.get_data(as_text=True)
    assert response.content_type == "application/problem+json"
    body: dict[str, Any] = json.loads(response.get_data(), parse_constant=pytest.fail)
    assert body["status"] == status
    assert body["code"] == code
    assert body["type"] == f"/docs#{code}"
    assert body["title"]
    assert body["detail"]
    assert body["request_id"] == response.headers["X-Request-Id"]
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    return body


def ask(app: Flask, path: str, **kwargs: Any) -> TestResponse:
    return app.test_client().open(f"/api/v1{path}", **kwargs)


@pytest.mark.parametrize(("name", "status", "code"), FAMILIES)
def test_every_family_has_its_status_code_and_both_languages(
    standing: Flask, name: str, status: int, code: str
) -> None:
    family: type[DomainError] = getattr(errors, name)
    chinese = problem(ask(standing, f"/lab/plain-error/{name}"), status, code)
    assert (chinese["title"], chinese["detail"]) == (family.zh, family.zh)
    english = problem(
        ask(standing, f"/lab/plain-error/{name}", headers={"Accept-Language": "en"}), status, code
    )
    assert (english["title"], english["detail"]) == (family.en, family.en)
    assert "errors" not in chinese


def test_a_detail_and_further_members_land_in_the_body(standing: Flask) -> None:
    body = problem(ask(standing, "/lab/error/Conflict"), 409, "conflict")
    assert (body["title"], body["detail"], body["extra_member"]) == (errors.Conflict.zh, "说明", 7)
    english = ask(standing, "/lab/error/Conflict", headers={"Accept-Language": "en-GB"}).get_json()
    assert english["detail"] == "Explained"


def test_all_families_of_the_contract_are_here_and_no_others() -> None:
    assert {family.__name__ for family in DomainError.__subclasses__()} == {
        name for name, _, _ in FAMILIES
    }
    for name, status, code in FAMILIES:
        assert getattr(errors, name).status == status
        assert TITLES.get(status, (code,))[0] == code


@pytest.mark.parametrize(
    ("accepted", "title"),
    [
        (None, "未找到"),
        ("", "未找到"),
        ("en", "Not found"),
        ("en-US,en;q=0.9", "Not found"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "未找到"),
        ("en;q=0.5, zh;q=0.4", "Not found"),
        ("fr, en;q=0.1", "Not found"),
        ("fr", "未找到"),
        ("*", "未找到"),
        ("zz;q=x, ,;;", "未找到"),
        ("é" * 50, "未找到"),
    ],
)
def test_chinese_is_the_default_and_english_what_is_asked_for(
    standing: Flask, accepted: str | None, title: str
) -> None:
    headers = {} if accepted is None else {"Accept-Language": accepted}
    assert ask(standing, "/nowhere", headers=headers).get_json()["title"] == title


def test_waiting_times_and_the_way_to_sign_in_are_headers(standing: Flask) -> None:
    assert ask(standing, "/lab/plain-error/TooMany").headers["Retry-After"] == "60"
    assert ask(standing, "/lab/plain-error/Unavailable").headers["Retry-After"] == "5"
    assert ask(standing, "/lab/plain-error/Unauthenticated").headers["WWW-Authenticate"] == "Bearer"
    assert "Retry-After" not in ask(standing, "/lab/plain-error/Conflict").headers
    assert "WWW-Authenticate" not in ask(standing, "/lab/plain-error/Forbidden").headers
    with standing.test_request_context():
        assert errors.render(TooMany(retry_after=0)).headers["Retry-After"] == "0"
        assert errors.render(TooMany(retry_after=7)).headers["Retry-After"] == "7"


def test_a_problem_can_be_made_outside_a_request() -> None:
    body = errors.render(Unauthenticated()).get_json()
    assert body["title"] == "请先登录"
    assert "request_id" not in body


# ---------------------------------------------------------------------- Flask's own
@pytest.mark.parametrize(
    "path",
    ["/", "/api", "/api/v1", "/api/v1/nowhere", "/api/v1/%ff", "/api/v2/reports", "/static/x"],
)
def test_an_unknown_path_is_404_in_our_shape(standing: Flask, path: str) -> None:
    problem(standing.test_client().get(path), 404, "not_found")


def test_a_wrong_method_is_405_and_says_which_are_right(standing: Flask) -> None:
    response = ask(standing, "/lab/body", method="PUT")
    problem(response, 405, "method_not_allowed")
    assert {word.strip() for word in response.headers["Allow"].split(",")} == {"POST", "OPTIONS"}


def test_a_method_can_not_be_overridden(standing: Flask) -> None:
    headers = {"X-HTTP-Method-Override": "POST", "X-Method-Override": "POST"}
    assert ask(standing, "/lab/body?_method=POST", method="GET", headers=headers).status_code == 405


@pytest.mark.parametrize("status", [400, 406, 413, 414, 415, 418, 429, 431, 500, 502, 503, 504])
def test_whatever_status_a_library_raises_has_our_shape(standing: Flask, status: int) -> None:
    code = TITLES.get(status, ("error",))[0]
    with standing.test_request_context():
        response = errors.render_status(status, {"Server": "leak", "Location": "http://leak"})
    assert response.get_json()["code"] == code
    assert "Server" not in response.headers
    assert "Location" not in response.headers
    assert (response.headers.get("Retry-After") == "5") == (status == 503)


# ---------------------------------------------------------------------- our faults
def test_an_unexpected_exception_is_a_500_that_tells_nothing(
    standing: Flask, lines: list[str]
) -> None:
    response = ask(standing, "/lab/unexpected")
    problem(response, 500, "internal_error")
    for word in ("Traceback", "ZeroDivision", "secret detail", "conftest", "13800000001"):
        assert word not in response.get_data(as_text=True)
    line = next(json.loads(line) for line in lines if '"unexpected"' in line)
    assert "ZeroDivisionError" in line["exception"]
    assert line["request_id"] == response.headers["X-Request-Id"]
    assert "13800000001" not in "".join(lines)


def test_in_a_test_an_unexpected_exception_reaches_the_test(build: Callable[..., Flask]) -> None:
    with pytest.raises(ZeroDivisionError):
        ask(build(testing=True), "/lab/unexpected")


@pytest.mark.parametrize("statement", ["SELECT nothing FROM nowhere", "SELEC 1", "SELECT 'a' +"])
def test_broken_sql_is_a_500_that_shows_no_sql(
    standing: Flask, lines: list[str], statement: str
) -> None:
    response = ask(standing, f"/lab/sql/{statement}")
    problem(response, 500, "internal_error")
    for word in ("SELEC", "nowhere", "sqlite", "psycopg", "syntax"):
        assert word not in response.get_data(as_text=True)
    assert any('"event": "unexpected"' in line for line in lines)


# ---------------------------------------------------------------------- no database
def cut_off(world: World) -> Callable[[], None]:
    """Take the database away and return what brings it back."""
    if world.kind == "postgresql":
        world._admin("ALTER DATABASE suite ALLOW_CONNECTIONS false")
        world._admin("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname='suite'")
        return lambda: world._admin("ALTER DATABASE suite ALLOW_CONNECTIONS true")
    away = world.home.with_name("moved away")
    world.home.rename(away)

    def bring_back() -> None:
        shutil.rmtree(world.home, ignore_errors=True)
        away.rename(world.home)

    return bring_back


def test_without_the_database_every_answer_that_needs_it_is_503_and_it_recovers(
    world: World, lab: Flask
) -> None:
    resident = Api.signed_in(lab, "13800000001")
    assert resident.get("/me").status_code == 200
    with lab.app_context():
        if world.kind == "sqlite":
            db.engine.dispose()
    bring_back = cut_off(world)
    try:
        for response in (
            resident.get("/me"),
            resident.post("/lab/effects", {"name": "x"}, key="k"),
        ):
            problem(response, 503, "unavailable")
            assert response.headers["Retry-After"] == "5"
        assert lab.test_client().get("/healthz").status_code == 200
    finally:
        bring_back()
    assert resident.get("/me").status_code == 200


def test_a_pool_without_a_free_connection_is_503(
    standing: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_args: object) -> None:
        raise PoolTimeout

    monkeypatch.setattr("core.api.query", exhausted)
    problem(ask(standing, "/lab/query"), 503, "unavailable")


# ---------------------------------------------------------------------- field messages
def test_field_messages_follow_the_reader(standing: Flask) -> None:
    chinese = ask(standing, "/lab/body", method="POST", json={"nmae": "x"})
    english = ask(
        standing, "/lab/body", method="POST", json={"nmae": "x"}, headers={"Accept-Language": "en"}
    )
    assert problem(chinese, 422, "invalid")["errors"] == {"name": ["必填"], "nmae": ["未知字段"]}
    assert english.get_json()["errors"] == {"name": ["Required"], "nmae": ["Unknown field"]}


def test_one_error_may_be_rendered_for_two_readers() -> None:
    error = Invalid(errors={"a": [say("中", "Eng"), "plain"]})
    assert spoken(error.errors["a"], english=True) == ["Eng", "plain"]  # type: ignore[index]
    assert spoken(error.errors["a"], english=False) == ["中", "plain"]  # type: ignore[index]


def test_nested_messages_become_paths() -> None:
    nested = {"items": {0: {"code": ["x"]}, "_schema": ["y"]}, "_schema": ["z"], "plain": "w"}
    assert flat(nested) == {"items.0.code": ["x"], "items": ["y"], "body": ["z"], "plain": ["w"]}
    assert flat(["whole"]) == {"body": ["whole"]}
