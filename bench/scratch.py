"""Tables like the real ones, but for foreign keys, that floors write the same rows into."""

import os
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Enum,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    func,
    insert,
    select,
)
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.schema import CreateIndex, CreateTable

from bench.bulk import made
from bench.recording import Recording
from core.database import db

Row = dict[str, Any]
Key = tuple[Any, ...]
Change = tuple[str, tuple[str, ...], Key]
MOST = 1_000
_NUMBERS: list["count[int]"] = []
METADATA = MetaData(naming_convention=db.metadata.naming_convention)


class ScratchBase(DeclarativeBase):
    """Root of the models on scratch tables, away from the application's own."""

    metadata = METADATA


def tables() -> dict[str, Table]:
    """Return scratch tables of the same columns, checks, unique keys and indexes, by name."""
    if not METADATA.tables:
        for table in db.metadata.tables.values():
            table.to_metadata(METADATA)
    return dict(METADATA.tables)


def models(names: Iterable[str]) -> dict[str, type[Any]]:
    """Return an ORM class on each of the named scratch tables."""
    return {name: _model(name) for name in names}


def _model(name: str) -> type[Any]:
    for mapper in ScratchBase.registry.mappers:
        if mapper.local_table is tables()[name]:
            return mapper.class_
    return type(f"Scratch_{name}", (ScratchBase,), {"__table__": tables()[name]})


def create(connection: Connection, names: Iterable[str]) -> None:
    """Create the named scratch tables, without the foreign keys."""
    for name in names:
        connection.execute(CreateTable(tables()[name], include_foreign_key_constraints=()))
        for index in filter(partial(made, connection), tables()[name].indexes):
            connection.execute(CreateIndex(index))


def fill(real: Connection, scratch: Connection, names: Iterable[str]) -> dict[str, list[Key]]:
    """Copy rows of the real tables, and return their primary keys by table."""
    found: dict[str, list[Key]] = {}
    for name in names:
        table = db.metadata.tables[name]
        newest = [column.desc() for column in table.primary_key]
        rows = [
            dict(row)
            for row in real.execute(select(table).order_by(*newest).limit(MOST)).mappings()
        ]
        if rows:
            scratch.execute(insert(tables()[name]), rows)
            _count_on(scratch, tables()[name])
        names_of_key = [column.name for column in table.primary_key]
        found[name] = [tuple(row[part] for part in names_of_key) for row in rows]
    return found


def _count_on(scratch: Connection, table: Table) -> None:
    """Let a sequence go on after the rows that were copied with their keys."""
    column = table.autoincrement_column
    if column is None or scratch.dialect.name == "sqlite":
        return
    sequence = func.pg_get_serial_sequence(table.name, column.name)
    last = select(func.max(column)).scalar_subquery()
    scratch.execute(select(func.setval(sequence, last)))


def fresh(name: str, row: Row) -> Row:
    """Return a row with a value in every unique key that no process has written before."""
    if not _NUMBERS:
        _NUMBERS.append(count((os.getpid() % 30_000 + 1) << 16))  # made after any fork
    number = next(_NUMBERS[0])
    columns = _distinguishing(tables()[name], row)
    return row | {column.name: _another(row[column.name], number) for column in columns}


def _distinguishing(table: Table, row: Row) -> list[Column[Any]]:
    """Return one column of each unique key that a row fills, the plainest type first."""
    keys = [list(key.columns) for key in table.constraints if isinstance(key, UniqueConstraint)]
    keys += [list(index.columns) for index in table.indexes if index.unique]
    keys.append(list(table.primary_key.columns))
    filled = [[column for column in key if row.get(column.name) is not None] for key in keys]
    return [min(key, key=_awkwardness) for key in filled if key]


def _awkwardness(column: Column[Any]) -> int:
    if isinstance(column.type, Enum):
        return 9
    return 0 if isinstance(column.type, String | Integer) else 1


def _another(value: Any, number: int) -> Any:
    if isinstance(value, datetime):
        return value + timedelta(microseconds=number)
    if isinstance(value, int):
        return number
    return f"{str(value)[:-9]}{number:09x}"


class Work:
    """What a floor writes for one operation: new rows, and standing rows that are changed.

    `pools` are the keys of standing rows by table; they take turns.
    """

    def __init__(self, recording: Recording, pools: dict[str, list[Key]]) -> None:
        writes = recording.distinct()
        self.inserts = [
            (write.table.name, row) for write in writes if not write.changed for row in write.rows
        ]
        self._changes = [
            (write.table.name, write.changed)
            for write in writes
            if write.changed
            for _ in range(write.count)
        ]
        self._pools = {name: pools[name] for name, _ in self._changes}
        self._turn = 0

    def changes(self) -> list[Change]:
        """Return what is changed this time: table, columns, primary key."""
        self._turn += 1
        return [(name, columns, self._key(name)) for name, columns in self._changes]

    def _key(self, name: str) -> Key:
        pool = self._pools[name]
        return pool[self._turn % len(pool)]

    def tables(self) -> set[str]:
        """Return the names of the tables that are written."""
        return {name for name, _ in self.inserts} | set(self._pools)
