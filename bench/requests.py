"""One request, in the forms that are measured: as the gateway's environment, and as bytes."""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from werkzeug.test import EnvironBuilder

PREFIX = "/api/v1"


@dataclass(frozen=True)
class Request:
    """What is sent; `body` is JSON, or nothing."""

    method: str
    path: str
    token: str
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    def aimed_at(self, path: str) -> "Request":
        """Return the same request to another path."""
        return Request(self.method, path, self.token, self.body, self.headers)

    @property
    def _raw(self) -> bytes:
        return b"" if self.body is None else json.dumps(self.body).encode()

    @property
    def _all_headers(self) -> dict[str, str]:
        typed = {} if self.body is None else {"Content-Type": "application/json"}
        return {"Authorization": f"Bearer {self.token}", **typed, **self.headers}

    def environ(self) -> dict[str, Any]:
        """Return what a gateway hands to the application."""
        builder = EnvironBuilder(
            self.path, method=self.method, headers=list(self._all_headers.items())
        )
        found = builder.get_environ()
        found["wsgi.input"] = io.BytesIO(self._raw)
        if self.body is not None:
            found["CONTENT_LENGTH"] = str(len(self._raw))
        return found

    def wire(self) -> bytes:
        """Return what a client sends over a connection that stays open."""
        length = {"Content-Length": str(len(self._raw))} if self.method == "POST" else {}
        headers = {"Host": "127.0.0.1", **self._all_headers, **length}
        lines = [f"{self.method} {self.path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode() + self._raw


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw)


def call(app: Flask, environ: dict[str, Any]) -> Answer:
    """Hand one request to the application, as a gateway does, without a client around it."""
    begun: list[tuple[str, list[tuple[str, str]]]] = []

    def start(status: str, headers: list[tuple[str, str]], _info: object = None) -> None:
        begun.append((status, headers))

    parts = app.wsgi_app(environ, start)  # type: ignore[arg-type]
    try:
        raw = b"".join(parts)
    finally:
        parts.close()  # type: ignore[attr-defined]
    status, headers = begun[0]
    return Answer(int(status[:3]), {name.lower(): text for name, text in headers}, raw)


def call_all(app: Flask, requests: Sequence[Request]) -> list[Answer]:
    """Send requests one after the other; all must succeed."""
    return sound([call(app, request.environ()) for request in requests])


def sound(answers: list[Answer]) -> list[Answer]:
    """Return the answers, all of them successes.

    Raises:
        RuntimeError: one is not; what failed is not fast.
    """
    for answer in answers:
        if not 200 <= answer.status < 300:
            raise RuntimeError(f"{answer.status}: {answer.raw.decode()[:500]}")
    return answers
