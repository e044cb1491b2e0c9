"""Logs and audit rows of a submission say what happened, never who, whence or where."""

import io
import sys
from collections.abc import Callable, Iterator

import pytest
import structlog
from flask import Flask
from sqlalchemy import text

from core import logs
from core.database import db
from tests.clients import Api

CANARIES = ("13800000001", "116.587", "35.415", "canary-word-in-text", "canary-address", "Bearer ")


@pytest.fixture
def lines(app: Flask) -> Iterator[list[str]]:
    """All that the logs would print, rendered."""
    kept: list[str] = []

    class Sink:
        def msg(self, message: str) -> None:
            kept.append(message)

        debug = info = warning = error = critical = exception = msg

    logs.configure("DEBUG")
    structlog.configure(logger_factory=lambda *_: Sink())
    yield kept
    logs.configure("WARNING")
    assert app


def test_a_submission_leaves_no_phone_name_place_or_token_in_logs_and_audit(
    app: Flask, api: Callable[[str], Api], lines: list[str]
) -> None:
    resident = api("13800000001")
    made = resident.report(description="canary-word-in-text", address="canary-address")
    resident.get(f"/reports/{made['number']}")
    resident.post("/auth/sms", {"phone": "13800000001"})
    api("dispatcher").get(f"/cases/{made['number']}")
    resident.post("/reports", {"description": "canary-word-in-text"}, key="k")
    assert any('"event": "request"' in line for line in lines)
    with app.app_context():
        rows = db.session.execute(text("SELECT action, subject_id, details FROM audit_events"))
        lines += [str(row) for row in rows]
    for canary in CANARIES:
        assert not [line for line in lines if canary in line], canary


def test_logs_go_on_after_a_borrowed_standard_error_is_taken_away(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with io.StringIO() as lent, monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", lent)
        logs.configure("WARNING")
    structlog.get_logger().warning("still_heard")
    assert "still_heard" in capfd.readouterr().err


def test_names_that_hold_secrets_are_blanked_and_phones_wherever_they_stand() -> None:
    event = {
        "event": "call 13812345678 now",
        "phone": "x",
        "token": "y",
        "number": "3708-261125-7K3M9Q-4",
    }
    shown = logs.redact(None, "info", dict(event))
    assert "13812345678" not in shown["event"]
    assert shown["phone"] == shown["token"] == "…"
    assert shown["number"] == event["number"]
