"""Requests a second of a live server: gunicorn as in production, and clients that cost little."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.city import PROJECT
from bench.machine import children, resident_mb
from bench.requests import Answer, Request, sound

TOOLS = Path(sys.prefix) / "bin"
PATIENCE = 60
WORKERS, CLIENTS = 2, 6


def _free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port: int = asked.getsockname()[1]
    return port


@dataclass
class Served:
    """A gunicorn server with two workers on loopback, of the real application or of a floor."""

    environ: dict[str, str]
    application: str | None = None
    port: int = field(default_factory=_free_port)
    process: "subprocess.Popen[bytes] | None" = None

    def __enter__(self) -> "Served":
        command = [str(TOOLS / "gunicorn"), "-c", "gunicorn.conf.py"]
        command += [self.application] if self.application else []
        settings = self.environ | {"PORT": str(self.port), "WORKERS": str(WORKERS)}
        self.process = _start(command, settings)
        self._wait()
        return self

    def __exit__(self, *_exc: object) -> None:
        _end(self.process)

    def _wait(self) -> None:
        """Wait until both workers have answered; each loads the application by itself."""
        until = time.monotonic() + PATIENCE
        request = Request("GET", "/no-such-page", "")
        while time.monotonic() < until:
            try:
                Wire(self.port).send(request)
                if len(list(children(self._master()))) >= WORKERS:
                    time.sleep(0.5)
                    return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("the server does not answer")

    def _master(self) -> int:
        assert self.process is not None
        return self.process.pid

    def resident_mb(self) -> float:
        """Return the memory of its largest worker."""
        return max(resident_mb(child) for child in children(self._master()))


def _start(command: Sequence[str], settings: dict[str, str]) -> "subprocess.Popen[bytes]":
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.Popen(
        command,
        cwd=PROJECT,
        env=kept | {"PYTHONPATH": str(PROJECT)} | settings,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _end(process: "subprocess.Popen[bytes] | None") -> None:
    if process is not None and process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


def worker_mb(environ: dict[str, str], seconds: float) -> float:
    """Return the memory of `flask worker` after it ran for a while."""
    process = _start([str(TOOLS / "flask"), "--app", "app", "worker"], environ)
    try:
        time.sleep(seconds)
        if process.poll() is not None:
            raise RuntimeError("the worker ended by itself")
        return resident_mb(process.pid)
    finally:
        _end(process)


class Wire:
    """A client's connection that stays open."""

    def __init__(self, port: int) -> None:
        self._address = ("127.0.0.1", port)
        self._socket = self._open()

    def _open(self) -> socket.socket:
        made = socket.create_connection(self._address, timeout=60)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def send(self, request: Request) -> Answer:
        """Send one request and read its answer; a connection that was closed is opened anew."""
        self._socket.sendall(request.wire())
        head, _, rest = self._read(b"", until=b"\r\n\r\n").partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): text for name, _, text in (line.partition(": ") for line in lines)}
        length = int(headers.get("content-length", "0"))
        while len(rest) < length:
            rest += self._more()
        if headers.get("connection", "").lower() == "close":
            self._socket.close()
            self._socket = self._open()
        return Answer(int(first.split()[1]), headers, rest)

    def _read(self, data: bytes, *, until: bytes) -> bytes:
        while until not in data:
            data += self._more()
        return data

    def _more(self) -> bytes:
        more = self._socket.recv(65_536)
        if not more:
            raise OSError("the server closed the connection")
        return more


def per_second(port: int, requests: Sequence[Request]) -> tuple[float, list[Answer]]:
    """Send requests from several threads; return how many a second, and the answers in order."""
    answers: dict[int, Answer] = {}
    parts = [range(first, len(requests), CLIENTS) for first in range(CLIENTS)]
    wires = [Wire(port) for _ in parts]

    def work(wire: Wire, part: range) -> None:
        for at in part:
            answers[at] = wire.send(requests[at])

    threads = [threading.Thread(target=work, args=pair) for pair in zip(wires, parts, strict=True)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    if len(answers) < len(requests):
        raise RuntimeError("a client lost its connection")
    return len(requests) / took, sound([answers[at] for at in range(len(requests))])
