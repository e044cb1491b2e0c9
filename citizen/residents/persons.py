"""One person, one resident account: whose an identity is, and what an account may add to itself.

An account holds at most one subject of each provider; binding another one takes the first one's
place, since a phone number that was given up goes to somebody else.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from citizen.errors import AccountDisabled
from citizen.residents.models import ResidentProfile
from core import audit, crypto, phones
from core.accounts import Account, AccountStatus, Identity, Subject, attach, find
from core.gateways import Proof, WeChatSession
from core.permissions import Kind
from core.tokens import Caller

UNION = "wechat-union"


def of_wechat(found: WeChatSession) -> list[Subject]:
    """Return a WeChat person's subjects: app id and open id first, then what joins our apps."""
    subjects = [Subject(f"wechat:{found.app_id}", found.open_id)]
    return [*subjects, Subject(UNION, found.union_id)] if found.union_id else subjects


def of_provider(provider: str, proof: Proof) -> list[Subject]:
    """Return the subjects of a provider's person; a phone that it confirmed joins the accounts."""
    phone = phones.normal(proof.phone) if proof.phone else None
    subjects = [Subject(f"identity:{provider}", proof.subject)]
    return [*subjects, Subject("phone", phone)] if phone else subjects


def enter(session: Session, subjects: Sequence[Subject], now: datetime) -> Account:
    """Return the account of the first subject that has one, else a new one; add the other subjects.

    Raises:
        AccountDisabled: the account may not sign in.
        IntegrityError: another request entered the same person at this moment; the unit of work is
            void and succeeds when it is run again.
    """
    holders = {subject: find(session, subject) for subject in subjects}
    account = next((holder for holder in holders.values() if holder), None)
    if account is None:
        account = _create(session, now)
    elif account.status is not AccountStatus.ACTIVE:
        raise AccountDisabled
    _add(session, account, holders, now)
    return account


def _create(session: Session, now: datetime) -> Account:
    account = Account(kind=Kind.RESIDENT, roles=frozenset(), token_epoch=0, created_at=now)
    session.add(account)
    session.flush()  # identities and the profile refer to it
    session.add(ResidentProfile(account_id=account.id))
    audit.record("resident.enrolled", actor=None, subject=("account", account.public_id), at=now)
    return account


def _add(
    session: Session, account: Account, holders: Mapping[Subject, Account | None], now: datetime
) -> None:
    free = [subject for subject, holder in holders.items() if holder is None]
    taken = set(providers(session, account.id)) if free else set()
    for subject in free:
        if subject.provider not in taken:
            attach(session, account, subject, now)


def enrol(session: Session, phone: str, now: datetime) -> Account:
    """Return the account of a phone, made if there is none; `phone` is the 11-digit form."""
    return enter(session, [Subject("phone", phone)], now)


def bind(session: Session, who: Caller, subjects: Sequence[Subject], now: datetime) -> bool:
    """Bind subjects to the caller's account in the place of others of their providers.

    Says False, and changes nothing, where another account holds one; IntegrityError as `enter`.
    """
    holders = {subject: find(session, subject) for subject in subjects}
    if any(holder and holder.id != who.account_id for holder in holders.values()):
        return False
    account = session.get_one(Account, who.account_id)
    for subject in (subject for subject, holder in holders.items() if holder is None):
        same = (Identity.account_id == account.id, Identity.provider == subject.provider)
        session.execute(delete(Identity).where(*same))
        attach(session, account, subject, now)
        details = {"provider": subject.provider}
        audit.record(
            "identity.bound", actor=who, subject=("account", who.public_id), details=details, at=now
        )
    return True


def providers(session: Session, account_id: int) -> list[str]:
    """Return what the account signs in with, by provider."""
    of_account = select(Identity.provider).where(Identity.account_id == account_id)
    return list(session.scalars(of_account.order_by(Identity.provider)))


def by_phone(session: Session, phone: str) -> Account | None:
    """Return the resident who signs in with the phone, in any form that people type."""
    digits = phones.normal(phone)
    return find(session, Subject("phone", digits)) if digits else None


def nickname(session: Session, account_id: int) -> str | None:
    """Return how the resident wants to be called."""
    profile = session.get(ResidentProfile, account_id)
    if profile is None or profile.nickname_ciphertext is None:
        return None
    return crypto.decrypt(profile.nickname_ciphertext, "nickname")


def rename(session: Session, account_id: int, name: str | None) -> None:
    """Set or clear the nickname."""
    profile = session.get(ResidentProfile, account_id) or ResidentProfile(account_id=account_id)
    profile.nickname_ciphertext = crypto.encrypt(name, "nickname") if name else None
    session.add(profile)
