"""The doors that residents come through, as an app knocks at them."""

from typing import Any

from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from core.accounts import Account, Identity
from core.database import reading
from tests.fakes import FakeSms

NEW = "13900000011"


def call(app: Flask, path: str, body: dict[str, Any], address: str = "203.0.113.7") -> TestResponse:
    origin = {"REMOTE_ADDR": address}
    return app.test_client().post(f"/api/v1/auth/{path}", json=body, environ_base=origin)


def who(answer: TestResponse) -> str:
    assert answer.status_code == 200, answer.get_data(as_text=True)
    made = answer.get_json()
    assert made["account"]["kind"] == "resident"
    assert made["account"]["roles"] == []
    return str(made["account"]["id"])


def counts(app: Flask) -> tuple[int, int]:
    """Return how many accounts and identities there are."""
    with app.app_context(), reading() as session:
        tables = (Account, Identity)
        found = [session.scalar(select(func.count()).select_from(table)) or 0 for table in tables]
    return found[0], found[1]


def opens(app: Flask, answer: TestResponse) -> bool:
    header = {"Authorization": f"Bearer {answer.get_json()['access_token']}"}
    return app.test_client().get("/api/v1/me", headers=header).status_code == 200


def by_wechat(app: Flask, code: str, name: str = "suishoupai") -> TestResponse:
    return call(app, "wechat", {"app": name, "code": code})


def by_sms(app: Flask, sms: FakeSms, phone: str) -> TestResponse:
    assert call(app, "sms", {"phone": phone}).status_code == 202
    code = sms.sent[-1][2]["code"]
    return call(app, "sms/verify", {"phone": phone, "code": code})


def by_ticket(app: Flask, ticket: str) -> TestResponse:
    return call(app, "identity", {"provider": "aishandong", "ticket": ticket})


def proved(app: Flask, sms: FakeSms, phone: str) -> dict[str, str]:
    """Return the body that proves a phone."""
    assert call(app, "sms", {"phone": phone}).status_code == 202
    return {"phone": phone, "code": sms.sent[-1][2]["code"]}
