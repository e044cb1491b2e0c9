"""A real server on loopback: gunicorn as in production, in its own folder, on either database."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from app import create_app
from core.database import db
from core.settings import from_environment
from tests.clients import Api

PROJECT = Path(__file__).resolve().parent.parent
TOOLS = Path(sys.prefix) / "bin"
PASSWORD = "demo-password-for-tests"
PATIENCE = 30


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port: int = asked.getsockname()[1]
    return port


@dataclass
class Live:
    """A server with its database and photo folder; `start` and `kill` may alternate."""

    home: Path
    database_url: str
    port: int = field(default_factory=free_port)
    workers: int = 2
    extra: Mapping[str, str] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None
    with_worker: bool = False
    worker: "subprocess.Popen[bytes] | None" = None
    people: "list[Person]" = field(default_factory=list)

    @property
    def environ(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return {
            **kept,
            "FLASK_APP": "app",
            "INSTANCE_PATH": str(self.home),
            "DATABASE_URL": self.database_url,
            "DEMO_PASSWORD": PASSWORD,
            "PORT": str(self.port),
            "WORKERS": str(self.workers),
            "LOG_LEVEL": "WARNING",
            **self.extra,
        }

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def flask(self, *arguments: str) -> str:
        """Run a command of the application and return what it prints."""
        command = [str(TOOLS / "flask"), *arguments]
        done = subprocess.run(
            command, cwd=PROJECT, env=self.environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def prepare(self) -> None:
        """Migrate and fill the database."""
        self.flask("db", "upgrade")
        self.flask("demo")

    def start(self) -> float:
        """Start the server and return the seconds until it was ready."""
        began = time.monotonic()
        self.process = self._begin("gunicorn", "-c", "gunicorn.conf.py")
        if self.with_worker:
            self.worker = self._begin("flask", "worker")
        while time.monotonic() - began < PATIENCE:
            assert self.process.poll() is None, "the server ended at once"
            try:
                if httpx.get(f"{self.url}/readyz", timeout=2).status_code == 200:
                    return time.monotonic() - began
            except httpx.TransportError:
                time.sleep(0.02)
        raise AssertionError("the server does not become ready")

    def _begin(self, tool: str, *arguments: str) -> "subprocess.Popen[bytes]":
        command = [str(TOOLS / tool), *arguments]
        return subprocess.Popen(command, cwd=PROJECT, env=self.environ, start_new_session=True)

    def kill(self) -> None:
        """End all its processes at once, as a power cut would."""
        self._signal(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end, as an operator would."""
        while self.people:
            self.people.pop().close()
        self._signal(signal.SIGTERM)

    def _signal(self, number: int) -> None:
        running = [
            process
            for process in (self.process, self.worker)
            if process is not None and process.poll() is None
        ]
        for process in running:
            if number == signal.SIGKILL:
                os.killpg(process.pid, number)
            else:
                process.send_signal(number)
        for process in running:
            process.wait(20)

    def token(self, name: str) -> str:
        """Return an access token, as `flask token` would print it, without starting Python anew."""
        app = create_app(from_environment(self.environ), testing=True)
        token = Api.signed_in(app, name).token
        with app.app_context():
            db.engine.dispose()
        assert token is not None
        return token

    def client(self, name: str) -> "Person":
        """Return somebody who is signed in: by phone for residents, by username for others."""
        person = Person(self.url, self.token(name))
        self.people.append(person)
        return person


class Person:
    """Requests of one account over HTTP."""

    def __init__(self, url: str, token: str) -> None:
        self.http = httpx.Client(
            base_url=f"{url}/api/v1",
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
            limits=httpx.Limits(max_connections=20),
        )

    def get(self, path: str, **kwargs: Any) -> httpx.Response:
        return self.http.get(path, **kwargs)

    def post(
        self,
        path: str,
        json: Any = None,
        *,
        key: str | None = None,
        match: str | None = None,
        **kwargs: Any,
    ) -> httpx.Response:
        headers = {}
        if key:
            headers["Idempotency-Key"] = key
        if match:
            headers["If-Match"] = match
        return self.http.post(path, json=json, headers=headers, **kwargs)

    def upload(self, data: bytes, name: str = "photo.jpg") -> str:
        answer = self.http.post("/media", files={"file": (name, data)})
        assert answer.status_code in {200, 201}, answer.text
        identifier: str = answer.json()["id"]
        return identifier

    def act(self, number: str, action: str, json: Any = None) -> httpx.Response:
        """Do a staff action with the case's present version."""
        etag = self.get(f"/cases/{number}").headers["ETag"]
        return self.post(f"/cases/{number}/{action}", json, match=etag)

    def close(self) -> None:
        self.http.close()
