"""A stand-in for a bucket on loopback: it keeps what it is sent, and can misbehave in every way."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

NAME = "photos"
MISSING = b"<Error><Code>NoSuchKey</Code><Message>none</Message></Error>"
DENIED = b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>"


class FakeBucket:
    """`mode` says how it answers; modern checksums and chunked bodies are refused, as by many.

    `silent` never answers, `deaf` answers everything but a put, `dripping` sends a byte a second
    of a body and `dribbling` of the headers, `slow` takes a moment for each put and `late` more
    than one second for every answer; a number is the
    status of every answer. `refused` and `blackholed` end connections and take no new ones, at
    once or by never answering; `turn` changes to or from them. `cut` counts the drips whose reader
    went away.
    """

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.mode = "sound"
        self.seen: list[str] = []
        self.hanging = self.cut = 0
        self.page = 2
        self.ended = threading.Event()
        bucket = self

        class Handler(_Handler):
            def do_any(self) -> None:
                bucket.answer(self)

            do_GET = do_PUT = do_DELETE = do_HEAD = do_POST = do_any  # noqa: N815

        self._handler = Handler
        self._listen(0)
        self._port = self.server.server_address[1]
        self._crowd: list[socket.socket] = []
        self.url = f"http://127.0.0.1:{self._port}"

    def _listen(self, port: int) -> None:
        self.server = ThreadingHTTPServer(("127.0.0.1", port), self._handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def turn(self, mode: str) -> None:
        """Behave like that from now on, at the same address."""
        closed = {"refused", "blackholed"}
        was, self.mode = self.mode, mode
        if mode in closed and was not in closed:
            self.server.shutdown()
            self.server.server_close()
        if mode == "blackholed":
            self._crowd = _crowd(self._port)
        elif was in closed and mode not in closed:
            while self._crowd:
                self._crowd.pop().close()
            self._listen(self._port)

    def close(self) -> None:
        self.ended.set()
        self.turn("sound")
        self.server.shutdown()
        self.server.server_close()

    def answer(self, sent: "_Handler") -> None:
        body = sent.rfile.read(int(sent.headers.get("Content-Length", 0)))
        self.seen.append(f"{sent.command} {sent.path}")
        headers = {name.lower(): value for name, value in sent.headers.items()}
        modern = any(name.startswith("x-amz-checksum") for name in headers)
        deaf = self.mode == "deaf" and sent.command == "PUT"
        if self.mode == "late":
            self.ended.wait(1.3)
        if modern or "aws-chunked" in headers.get("content-encoding", ""):
            sent.reply(400, b"<Error><Code>InvalidArgument</Code></Error>")
        elif self.mode in {"refused", "blackholed"}:  # a connection kept from better times
            sent.close_connection = True
        elif deaf or self.mode in {"silent", "dripping", "dribbling"}:
            self._hang(sent, "silent" if deaf else self.mode)
        elif self.mode == "missing":
            sent.reply(404, b"<Error><Code>NoSuchBucket</Code></Error>")
        elif self.mode.isdecimal():
            sent.reply(int(self.mode), DENIED)
        else:
            if self.mode == "slow" and sent.command == "PUT":
                self.ended.wait(0.1)
            self._serve(sent, body)

    def _hang(self, sent: "_Handler", mode: str) -> None:
        """Hold the caller until the end of the test, or until it goes."""
        self.hanging += 1
        sent.close_connection = True
        try:
            if mode == "silent":
                self.ended.wait(60)
            else:
                sent.drip(self.ended, headers=mode == "dribbling")
        except OSError:
            self.cut += 1
        finally:
            self.hanging -= 1

    def _serve(self, sent: "_Handler", body: bytes) -> None:
        parts = urlsplit(sent.path)
        path = unquote(parts.path)
        if not path.startswith(f"/{NAME}"):
            return sent.reply(404, b"<Error><Code>NoSuchBucket</Code></Error>")
        key = path.removeprefix(f"/{NAME}").lstrip("/")
        if not key:
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            return sent.reply(200, self._page(query) if sent.command == "GET" else b"")
        if sent.command == "PUT":
            self.objects[key] = body
            return sent.reply(200)
        if sent.command == "DELETE":
            self.objects.pop(key, None)
            return sent.reply(204)
        found = self.objects.get(key)
        return sent.reply(404, MISSING) if found is None else sent.reply(200, found)

    def _page(self, query: dict[str, str]) -> bytes:
        names = sorted(name for name in self.objects if name.startswith(query.get("prefix", "")))
        names = [name for name in names if name > query.get("continuation-token", "")]
        rows = "".join(
            f"<Contents><Key>{name}</Key><LastModified>2026-03-01T00:00:00.000Z</LastModified>"
            f"<Size>{len(self.objects[name])}</Size></Contents>"
            for name in names[: self.page]
        )
        more = len(names) > self.page
        token = (
            f"<NextContinuationToken>{names[self.page - 1]}</NextContinuationToken>" if more else ""
        )
        flag = f"<IsTruncated>{'true' if more else 'false'}</IsTruncated>"
        return f"<ListBucketResult>{flag}{token}{rows}</ListBucketResult>".encode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_args: object) -> None:
        pass

    def reply(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Last-Modified", "Sun, 01 Mar 2026 00:00:00 GMT")
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def drip(self, ended: threading.Event, *, headers: bool) -> None:
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n")
        self.wfile.write(b"X-Endless: " if headers else b"\r\n")
        while not ended.wait(1):
            self.wfile.write(b"x")
            self.wfile.flush()


def _crowd(port: int) -> list[socket.socket]:
    """Listen without accepting, and fill the queue: whoever comes next waits for an answer."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(0)
    crowd = [listener]
    for _ in range(4):
        waiting = socket.socket()
        waiting.setblocking(False)
        waiting.connect_ex(("127.0.0.1", port))
        crowd.append(waiting)
    return crowd


@contextmanager
def running() -> Iterator[FakeBucket]:
    bucket = FakeBucket()
    try:
        yield bucket
    finally:
        bucket.close()
