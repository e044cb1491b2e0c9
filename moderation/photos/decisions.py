"""What the public may see of a case's photos: each decision a fact, and all of it ends with a case.

A case that was declined, withdrawn or found unsubstantiated shows nothing to the public: its end
hides what was published, and nothing is published in it until another decision takes that back.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from citizen.claims import VOIDED
from citizen.errors import InvalidTransition, NotForYou
from citizen.events import CaseSettled, PointsEffect
from citizen.models import Report
from citizen.states import STATUS_LABELS, VERDICT_LABELS
from core import audit
from core.errors import Forbidden
from core.rows import put
from core.tokens import Caller
from media import publication
from media.publication import Photo, Prepared, StaffPhoto
from media.states import PhotoDecision
from moderation import access
from moderation.access import Officer
from moderation.models import PhotoDecisionFact

CASE_KINDS: Final = ("report", "supplement", "resolution")


def subjects_of(*numbers: str) -> set[tuple[str, str]]:
    """Return what the photos of cases were claimed for."""
    return {(kind, number) for kind in CASE_KINDS for number in numbers}


def photo_of(report: Report, public_id: str, *, lock: bool = False) -> Photo:
    """Return a photo of the case.

    Raises:
        PhotoGone: there is none, or it belongs to another case.
    """
    return publication.photo_of(subjects_of(report.number), public_id, lock=lock)


def require_stranger(session: Session, report: Report, who: Officer) -> None:
    """Make sure that the officer is no party to the case.

    Raises:
        NotForYou.
    """
    if access.parties(session, [report], who):
        raise NotForYou


def require_all_cases(who: Officer) -> None:
    """Make sure that the officer reads all cases: versions show what was to be blacked out.

    Raises:
        Forbidden: a department's handler.
    """
    if not who.sees_all:
        raise Forbidden


def redact(photo: Photo, prepared: Prepared, actor: Caller, now: datetime) -> None:
    """Replace the public version of a locked photo; what was published waits for a new decision."""
    number = publication.redact(photo, prepared, actor.account_id, now)
    _note("photo.redacted", photo, actor, number)


def decide(
    session: Session,
    report: Report,
    photo: Photo,
    sent: Mapping[str, Any],
    actor: Caller,
    now: datetime,
) -> None:
    """Publish or hide a locked photo.

    Raises:
        InvalidTransition: the case shows nothing to the public.
    """
    decision: PhotoDecision = sent["decision"]
    if decision is PhotoDecision.PUBLISHED and _rejected(session, report):
        raise InvalidTransition(status=report.status.value, action=decision.value)
    publication.decide(photo, decision, now)
    (seen,) = publication.for_staff([photo])
    _record(session, report.id, seen, actor, sent["reason"], now)


def _rejected(session: Session, report: Report) -> bool:
    """Say whether the case, or the one that it was merged into, was not taken up or not true.

    The rows are read after the photo was locked: whoever rejects a case locks its photos later, so
    either this sees the rejection, or that sees the publication.
    """
    heads = {report.id, report.primary_id or report.id}
    rows = session.execute(select(Report.status, Report.verdict).where(Report.id.in_(heads)))
    return any(
        status in VOIDED or (verdict is not None and not verdict.true) for status, verdict in rows
    )


def end(session: Session, event: CaseSettled) -> None:
    """Hide what a case had published when it is declined, withdrawn or found unsubstantiated.

    The reports that were merged into it end with it; all signed links of all their photos do too.
    """
    untrue = event.verdict is not None and not event.verdict.true
    if event.effect is not PointsEffect.VOID and not untrue:
        return
    reports = {claim.number: claim.report_id for claim in event.claims}
    hidden = publication.end(subjects_of(*reports))
    if not hidden:
        return
    reason = _reason(session, event)
    for seen in hidden:
        _record(session, reports[str(seen.photo.subject_id)], seen, None, reason, event.at)


def _reason(session: Session, event: CaseSettled) -> str:
    if event.verdict is not None and not event.verdict.true:
        return f"核查结论为{VERDICT_LABELS[event.verdict]}，照片不再公开"
    status = session.scalar(select(Report.status).where(Report.number == event.number))
    return f"该件{STATUS_LABELS[status]}，照片不再公开" if status else "照片不再公开"


def _record(
    session: Session,
    report_id: int,
    seen: StaffPhoto,
    actor: Caller | None,
    reason: str | None,
    now: datetime,
) -> None:
    """Write down what the photo's row now says; without an actor the case's end decided."""
    photo = seen.photo
    fact = {"report_id": report_id, "actor_id": actor and actor.account_id, "at": now}
    names = ("subject_kind", "subject_id", "decision")
    said = {name: getattr(photo, name) for name in names} | {"photo": photo.public_id}
    version = {"redaction": seen.redactions or None, "reason": reason}
    put(session, PhotoDecisionFact, {**fact, **said, **version})
    _note(f"photo.{photo.decision}", photo, actor, seen.redactions)


def _note(action: str, photo: Photo, actor: Caller | None, redaction: int) -> None:
    subject = "photo", photo.public_id
    audit.record(action, actor=actor, subject=subject, details={"redaction": redaction})
