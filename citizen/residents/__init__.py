"""Residents: sign-in, profile, consents. Who reported is known here and nowhere above."""

from citizen.residents.consents import CURRENT, EARNING, give, withdraw
from citizen.residents.models import Consent, Purpose, ResidentProfile
from citizen.residents.persons import by_phone, enrol, enter

__all__ = [
    "CURRENT",
    "EARNING",
    "Consent",
    "Purpose",
    "ResidentProfile",
    "by_phone",
    "enrol",
    "enter",
    "give",
    "withdraw",
]
