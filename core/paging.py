"""Keyset pages: nothing is skipped or repeated while rows are added; page 10,000 costs what 1 does.

The comparison is one row value, `(a, b) < (:a, :b)`; written out with OR it costs a hundred times
as much.
"""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import BigInteger, Select, literal, select, tuple_, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session

from core import fields
from core.api import Schema
from core.errors import Invalid
from core.messages import say

DEFAULT, MOST = 20, 100
Item = TypeVar("Item")


class PageQuery(Schema):
    """The parameters of every list."""

    limit = fields.QueryInteger(least=1, most=MOST, load_default=DEFAULT)
    cursor = fields.Text(most=400, load_default=None)


@dataclass(frozen=True)
class Page(Generic[Item]):
    """Some items in order, and where to go on; None at the end."""

    items: list[Item]
    next_cursor: str | None

    def render(self, dump: Callable[[list[Item]], list[Any]]) -> dict[str, Any]:
        """Return the answer of a list."""
        return {"items": dump(self.items), "next_cursor": self.next_cursor}


@dataclass(frozen=True)
class Part:
    """A part of a list that one index holds in order: it selects the list's last key.

    `keys` are the columns of that index, of the same types as those of the list.
    """

    statement: Select[Any]
    keys: Sequence[InstrumentedAttribute[Any]]


def page(
    session: Session,
    statement: Select[Any],
    *,
    keys: Sequence[InstrumentedAttribute[Any]],
    limit: int = DEFAULT,
    cursor: str | None = None,
    descending: bool = False,
    parts: Sequence[Part] = (),
) -> Page[Any]:
    """Return one page of a select of one entity, ordered by its keys; the last key must be unique.

    With `parts`, the page is of what is in one of them; each gives a page at most, so that no more
    than these are sorted.

    Raises:
        Invalid: the cursor is not one of ours, by the field `cursor`.
    """
    place = None if cursor is None else _decode(cursor, keys)

    def cut(wanted: Select[Any], columns: Sequence[InstrumentedAttribute[Any]]) -> Select[Any]:
        return _after(wanted, columns, place, descending).limit(limit + 1)

    if parts:
        first = [select(cut(part.statement, part.keys).subquery()) for part in parts]
        statement = statement.where(keys[-1].in_(union_all(*first)))
    found = list(session.scalars(cut(statement, keys)))
    more = len(found) > limit
    items = found[:limit]
    return Page(items, cursor_at([getattr(items[-1], key.key) for key in keys]) if more else None)


def _after(
    statement: Select[Any],
    keys: Sequence[InstrumentedAttribute[Any]],
    place: Sequence[Any] | None,
    descending: bool,  # noqa: FBT001  the list's own order
) -> Select[Any]:
    """Put a statement in order, and begin it after a place."""
    ordered = statement.order_by(*(key.desc() if descending else key.asc() for key in keys))
    if place is None:
        return ordered
    values = tuple_(*(literal(value, key.type) for key, value in zip(keys, place, strict=True)))
    return ordered.where(tuple_(*keys) < values if descending else tuple_(*keys) > values)


def cursor_at(values: Sequence[Any]) -> str:
    """Return the cursor of the page that begins after a row with these keys."""
    plain = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    return (
        base64.urlsafe_b64encode(json.dumps(plain, separators=(",", ":")).encode())
        .decode()
        .rstrip("=")
    )


def _decode(cursor: str, keys: Sequence[InstrumentedAttribute[Any]]) -> list[Any]:
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        pairs = zip(keys, list(json.loads(raw)), strict=True)
        return [_typed(key, value) for key, value in pairs]
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise Invalid(errors={"cursor": [say("游标无效", "Not a cursor of this list")]}) from error


def _typed(key: InstrumentedAttribute[Any], value: Any) -> Any:
    expected = key.type.python_type
    if issubclass(expected, datetime):
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError("naive")
        return moment.astimezone(UTC)
    if type(value) is not expected:
        raise TypeError("wrong type")
    if expected is int and abs(value) >= _beyond(key):
        raise ValueError("no column holds it")
    if expected is str and "\0" in value.encode().decode():
        raise ValueError("NUL")
    return value


def _beyond(key: InstrumentedAttribute[Any]) -> int:
    return 2**63 if isinstance(key.type, BigInteger) else 2**31
