"""The floor F: a minimal Flask application that does what an operation can't do without.

It checks the token's signature, loads the same body and dumps the same answer with the same
schemas, and writes the same rows into scratch tables through the ORM, in one transaction. Server
and database have the settings of the real application.
"""

import os
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask, Response, request
from flask_jwt_extended import verify_jwt_in_request
from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

import app  # noqa: F401  the schemas and models that plans name
from bench import scratch
from bench.recording import schema_named
from core import database, tokens
from core.api import encode
from core.database import db, reading, writing
from core.settings import from_environment

PLANS = "BENCH_PLANS"
PAGE = 20


@dataclass
class Plan:
    """What the floor of one operation does; `page` reads instead of writing."""

    loads: list[str]
    dumps: list[tuple[str, Any]]
    work: scratch.Work
    page: bool = False


def create(plans: dict[str, Plan], environ: dict[str, str] | None = None) -> Flask:
    """Build the application with one route for each plan, and a greeting."""
    made = Flask(__name__, static_folder=None)
    settings = from_environment(environ)
    made.extensions["settings"] = settings
    database.init_app(made, settings)
    tokens.init_app(made, settings)
    names = {"reports"}.union(*(plan.work.tables() for plan in plans.values()))
    models = scratch.models(names)
    for name, plan in plans.items():
        method = "GET" if plan.page else "POST"
        view = _View(plan, models)
        made.add_url_rule(f"/floor/{name}", name, view, methods=[method])
    made.add_url_rule("/hello", "hello", _hello)
    return made


def serve() -> Flask:
    """Build the application in a server's process, from what the bench wrote down."""
    plans = pickle.loads(Path(os.environ[PLANS]).read_bytes())
    return create(plans)


def _hello() -> Response:
    verify_jwt_in_request()
    return Response(encode({"hello": "world"}), content_type="application/json")


class _View:
    """The route of one plan."""

    def __init__(self, plan: Plan, models: dict[str, type[Any]]) -> None:
        self._plan, self._models = plan, models
        self._loads = [schema_named(name) for name in plan.loads]
        self._dumps = [(schema_named(name), data) for name, data in plan.dumps]

    def __call__(self) -> Response:
        verify_jwt_in_request()
        sent = request.args.to_dict() if self._plan.page else request.get_json(silent=True) or {}
        for schema in self._loads:
            schema.load(sent)
        if self._plan.page:
            self._read()
        else:
            with writing() as session:
                self._write(session)
        answer = [schema.dump(data) for schema, data in self._dumps][-1]
        return Response(encode(answer), content_type="application/json")

    def _read(self) -> None:
        report = self._models["reports"]
        newest = select(report).order_by(report.submitted_at.desc(), report.id.desc())
        with reading() as session:
            session.scalars(newest.limit(PAGE + 1)).all()

    def _write(self, session: Session) -> None:
        for name, row in self._plan.work.inserts:
            session.add(self._models[name](**scratch.fresh(name, row)))
        for name, columns, key in self._plan.work.changes():
            standing = session.get_one(self._models[name], key)
            for column in columns:
                flag_modified(standing, column)


def engine_of(made: Flask) -> Any:
    """Return the engine of an application."""
    with made.app_context():
        return db.engine
