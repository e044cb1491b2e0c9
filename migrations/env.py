"""Alembic's entry: the application's own engine and metadata."""

from alembic import context
from flask import current_app

LOCK_TIMEOUT = "SET lock_timeout = '4s'"
STATEMENT_TIMEOUT = "SET statement_timeout = '60s'"

VIRTUAL = "report_words"  # on SQLite a full text index, with tables of its own


def compared(_thing: object, name: str | None, kind: str, *_rest: object) -> bool:
    """Say whether models and database are compared by this; no model describes a virtual table."""
    return not (kind == "table" and sqlite and str(name).startswith(VIRTUAL))


migrate = current_app.extensions["migrate"]

with migrate.db.engine.connect() as connection:
    sqlite = connection.dialect.name == "sqlite"
    raw = connection.connection.dbapi_connection
    if sqlite:
        raw.execute(
            "PRAGMA foreign_keys=OFF"
        )  # batch mode drops and recreates tables that others refer to
    context.configure(
        connection=connection,
        target_metadata=migrate.db.metadata,
        include_object=compared,
        **migrate.configure_args,
    )
    with context.begin_transaction():
        if not sqlite:
            connection.exec_driver_sql(
                LOCK_TIMEOUT
            )  # a migration that waits for a lock makes everybody wait
            connection.exec_driver_sql(STATEMENT_TIMEOUT)
        context.run_migrations()
        if sqlite and (broken := connection.exec_driver_sql("PRAGMA foreign_key_check").all()):
            raise RuntimeError(f"migration leaves dangling references: {broken[:3]}")
    if sqlite:
        raw.execute("PRAGMA foreign_keys=ON")
migrate.db.engine.dispose()
