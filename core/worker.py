"""The worker: delivers what leaves the database and runs what is due, until it is told to stop."""

import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import FrameType

import structlog
from flask import current_app

from core import audit, idempotency, limits, outbox, phones
from core.clock import now as present
from core.database import db, reading, writing

log = structlog.get_logger()


@dataclass(frozen=True)
class Job:
    """Something that is done again and again; `seconds` is the pause between two runs."""

    name: str
    seconds: float
    run: Callable[[datetime], object]


def seal_audit(_now: datetime) -> int:
    """Seal new audit rows into the chain; the write transaction's lock keeps sealers apart."""
    with writing() as session:
        if session.get_bind().dialect.name == "postgresql":
            session.execute(db.text("LOCK TABLE audit_seals IN EXCLUSIVE MODE"))
        return audit.seal(session)


def forget_keys(now: datetime) -> int:
    """Drop idempotency keys, limit windows and SMS codes that are past."""
    with writing() as session:
        limits.forget(session, now)
        phones.forget(session, now)
        return idempotency.forget(session, now)


JOBS = (Job("seal_audit", 1, seal_audit), Job("forget_keys", 600, forget_keys))


def deliver(now: datetime) -> int:
    """Lease due messages, hand each to its topic's handler outside any transaction, count them."""
    with reading() as session:
        if not outbox.waiting(session, now):
            return 0
    with writing() as session:
        due = outbox.lease(session, now)
    handlers: Mapping[str, outbox.Handler] = current_app.extensions["outbox"]
    for message in due:
        _deliver_one(message, handlers)
    return len(due)


def _deliver_one(message: outbox.Due, handlers: Mapping[str, outbox.Handler]) -> None:
    try:
        handlers[message.topic](message.payload, message.public_id)
    except Exception as error:  # noqa: BLE001  a receiver may do anything; the message waits
        db.session.rollback()
        log.warning(
            "delivery_failed",
            topic=message.topic,
            error=type(error).__name__,
            attempts=message.attempts,
        )
        with writing() as session:
            outbox.failed(session, message, type(error).__name__, present())
    else:
        with writing() as session:
            outbox.sent(session, message.id, present())


def run(jobs: Sequence[Job]) -> None:
    """Run until SIGTERM or SIGINT; what is under way is finished first."""
    stop = threading.Event()

    def asked(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, asked)
    signal.signal(signal.SIGINT, asked)
    every = (Job("deliver", 1, deliver), *JOBS, *jobs)
    due = dict.fromkeys((job.name for job in every), 0.0)
    while not stop.is_set():
        for job in every:
            if time.monotonic() >= due[job.name] and not stop.is_set():
                run_one(job)
                due[job.name] = time.monotonic() + job.seconds
        stop.wait(0.5)


def run_one(job: Job) -> None:
    """Run one job; a failing one is logged and tried again at its next turn."""
    try:
        job.run(present())
    except Exception:
        log.exception("job_failed", job=job.name)
    finally:
        db.session.remove()
