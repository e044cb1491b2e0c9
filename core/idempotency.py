"""Idempotency-Key: claimed first, the answer kept last, both in the effect's own transaction.

So a key with an answer has its effect and the reverse, also after a kill between commit and reply.
On PostgreSQL a second request meets the first one's lock and is told to come back; on SQLite it
waits and replays.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from flask import Response, request
from sqlalchemy import (
    BigInteger,
    ForeignKey,
    String,
    UniqueConstraint,
    bindparam,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Mapped, Session, mapped_column

from core import crypto
from core.api import encode
from core.clock import now as present
from core.database import BigId, Model, UtcDateTime, writing
from core.errors import BadRequest, Conflict, Invalid
from core.rows import change, put_once, table_of
from core.tokens import caller

HEADER = "Idempotency-Key"
KEPT = timedelta(hours=24)
LONGEST = 128


class KeyMissing(BadRequest):
    """What creates something of value needs a key of 1 to 128 visible ASCII characters."""

    code, zh, en = (
        "idempotency_key_required",
        "缺少有效的 Idempotency-Key",
        "A valid Idempotency-Key is missing",
    )


class KeyReused(Invalid):
    """The key already stands for another request."""

    code, zh, en = (
        "idempotency_key_reused",
        "该 Idempotency-Key 已用于其他请求",
        "The key was used for another request",
    )


class KeyInFlight(Conflict):
    """The first request with this key still runs."""

    code, zh, en = (
        "idempotency_key_in_flight",
        "相同请求正在处理",
        "The same request is being processed",
    )
    default_retry_after = 1


class IdempotencyKey(Model):
    """A key of one account and route; without `expires_at` it lives as long as what it made."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (UniqueConstraint("account_id", "route", "key"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    route: Mapped[str] = mapped_column(String(200))
    key: Mapped[str] = mapped_column(String(LONGEST))
    request_digest: Mapped[str] = mapped_column(String(64))
    status: Mapped[int | None]
    answer_ciphertext: Mapped[bytes | None]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)


def _claim_statement() -> Any:
    """Insert a key where its lock is free, on PostgreSQL; the lock ends with the transaction."""
    table = table_of(IdempotencyKey)
    names = ("account_id", "route", "key", "request_digest", "created_at", "expires_at")
    free = func.pg_try_advisory_xact_lock(bindparam("lock", type_=BigInteger))
    row = select(*(bindparam(name, type_=table.c[name].type) for name in names)).where(free)
    insert = postgresql.insert(table).from_select(names, row)
    return insert.on_conflict_do_nothing().returning(table.c.id)


CLAIM = _claim_statement()


class Replay(Exception):
    """Carries the first answer out of the unit of work."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


class Reply:
    """The answer in the making: what is set is kept with the key."""

    def __init__(self, session: Session, key_id: int | None) -> None:
        self.session = session
        self._key_id = key_id
        self._answer: Response | None = None

    @property
    def response(self) -> Response:
        """Return the answer.

        Raises:
            RuntimeError: none was set; a key kept without one would be in flight for ever.
        """
        if self._answer is None:
            raise RuntimeError("the unit of work has no answer")
        return self._answer

    def set(self, data: Any, status: int = 200, *, headers: dict[str, str] | None = None) -> None:
        """Build the answer and keep it, encrypted; it must hold no signed link and no QR token."""
        if not 200 <= status < 300:
            raise ValueError("only what succeeded is kept; raise an error for the rest")
        raw = encode(data)
        self._answer = Response(raw, status, headers=headers, content_type="application/json")
        if self._key_id is not None:
            self._keep(self._key_id, raw, status)

    def _keep(self, key_id: int, raw: bytes, status: int) -> None:
        kept = {"status": status, "answer_ciphertext": crypto.encrypt(raw.decode(), "answer")}
        change(self.session, IdempotencyKey, key_id, kept)


@contextmanager
def once(*, required: bool = True, forever: bool = False) -> Iterator[Reply]:
    """Open the unit of work of a request that must have its effect once.

    Raises:
        KeyMissing, KeyReused, KeyInFlight: as contract 1 says.
        Replay: the key already has its answer, which core/web.py sends again.
    """
    key = _key(required=required)
    with writing() as session:
        reply = Reply(session, None if key is None else _claim(session, key, forever=forever))
        yield reply
        _ = reply.response  # raises where none was set, and so rolls back


def _key(*, required: bool) -> str | None:
    key = request.headers.get(HEADER)
    if key is None and not required:
        return None
    if (
        key is None
        or not 1 <= len(key) <= LONGEST
        or not all("!" <= letter <= "~" for letter in key)
    ):
        raise KeyMissing
    return key


def _claim(session: Session, key: str, *, forever: bool) -> int:
    now, account_id, route = present(), caller().account_id, f"{request.method} {request.path}"
    values = {
        "account_id": account_id,
        "route": route,
        "key": key,
        "request_digest": _request_digest(),
        "created_at": now,
        "expires_at": None if forever else now + KEPT,
    }
    if session.get_bind().dialect.name == "sqlite":
        claimed = put_once(session, IdempotencyKey, values)
    else:
        claimed = _try_claim(session, values, f"{account_id}\0{route}\0{key}")
    return claimed if claimed is not None else _meet(session, values, now, forever=forever)


def _try_claim(session: Session, values: dict[str, Any], name: str) -> int | None:
    """Claim under a lock that never waits, in one statement; who misses it inserts nothing."""
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
    claimed = session.connection().execute(CLAIM, {**values, "lock": number}).scalar_one_or_none()
    return None if claimed is None else int(claimed)


def _meet(session: Session, values: dict[str, Any], now: datetime, *, forever: bool) -> int:
    """Meet a key that stands already: replay, refuse, or take it over when its day is past."""
    names = ("account_id", "route", "key")
    row = session.scalars(
        select(IdempotencyKey).where(*(getattr(IdempotencyKey, n) == values[n] for n in names))
    ).one_or_none()
    if row is None:
        raise KeyInFlight
    if not forever and row.expires_at is not None and row.expires_at <= now:
        session.execute(update(IdempotencyKey).where(IdempotencyKey.id == row.id).values(**values))
        return row.id
    if row.request_digest != values["request_digest"]:
        raise KeyReused
    if row.answer_ciphertext is None or row.status is None:
        raise KeyInFlight
    raw = crypto.decrypt(row.answer_ciphertext, "answer")
    replayed = {"Idempotency-Replayed": "true"}
    raise Replay(Response(raw, row.status, headers=replayed, content_type="application/json"))


def _request_digest() -> str:
    parts = (
        request.method.encode(),
        request.path.encode(),
        request.query_string,
        request.get_data(),
    )
    return hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def forget(session: Session, now: datetime) -> int:
    """Delete the keys whose day is past; return how many."""
    gone = (
        delete(IdempotencyKey).where(IdempotencyKey.expires_at <= now).returning(IdempotencyKey.id)
    )
    return len(session.scalars(gone).all())
