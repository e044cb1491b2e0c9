"""Lists of one area, category or assignee are read in the order of their index, never sorted."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import ColumnElement, Connection, select, text

from citizen.models import Report
from core.database import db
from moderation.cases import order
from moderation.schemas import Sort

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
