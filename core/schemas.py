"""Answers that more than one room gives."""

from typing import Any

from marshmallow import fields

from core.api import Schema
from core.fields import StrictInteger, Text


class AccountFactSchema(Schema):
    """Who signed in."""

    id = Text()
    kind = Text()
    roles = fields.List(Text())


class SignInSchema(Schema):
    """The answer of every sign-in; `expires_in` is in seconds."""

    access_token = Text(most=4096)
    refresh_token = Text()
    expires_in = StrictInteger()
    account = fields.Nested(AccountFactSchema)


class NamedSchema(Schema):
    """Something with a code and a Chinese name."""

    code = Text()
    name = Text()


def page_of(item: type[Schema], name: str) -> type[Schema]:
    """Return the schema of a list of such items."""
    members: dict[str, Any] = {
        "items": fields.List(fields.Nested(item)),
        "next_cursor": Text(most=400, allow_none=True),
    }
    made: type[Schema] = type(
        name, (Schema,), {"__doc__": f"A page of {item.__name__}.", **members}
    )
    return made
