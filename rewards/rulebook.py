"""Which rule set was in force when; kept in the process, refreshed by one look a use."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from flask import current_app
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core import audit
from core.rows import table_of
from core.tokens import Caller
from rewards.awards import BrokenRules, Rules, read_rules
from rewards.errors import RulesRetroactive, RulesUnreadable
from rewards.models import RuleSet

log = structlog.get_logger()


@dataclass(frozen=True)
class Edition:
    """One rule set as read; `rules` is None where its body can't be read."""

    id: int
    effective_from: datetime
    rules: Rules | None


NEWEST = select(func.max(table_of(RuleSet).c.id))  # every submission asks it: built once


@dataclass(frozen=True)
class _Book:
    newest: int | None
    editions: tuple[Edition, ...]


def in_force(session: Session, at: datetime) -> Edition | None:
    """Return the edition in force at an instant: the latest to begin by then, of two the newer."""
    book = _fresh(session)
    begun = [edition for edition in book.editions if edition.effective_from <= at]
    return max(begun, key=lambda edition: (edition.effective_from, edition.id), default=None)


def edition(session: Session, rule_set_id: int) -> Edition | None:
    """Return one edition by key; rows never change, so one that is kept needs no look."""
    kept: _Book | None = _caches().get("rule_sets")
    known = {known.id: known for known in kept.editions} if kept else {}
    if rule_set_id not in known:
        known = {known.id: known for known in _fresh(session).editions}
    return known.get(rule_set_id)


def _fresh(session: Session) -> _Book:
    newest = session.connection().execute(NEWEST).scalar()
    kept: _Book | None = _caches().get("rule_sets")
    if kept is None or kept.newest != newest:
        rows = session.execute(select(RuleSet.id, RuleSet.effective_from, RuleSet.body))
        kept = _Book(newest, tuple(_read(*row) for row in rows))
        _caches()["rule_sets"] = kept
    return kept


def _read(rule_set_id: int, effective_from: datetime, body: Any) -> Edition:
    try:
        return Edition(rule_set_id, effective_from, read_rules(body))
    except BrokenRules:
        log.exception("rule_set_broken", rule_set=rule_set_id)
        return Edition(rule_set_id, effective_from, None)


def _caches() -> dict[str, Any]:
    found: dict[str, Any] = current_app.extensions["caches"]
    return found


def publish(
    session: Session,
    *,
    title: str,
    body: Any,
    effective_from: datetime | None,
    actor: Caller,
    now: datetime,
) -> RuleSet:
    """Add a rule set that begins now or later; what was submitted before keeps its own.

    Raises:
        RulesRetroactive: it would begin in the past.
        RulesUnreadable: a field is missing, unknown or out of range.
    """
    begins = effective_from or now
    if begins < now:
        raise RulesRetroactive
    try:
        read_rules(body)
    except BrokenRules as error:
        raise RulesUnreadable(errors={"rules": [str(error)]}) from error
    made = RuleSet(
        title=title,
        body=body,
        effective_from=begins,
        created_at=now,
        created_by=actor.account_id,
    )
    session.add(made)
    session.flush()  # the audit row names its public id
    audit.record("rule_set.publish", actor=actor, subject=("rule_set", made.public_id), at=now)
    return made
