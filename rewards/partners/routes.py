"""What partners and their gates call."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Response, request

from core import crypto, idempotency, limits, passwords, tokens
from core.api import Blueprint, answer, body, dump, query
from core.clock import now as present
from core.database import reading, writing
from core.errors import Invalid, TooMany
from core.permissions import Kind
from core.schemas import SignInSchema
from core.tokens import caller, may, public
from rewards.catalogue import Partner
from rewards.errors import (
    AlreadyUndone,
    AlreadyUsed,
    NotUsable,
    PartnerNotFound,
    PartnerSuspended,
    QrExpired,
    RedemptionNotFound,
    TerminalMissing,
    TerminalRefused,
    UndoClosed,
    VoucherNotFound,
)
from rewards.partners import batch, gate, members, settlement
from rewards.partners.schemas import (
    BatchResultSchema,
    BatchSchema,
    KeysSchema,
    LookSchema,
    PasswordSchema,
    SettlementQuery,
    SettlementSchema,
    ShownSchema,
    TerminalKeyEntrySchema,
    UndoneSchema,
    UndoSchema,
    UsedSchema,
    UseSchema,
)
from rewards.states import VOUCHER_LABELS, ScanResult
from rewards.vouchers import public_jwk
from rewards.wallet import last_day

routes = Blueprint("partners", __name__, description="合作单位 Partners and their gates")
KEY_TRIES, KEY_WINDOW = 40, 600
GUESSES, GUESS_WINDOW = 600, 60
BATCH_BODY = 1024 * 1024


@routes.post("/auth/partner")
@routes.takes(PasswordSchema)
@routes.gives(200, SignInSchema)
@routes.fails(passwords.SignInRefused, passwords.OtpRequired, TooMany, Invalid)
@public
def sign_in() -> Response:
    """Sign a partner in by password."""
    sent, now = body(PasswordSchema), present()
    account = passwords.verify_sign_in(
        sent["username"], sent["password"], Kind.PARTNER, now, otp=sent["otp"]
    )
    with writing() as session:
        made = tokens.issue(session, account, now)
    return answer(dump(SignInSchema, made))


@routes.post("/auth/terminal")
@routes.takes(TerminalKeyEntrySchema)
@routes.gives(200, SignInSchema)
@routes.fails(TerminalRefused, TooMany, Invalid)
@public
def sign_terminal_in() -> Response:
    """Sign a gate device in by its own key."""
    sent, now, address = body(TerminalKeyEntrySchema), present(), request.remote_addr or "-"
    limits.check("terminal-key", address, KEY_TRIES, KEY_WINDOW)
    try:
        with writing() as session:
            account, terminal = members.terminal_with(session, sent["key"])
            made = tokens.issue(session, account, now, terminal=terminal.label)
    except TerminalRefused:
        limits.count("terminal-key", address, KEY_TRIES, KEY_WINDOW)
        raise
    return answer(dump(SignInSchema, made))


@contextmanager
def _guesses_limited() -> Iterator[None]:
    """Refuse an account that has met its limit of unknown codes, and count another one."""
    who = caller().public_id
    limits.check("voucher-guess", who, GUESSES, GUESS_WINDOW)
    try:
        yield
    except VoucherNotFound:
        limits.count("voucher-guess", who, GUESSES, GUESS_WINDOW)
        raise


def _partner() -> Partner:
    with reading() as session:
        return members.speaking_for(session, caller())


def _terminal(sent: dict[str, str | None], path: str = "terminal") -> str:
    """Return where it happens: a device is its own terminal, whatever it sends."""
    found = caller().terminal or sent["terminal"]
    if found is None:
        raise TerminalMissing(path)
    return found


@routes.post("/partner/vouchers/check")
@routes.takes(ShownSchema)
@routes.gives(200, LookSchema)
@routes.fails(VoucherNotFound, QrExpired, PartnerSuspended, TooMany, Invalid)
@may("rewards.honour")
def check_voucher() -> Response:
    """Say what a voucher is without using it."""
    partner, now = _partner(), present()
    sent = body(ShownSchema)
    with _guesses_limited(), reading() as session:
        found = gate.look(session, gate.find(session, partner.id, sent, now), now)
    shown = {
        **vars(found),
        "status_label": VOUCHER_LABELS[found.status],
        "valid_until": last_day(found.valid_until),
    }
    return answer(dump(LookSchema, shown))


@routes.post("/partner/vouchers/redeem")
@routes.takes(UseSchema)
@routes.needs("Idempotency-Key", example="gate-1-000123")
@routes.gives(200, UsedSchema)
@routes.fails(
    VoucherNotFound,
    AlreadyUsed,
    NotUsable,
    QrExpired,
    PartnerSuspended,
    TooMany,
    idempotency.KeyMissing,
    idempotency.KeyInFlight,
    idempotency.KeyReused,
    Invalid,
)
@may("rewards.honour")
def redeem_voucher() -> Response:
    """Use a voucher, exactly once."""
    partner, now = _partner(), present()
    sent = body(UseSchema)
    terminal = _terminal(sent)
    with _guesses_limited(), idempotency.once() as reply:
        voucher = gate.find(reply.session, partner.id, sent, now)
        used = gate.redeem(reply.session, voucher, terminal=terminal, actor=caller(), now=now)
        reply.set(dump(UsedSchema, used))
    return reply.response


@routes.post("/partner/vouchers/undo")
@routes.takes(UndoSchema)
@routes.needs("Idempotency-Key", required=False, example="gate-1-undo-7")
@routes.gives(200, UndoneSchema)
@routes.fails(
    RedemptionNotFound,
    AlreadyUndone,
    UndoClosed,
    PartnerSuspended,
    idempotency.KeyInFlight,
    idempotency.KeyReused,
    Invalid,
)
@may("rewards.honour")
def undo_use() -> Response:
    """Take a use back within ten minutes; the voucher is good again."""
    partner = _partner()
    sent = body(UndoSchema)
    with idempotency.once(required=False) as reply:
        undone = gate.undo(
            reply.session,
            partner.id,
            sent["redemption"],
            reason=sent["reason"],
            actor=caller(),
            now=present(),
        )
        reply.set(dump(UndoneSchema, undone))
    return reply.response


@routes.post("/partner/redemptions/batch")
@routes.takes(BatchSchema)
@routes.needs("Idempotency-Key", example="gate-1-batch-12")
@routes.gives(200, BatchResultSchema)
@routes.fails(
    PartnerSuspended,
    TooMany,
    idempotency.KeyMissing,
    idempotency.KeyInFlight,
    idempotency.KeyReused,
    Invalid,
)
@may("rewards.honour")
def take_batch() -> Response:
    """Take what a gate used without a network, line by line; none is lost."""
    partner = _partner()
    items = [
        {**item, "terminal": _terminal(item, f"items.{number}.terminal")}
        for number, item in enumerate(body(BatchSchema, limit=BATCH_BODY)["items"])
    ]
    who = caller()
    limits.check("voucher-guess", who.public_id, GUESSES, GUESS_WINDOW)
    with idempotency.once() as reply:
        answers = batch.take(reply.session, partner.id, items, actor=who, now=present())
        reply.set({"items": answers})
    _count_unknown(sum(found["result"] == ScanResult.INVALID.value for found in answers))
    return reply.response


def _count_unknown(lines: int) -> None:
    """Count a batch's unknown codes as guesses; the lines themselves are taken already."""
    try:
        for _ in range(lines):
            limits.count("voucher-guess", caller().public_id, GUESSES, GUESS_WINDOW)
    except TooMany:
        return


@routes.get("/partner/keys")
@routes.gives(200, KeysSchema)
@public
def verifying_keys() -> Response:
    """List the keys under which a gate checks QR tokens without a network."""
    keys = [public_jwk(key_id, private.public_key()) for key_id, private in crypto.voucher_keys()]
    return answer({"keys": keys}, headers=[("Cache-Control", "public, max-age=300")])


@routes.get("/partner/settlement")
@routes.asks(SettlementQuery)
@routes.gives(200, SettlementSchema)
@routes.fails(PartnerNotFound, PartnerSuspended, Invalid)
@may("rewards.settlement")
def show_settlement() -> Response:
    """Tell a month's figures: a partner its own, staff whose they name."""
    asked = query(SettlementQuery)
    with reading() as session:
        if caller().kind is Kind.PARTNER:
            partner = members.speaking_for(session, caller())
        else:
            partner = settlement.partner_named(session, asked["partner"] or "")
        found = settlement.totals(session, partner, asked["month"])
    return answer(dump(SettlementSchema, found))
