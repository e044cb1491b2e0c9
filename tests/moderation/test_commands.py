"""Commands that a new installation needs: rules, the first administrator, points rules."""

import pytest
from flask import Flask
from sqlalchemy import delete, text

from core.database import db, writing
from moderation.models import RoutingRule
from tests.clients import Api

GOOD = "a-long-enough-password"


def run(app: Flask, *arguments: str) -> tuple[int, str]:
    """Run a command in the application and return its exit status and words."""
    result = app.test_cli_runner().invoke(args=list(arguments))
    return result.exit_code, result.output


def test_the_first_administrator_is_hired_and_signs_in(app: Flask) -> None:
    hired = ("staff", "hire", "chief", "--role", "sysadmin", "--password", GOOD)
    assert run(app, *hired) == (0, "chief may sign in\n")
    sent = {"username": "chief", "password": GOOD}
    answer = Api(app).post("/auth/staff", sent)
    assert answer.status_code == 200
    assert answer.get_json()["account"]["roles"] == ["sysadmin"]
    assert Api.signed_in(app, "chief").get("/staff").status_code == 200


@pytest.mark.parametrize(
    "arguments",
    [
        ("chief", "--role", "sysadmin", "--password", "short"),
        ("chief", "--password", GOOD),
        ("chief", "--role", "handler", "--password", GOOD),
        ("chief", "--role", "handler", "--department", "none", "--password", GOOD),
        ("dispatcher", "--role", "sysadmin", "--password", GOOD),
        ("chief", "--role", "king", "--password", GOOD),
    ],
)
def test_nobody_is_hired_half(app: Flask, arguments: tuple[str, ...]) -> None:
    status, words = run(app, "staff", "hire", *arguments)
    assert status != 0
    assert "Traceback" not in words
    with app.app_context():
        assert (
            db.session.scalar(text("SELECT count(*) FROM credentials WHERE username = 'chief'"))
            == 0
        )


def test_rules_that_are_missing_are_shipped_and_those_there_stay(app: Flask) -> None:
    assert run(app, "rules", "ship") == (0, "loaded: nothing new\n")
    with app.app_context(), writing() as session:
        session.execute(delete(RoutingRule))
    assert run(app, "rules", "ship") == (0, "loaded: routing\n")
    assert run(app, "ledger", "rules") == (0, "there are rules already\n")
    assert run(app, "areas", "ship")[0] == 0
