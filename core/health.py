"""What a server needs to work, asked one by one."""

import os

from flask import current_app
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from core.database import db
from core.limits import shared_counts


def away() -> list[str]:
    """Name what can't be reached: `database`, `media`, `redis`."""
    checks = {"database": _database, "redis": _redis, **current_app.extensions["health"]}
    return [name for name, holds in checks.items() if not holds()]


def _database() -> bool:
    try:
        db.session.execute(text("SELECT 1"))
        db.session.rollback()
    except SQLAlchemyError:
        db.session.rollback()
        return False
    return True


def _redis() -> bool:
    return shared_counts().answers()


def multiprocess_directory() -> str | None:
    """Return where processes share their figures; the server sets it before the import."""
    return os.environ.get("PROMETHEUS_MULTIPROC_DIR")  # noqa: TID251  as the library reads it
