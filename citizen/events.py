"""Facts about reports that other rooms act on, within the same transaction."""

from dataclasses import dataclass
from datetime import datetime

from citizen.states import PointsEffect, Verdict

__all__ = [
    "CaseRated",
    "CaseSettled",
    "Claim",
    "PointsEffect",
    "ReportSubmitted",
    "Verdict",
]


@dataclass(frozen=True)
class Claim:
    """One report as a claim on its case's points; `received_at` is the server's receipt."""

    report_id: int
    number: str
    account_id: int | None
    received_at: datetime
    earns: bool
    channel: str
    category: str
    holds: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReportSubmitted:
    """A report was received."""

    claim: Claim


@dataclass(frozen=True)
class CaseSettled:
    """A decision changed what the claims on a case should earn; `decision` is unique."""

    decision: str
    number: str
    effect: PointsEffect
    verdict: Verdict | None
    severity: int | None
    claims: tuple[Claim, ...]
    at: datetime


@dataclass(frozen=True)
class CaseRated:
    """A resident rated a result, once per report."""

    report_id: int
    number: str
    account_id: int
    at: datetime
    found_true: bool
