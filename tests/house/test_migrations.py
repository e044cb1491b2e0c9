"""Migrations: one head, both ways, equal to the models, triggers and CHECKs included."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import check, downgrade, upgrade
from sqlalchemy import inspect, text
from sqlalchemy.engine.interfaces import TableKey
from sqlalchemy.exc import DBAPIError

from core.database import db
from tests.conftest import PROJECT, World

FOLDER = str(PROJECT / "migrations")


@pytest.fixture
def empty(world: World) -> Iterator[Flask]:
    """The application on an empty database."""
    world.restore()
    with world.app.app_context():
        downgrade(directory=FOLDER, revision="base")
    yield world.app
    world.restore()


def _schema(app: Flask) -> dict[str, object]:
    """Return all that the database tells of its tables, in an order that does not matter."""
    with app.app_context():
        found = inspect(db.engine)
        parts = (
            _each(found.get_multi_columns(), lambda c: (c["name"], str(c["type"]), c["nullable"])),
            _each(
                found.get_multi_indexes(),
                lambda i: (i["name"] or "", tuple(i["column_names"]), bool(i["unique"])),
            ),
            _each(
                found.get_multi_unique_constraints(),
                lambda u: (u["name"] or "", tuple(u["column_names"])),
            ),
            _each(found.get_multi_foreign_keys(), lambda f: (f["name"] or "", f["referred_table"])),
            _each(
                found.get_multi_check_constraints(),
                lambda c: (c["name"] or "", _plain(c["sqltext"])),
            ),
        )
        schema: dict[str, object] = {
            name: tuple(part.get(name, []) for part in parts)
            for name in found.get_table_names()
            if name != "alembic_version"
        }
        db.engine.dispose()
    return schema


def _each(
    tables: Mapping[TableKey, list[Any]], told: Callable[[Any], tuple[object, ...]]
) -> dict[str, list[tuple[object, ...]]]:
    """Return by table what is told of each of its things; all tables were asked for at once."""
    return {name: sorted(map(told, things)) for (_, name), things in tables.items()}


def _plain(check_text: str) -> str:
    return re.sub(r"\s+", " ", check_text)


def test_there_is_one_head_and_numbers_run_on() -> None:
    script = ScriptDirectory(FOLDER)
    assert len(script.get_heads()) == 1
    names = sorted(path.name for path in Path(FOLDER, "versions").glob("[0-9]*.py"))
    assert [name[:4] for name in names] == [f"{number:04d}" for number in range(1, len(names) + 1)]


def test_down_takes_everything_away_and_up_brings_the_same_back(empty: Flask) -> None:
    assert _schema(empty) == {}
    with empty.app_context():
        upgrade(directory=FOLDER)
    first = _schema(empty)
    with empty.app_context():
        downgrade(directory=FOLDER, revision="base")
        upgrade(directory=FOLDER)
    assert _schema(empty) == first


def test_each_step_down_and_up_again_leaves_the_same_schema(empty: Flask) -> None:
    with empty.app_context():
        upgrade(directory=FOLDER)
        for revision in ScriptDirectory(FOLDER).walk_revisions():
            before = _schema(empty)
            downgrade(directory=FOLDER, revision="-1")
            upgrade(directory=FOLDER, revision=revision.revision)
            assert _schema(empty) == before, revision.revision
            downgrade(directory=FOLDER, revision="-1")


def test_the_models_are_what_the_migrations_make(empty: Flask) -> None:
    with empty.app_context():
        upgrade(directory=FOLDER)
        check(directory=FOLDER)
    migrated = _schema(empty)
    with empty.app_context():
        downgrade(directory=FOLDER, revision="base")
        db.create_all()
        db.engine.dispose()
    created = _schema(empty)
    with empty.app_context():
        db.drop_all()
        db.engine.dispose()
    assert created == migrated


def test_append_only_tables_refuse_changes_in_the_database_itself(app: Flask) -> None:
    tables = [name for name, table in db.metadata.tables.items() if table.info.get("append_only")]
    assert len(tables) > 5
    with app.app_context():
        for name in tables:
            kind = db.engine.dialect.name
            key = next(iter(db.metadata.tables[name].primary_key.columns)).name
            found = db.session.execute(text(_triggers(kind)), {"name": name}).scalar_one()
            assert found == (2 if kind == "sqlite" else 1), name
            for statement in (f"UPDATE {name} SET {key} = {key}", f"DELETE FROM {name}"):
                if db.session.execute(text(f"SELECT count(*) FROM {name}")).scalar_one():
                    with pytest.raises(DBAPIError, match="append-only"):
                        db.session.execute(text(statement))
                    db.session.rollback()
        db.session.rollback()


def _triggers(kind: str) -> str:
    if kind == "sqlite":
        return "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :name"
    of_table = "tgrelid = CAST(:name AS regclass)"
    return f"SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal AND {of_table}"
