"""What reward administrators, reviewers and auditors call."""

from flask import Response
from sqlalchemy import select

from core import audit, idempotency
from core.api import Blueprint, EmptySchema, answer, body, dump, query
from core.clock import now as present
from core.database import reading, writing
from core.errors import Invalid
from core.paging import PageQuery, page
from core.tokens import caller, may
from rewards import offers, points, reviews, rulebook
from rewards.admin.schemas import (
    AdjustmentSchema,
    AwardPageSchema,
    AwardQuery,
    AwardSchema,
    NewAdjustmentSchema,
    NewOfferSchema,
    NewPartnerSchema,
    NewRuleSetSchema,
    NewTerminalSchema,
    OfferChangeSchema,
    PartnerPageSchema,
    PartnerSchema,
    RefusalSchema,
    RuleSetPageSchema,
    RuleSetSchema,
    TerminalKeySchema,
    TerminalPageSchema,
    TerminalSchema,
)
from rewards.catalogue import Partner, Terminal
from rewards.errors import (
    AdjustmentAccount,
    AwardNotForYou,
    AwardNotFound,
    AwardNotHeld,
    EarlierMonthOpen,
    InsufficientPoints,
    MonthClosed,
    MonthNotBegun,
    OfferNotFound,
    OfferPartner,
    PartnerExists,
    PartnerNotFound,
    RulesRetroactive,
    RulesUnreadable,
    TerminalExists,
    TerminalNotFound,
)
from rewards.models import Award, RuleSet
from rewards.partners import members, settlement
from rewards.partners.schemas import SettlementSchema
from rewards.schemas import OfferSchema

routes = Blueprint("rewards_admin", __name__, description="奖励管理 Administration of rewards")


@routes.post("/offers")
@routes.takes(NewOfferSchema)
@routes.gives(201, OfferSchema)
@routes.fails(OfferPartner, Invalid)
@may("rewards.manage")
def create_offer() -> Response:
    """Add an offer."""
    sent = body(NewOfferSchema)
    with writing() as session:
        offer = offers.create(session, sent, actor=caller(), now=present())
    return answer(dump(OfferSchema, offer), 201)


@routes.patch("/offers/<offer_id>")
@routes.takes(OfferChangeSchema)
@routes.gives(200, OfferSchema)
@routes.fails(OfferNotFound, Invalid)
@may("rewards.manage")
def change_offer(offer_id: str) -> Response:
    """Change an offer; what was issued keeps its terms."""
    with reading() as session:
        offer = offers.visible(session, offer_id, staff=True)
    sent = body(OfferChangeSchema)
    with writing() as session:
        offers.change(session, offer, sent, actor=caller(), now=present())
    with reading() as session:
        changed = offers.visible(session, offer_id, staff=True)
    return answer(dump(OfferSchema, changed))


@routes.post("/adjustments")
@routes.takes(NewAdjustmentSchema)
@routes.needs("Idempotency-Key", example="6f1c2a54-adjust-1")
@routes.gives(201, AdjustmentSchema)
@routes.fails(
    AdjustmentAccount,
    InsufficientPoints,
    RulesUnreadable,
    idempotency.KeyMissing,
    idempotency.KeyInFlight,
    idempotency.KeyReused,
    Invalid,
)
@may("rewards.manage")
def adjust() -> Response:
    """Give or take a resident's points by hand, with a reason."""
    sent = body(NewAdjustmentSchema)
    with idempotency.once() as reply:
        made = points.adjust(reply.session, **sent, actor=caller(), now=present())
        reply.set(dump(AdjustmentSchema, made), 201)
    return reply.response


@routes.get("/awards")
@routes.asks(AwardQuery)
@routes.gives(200, AwardPageSchema)
@routes.fails(Invalid)
@may("rewards.awards")
def list_awards() -> Response:
    """List awards in one state, held ones unless another is asked for."""
    asked = query(AwardQuery)
    wanted = select(Award).where(Award.state == asked.pop("state"))
    with reading() as session:
        found = page(session, wanted, keys=(Award.id,), **asked)
        data = dump(AwardPageSchema, found)
    # It tells of cases.
    audit.look("awards.list", ("awards", "-"), {"ids": [award.public_id for award in found.items]})
    return answer(data)


@routes.post("/awards/<award_id>/release")
@routes.takes(EmptySchema)
@routes.gives(200, AwardSchema)
@routes.fails(AwardNotFound, AwardNotForYou, AwardNotHeld, RulesUnreadable, Invalid)
@may("rewards.review")
def release_award(award_id: str) -> Response:
    """Let a held award go on."""
    with reading() as session:
        award = reviews.award_of(session, award_id)
    body(EmptySchema)
    with writing() as session:
        released = reviews.release(session, award, actor=caller(), now=present())
        shown = dump(AwardSchema, released)
    return answer(shown)


@routes.post("/awards/<award_id>/refuse")
@routes.takes(RefusalSchema)
@routes.gives(200, AwardSchema)
@routes.fails(AwardNotFound, AwardNotForYou, AwardNotHeld, Invalid)
@may("rewards.review")
def refuse_award(award_id: str) -> Response:
    """Settle a held award at nothing, with a reason."""
    with reading() as session:
        award = reviews.award_of(session, award_id)
    sent = body(RefusalSchema)
    with writing() as session:
        refused = reviews.refuse(session, award, **sent, actor=caller(), now=present())
        shown = dump(AwardSchema, refused)
    return answer(shown)


@routes.get("/rule-sets")
@routes.asks(PageQuery)
@routes.gives(200, RuleSetPageSchema)
@routes.fails(Invalid)
@may("rewards.read")
def list_rule_sets() -> Response:
    """List the versions of the earning rules, the newest first."""
    asked = query(PageQuery)
    with reading() as session:
        found = page(session, select(RuleSet), keys=(RuleSet.id,), descending=True, **asked)
    return answer(dump(RuleSetPageSchema, found))


@routes.post("/rule-sets")
@routes.takes(NewRuleSetSchema)
@routes.gives(201, RuleSetSchema)
@routes.fails(RulesRetroactive, RulesUnreadable, Invalid)
@may("rewards.manage")
def publish_rule_set() -> Response:
    """Publish rules that begin now or later; nothing is retroactive."""
    sent = body(NewRuleSetSchema)
    with writing() as session:
        made = rulebook.publish(
            session,
            title=sent["title"],
            body=sent["rules"],
            effective_from=sent["effective_from"],
            actor=caller(),
            now=present(),
        )
    return answer(dump(RuleSetSchema, made), 201)


@routes.get("/partners")
@routes.asks(PageQuery)
@routes.gives(200, PartnerPageSchema)
@routes.fails(Invalid)
@may("rewards.read")
def list_partners() -> Response:
    """List partners."""
    asked = query(PageQuery)
    with reading() as session:
        found = page(session, select(Partner), keys=(Partner.name,), **asked)
    return answer(dump(PartnerPageSchema, found))


@routes.post("/partners")
@routes.takes(NewPartnerSchema)
@routes.gives(201, PartnerSchema)
@routes.fails(PartnerExists, Invalid)
@may("rewards.manage")
def create_partner() -> Response:
    """Add a partner."""
    sent = body(NewPartnerSchema)
    with writing() as session:
        made = members.create(session, **sent, actor=caller(), now=present())
    return answer(dump(PartnerSchema, made), 201)


@routes.get("/partners/<name>/terminals")
@routes.asks(PageQuery)
@routes.gives(200, TerminalPageSchema)
@routes.fails(PartnerNotFound, Invalid)
@may("rewards.read")
def list_terminals(name: str) -> Response:
    """List a partner's gate devices."""
    with reading() as session:
        partner = settlement.partner_named(session, name)
        wanted = select(Terminal).where(Terminal.partner_id == partner.id)
        found = page(session, wanted, keys=(Terminal.label,), **query(PageQuery))
    return answer(dump(TerminalPageSchema, found))


@routes.post("/partners/<name>/terminals")
@routes.takes(NewTerminalSchema)
@routes.gives(201, TerminalKeySchema)
@routes.fails(PartnerNotFound, TerminalExists, Invalid)
@may("rewards.manage")
def create_terminal(name: str) -> Response:
    """Add a gate device; its key is told in this answer and never again."""
    with reading() as session:
        partner = settlement.partner_named(session, name)
    sent = body(NewTerminalSchema)
    with writing() as session:
        made, key = members.add_terminal(session, partner, **sent, actor=caller(), now=present())
    return answer({**dump(TerminalSchema, made), "key": key}, 201)


@routes.post("/partners/<name>/terminals/<label>/revoke")
@routes.takes(EmptySchema)
@routes.gives(200, TerminalSchema)
@routes.fails(PartnerNotFound, TerminalNotFound, Invalid)
@may("rewards.manage")
def revoke_terminal(name: str, label: str) -> Response:
    """End a gate device's key and tokens."""
    with reading() as session:
        partner = settlement.partner_named(session, name)
    body(EmptySchema)
    with writing() as session:
        ended = members.revoke_terminal(session, partner, label, actor=caller(), now=present())
    return answer(dump(TerminalSchema, ended))


@routes.post("/settlements/<partner>/<month>/close")
@routes.takes(EmptySchema)
@routes.gives(200, SettlementSchema)
@routes.fails(PartnerNotFound, MonthClosed, MonthNotBegun, EarlierMonthOpen, Invalid)
@may("rewards.manage")
def close_month(partner: str, month: str) -> Response:
    """Close a partner's month, after which it never changes."""
    with reading() as session:
        found = settlement.partner_named(session, partner)
        settlement.known_month(month)
    body(EmptySchema)
    with writing() as session:
        closed = settlement.close(session, found, month, actor=caller(), now=present())
    return answer(dump(SettlementSchema, closed))
