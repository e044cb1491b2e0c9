"""Calls to a distant store that end in time, whatever the other side does.

Timeouts of a connection bound each read of it; a reply of one byte a second outlasts them all. So
a call runs in a thread of its own, and when its time is over its connection is cut.
"""

import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeVar

Answer = TypeVar("Answer")
_running = threading.local()


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds to wait: for a connection, for each read of it, for a whole call, for a probe.

    An upload waits for a probe and for a call.
    """

    connect: float
    read: float
    whole: float
    probe: float = 1.0


AT_ONCE: Final = Patience(1, 3, 3.4)  # somebody waits, five seconds at most
AT_LEISURE: Final = Patience(5, 30, 90, 30)  # an operator copies large files over a slow line


class Call:
    """One call; `ended` is told when its thread has ended, which may be later than its deadline."""

    def __init__(self, ended: "Callable[[Call], None]") -> None:
        self._ended, self._began = ended, time.monotonic()
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._over = False

    def age(self) -> float:
        """Return the seconds since it began."""
        return time.monotonic() - self._began

    def result(self, work: Callable[[], Answer], seconds: float) -> Answer:
        """Return what the work returns.

        Raises:
            TimeoutError: it took longer; its connection was cut.
            Exception: whatever the work raised.
        """
        future: Future[Answer] = Future()

        def run() -> None:
            _running.call = self
            try:
                future.set_result(work())
            except BaseException as error:  # noqa: BLE001  carried over to the caller's thread
                future.set_exception(error)
            finally:
                self._ended(self)

        threading.Thread(target=run, name="photo-store", daemon=True).start()
        try:
            return future.result(timeout=seconds)
        except TimeoutError:
            self._cut()
            raise

    def uses(self, connected: socket.socket) -> None:
        """Note the connection; a call that is over gets no other."""
        with self._lock:
            if self._over:
                raise ConnectionAbortedError
            self._socket = connected

    def _cut(self) -> None:
        with self._lock:
            self._over = True
            if self._socket is not None:
                with suppress(OSError):  # closed meanwhile
                    self._socket.shutdown(socket.SHUT_RDWR)


def watch(client: Any) -> None:
    """Let the connections of a boto3 client tell the running call that it uses them."""
    # botocore has no public door to its connections; the tests fail if this one closes.
    pools = client._endpoint.http_session._pool_classes_by_scheme  # noqa: SLF001
    for scheme, pool in list(pools.items()):
        connection = type("WatchedConnection", (_Watched, pool.ConnectionCls), {})
        pools[scheme] = type("WatchedPool", (pool,), {"ConnectionCls": connection})


class _Watched:
    """What is put before a connection's own class."""

    sock: socket.socket | None

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        self._tell()

    def request(self, *arguments: Any, **named: Any) -> Any:
        self._tell()
        return super().request(*arguments, **named)  # type: ignore[misc]

    def _tell(self) -> None:
        if self.sock is not None:  # else it connects first
            _running.call.uses(self.sock)
