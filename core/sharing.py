"""The way to Redis, where one is set: quick to give up, and then left alone for a while."""

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import structlog

from core.later import later

if TYPE_CHECKING:
    import redis
else:
    redis = later("redis")

TIMEOUT = 0.3
PAUSE = 5.0
Answer = TypeVar("Answer")
log = structlog.get_logger()


class SharedCounts:
    """Asks Redis; None where none is set or none answers, and the caller turns to the database.

    A server that hangs costs one request its 0.3 seconds. For the next five nobody asks; then one
    request tries again, while the others still pass by.
    """

    def __init__(self, url: str | None) -> None:
        self._client = None if url is None else _client(url)
        self._lock = threading.Lock()
        self._shut_until: float | None = None

    def ask(self, question: "Callable[[redis.Redis], Answer]") -> Answer | None:
        """Return what the question returns, or None."""
        if self._client is None or not self._may_ask():
            return None
        try:
            answer = question(self._client)
        except redis.RedisError as error:
            self._shut_until = time.monotonic() + PAUSE
            log.warning("redis_away", error=type(error).__name__)
            return None
        self._shut_until = None
        return answer

    def _may_ask(self) -> bool:
        with self._lock:
            now = time.monotonic()
            if self._shut_until is None:
                return True
            if now < self._shut_until:
                return False
            self._shut_until = now + PAUSE
            return True

    def answers(self) -> bool:
        """Say whether Redis answers now, or none is set."""
        try:
            return self._client is None or bool(self._client.ping())
        except redis.RedisError:
            return False


def _client(url: str) -> "redis.Redis":
    """Return a client that tries once; the library's own would try again for seconds."""
    return redis.Redis.from_url(
        url,
        socket_timeout=TIMEOUT,
        socket_connect_timeout=TIMEOUT,
        retry=redis.retry.Retry(redis.backoff.NoBackoff(), 0),
    )
