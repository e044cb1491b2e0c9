"""What an operator types: tokens, the demo set, and what it refuses (contract 2, 8)."""

import re

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import func, select

from core.accounts import Account, Credential
from core.database import db, reading
from tests.clients import Api
from tests.conftest import DEMO_PASSWORD, World
from tests.core.conftest import Build

KINDS = [
    ("resident", "13800000001"),
    ("resident", "+86 138-0000-0001"),
    ("staff", "dispatcher"),
    ("partner", "bus"),
]


def run(app: Flask, *arguments: str) -> Result:
    return app.test_cli_runner().invoke(args=list(arguments))


def accounts(app: Flask) -> int:
    with app.app_context(), reading() as session:
        return session.scalar(select(func.count()).select_from(Account)) or 0


@pytest.mark.parametrize(("kind", "name"), KINDS)
def test_a_token_is_printed_alone_and_opens_the_account(app: Flask, kind: str, name: str) -> None:
    printed = run(app, "token", kind, name)
    assert printed.exit_code == 0, printed.output
    token = printed.output.strip()
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+", token)
    answer = Api(app, token).get("/me")
    assert (answer.status_code, answer.get_json()["kind"]) == (200, kind)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("resident", "13899999999"),
        ("resident", "dispatcher"),
        ("staff", "13800000001"),
        ("staff", "bus"),
        ("partner", "dispatcher"),
        ("partner", "nobody"),
        ("robot", "dispatcher"),
    ],
)
def test_no_token_is_made_for_who_is_not_of_that_kind(app: Flask, kind: str, name: str) -> None:
    before = accounts(app)
    refused = run(app, "token", kind, name)
    assert refused.exit_code != 0
    assert "eyJ" not in refused.output
    assert accounts(app) == before


def test_a_database_that_is_not_empty_is_left_alone(app: Flask) -> None:
    before = accounts(app)
    refused = run(app, "demo")
    assert refused.exit_code == 0
    assert "not empty" in refused.output
    assert accounts(app) == before


def test_the_demo_set_is_not_loaded_in_production(build: Build) -> None:
    refused = run(build(app_env="production", allow_embedded=frozenset()), "demo")
    assert refused.exit_code != 0
    assert "production" in refused.output


def test_the_demo_password_is_the_one_that_was_set_and_not_printed(
    app: Flask, world: World
) -> None:
    sent = {"username": "dispatcher", "password": DEMO_PASSWORD}
    assert Api(app).post("/auth/staff", sent).status_code == 200
    with app.app_context(), reading() as session:
        hashes = set(session.scalars(select(Credential.password_hash)))
    assert all(DEMO_PASSWORD not in each for each in hashes)
    assert world


def test_a_demo_set_that_breaks_off_leaves_nothing_and_can_be_loaded_again(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: object) -> None:
        raise RuntimeError("the power went")

    with app.app_context():
        db.drop_all()
        db.create_all()
        db.session.remove()
        db.engine.dispose()
    loads = app.extensions["demo"]
    monkeypatch.setitem(app.extensions, "demo", (*loads[:-1], broken))
    assert app.test_cli_runner().invoke(args=["demo"]).exit_code != 0
    app.extensions["caches"].clear()
    monkeypatch.setitem(app.extensions, "demo", loads)
    again = app.test_cli_runner().invoke(args=["demo"])
    assert again.output.startswith("demo set loaded"), again.output
