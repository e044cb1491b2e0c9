"""A client that speaks for one account, and the pictures and bodies that most tests need."""

import io
import secrets
from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from PIL import Image
from sqlalchemy import select
from werkzeug.test import TestResponse

from core import tokens
from core.accounts import Account, Credential, Subject, find
from core.clock import now
from core.database import db, writing

PREFIX = "/api/v1"
HERE = {"longitude": 116.587, "latitude": 35.415, "crs": "wgs84"}
ON_THE_LAKE = {"longitude": 117.2, "latitude": 34.62, "crs": "wgs84"}


def picture(
    colour: tuple[int, int, int] | None = None, size: tuple[int, int] = (320, 240)
) -> bytes:
    """Return the bytes of a small JPEG, another one each time unless a colour is given."""
    image = Image.new("RGB", size, colour or (90, 120, 150))
    if colour is None:
        noise = Image.frombytes("RGB", (16, 12), secrets.token_bytes(16 * 12 * 3))
        image.paste(noise.resize(size), (0, 0))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def account_named(name: str) -> Account:
    """Return the account of a phone or a username; inside an application context."""
    found = find(db.session(), Subject("phone", name)) if name.isdecimal() else None
    by_name = (
        select(Account)
        .join(Credential, Credential.account_id == Account.id)
        .where(Credential.username == name)
    )
    account = found or db.session.scalars(by_name).first()
    assert account is not None, f"no account named {name}"
    db.session.rollback()
    return account


@dataclass
class Api:
    """Requests as one account; every answer that is an error must be problem+json."""

    app: Flask
    token: str | None = None
    name: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def signed_in(cls, app: Flask, name: str) -> "Api":
        if not name:
            return cls(app)
        with app.app_context():
            account = account_named(name)
            with writing() as session:
                token = tokens.issue(session, account, now())["access_token"]
        return cls(app, token, name)

    def call(
        self,
        method: str,
        path: str,
        *,
        key: str | None = None,
        match: str | None = None,
        **kwargs: Any,
    ) -> TestResponse:
        headers = dict(self.headers) | dict(kwargs.pop("headers", None) or {})
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if key:
            headers["Idempotency-Key"] = key
        if match:
            headers["If-Match"] = match
        full = (
            path
            if path.startswith(("/api/", "/healthz", "/readyz", "/docs", "/metrics"))
            else PREFIX + path
        )
        response = self.app.test_client().open(
            full, method=method, headers=headers, buffered=True, **kwargs
        )
        if response.status_code >= 400:
            assert response.content_type == "application/problem+json", response.get_data(
                as_text=True
            )
        return response

    def get(self, path: str, **kwargs: Any) -> TestResponse:
        return self.call("GET", path, **kwargs)

    def post(self, path: str, json: Any = None, **kwargs: Any) -> TestResponse:
        return self.call("POST", path, **({} if json is None else {"json": json}), **kwargs)

    def patch(self, path: str, json: Any = None, **kwargs: Any) -> TestResponse:
        return self.call("PATCH", path, json=json, **kwargs)

    def delete(self, path: str, json: Any = None, **kwargs: Any) -> TestResponse:
        return self.call("DELETE", path, **({} if json is None else {"json": json}), **kwargs)

    def upload(self, data: bytes | None = None, name: str = "photo.jpg") -> str:
        """Upload a picture and return its id."""
        form = {"file": (io.BytesIO(data if data is not None else picture()), name)}
        response = self.call("POST", "/media", data=form)
        assert response.status_code in {200, 201}, response.get_data(as_text=True)
        identifier: str = response.get_json()["id"]
        return identifier

    def report(self, *, key: str | None = None, **changes: Any) -> dict[str, Any]:
        """Submit a report with one fresh photo; `changes` replace or add fields."""
        body = report_body(**changes)
        body.setdefault("media", None)
        if body["media"] is None:
            body["media"] = [self.upload()]
        response = self.post("/reports", body, key=key or secrets.token_hex(8))
        assert response.status_code == 201, response.get_data(as_text=True)
        made: dict[str, Any] = response.get_json()
        return made

    def act(
        self, number: str, action: str, json: Any = None, *, match: str | None = None
    ) -> TestResponse:
        """Do a staff action on a case, with the present version unless another is given."""
        current = match or self.get(f"/cases/{number}").headers["ETag"]
        return self.post(f"/cases/{number}/{action}", json, match=current)


def report_body(**changes: Any) -> dict[str, Any]:
    """Return the body of a sound report, without photos."""
    body: dict[str, Any] = {
        "channel": "suishoupai",
        "category": "WAT-OUT",
        "description": "排污口夜间排放黑水，有刺鼻气味",
        "location": dict(HERE),
    }
    body.update(changes)
    return body
