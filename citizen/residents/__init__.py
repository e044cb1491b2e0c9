"""Residents: sign-in, profile, consents. Who reported is known here and nowhere above."""

from citizen.residents.consents import CURRENT, earns, give, withdraw
from citizen.residents.models import Consent, Purpose, ResidentProfile
from citizen.residents.persons import by_phone, enrol, enter

__all__ = [
    "CURRENT",
    "Consent",
    "Purpose",
    "ResidentProfile",
    "by_phone",
    "earns",
    "enrol",
    "enter",
    "give",
    "withdraw",
]
