"""What is asked and answered about disclosures; only an approval holds the phone."""

from citizen.residents.disclosures.models import State
from core.api import Schema
from core.fields import Choice, Moment, Text
from core.paging import PageQuery
from core.permissions import Role
from core.schemas import page_of


class DisclosureReasonSchema(Schema):
    """Why the reporter must be known, or why not."""

    reason = Text(most=2000, required=True, metadata={"example": "现场需举报人指认排污口"})


class DisclosureQuery(PageQuery):
    """The requests of one state, or all."""

    state = Choice(State, load_default=None)


class DisclosureSchema(Schema):
    """A request and its decision, by role and never by name; without the phone."""

    id = Text()
    number = Text()
    state = Choice(State)
    reason = Text(most=2000)
    asked_at = Moment()
    asked_role = Choice(Role)
    expires_at = Moment()
    decided_at = Moment(allow_none=True)
    decided_role = Choice(Role, allow_none=True)
    note = Text(most=2000, allow_none=True)


class ShownPhoneSchema(DisclosureSchema):
    """An approval: the phone stands in this answer and in no later one."""

    phone = Text(metadata={"example": "13800000001"})


DisclosurePageSchema = page_of(DisclosureSchema, "DisclosurePageSchema")
