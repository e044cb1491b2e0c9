"""Hiring staff, changing what they may do, reading their scope. A change ends their tokens."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from citizen.areas import Area
from core import audit
from core.accounts import Account, AccountStatus, Credential, end_tokens
from core.database import locked
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.messages import say
from core.permissions import Kind, Role
from core.rows import table_of
from core.tokens import Caller
from moderation.models import Department
from moderation.staff.models import Post, Scope, StaffProfile

TOKEN_ENDING = frozenset({"roles", "department", "areas", "status", "password_hash"})


class UsernameTaken(Conflict):
    """Usernames are unique, those of partners among them."""

    code, zh, en = "username_taken", "用户名已被使用", "The username is taken"


class OwnAccount(Forbidden):
    """Nobody changes their own rights: another administrator does."""

    code, zh, en = "own_account", "不能修改自己的权限", "Nobody changes their own rights"


PROFILES = table_of(StaffProfile)
SCOPE = select(  # every request of staff asks it, so it is built once
    PROFILES.c.department,
    PROFILES.c.areas,
    PROFILES.c.phone_index,
    PROFILES.c.rotating_phone_index,
).where(PROFILES.c.account_id == bindparam("account"))


@dataclass(frozen=True)
class Member:
    """A staff account in one piece."""

    account: Account
    username: str
    profile: StaffProfile

    @property
    def post(self) -> Post:
        return Post(self.account.roles, self.profile.department, self.profile.areas)

    @property
    def facts(self) -> dict[str, Any]:
        """Return what the administrator reads; the phone is not among it."""
        return {
            "username": self.username,
            "display_name": self.profile.display_name,
            "roles": sorted(self.account.roles),
            "department": self.profile.department,
            "areas": sorted(self.profile.areas),
            "status": self.account.status,
            "phone_confirmed_at": self.profile.phone_confirmed_at,
        }


def scope(session: Session, account_id: int) -> Scope:
    """Return what a staff account acts for; one read by primary key."""
    row = session.connection().execute(SCOPE, {"account": account_id}).one_or_none()
    if row is None:
        return Scope(None, frozenset())
    department, areas, *indexes = row
    return Scope(department, areas, tuple(index for index in indexes if index))


def colleague(session: Session, username: str, role: Role, department: str | None) -> int | None:
    """Return the account id of an active member of a department and role, to hand work to."""
    found = (
        select(Account)
        .join(Credential, Credential.account_id == Account.id)
        .join(StaffProfile, StaffProfile.account_id == Account.id)
        .where(Credential.username == username, StaffProfile.department == department)
        .where(Account.status == AccountStatus.ACTIVE)
    )
    account = session.scalars(found).one_or_none()
    return account.id if account and role in account.roles else None


def hire(
    session: Session,
    username: str,
    password_hash: str,
    post: Post,
    *,
    now: datetime,
    display_name: str | None = None,
    by: Caller | None = None,
) -> Account:
    """Create a staff account; the hash comes from `core.passwords.hash_password`, made before.

    A password that an administrator chose (`by`) is to be changed by its owner.

    Raises:
        UsernameTaken: somebody has the name. IntegrityError: somebody took it at this moment.
        Invalid: department or areas do not exist, or a handler has no department.
    """
    _check(session, post)
    if session.scalar(select(Credential.account_id).where(Credential.username == username)):
        raise UsernameTaken
    account = Account(kind=Kind.STAFF, roles=post.roles, token_epoch=0, created_at=now)
    session.add(account)
    session.flush()  # credential and profile refer to it
    secret = {"password_hash": password_hash, "must_change": by is not None, "changed_at": now}
    session.add(Credential(account_id=account.id, username=username, **secret))
    profile = StaffProfile(account_id=account.id, display_name=display_name or username)
    profile.department, profile.areas = post.department, post.areas
    session.add(profile)
    session.flush()  # a name taken at this moment must show here
    _record("staff.hired", by, account, asdict(post), now)
    return account


def _check(session: Session, post: Post) -> None:
    errors: dict[str, list[str]] = {}
    if post.department is not None and session.get(Department, post.department) is None:
        errors["department"] = [say("没有该部门", "No such department")]
    if post.department is None and Role.HANDLER in post.roles:
        errors["department"] = [say("办理人员须属于一个部门", "A handler needs a department")]
    if not post.roles:
        errors["roles"] = [say("至少一个角色", "At least one role")]
    known = (
        session.scalars(select(Area.code).where(Area.code.in_(post.areas))) if post.areas else ()
    )
    if missing := ", ".join(sorted(post.areas - set(known))):
        errors["areas"] = [say(f"没有这些区域：{missing}", f"No such areas: {missing}")]
    if errors:
        raise Invalid(errors=errors)


def find(session: Session, username: str) -> Member:
    """Return a staff member, locked for a change.

    Raises:
        NotFound: nobody of staff has the name.
    """
    statement = (
        select(Account, Credential.username, StaffProfile)
        .join(Credential, Credential.account_id == Account.id)
        .join(StaffProfile, StaffProfile.account_id == Account.id)
        .where(Credential.username == username, Account.kind == Kind.STAFF)
    )
    row = session.execute(locked(statement)).one_or_none()
    if row is None:
        raise NotFound
    return Member(*row)


def change(
    session: Session, username: str, changes: Mapping[str, Any], *, by: Caller, now: datetime
) -> Member:
    """Change roles, department, areas, status, display_name or password_hash; tokens end at once.

    Raises:
        NotFound, OwnAccount, Invalid: as `find` and `hire` say.
    """
    member = find(session, username)
    if member.account.id == by.account_id:
        raise OwnAccount
    wanted = {name: changes[name] for name in ("roles", "department", "areas") if name in changes}
    _check(session, replace(member.post, **wanted))
    _apply(session, member, changes, now)
    if TOKEN_ENDING & changes.keys():
        end_tokens(member.account)
    session.flush()  # the answer shows what is stored
    _record("staff.changed", by, member.account, changes, now)
    return member


def _apply(session: Session, member: Member, changes: Mapping[str, Any], now: datetime) -> None:
    for name in ("roles", "status"):
        if name in changes:
            setattr(member.account, name, changes[name])
    for name in ("display_name", "department", "areas"):
        if name in changes:
            setattr(member.profile, name, changes[name])
    if "password_hash" in changes:
        credential = session.get_one(Credential, member.account.id)
        credential.password_hash, credential.changed_at = changes["password_hash"], now
        credential.must_change = True


def _record(
    action: str, by: Caller | None, account: Account, changes: Mapping[str, Any], now: datetime
) -> None:
    """Audit what changed; of names and passwords only that they did."""
    told = {"roles", "department", "areas", "status"}
    details = {name: _plain(new) if name in told else "changed" for name, new in changes.items()}
    audit.record(action, actor=by, subject=("account", account.public_id), details=details, at=now)


def _plain(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(str(part) for part in value)
    return None if value is None else str(value)
