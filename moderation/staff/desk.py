"""What the routes under `/me` ask of staff (`citizen.ports.StaffDesk`)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from core import audit, crypto, phones
from core.tokens import Caller
from moderation.models import Department
from moderation.staff.models import StaffProfile


class StaffDesk:
    """The staff member's own view of their profile."""

    def profile(self, session: Session, account_id: int) -> Mapping[str, Any]:
        profile = session.get_one(StaffProfile, account_id)
        blob = profile.phone_ciphertext
        return {
            "display_name": profile.display_name,
            "department": session.get(Department, profile.department)
            if profile.department
            else None,
            "areas": sorted(profile.areas),
            "phone": phones.masked(crypto.decrypt(blob, "phone")) if blob else None,
        }

    def confirm_phone(self, session: Session, who: Caller, phone: str, now: datetime) -> None:
        """Keep the phone; it opens nothing, and keeps its owner from their own cases."""
        profile = session.get_one(StaffProfile, who.account_id)
        indexes = crypto.blind_indexes(phone, "phone")
        profile.phone_index = indexes[0]
        profile.rotating_phone_index = indexes[1] if len(indexes) > 1 else None
        profile.phone_ciphertext = crypto.encrypt(phone, "phone")
        profile.phone_confirmed_at = now
        audit.record("staff.phone_confirmed", actor=who, subject=("account", who.public_id), at=now)
