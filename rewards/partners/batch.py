"""What an offline gate took: each line is kept as claimed, whatever is made of it.

A line is known by terminal and nonce, without a nonce by terminal, voucher and time of use; the
same line again is a duplicate with the first result. Batches of one partner follow each other,
and vouchers are locked in order of their keys, so two gates that report at once neither lose nor
double a line.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert, or_, select, update
from sqlalchemy.orm import Session

from core import audit, crypto
from core.clock import shanghai
from core.database import locked
from core.tokens import Caller
from rewards.catalogue import Partner, Scan, Voucher
from rewards.errors import VoucherNotFound
from rewards.issuing import PURPOSE, offer_of
from rewards.partners.gate import add_redemption, first_use, one_more_use, qr_token
from rewards.states import ScanResult, VoucherStatus
from rewards.vouchers import QrToken, normalise

SKEW = timedelta(minutes=5)
MOST_LINES = 500


@dataclass(frozen=True)
class Line:
    """One line as it was read, and the words by which its voucher may be known."""

    terminal: str
    used_at: datetime
    nonce: str | None
    indexes: tuple[str, ...]
    token: QrToken | None
    typed: str

    def key(self, voucher: Voucher | None) -> str:
        """Return what this line is known by."""
        if self.nonce is not None:
            known: list[str] = ["nonce", self.terminal, self.nonce]
        else:
            what = voucher.public_id if voucher else self.typed
            known = ["use", self.terminal, what, self.used_at.astimezone(UTC).isoformat()]
        return hashlib.sha256(json.dumps(known).encode()).hexdigest()


@dataclass(frozen=True)
class _Batch:
    """What all lines of a batch share."""

    session: Session
    partner_id: int
    actor: Caller
    now: datetime


def take(
    session: Session,
    partner_id: int,
    items: Sequence[dict[str, Any]],
    *,
    actor: Caller,
    now: datetime,
) -> list[dict[str, Any]]:
    """Take a gate's lines in their order; return one answer for each."""
    session.execute(locked(select(Partner.id).where(Partner.id == partner_id)))
    batch = _Batch(session, partner_id, actor, now)
    lines = [_read(item) for item in items]
    vouchers = _lock_vouchers(batch, lines)
    pairs = [(line, _voucher_of(line, vouchers)) for line in lines]
    seen = _seen(batch, [line.key(voucher) for line, voucher in pairs])
    answers = [_take_line(batch, line, voucher, seen) for line, voucher in pairs]
    counts = {result.value: 0 for result in ScanResult}
    for found in answers:
        counts[found["result"]] += 1
    subject = ("account", actor.public_id)
    audit.record("voucher.batch", actor=actor, subject=subject, details=counts, at=now)
    return answers


def _read(item: dict[str, Any]) -> Line:
    token: QrToken | None = None
    indexes: tuple[str, ...] = ()
    typed = item.get("qr", "")
    if "code" in item:
        typed = normalise(item["code"])
        indexes = tuple(crypto.blind_indexes(typed, PURPOSE))
    else:
        try:
            token = qr_token(item["qr"])
        except VoucherNotFound:
            token = None
    return Line(item["terminal"], item["used_at"], item.get("nonce"), indexes, token, typed)


def _voucher_of(line: Line, vouchers: dict[str, Voucher]) -> Voucher | None:
    words = (line.token.voucher,) if line.token else line.indexes
    return next((vouchers[word] for word in words if word in vouchers), None)


def _lock_vouchers(batch: _Batch, lines: Sequence[Line]) -> dict[str, Voucher]:
    """Lock the partner's own vouchers of all lines, and return them by every word for them."""
    indexes = [index for line in lines for index in line.indexes]
    names = [line.token.voucher for line in lines if line.token]
    named = or_(
        Voucher.code_index.in_(indexes),
        Voucher.rotating_index.in_(indexes),
        Voucher.public_id.in_(names),
    )
    wanted = select(Voucher).where(Voucher.partner_id == batch.partner_id, named)
    found: dict[str, Voucher] = {}
    for voucher in batch.session.scalars(locked(wanted.order_by(Voucher.id))):
        words = (voucher.public_id, voucher.code_index, voucher.rotating_index)
        found.update({word: voucher for word in words if word is not None})
    return found


def _seen(batch: _Batch, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
    known = select(Scan.line_key, Scan.answer).where(
        Scan.partner_id == batch.partner_id, Scan.line_key.in_(keys)
    )
    return {row.line_key: row.answer for row in batch.session.execute(known)}


def _take_line(
    batch: _Batch, line: Line, voucher: Voucher | None, seen: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    key = line.key(voucher)
    if key in seen:
        return {"result": ScanResult.DUPLICATE.value, "first": seen[key]}
    redemption_id, found = _judge(batch, line, voucher)
    batch.session.execute(
        insert(Scan).values(
            partner_id=batch.partner_id,
            actor_id=batch.actor.account_id,
            line_key=key,
            terminal=line.terminal,
            voucher_id=voucher.id if voucher else None,
            redemption_id=redemption_id,
            used_at=line.used_at,
            received_at=batch.now,
            result=ScanResult(found["result"]),
            answer=found,
        )
    )
    seen[key] = found
    return found


def _judge(batch: _Batch, line: Line, voucher: Voucher | None) -> tuple[int | None, dict[str, Any]]:
    """Accept a line, or say what stands against it; both facts stay."""
    if voucher is None:
        return None, {"result": ScanResult.INVALID.value, "reason": "voucher_not_found"}
    reason = _against(batch, line, voucher)
    if reason is not None:
        return None, _conflict(batch, voucher, reason)
    uses = _use(batch, voucher, line.used_at)
    redemption = add_redemption(
        batch.session,
        voucher,
        uses,
        terminal=line.terminal,
        actor=batch.actor,
        used_at=line.used_at,
        received_at=batch.now,
    )
    accepted = {
        "result": ScanResult.ACCEPTED.value,
        "redemption": redemption.public_id,
        "offer": offer_of(voucher),
        "terminal": line.terminal,
        "used_at": _plain(line.used_at),
    }
    return redemption.id, accepted


def _against(batch: _Batch, line: Line, voucher: Voucher) -> str | None:
    """Return the reason of a conflict, if there is one.

    A voucher that the worker expired after the gate took it was good when it was taken.
    """
    if not voucher.issued_at - SKEW <= line.used_at <= batch.now + SKEW:
        return "clock"
    if line.token and not _fresh(line.token, line.used_at):
        return "qr_expired"
    if voucher.status is VoucherStatus.USED:
        return "already_used"
    if voucher.status in {VoucherStatus.VOID, VoucherStatus.REFUNDED}:
        return "not_usable"
    return None if line.used_at < voucher.valid_until else "not_usable"


def _fresh(token: QrToken, used_at: datetime) -> bool:
    return token.issued_at - SKEW <= used_at <= token.expires_at + SKEW


def _use(batch: _Batch, voucher: Voucher, used_at: datetime) -> int:
    """Count the use; the row is locked, and was found good."""
    batch.session.execute(
        update(Voucher)
        .where(Voucher.id == voucher.id)
        .values(**one_more_use(used_at))
        .execution_options(synchronize_session=False)
    )
    batch.session.refresh(voucher)
    return voucher.uses


def _conflict(batch: _Batch, voucher: Voucher, reason: str) -> dict[str, Any]:
    found: dict[str, Any] = {"result": ScanResult.CONFLICT.value, "reason": reason}
    expired = voucher.status is VoucherStatus.ISSUED and voucher.valid_until <= batch.now
    found["voucher_status"] = (VoucherStatus.EXPIRED if expired else voucher.status).value
    first = first_use(batch.session, voucher.id) if voucher.uses else None
    if first is not None:
        found.update(used_at=_plain(first.used_at), terminal=first.terminal)
    return found


def _plain(instant: datetime) -> str:
    return shanghai(instant).isoformat(timespec="seconds")
