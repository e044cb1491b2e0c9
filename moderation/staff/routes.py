"""Signing in as staff, and the system administrator's list of staff."""

from collections.abc import Sequence
from typing import Any

from flask import Response
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core import paging, passwords, tokens
from core.accounts import Account, AccountStatus, Credential
from core.api import Blueprint, answer, body, dump, query
from core.clock import now as present
from core.database import reading, writing
from core.errors import Invalid, NotFound, TooMany
from core.passwords import OtpRequired, SignInRefused
from core.permissions import Kind
from core.schemas import SignInSchema, page_of
from core.tokens import caller, may, public
from moderation.staff import profiles
from moderation.staff.models import Post, StaffProfile
from moderation.staff.profiles import Member, OwnAccount, UsernameTaken
from moderation.staff.schemas import (
    HireSchema,
    PasswordSignInSchema,
    StaffChangeSchema,
    StaffQuery,
    StaffSchema,
)

ABOUT = "工作人员登录与管理 Staff: sign-in and administration"
routes = Blueprint("staff", __name__, description=ABOUT)
StaffPage = page_of(StaffSchema, "StaffPage")


@routes.post("/auth/staff")
@routes.takes(PasswordSignInSchema)
@routes.gives(200, SignInSchema)
@routes.fails(SignInRefused, OtpRequired, Invalid, TooMany)
@public
def sign_in() -> Response:
    """Sign in with username and password, and a one-time code where one is enrolled."""
    sent, now = body(PasswordSignInSchema), present()
    who = passwords.verify_sign_in(
        sent["username"], sent["password"], Kind.STAFF, now, otp=sent.get("otp")
    )
    with writing() as session:
        made = tokens.issue(session, who, now)
    return answer(dump(SignInSchema, made))


@routes.get("/staff")
@routes.asks(StaffQuery)
@routes.gives(200, StaffPage)
@routes.fails(Invalid)
@may("moderation.administer")
def list_staff() -> Response:
    """List staff by username."""
    asked = query(StaffQuery)
    of_staff = select(Credential).join(Account, Account.id == Credential.account_id)
    of_staff = of_staff.where(Account.kind == Kind.STAFF)
    with reading() as session:
        page = paging.page(session, of_staff, keys=(Credential.username,), **asked)
        members = _members(session, page.items)
    items = dump(StaffSchema, [member.facts for member in members], many=True)
    return answer({"items": items, "next_cursor": page.next_cursor})


def _members(session: Session, credentials: Sequence[Credential]) -> list[Member]:
    wanted = [credential.account_id for credential in credentials]
    accounts = select(Account).where(Account.id.in_(wanted))
    account_of = {account.id: account for account in session.scalars(accounts)}
    found = select(StaffProfile).where(StaffProfile.account_id.in_(wanted))
    profile_of = {profile.account_id: profile for profile in session.scalars(found)}
    return [
        Member(account_of[row.account_id], row.username, profile_of[row.account_id])
        for row in credentials
    ]


@routes.post("/staff")
@routes.takes(HireSchema)
@routes.gives(201, StaffSchema)
@routes.fails(Invalid, UsernameTaken)
@may("moderation.administer")
def hire() -> Response:
    """Create a staff account."""
    sent = body(HireSchema)
    username, password_hash = sent["username"], passwords.hash_password(sent["password"])
    post = Post(frozenset(sent["roles"]), sent["department"], frozenset(sent["areas"]))
    also = {"display_name": sent["display_name"], "by": caller(), "now": present()}
    try:
        with writing() as session:
            profiles.hire(session, username, password_hash, post, **also)
            made = profiles.find(session, username).facts
    except IntegrityError as error:
        raise UsernameTaken from error
    return answer(dump(StaffSchema, made), 201)


@routes.patch("/staff/<string(maxlength=64):username>")
@routes.takes(StaffChangeSchema)
@routes.gives(200, StaffSchema)
@routes.fails(NotFound, OwnAccount, Invalid)
@may("moderation.administer")
def change(username: str) -> Response:
    """Change a staff account; its tokens end at once, whatever it is doing."""
    changes = _stored(body(StaffChangeSchema))
    with writing() as session:
        member = profiles.change(session, username, changes, by=caller(), now=present())
    return answer(dump(StaffSchema, member.facts))


def _stored(sent: dict[str, Any]) -> dict[str, Any]:
    """Turn what was sent into what is stored; passwords are hashed outside any transaction."""
    changes = {name: value for name, value in sent.items() if name != "password"}
    changes.update({name: frozenset(sent[name]) for name in ("roles", "areas") if name in sent})
    if "status" in sent:
        changes["status"] = AccountStatus(sent["status"])
    if "password" in sent:
        changes["password_hash"] = passwords.hash_password(sent["password"])
    return changes
