"""WeChat in small, on loopback: only the newest token is valid, and every call is counted."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class WeChatStub:
    """Hands out tokens and takes questions; what it was asked is kept.

    `renews` False is the stable interface: without force the same token comes again. `refusing` is
    an errcode with which every question is answered; `answers` are given first, one a question.
    """

    url: str = ""
    lasts: int = 7200
    slow: float = 0.0
    renews: bool = True
    refusing: int = 0
    token_answer: dict[str, Any] | None = None
    answers: list[dict[str, Any]] = field(default_factory=list)
    on_question: Callable[[str, dict[str, Any]], None] | None = None
    token_calls: list[dict[str, Any]] = field(default_factory=list)
    questions: list[dict[str, Any]] = field(default_factory=list)
    refused: int = 0
    newest: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def give_token(self, body: dict[str, Any]) -> dict[str, Any]:
        time.sleep(self.slow)
        with self.lock:
            self.token_calls.append(body)
            if self.token_answer is not None:
                return self.token_answer
            if self.renews or body["force_refresh"] or not self.newest:
                self.newest = f"canary-token-{len(self.token_calls)}"
            return {"access_token": self.newest, "expires_in": self.lasts}

    def take_question(self, token: str, body: dict[str, Any]) -> dict[str, Any]:
        with self.lock:
            if self.refusing or token != self.newest:
                self.refused += 1
                return {"errcode": self.refusing or 40001, "errmsg": f"invalid {token}"}
            self.questions.append(body)
            trace_id = f"trace-{len(self.questions)}"
            answer = {"errcode": 0, "errmsg": "ok", "trace_id": trace_id}
            answer = self.answers.pop(0) if self.answers else answer
        if self.on_question is not None:
            self.on_question(trace_id, body)
        return answer


class _Handler(BaseHTTPRequestHandler):
    stub: WeChatStub

    def do_POST(self) -> None:
        address = urlsplit(self.path)
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if address.path == "/cgi-bin/stable_token":
            answer = self.stub.give_token(body)
        else:
            assert address.path == "/wxa/media_check_async"
            token = parse_qs(address.query)["access_token"][0]
            answer = self.stub.take_question(token, body)
        raw = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""


@contextmanager
def running() -> Iterator[WeChatStub]:
    """Serve on a port of its own until the block ends."""
    stub = WeChatStub()
    handler = type("Handler", (_Handler,), {"stub": stub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    stub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
