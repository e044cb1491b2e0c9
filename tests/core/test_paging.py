"""Pages skip and repeat nothing while rows come and go, and take our own cursors only (B71)."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, select

from core import paging
from core.audit import AuditEvent
from core.database import reading, writing
from core.errors import Invalid
from core.limits import LimitCount

MOMENT = datetime(2026, 3, 1, 7, 30, 15, 123456, tzinfo=UTC)
KEYS = (LimitCount.expires_at, LimitCount.subject)


@pytest.fixture
def inside(app: Flask) -> Iterator[Flask]:
    with app.app_context():
        yield app


def add(*numbers: int, window: int = 0) -> None:
    """Add rows; three share each instant, so that the second key must decide."""
    with writing() as session:
        session.add_all(
            LimitCount(
                subject=f"{number:04d}",
                window=window,
                hits=number,
                expires_at=MOMENT + timedelta(microseconds=number // 3),
            )
            for number in numbers
        )


def remove(*numbers: int) -> None:
    with writing() as session:
        session.execute(delete(LimitCount).where(LimitCount.hits.in_(numbers)))


def page(cursor: str | None = None, limit: int = 10, **options: Any) -> paging.Page[LimitCount]:
    with reading() as session:
        wanted = select(LimitCount).where(LimitCount.window == 0)
        return paging.page(session, wanted, keys=KEYS, limit=limit, cursor=cursor, **options)


def walk(limit: int, **options: Any) -> list[list[int]]:
    pages, cursor = [], None
    while True:
        found = page(cursor, limit, **options)
        pages.append([row.hits for row in found.items])
        cursor = found.next_cursor
        if cursor is None:
            return pages


@pytest.mark.parametrize("limit", [1, 2, 7, 10, 29, 30, 31, 100])
@pytest.mark.parametrize("descending", [True, False])
def test_every_row_comes_exactly_once_in_order(inside: Flask, limit: int, descending: bool) -> None:
    add(*range(30))
    add(*range(100, 140), window=1)
    pages = walk(limit, descending=descending)
    found = [number for each in pages for number in each]
    assert found == sorted(range(30), reverse=descending)
    assert all(len(each) == limit for each in pages[:-1])
    assert pages[-1], "an empty last page would be a cursor for nothing"


def test_an_empty_list_is_one_empty_page(inside: Flask) -> None:
    assert page() == paging.Page([], None)


def test_while_rows_come_and_go_what_stays_is_shown_once(inside: Flask) -> None:
    add(*range(1, 61, 2))
    first = page(descending=True)
    add(0, 61, 62, 2, 40, 44)
    remove(51)
    second = page(first.next_cursor, descending=True)
    remove(45, 31, 1)
    add(63, 30, 24)
    third = page(second.next_cursor, descending=True)
    last = page(third.next_cursor, descending=True)
    found = [row.hits for each in (first, second, third, last) for row in each.items]
    assert len(found) == len(set(found))
    assert set(range(1, 61, 2)) - {51, 45, 31, 1} <= set(found)
    assert found == sorted(found, reverse=True)


def test_the_row_that_the_cursor_names_may_be_gone(inside: Flask) -> None:
    add(*range(20))
    first = page()
    remove(9, 10)
    assert [row.hits for row in page(first.next_cursor).items] == list(range(11, 20))


def test_page_by_page_costs_one_statement_each(inside: Flask, statements: Any) -> None:
    add(*range(40))
    first = page()
    with statements() as found:
        page(first.next_cursor)
    assert len(found.seen) == 1
    assert "(limit_counts.expires_at, limit_counts.subject) >" in found.seen[0].replace("\n", " ")


# ---------------------------------------------------------------------- hostile cursors
def packed(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


GOOD = MOMENT.isoformat()
HOSTILE = [
    "",
    "x",
    "!!!!",
    "键",
    "a" * 400,
    "%00",
    "' OR 1=1 --",
    packed(b""),
    packed(b"\xff\xfe"),
    packed(b"[" * 200),
    packed(None),
    packed(7),
    packed("text"),
    packed({}),
    packed({"a": 1, "b": 2}),
    packed([]),
    packed([GOOD]),
    packed([GOOD, "x", "y"]),
    packed([None, "x"]),
    packed([GOOD, None]),
    packed([GOOD, 5]),
    packed([GOOD, ["x"]]),
    packed([5, "x"]),
    packed([True, "x"]),
    packed(["yesterday", "x"]),
    packed(["2026-03-01T07:30:00", "x"]),
    packed(["0001-01-01T00:00:00+23:59", "x"]),
    packed(["9999-12-31T23:59:59-23:59", "x"]),
    packed([GOOD, "a\0b"]),
    packed(b'["' + GOOD.encode() + b'", "\\ud83d"]'),
    packed(b'["' + GOOD.encode() + b'", NaN]'),
]


@pytest.mark.parametrize("cursor", HOSTILE)
def test_what_is_no_cursor_of_ours_is_refused_by_its_field(inside: Flask, cursor: str) -> None:
    add(1, 2, 3)
    with pytest.raises(Invalid) as caught:
        page(cursor)
    assert list(caught.value.errors or {}) == ["cursor"]


@pytest.mark.parametrize("value", [2**63, -(2**63), 10**30, 1.5, "1", True, None, [1]])
def test_a_number_that_no_column_holds_is_refused(inside: Flask, value: Any) -> None:
    with reading() as session, pytest.raises(Invalid):
        paging.page(session, select(AuditEvent), keys=(AuditEvent.id,), cursor=packed([value]))


@pytest.mark.parametrize("value", [2**31, -(2**31), 2**62])
def test_a_number_too_large_for_a_small_column_is_refused(inside: Flask, value: int) -> None:
    keys = (LimitCount.hits,)
    with reading() as session, pytest.raises(Invalid):
        paging.page(session, select(LimitCount), keys=keys, cursor=packed([value]))
    with reading() as session:
        paging.page(session, select(LimitCount), keys=keys, cursor=packed([2**31 - 1]))


@pytest.mark.parametrize("offset", [0, 8, -11])
def test_a_cursor_may_name_its_instant_in_any_offset(inside: Flask, offset: int) -> None:
    add(*range(9))
    zone = timezone(timedelta(hours=offset))
    moment = (MOMENT + timedelta(microseconds=1)).astimezone(zone).isoformat()
    assert [row.hits for row in page(packed([moment, "0003"])).items] == [4, 5, 6, 7, 8]


@pytest.mark.parametrize("path", ["/me/reports", "/offers", "/me/points/entries", "/me/vouchers"])
@pytest.mark.parametrize(
    "query", ["cursor=x", "limit=0", "limit=101", "limit=1.5", "limit=a", "limit="]
)
def test_lists_refuse_odd_pages_and_never_break(api: Any, path: str, query: str) -> None:
    answer = api("13800000001").get(f"{path}?{query}")
    assert answer.status_code == 422, answer.get_data(as_text=True)
    assert list(answer.get_json()["errors"]) == [query.partition("=")[0]]
