"""Many rows at once: a pattern multiplied by statements, and indexed when the rows are there."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Index
from sqlalchemy.schema import DropIndex

from core.database import db
from migrations import triggers

KEYS = {"reports": "id", "report_words": "rowid", "assisting_departments": "report_id"}
SHIFTED = ("occurred_at", "submitted_at", "due_at")
COPIES = {
    "sqlite": "WITH RECURSIVE copies(copy) AS "
    "(SELECT 0 UNION ALL SELECT copy + 1 FROM copies WHERE copy + 1 < {times}) ",
    "postgresql": "WITH copies(copy) AS (SELECT generate_series(0, {times} - 1)) ",
}
LATER = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%f', {name}, (copy * {seconds}) || ' seconds') || '000'",
    "postgresql": "{name} + copy * {seconds} * interval '1 second'",
}

HURRY = {  # nothing here refers to what is not there, and nobody waits
    "sqlite": ("PRAGMA cache_size=-400000",),
    "postgresql": (
        "SET CONSTRAINTS ALL IMMEDIATE",
        "SET LOCAL session_replication_role = replica",
        "SET LOCAL statement_timeout = 0",
        "SET LOCAL maintenance_work_mem = '256MB'",
    ),
}
TALLIES = (
    "INSERT INTO case_tallies (status, department, area, category, channel, count) "
    "SELECT status, coalesce(lead_department, ''), area, category, channel, count(*) FROM reports "
    f"WHERE status IN ({triggers.ENDED}) "
    "GROUP BY status, coalesce(lead_department, ''), area, category, channel"
)
LAST_ID = "SELECT setval(pg_get_serial_sequence('reports', 'id'), max(id)) FROM reports"


def multiply(connection: Connection, times: int, seconds: int) -> None:
    """Put so many copies in the place of each report, some seconds and metres apart, by time.

    Texts stay, so what finds them is copied too. Reports and what belongs to them are all that may
    be there.
    """
    kind = connection.dialect.name
    copied: dict[str, str] = {
        "id": "(id - 1) * {times} + copy + 1",
        "number": "substr(number, 1, 12) || ((id - 1) * {times} + copy)",
        "longitude": "longitude + copy * 0.00003",
        "latitude": "latitude + copy * 0.00002",
        **{name: LATER[kind].replace("{name}", name) for name in SHIFTED},
    }
    for setting in HURRY[kind]:
        connection.exec_driver_sql(setting)
    amounts = {"times": times, "seconds": seconds}
    triggers.no_tally(connection)  # of a million rows, each by itself
    for name in reversed(KEYS):
        connection.exec_driver_sql(f"CREATE TEMPORARY TABLE {name}_pattern AS SELECT * FROM {name}")
        connection.exec_driver_sql(f"DELETE FROM {name}")
    for name, key in KEYS.items():
        moved = {**copied, key: copied["id"].replace("id -", f"{key} -")}
        with without_indexes(connection, name):
            _multiply(connection, name, moved, amounts)
    connection.exec_driver_sql("DELETE FROM case_tallies")
    connection.exec_driver_sql(TALLIES)
    triggers.tally_ended(connection)
    if kind == "postgresql":
        connection.exec_driver_sql(LAST_ID)


def _multiply(
    connection: Connection, name: str, copied: dict[str, str], amounts: dict[str, int]
) -> None:
    names = [column.name for column in db.metadata.tables[name].columns]
    values = [copied.get(column, column).format(**amounts) for column in names]
    copies = COPIES[connection.dialect.name].format(**amounts)
    connection.exec_driver_sql(
        f"{copies}INSERT INTO {name} ({', '.join(names)}) "
        f"SELECT {', '.join(values)} FROM {name}_pattern CROSS JOIN copies ORDER BY 1"
    )
    connection.exec_driver_sql(f"DROP TABLE {name}_pattern")


@contextmanager
def without_indexes(connection: Connection, name: str) -> Iterator[None]:
    """Drop the indexes of a table, and make them anew when its rows are there."""
    found = db.metadata.tables[name].indexes
    indexes = [index for index in found if made(connection, index)]
    for index in indexes:
        connection.execute(DropIndex(index))
    yield
    for index in indexes:
        index.create(connection)


def made(connection: Connection, index: Index) -> bool:
    """Say whether this kind of database has an index that models name."""
    gin = index.dialect_options["postgresql"]["using"] == "gin"
    return not gin or connection.dialect.name == "postgresql"
