"""Lists are read in the order of an index, or by what few cases meet; never all of them."""

import re
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import ColumnElement, Connection, event, select, text

from citizen.models import Report
from core.database import db
from moderation.cases import order
from moderation.schemas import Sort
from tests.moderation.office import Office

LISTS = {
    "ix_reports_area_submitted": Report.area == "370811",
    "ix_reports_category_submitted": Report.category == "WAT-OUT",
    "ix_reports_assignee_submitted": Report.assignee_id == 1,
}


def plan(connection: Connection, condition: ColumnElement[bool], limit: int = 21) -> str:
    newest = [key.desc() for key in order(Sort.NEWEST)]
    wanted: Any = select(Report).where(condition).order_by(*newest).limit(limit)
    asked = wanted.compile(connection, compile_kwargs={"literal_binds": True})
    rows = connection.execute(text(f"EXPLAIN QUERY PLAN {asked}")).all()
    return "; ".join(str(row[-1]) for row in rows)


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_read_by_its_index_and_sorted_without_it(app: Flask, name: str) -> None:
    with app.app_context(), db.engine.connect() as connection:
        if connection.dialect.name != "sqlite":
            pytest.skip("PostgreSQL plans by statistics, which so few rows do not have")
        found = plan(connection, LISTS[name])
        assert name in found
        assert "TEMP B-TREE" not in found
        connection.execute(text(f"DROP INDEX {name}"))
        # Another limit, since the driver keeps what it prepared for the same words.
        assert "TEMP B-TREE" in plan(connection, LISTS[name], limit=20)
        connection.rollback()
        assert name in plan(connection, LISTS[name], limit=19)


def plans(office: Office, query: str, by: str) -> str:
    """Return the plans of all that a list asks of the reports, in the words of SQLite."""
    asked: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, statement: str, parameters: Any, *_rest: object) -> None:
        if "FROM reports" in statement or "FROM report_words" in statement:
            asked.append((statement, parameters))

    office(by)
    with office.app.app_context():
        event.listen(db.engine, "before_cursor_execute", note)
        assert office(by).get(f"/cases?{query}").status_code == 200
        event.remove(db.engine, "before_cursor_execute", note)
        with db.engine.connect() as connection:
            if connection.dialect.name != "sqlite":
                pytest.skip("PostgreSQL plans by statistics, which so few rows do not have")
            rows = [
                row
                for statement, parameters in asked
                for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            ]
    return "; ".join(str(row[-1]) for row in rows)


@pytest.mark.parametrize(
    ("query", "by", "needed"),
    [
        ("", "handler-epb", ("department_submitted", "departments_submitted")),
        ("department=epb", "dispatcher", ("department_submitted", "departments_submitted")),
        ("sort=due_at", "handler-epb", ("ix_reports_due", "departments_due")),
        ("status=closed&sort=due_at", "dispatcher", ("ix_reports_status_due",)),
        ("category=WAT-OUT&sort=due_at", "dispatcher", ("ix_reports_due",)),
        ("q=%E9%BB%91%E6%B0%B4", "dispatcher", ("report_words VIRTUAL TABLE", "PRIMARY KEY")),
        ("bbox=116.5,35.4,116.6,35.5", "dispatcher", ("ix_reports_place", "PRIMARY KEY")),
    ],
)
def test_no_list_reads_all_cases(
    office: Office, query: str, by: str, needed: tuple[str, ...]
) -> None:
    found = plans(office, query, by)
    for part in needed:
        assert part in found, found
    assert not re.search(r"SCAN reports(?! USING (COVERING )?INDEX)", found), found
