"""What one request does: its statements, the rows it writes, the bodies it loads and dumps.

Floors are built from it, so they follow the code: a request that writes one more row is measured
against a floor that does so too.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import marshmallow
from flask import Flask
from marshmallow import class_registry
from sqlalchemy import Column, Table, event

from core.database import db

WRITES = re.compile(r"(INSERT INTO|UPDATE) (\w+) ")
CHANGED = re.compile(r"(?:^|, )\"?(\w+)\"?=")
FRAME = ("BEGIN", "SAVEPOINT", "RELEASE", "PRAGMA", "COMMIT")


@dataclass
class Write:
    """Rows of one table: inserted with values, or the columns that an update changes."""

    table: Table
    rows: list[dict[str, Any]] = field(default_factory=list)
    changed: tuple[str, ...] = ()
    count: int = 0


@dataclass
class Recording:
    """What one request did; `answer` is what its last dump was made of."""

    statements: list[str] = field(default_factory=list)
    parameters: list[Any] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    dumps: list[tuple[str, Any]] = field(default_factory=list)

    @property
    def rows(self) -> dict[str, int]:
        """Return how many rows are written, by table."""
        found: dict[str, int] = {}
        for write in self.distinct():
            found[write.table.name] = found.get(write.table.name, 0) + write.count
        return found

    def distinct(self) -> list[Write]:
        """Return the writes, without updates of rows that the same request inserted."""
        inserted = {write.table.name for write in self.writes if not write.changed}
        return [w for w in self.writes if not (w.changed and w.table.name in inserted)]

    def note(
        self, _c: object, cursor: Any, statement: str, parameters: Any, context: Any, _m: object
    ) -> None:
        """Note one statement that ran."""
        if statement.upper().startswith(FRAME):
            return
        self.statements.append(statement)
        self.parameters.append(parameters)
        written = WRITES.match(statement)
        if written is None or context.compiled is None:
            return
        table = db.metadata.tables[written[2]]
        if written[1] == "INSERT INTO":
            rows = [_named(table, values) for values in context.compiled_parameters]
            self.writes.append(Write(table, rows, count=len(rows)))
        else:
            count = max(len(context.compiled_parameters), cursor.rowcount)
            self.writes.append(Write(table, changed=_columns(statement), count=count))


def _named(table: Table, values: dict[str, Any]) -> dict[str, Any]:
    """Return a row as the statement names it; what the database works out itself is any choice."""
    named = {name: value for name, value in values.items() if name in table.columns}
    told = [column for column in table.columns if _told(column) and column.name not in named]
    return named | {column.name: next(iter(_choices(column))) for column in told}


def _told(column: Column[Any]) -> bool:
    return not (column.nullable or column.primary_key or column.default) and bool(_choices(column))


def _choices(column: Column[Any]) -> Iterable[Any]:
    return getattr(column.type, "enum_class", None) or ()


def _columns(statement: str) -> tuple[str, ...]:
    """Return the columns that an UPDATE sets."""
    assigned = statement.partition(" SET ")[2].partition(" WHERE ")[0]
    return tuple(CHANGED.findall(assigned))


@contextmanager
def recording(app: Flask) -> Iterator[Recording]:
    """Note what requests do inside the block."""
    found = Recording()
    with app.app_context():
        engine = db.engine
    event.listen(engine, "after_cursor_execute", found.note)
    try:
        with (
            _noted("load", lambda name, _: found.loads.append(name)),
            _noted("dump", lambda name, data: found.dumps.append((name, data))),
        ):
            yield found
    finally:
        event.remove(engine, "after_cursor_execute", found.note)


@contextmanager
def _noted(method: str, note: Callable[[str, Any], None]) -> Iterator[None]:
    """Note every outermost call of a schema's method; the nested ones are part of it."""
    plain = getattr(marshmallow.Schema, method)
    depth = 0

    def noting(self: marshmallow.Schema, data: Any, **kwargs: Any) -> Any:
        nonlocal depth
        if depth == 0:
            note(_name(type(self)), data)
        depth += 1
        try:
            return plain(self, data, **kwargs)
        finally:
            depth -= 1

    setattr(marshmallow.Schema, method, noting)
    try:
        yield
    finally:
        setattr(marshmallow.Schema, method, plain)


def _name(schema: type[marshmallow.Schema]) -> str:
    return f"{schema.__module__}.{schema.__name__}"


def schema_named(name: str) -> marshmallow.Schema:
    """Make a schema by the name that was recorded."""
    found = class_registry.get_class(name)
    return (found[0] if isinstance(found, list) else found)()
