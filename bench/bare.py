"""The floor D: the same rows by the bare driver, in one transaction, with nothing around it."""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
from sqlalchemy import Engine, bindparam, insert, update

from bench import scratch

Statement = tuple[str, Any]


class Bare:
    """A driver's connection with the settings of the real one."""

    def __init__(self, engine: Engine) -> None:
        self._dialect = engine.dialect
        self._connection = _connect(engine)
        self._texts: dict[Any, Any] = {}

    def prepare(self, work: scratch.Work, count: int) -> Callable[[], None]:
        """Prepare transactions of the same rows; what is returned runs them."""
        batch = [self._transaction(work) for _ in range(count)]
        run = _run_sqlite if self._dialect.name == "sqlite" else _run_postgresql
        return lambda: run(self._connection, batch)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _transaction(self, work: scratch.Work) -> list[Statement]:
        made = [self._insert(name, scratch.fresh(name, row)) for name, row in work.inserts]
        return made + [self._update(*change) for change in work.changes()]

    def _insert(self, name: str, row: scratch.Row) -> Statement:
        table = scratch.tables()[name]
        return self._bound((name, tuple(row)), lambda: insert(table).values(row), row, name)

    def _update(self, name: str, columns: tuple[str, ...], key: scratch.Key) -> Statement:
        """Write each column anew with what is in it: as many bytes, and no value to make up."""
        table = scratch.tables()[name]
        parts = list(table.primary_key.columns)
        values = {f"key_{part.name}": value for part, value in zip(parts, key, strict=True)}

        def statement() -> Any:
            where = [part == bindparam(f"key_{part.name}", type_=part.type) for part in parts]
            return update(table).where(*where).values({c: table.c[c] for c in columns})

        return self._bound((name, columns, "update"), statement, values, name)

    def _bound(
        self, key: Any, statement: Callable[[], Any], row: scratch.Row, name: str
    ) -> Statement:
        if key not in self._texts:
            self._texts[key] = statement().compile(dialect=self._dialect)
        compiled = self._texts[key]
        bound = {part: self._bind(name, part, value) for part, value in row.items()}
        if compiled.positiontup is not None:
            return str(compiled), tuple(bound[part] for part in compiled.positiontup)
        return str(compiled), bound

    def _bind(self, name: str, part: str, value: Any) -> Any:
        """Turn a value into what the driver takes, outside of what is measured."""
        kind = scratch.tables()[name].c[part.removeprefix("key_")].type
        process = kind.dialect_impl(self._dialect).bind_processor(self._dialect)
        return process(value) if process else value


def _connect(engine: Engine) -> Any:
    if engine.dialect.name == "sqlite":
        made = sqlite3.connect(str(engine.url.database), isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
            made.execute(f"PRAGMA {pragma}")
        return made
    url = engine.url.set(drivername="postgresql")
    return psycopg.connect(url.render_as_string(hide_password=False))


def _run_sqlite(connection: sqlite3.Connection, batch: Sequence[Sequence[Statement]]) -> None:
    for transaction in batch:
        connection.execute("BEGIN IMMEDIATE")
        for text, values in transaction:
            connection.execute(text, values)
        connection.execute("COMMIT")


def _run_postgresql(connection: Any, batch: Sequence[Sequence[Statement]]) -> None:
    for transaction in batch:
        for text, values in transaction:
            connection.execute(text, values)
        connection.commit()
