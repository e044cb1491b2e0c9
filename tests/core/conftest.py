"""A laboratory: the application as in production, with a few routes of the tests' own."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from flask import Blueprint, Flask, Response, request
from sqlalchemy import func, select

from app import create_app
from core import api as frame
from core import errors, fields, idempotency, logs, outbox
from core.database import db, public_id, reading
from core.outbox import OutboxMessage
from core.paging import PageQuery
from core.tokens import may
from tests.conftest import World

Build = Callable[..., Flask]


class ThingSchema(frame.Schema):
    name = fields.Text(most=20, required=True)
    amount = fields.StrictInteger(least=1, most=9)


class FilterSchema(PageQuery):
    name = fields.Text(most=20)


def laboratory() -> Blueprint:
    """Routes that no room has: each does one thing of the ground floor, and nothing else."""
    lab = Blueprint("laboratory", __name__, url_prefix="/api/v1/lab")
    for rule, view in {
        "/error/<name>": _fail,
        "/plain-error/<name>": _fail_plainly,
        "/unexpected": _break_down,
        "/sql/<statement>": _break_sql,
        "/query": lambda: frame.answer(frame.query(FilterSchema)),
        "/whence": lambda: frame.answer([request.remote_addr, request.scheme, request.host]),
    }.items():
        lab.get(rule, endpoint=rule.split("/")[1])(view)
    for rule, view in {
        "/body": lambda: frame.answer(frame.body(ThingSchema)),
        "/small": lambda: frame.answer(frame.body(ThingSchema, limit=64)),
        "/empty": lambda: frame.answer(frame.body(frame.EmptySchema)),
        "/effects": may("citizen.me")(_effect),
        "/other": may("citizen.me")(_effect),
        "/lasting": may("citizen.me")(lambda: _effect(forever=True)),
        "/optional": may("citizen.me")(lambda: _effect(required=False)),
    }.items():
        lab.post(rule, endpoint=rule[1:])(view)
    return lab


def _fail(name: str) -> Response:
    raise getattr(errors, name)(("说明", "Explained"), extra_member=7)


def _fail_plainly(name: str) -> Response:
    raise getattr(errors, name)


def _break_down() -> Response:
    raise ZeroDivisionError("secret detail 13800000001")


def _break_sql(statement: str) -> Response:
    db.session.execute(db.text(statement))
    return frame.answer({})


def _effect(**options: Any) -> Response:
    sent = frame.body(ThingSchema)
    with idempotency.once(**options) as reply:
        outbox.put("lab", {"name": sent["name"]})
        reply.session.flush()
        if sent["name"] == "broken":
            raise ZeroDivisionError
        if sent["name"] == "refused":
            raise errors.Conflict
        if sent["name"] != "silent":
            reply.set({"name": sent["name"], "id": public_id()}, 201, headers={"X-First": "1"})
    return reply.response


def effects(app: Flask) -> int:
    """Return how often the laboratory's effect was had."""
    with app.app_context(), reading() as session:
        counted = select(func.count()).where(OutboxMessage.topic == "lab")
        return session.scalar(counted) or 0


@pytest.fixture
def build(app: Flask, world: World) -> Iterator[Build]:
    """`build(trusted_proxies=1)`: one more application on the same database, not in test mode."""
    built: list[Flask] = []

    def made(*, testing: bool = False, **changes: Any) -> Flask:
        settings = dataclasses.replace(world.app.extensions["settings"], **changes)
        another = create_app(settings, testing=testing)
        another.register_blueprint(laboratory())
        built.append(another)
        return another

    yield made
    for another in built:
        with another.app_context():
            db.engine.dispose()
    assert app is world.app


@pytest.fixture(scope="session")
def standing(world: World) -> Flask:
    """Made once for each database; making it takes longer than most tests."""
    made = create_app(world.app.extensions["settings"])
    made.register_blueprint(laboratory())
    delivered: list[Any] = []
    handlers = made.extensions["outbox"]
    made.extensions["outbox"] = {**handlers, "lab": lambda *sent: delivered.append(sent)}
    return made


@pytest.fixture
def lab(app: Flask, standing: Flask) -> Iterator[Flask]:
    """The laboratory on a fresh demo set."""
    standing.extensions["caches"].clear()
    with standing.app_context():
        db.engine.dispose()  # connections may still hold the file that was there before
    yield standing
    with standing.app_context():
        db.engine.dispose()
    assert app


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """All that the logs would print, as they would."""
    kept: list[str] = []

    class Sink:
        def msg(self, message: str) -> None:
            kept.append(message)

        debug = info = warning = error = critical = exception = msg

    logs.configure("DEBUG")
    structlog.configure(logger_factory=lambda *_: Sink())
    yield kept
    logs.configure("WARNING")
