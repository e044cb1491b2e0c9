"""What reports need from the rooms above; create_app fills these."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy.orm import Session

from citizen.atlas import Place
from citizen.models import Report
from core.tokens import Caller


@dataclass(frozen=True)
class Assessment:
    """Where a new report is likely to go, and by when it must be decided; UTC instants."""

    department: str
    rule: str
    due_at: datetime
    due_provisional: bool
    alarm_at: datetime | None


class Assess(Protocol):
    """Suggest the responsible department and the first deadline of a report."""

    def __call__(self, category: str, place: Place, received_at: datetime) -> Assessment: ...


class PointsOf(Protocol):
    """Tell what each report has earned or may earn, for a whole page in one query."""

    def __call__(self, report_ids: Sequence[int]) -> Mapping[int, Mapping[str, Any]]: ...


class HoldsOf(Protocol):
    """Tell why awards for reports must wait, by report id; asked whenever points are settled."""

    def __call__(
        self, session: Session, reports: Sequence[Report]
    ) -> Mapping[int, tuple[str, ...]]: ...


class CaseFor(Protocol):
    """Let an officer approach a case, as role, department, area and conflicts of interest allow."""

    def __call__(self, session: Session, who: Caller, number: str, *, acting: bool) -> Report:
        """Return the case of a number.

        Raises:
            NotFound: there is none, or it is not to be known.
            NotForYou: `acting`, and the officer's own confirmed phone is a party to it.
        """
        ...


class StaffDesk(Protocol):
    """What is known of staff, for the routes under `/me` that all kinds of account share."""

    def profile(self, session: Session, account_id: int) -> Mapping[str, Any]:
        """Return display_name, department ({code, name} or None), areas and the masked phone."""
        ...

    def confirm_phone(self, session: Session, who: Caller, phone: str, now: datetime) -> None:
        """Keep the phone that a staff member has proved to hold; `phone` is the 11-digit form."""
        ...
