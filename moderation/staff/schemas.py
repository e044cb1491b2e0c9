"""What administrators send and read about staff."""

from enum import StrEnum

from marshmallow import fields

from core.api import Schema
from core.fields import Choice, Moment, Text
from core.paging import PageQuery
from core.permissions import Role

USERNAME = r"[a-z0-9][a-z0-9._-]*"
CODE = r"[A-Za-z0-9][A-Za-z0-9_-]*"


class StaffStatus(StrEnum):
    """Whether a staff member may sign in."""

    ACTIVE = "active"
    DISABLED = "disabled"


class PasswordSignInSchema(Schema):
    """Username and password, and the one-time code where a second factor is enrolled."""

    username = Text(most=64, required=True, metadata={"example": "dispatcher"})
    password = Text(most=256, required=True)
    otp = Text(most=16)


class HireSchema(Schema):
    """A new staff account; the first password is changed by its owner."""

    username = Text(least=3, most=64, pattern=USERNAME, required=True)
    password = Text(least=12, most=256, required=True)
    display_name = Text(most=64, required=True)
    roles = fields.List(Choice(Role), required=True)
    department = Text(most=32, pattern=CODE, load_default=None, allow_none=True)
    areas = fields.List(Text(most=32, pattern=CODE), load_default=list)


class StaffChangeSchema(Schema):
    """What an administrator changes; a new password is a reset."""

    password = Text(least=12, most=256)
    display_name = Text(most=64)
    roles = fields.List(Choice(Role))
    department = Text(most=32, pattern=CODE, allow_none=True)
    areas = fields.List(Text(most=32, pattern=CODE))
    status = Choice(StaffStatus)


class StaffSchema(Schema):
    """A staff member as the administrator sees them."""

    username = Text()
    display_name = Text()
    roles = fields.List(Text())
    department = Text(allow_none=True)
    areas = fields.List(Text())
    status = Choice(StaffStatus)
    phone_confirmed_at = Moment(allow_none=True)


class StaffQuery(PageQuery):
    """The parameters of the list."""
