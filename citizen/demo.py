"""The demo set's places and residents (contract 8)."""

from datetime import datetime

from sqlalchemy.orm import Session

from citizen import gazetteer, residents
from citizen.residents import CURRENT, Purpose

PHONES = tuple(f"1380000000{digit}" for digit in range(1, 10))


def load(session: Session, now: datetime, _password_hash: str) -> None:
    """Load categories, areas and sites, and nine residents whose consents are given."""
    gazetteer.load_places(session)
    for phone in PHONES:
        account = residents.enrol(session, phone, now)
        for purpose in Purpose:
            residents.give(session, account.id, purpose, CURRENT[purpose], now)
