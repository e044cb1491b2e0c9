"""`flask db`, whose libraries come in when it is called: ten megabytes that no server needs."""

from typing import Any

import click
from flask import Flask

from core.database import db


class _Commands(click.Command):
    """The commands of Flask-Migrate; whoever calls them speaks to the group itself."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        from flask_migrate.cli import db as commands  # noqa: PLC0415  see above

        made: click.Context = commands.make_context(info_name, args, parent, **extra)
        return made


class _Extension:
    """What the commands, and who calls them from Python, find in the application."""

    def __init__(self, app: Flask) -> None:
        self._app = app

    def __getattr__(self, name: str) -> Any:
        from flask_migrate import Migrate  # noqa: PLC0415  see above

        Migrate(self._app, db, render_as_batch=True, compare_type=True)
        return getattr(self._app.extensions["migrate"], name)


def init_app(app: Flask) -> None:
    """Let the application's database be migrated."""
    app.extensions["migrate"] = _Extension(app)
    app.cli.add_command(_Commands("db", help="Perform database migrations."))
