"""Signing in as a resident, and what accounts read and change about themselves."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from flask import Response, request
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from citizen.errors import AccountDisabled, IdentityInUse
from citizen.ports import StaffDesk
from citizen.residents import consents, persons
from citizen.residents.schemas import (
    AnyMeSchema,
    BindSchema,
    CodeSentSchema,
    ConsentSchema,
    GiveConsentSchema,
    MeSchema,
    PartnerMeSchema,
    PhoneCodeSchema,
    PhoneSchema,
    ProfileSchema,
    ResidentMeSchema,
    StaffMeSchema,
    TicketSchema,
    WeChatSchema,
    WithdrawConsentSchema,
)
from core import gateways, phones, tokens
from core.accounts import Account, Credential, Subject, phone_of
from core.api import Blueprint, answer, body, dump
from core.clock import now as present
from core.database import reading, writing
from core.errors import Forbidden, Invalid, TooMany, Unavailable
from core.events import port
from core.gateways.miniprograms import (
    WeChatBlocked,
    WeChatBusy,
    WeChatCodeInvalid,
    WeChatUnavailable,
)
from core.gateways.providers import IdentityUnavailable, TicketInvalid
from core.permissions import Kind
from core.phones import CodeInvalid
from core.schemas import SignInSchema, page_of
from core.tokens import Caller, caller, may, public

ABOUT = "居民登录、资料与同意 Residents: sign-in, profile, consents"
routes = Blueprint("residents", __name__, description=ABOUT)
ConsentPage = page_of(ConsentSchema, "ConsentPage")
Made = TypeVar("Made")
ME: Mapping[Kind, type[MeSchema]] = {
    Kind.RESIDENT: ResidentMeSchema,
    Kind.STAFF: StaffMeSchema,
    Kind.PARTNER: PartnerMeSchema,
}


def _unless_raced(work: Callable[[], Made]) -> Made:
    """Run a unit of work, once more where another request was first to write a unique row."""
    try:
        return work()
    except IntegrityError:
        return work()


def _signed_in(subjects: Sequence[Subject]) -> Response:
    def enter() -> dict[str, Any]:
        now = present()
        with writing() as session:
            return tokens.issue(session, persons.enter(session, subjects, now), now)

    return answer(dump(SignInSchema, _unless_raced(enter)))


@routes.post("/auth/wechat")
@routes.takes(WeChatSchema)
@routes.gives(200, SignInSchema)
@routes.fails(WeChatCodeInvalid, WeChatBlocked, AccountDisabled, Invalid)
@routes.fails(WeChatBusy, WeChatUnavailable)
@public
def sign_in_by_wechat() -> Response:
    """Sign in with a mini-program's code; the first time opens the account."""
    sent = body(WeChatSchema)
    found = gateways.wechat().code_to_session(sent["app"], sent["code"])
    return _signed_in(persons.of_wechat(found))


@routes.post("/auth/identity")
@routes.takes(TicketSchema)
@routes.gives(200, SignInSchema)
@routes.fails(TicketInvalid, AccountDisabled, Invalid, IdentityUnavailable)
@public
def sign_in_by_ticket() -> Response:
    """Sign in with an identity provider's ticket; a phone that it confirmed joins accounts."""
    sent = body(TicketSchema)
    proof = gateways.identity().subject_of(sent["provider"], sent["ticket"])
    return _signed_in(persons.of_provider(sent["provider"], proof))


@routes.post("/auth/sms")
@routes.takes(PhoneSchema)
@routes.gives(202, CodeSentSchema)
@routes.fails(Invalid, TooMany, Unavailable)
@public
def send_code() -> Response:
    """Send a code of six digits, good for five minutes and one use, to known and new phones."""
    phone = body(PhoneSchema)["phone"]
    phones.admit(phone, request.remote_addr or "-")
    with writing() as session:
        code = phones.new_code(session, phone, present())
    gateways.sms().send(phone, "code", {"code": code})
    return answer({"expires_in": int(phones.LIFETIME.total_seconds())}, 202)


@routes.post("/auth/sms/verify")
@routes.takes(PhoneCodeSchema)
@routes.gives(200, SignInSchema)
@routes.fails(CodeInvalid, AccountDisabled, Invalid)
@public
def sign_in_by_code() -> Response:
    """Sign in with the code that the phone received; the first time opens the account."""
    sent = body(PhoneCodeSchema)

    def enter() -> dict[str, Any] | None:
        now = present()
        with writing() as session:
            if not phones.take(session, sent["phone"], sent["code"], now):
                return None
            return tokens.issue(session, persons.enrol(session, sent["phone"], now), now)

    made = _unless_raced(enter)
    if made is None:
        raise CodeInvalid
    return answer(dump(SignInSchema, made))


@routes.post("/me/identities")
@routes.takes(BindSchema)
@routes.gives(200, AnyMeSchema)
@routes.fails(CodeInvalid, WeChatCodeInvalid, WeChatBlocked, Invalid, IdentityInUse)
@routes.fails(WeChatBusy, WeChatUnavailable)
@may("citizen.identities")
def bind_identity() -> Response:
    """Bind a phone or WeChat account in the place of the one before; staff confirm their phone."""
    sent, who = body(BindSchema), caller()
    if who.kind is Kind.STAFF and "app" in sent:
        raise Forbidden
    subjects = [Subject("phone", sent["phone"])] if "phone" in sent else _wechat_subjects(sent)
    proved, free = _unless_raced(lambda: _bind(who, subjects, sent))
    if not proved:
        raise CodeInvalid
    if not free:
        raise IdentityInUse
    return _me(who)


def _wechat_subjects(sent: Mapping[str, str]) -> list[Subject]:
    return persons.of_wechat(gateways.wechat().code_to_session(sent["app"], sent["code"]))


def _bind(who: Caller, subjects: Sequence[Subject], sent: Mapping[str, str]) -> tuple[bool, bool]:
    """Return whether the phone was proved and the subjects free; a right code is used up anyway."""
    now = present()
    with writing() as session:
        if "phone" in sent and not phones.take(session, sent["phone"], sent["code"], now):
            return False, False
        if who.kind is Kind.STAFF:
            _desk().confirm_phone(session, who, sent["phone"], now)
            return True, True
        return True, persons.bind(session, who, subjects, now)


@routes.get("/me")
@routes.gives(200, AnyMeSchema)
@may("citizen.me")
def show_me() -> Response:
    """Show the account that the token speaks for."""
    return _me(caller())


@routes.patch("/me")
@routes.takes(ProfileSchema)
@routes.gives(200, ResidentMeSchema)
@routes.fails(Invalid)
@may("citizen.profile")
def change_me() -> Response:
    """Change the nickname; null clears it."""
    sent, who = body(ProfileSchema), caller()
    if "nickname" in sent:
        with writing() as session:
            persons.rename(session, who.account_id, sent["nickname"])
    return _me(who)


def _me(who: Caller) -> Response:
    with reading() as session:
        account = session.get_one(Account, who.account_id)
        facts: dict[str, Any] = {
            "id": who.public_id,
            "kind": who.kind,
            "roles": sorted(account.roles),
        }
        facts.update(created_at=account.created_at, **_particulars(session, who))
    return answer(dump(ME[who.kind], facts))


def _particulars(session: Session, who: Caller) -> Mapping[str, Any]:
    if who.kind is Kind.RESIDENT:
        phone = phone_of(session, who.account_id)
        return {
            "nickname": persons.nickname(session, who.account_id),
            "phone": phone and phones.masked(phone),
            "signs_in_with": persons.providers(session, who.account_id),
        }
    of_account = select(Credential.username).where(Credential.account_id == who.account_id)
    named = {"username": session.scalar(of_account), "terminal": who.terminal}
    return (
        named if who.kind is Kind.PARTNER else {**named, **_desk().profile(session, who.account_id)}
    )


def _desk() -> StaffDesk:
    return port(StaffDesk)  # type: ignore[type-abstract]


@routes.get("/me/consents")
@routes.gives(200, ConsentPage)
@may("citizen.profile")
def list_consents() -> Response:
    """Show the last agreement of each purpose, withdrawn or not."""
    with reading() as session:
        found = consents.standing(session, caller().account_id)
    return answer({"items": dump(ConsentSchema, found, many=True), "next_cursor": None})


@routes.post("/me/consents")
@routes.takes(GiveConsentSchema)
@routes.gives(201, ConsentSchema)
@routes.gives(200, ConsentSchema)
@routes.fails(Invalid)
@may("citizen.profile")
def give_consent() -> Response:
    """Agree to a version of the privacy notice or the points programme; 200 where it stands."""
    sent, account_id = body(GiveConsentSchema), caller().account_id
    with writing() as session:
        fresh = consents.give(session, account_id, sent["purpose"], sent["version"], present())
        found = consents.standing(session, account_id)
    this = next(consent for consent in found if consent.purpose is sent["purpose"])
    return answer(dump(ConsentSchema, this), 201 if fresh else 200)


@routes.delete("/me/consents")
@routes.takes(WithdrawConsentSchema)
@routes.gives(204)
@routes.fails(Invalid)
@may("citizen.profile")
def withdraw_consent() -> Response:
    """End an agreement; what was done under it stays valid, and without one nothing happens."""
    purpose = body(WithdrawConsentSchema)["purpose"]
    with writing() as session:
        consents.withdraw(session, caller().account_id, purpose, present())
    return Response(status=204)
