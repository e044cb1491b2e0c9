"""The one place where staff learn who reported: asked by one, approved by another, shown once."""

from flask import Response

from citizen.errors import NotForYou
from citizen.residents.disclosures import service
from citizen.residents.disclosures.errors import DisclosureClosed, NoPhone, OwnRequest
from citizen.residents.disclosures.schemas import (
    DisclosurePageSchema,
    DisclosureQuery,
    DisclosureReasonSchema,
    DisclosureSchema,
    ShownPhoneSchema,
)
from core import audit
from core.api import Blueprint, EmptySchema, answer, body, dump, query, received
from core.clock import now as present
from core.database import reading, writing
from core.errors import Forbidden, Invalid, NotFound, UnsupportedMedia
from core.paging import PageQuery
from core.tokens import caller, may

ABOUT = "身份披露 Disclosures: who reported, told to two officers with a reason"
routes = Blueprint("disclosures", __name__, description=ABOUT)
REFUSALS = (NotFound, Forbidden, NotForYou, UnsupportedMedia, Invalid)


@routes.post("/cases/<number>/disclosures")
@routes.takes(DisclosureReasonSchema)
@routes.gives(201, DisclosureSchema)
@routes.fails(*REFUSALS)
@may("citizen.disclose")
def ask(number: str) -> Response:
    """Ask to be told who sent this very report, merged or not; another officer decides."""
    received()
    now = present()
    with writing() as session:
        case = service.case_for(session, number, caller(), acting=True)
        reason = body(DisclosureReasonSchema)["reason"]
        made = service.ask(session, case, reason, caller(), now)
        data = dump(DisclosureSchema, service.shown(session, [made], now)[0])
    return answer(data, 201)


@routes.get("/cases/<number>/disclosures")
@routes.asks(PageQuery)
@routes.gives(200, DisclosurePageSchema)
@routes.fails(NotFound, Forbidden, Invalid)
@may("citizen.read_disclosures")
def of_case(number: str) -> Response:
    """List who asked about a report, why, and what was decided; newest first, never the phone."""
    now = present()
    with reading() as session:
        case = service.case_for(session, number, caller())
        found = service.of_case(session, case, **query(PageQuery))
        items = service.shown(session, found.items, now)
    data = {"items": items, "next_cursor": found.next_cursor}
    audit.look("case.disclosures", ("report", case.number))
    return answer(dump(DisclosurePageSchema, data))


@routes.get("/disclosures")
@routes.asks(DisclosureQuery)
@routes.gives(200, DisclosurePageSchema)
@routes.fails(Forbidden, Invalid)
@may("citizen.list_disclosures")
def inbox() -> Response:
    """List requests about all reports, by state; newest first, never the phone."""
    asked, now = query(DisclosureQuery), present()
    with reading() as session:
        found = service.in_state(
            session, asked["state"], now, limit=asked["limit"], cursor=asked["cursor"]
        )
        items = service.shown(session, found.items, now)
    data = {"items": items, "next_cursor": found.next_cursor}
    audit.look("disclosures.list", ("disclosures", "-"), {"ids": [item["id"] for item in items]})
    return answer(dump(DisclosurePageSchema, data))


@routes.post("/disclosures/<public_id>/approve")
@routes.takes(EmptySchema)
@routes.gives(200, ShownPhoneSchema)
@routes.fails(*REFUSALS, OwnRequest, DisclosureClosed, NoPhone)
@may("citizen.decide_disclosure")
def approve(public_id: str) -> Response:
    """Approve a request: the phone stands in this answer only, whatever is sent again."""
    received()
    now = present()
    try:
        with writing() as session:
            asked, case = service.to_decide(session, public_id, caller())
            body(EmptySchema)
            decided, phone = service.approve(session, asked, case, caller(), now)
            shown = service.shown(session, [decided], now)[0]
    except NoPhone:  # that there is none is told too
        audit.look("disclosure.no_phone", ("disclosure", public_id))
        raise
    return answer(dump(ShownPhoneSchema, {**shown, "phone": phone}))


@routes.post("/disclosures/<public_id>/refuse")
@routes.takes(DisclosureReasonSchema)
@routes.gives(200, DisclosureSchema)
@routes.fails(*REFUSALS, OwnRequest, DisclosureClosed)
@may("citizen.decide_disclosure")
def refuse(public_id: str) -> Response:
    """Refuse a request, with the reason."""
    received()
    now = present()
    with writing() as session:
        asked, case = service.to_decide(session, public_id, caller())
        note = body(DisclosureReasonSchema)["reason"]
        decided = service.refuse(session, asked, case, note, caller(), now)
        data = dump(DisclosureSchema, service.shown(session, [decided], now)[0])
    return answer(data)
