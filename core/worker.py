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

from core import audit, idempotency, limits, memory, outbox, phones
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
    """Seal new audit rows into the chain; return how many."""
    with reading() as session:
        after = audit.recent(session)
    return _seal(after)


def seal_late_audit(_now: datetime) -> int:
    """Look through the whole trail for rows that came too late for `seal_audit`, and seal them."""
    return _seal(0)


def _seal(after: int) -> int:
    sealed = 0
    while True:
        with reading() as session:
            if not audit.waiting(session, after):
                return sealed
        with writing() as session:
            if session.get_bind().dialect.name == "postgresql":  # SQLite has one writer anyway
                session.execute(db.text("LOCK TABLE audit_seals IN EXCLUSIVE MODE"))
            sealed += audit.seal(session, after)


def forget_past(now: datetime) -> int:
    """Drop idempotency keys, limit windows, SMS codes and delivered messages that are past."""
    with writing() as session:
        limits.forget(session, now)
        phones.forget(session, now)
        outbox.forget(session, now)
        return idempotency.forget(session, now)


JOBS = (
    Job("seal_audit", 1, seal_audit),
    Job("seal_late_audit", 3600, seal_late_audit),
    Job("forget_past", 600, forget_past),
)


def deliver(now: datetime) -> int:
    """Lease due messages, hand each to its topic's handler outside any transaction, count them."""
    with reading() as session:
        if not outbox.waiting(session, now):
            return 0
    with writing() as session:
        due = outbox.lease(session, now)
    handlers: Mapping[str, outbox.Handler] = current_app.extensions["outbox"]
    for message in due:
        if present() > now + outbox.LEASE / 2:
            break  # the rest comes back when its lease ends; another worker may hold it by then
        _deliver_one(message, handlers)
    return len(due)


def claim(now: datetime) -> None:
    """Take on what waited for a handler that this version brings."""
    with writing() as session:
        outbox.claim(session, current_app.extensions["outbox"], now)


def _deliver_one(message: outbox.Due, handlers: Mapping[str, outbox.Handler]) -> None:
    try:
        handlers[message.topic](outbox.opened(message), message.public_id)
    except Exception as error:  # noqa: BLE001  a receiver may do anything; the message waits
        db.session.rollback()
        _put_off(message, type(error).__name__)
    else:
        with writing() as session:
            outbox.sent(session, message.id, present())


def _put_off(message: outbox.Due, error: str) -> None:
    with writing() as session:
        lost = outbox.failed(session, message, error, present())
    say = log.error if lost else log.warning
    event = "delivery_given_up" if lost else "delivery_failed"
    say(event, topic=message.topic, message=message.public_id, error=error, tries=message.attempts)


def run(jobs: Sequence[Job]) -> None:
    """Run until SIGTERM or SIGINT; what is under way is finished first."""
    memory.give_back()
    run_one(Job("claim", 0, claim))
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
