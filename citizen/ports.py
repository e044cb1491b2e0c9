"""What reports need from the rooms above; create_app fills these."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy.orm import Session

from citizen.atlas import Place
from citizen.models import Report
from citizen.states import Unit
from core.tokens import Caller


@dataclass(frozen=True)
class Deadline:
    """A term as a report's row keeps it; UTC instants. Without an amount an officer chose it."""

    due_at: datetime
    due_provisional: bool
    due_from: datetime
    due_unit: Unit
    due_amount: int | None
    next_alarm_at: datetime | None

    @property
    def columns(self) -> dict[str, Any]:
        """Return what the row keeps, by the names of its columns."""
        return asdict(self)


@dataclass(frozen=True)
class Assessment:
    """Where a new report is likely to go, and by when it must be decided."""

    department: str
    rule: str
    deadline: Deadline


class Assess(Protocol):
    """Suggest the responsible department and the first deadline of a report."""

    def __call__(self, category: str, place: Place, received_at: datetime) -> Assessment: ...


class Resume(Protocol):
    """Say by when a case is due, now that its time runs again since `paused_at`."""

    def __call__(self, session: Session, report: Report, now: datetime) -> Deadline: ...


class PointsOf(Protocol):
    """Tell what each report has earned or may earn, for a whole page in one query."""

    def __call__(self, report_ids: Sequence[int]) -> Mapping[int, Mapping[str, Any]]: ...


@dataclass(frozen=True)
class Result:
    """What a department found and did, for the reporter; its photos are those published."""

    at: datetime
    finding: str
    measures: str
    media: Sequence[Any]


class ResultsOf(Protocol):
    """Tell what last came of each case, for a whole page at once; cases without are not in."""

    def __call__(self, session: Session, report_ids: Sequence[int]) -> Mapping[int, Result]: ...


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
