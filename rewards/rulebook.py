"""Which rule set was in force when; kept in the process for less than a new one's notice.

A set begins at the earliest 30 s after its publication, so every process has read it by then, and
what is kept for 20 s is never out of date where it matters.
"""

import time
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import structlog
from flask import current_app
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import audit
from core.clock import day_start
from core.tokens import Caller
from rewards.awards import DEFAULT_RULES, BrokenRules, Rules, read_rules
from rewards.errors import RulesRetroactive, RulesUnreadable
from rewards.models import RuleSet

log = structlog.get_logger()


@dataclass(frozen=True)
class Edition:
    """One rule set as read; `rules` is None where its body can't be read."""

    id: int
    effective_from: datetime
    rules: Rules | None


NOTICE = timedelta(seconds=30)
KEPT_SECONDS = 20


@dataclass(frozen=True)
class _Book:
    read_at: float
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
    kept: _Book | None = _caches().get("rule_sets")
    if kept is None or time.monotonic() > kept.read_at + KEPT_SECONDS:
        rows = session.execute(select(RuleSet.id, RuleSet.effective_from, RuleSet.body))
        kept = _Book(time.monotonic(), tuple(_read(*row) for row in rows))
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
    """Add a rule set that begins in 30 s or later; what was submitted before keeps its own.

    Raises:
        RulesRetroactive: it would begin sooner.
        RulesUnreadable: a field is missing, unknown or out of range.
    """
    begins = effective_from or now + NOTICE
    if begins < now + NOTICE:
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
    _caches().pop("rule_sets", None)
    audit.record("rule_set.publish", actor=actor, subject=("rule_set", made.public_id), at=now)
    return made


def ship(session: Session, now: datetime) -> bool:
    """Put the default rules in force from the beginning, unless there is a rule set already."""
    if session.scalar(select(RuleSet.id).limit(1)) is not None:
        return False
    begins = day_start(date(2020, 1, 1))  # reports that are loaded with an older date earn too
    session.add(
        RuleSet(title="默认规则", body=DEFAULT_RULES, effective_from=begins, created_at=now)
    )
    _caches().pop("rule_sets", None)
    audit.record("rule_set.publish", actor=None, subject=("rule_set", "default"), at=now)
    return True
