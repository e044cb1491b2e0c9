"""The content check: what is decided to be published stays closed until its content has passed.

A question is about one version of a photo. Each attempt at it is a row; its trace id comes with the
checker's receipt, its answer later, sometimes before the receipt was kept. An answer about another
version than the present one changes nothing. Whatever goes wrong, the photo stays closed.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import ColumnElement, and_, delete, or_, select

from core import audit, gateways, outbox
from core.database import db, locked
from core.gateways.contentchecks import Finding
from core.settings import settings
from core.upsert import insert_into
from media import links
from media.files import EXTENSIONS, MOST_BYTES, MOST_PIXELS
from media.models import ContentCheck, ContentState, Photo, PhotoDecision, Redaction, Variant

TOPIC: Final = "media.check"  # of the outbox
DELAYS: Final = (timedelta(minutes=2), timedelta(minutes=20))  # before the second, the third time
MOST_ATTEMPTS: Final = len(DELAYS) + 1
ANSWERED_IN: Final = timedelta(minutes=60)  # WeChat says 30
SENT_IN: Final = timedelta(hours=6)  # the outbox has given up by then
EARLY_KEPT: Final = timedelta(hours=24)
BATCH: Final = 200
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Question:
    """An attempt that is to be asked now; `url` opens the stripped copy for five minutes."""

    id: int
    url: str = field(repr=False)


def start(photo: Photo, now: datetime) -> None:
    """Begin the check of a locked photo's public version, in the decision's own unit of work.

    Without a checker our own rules decide at once. What was found out about this version before is
    not asked again, and what was refused stays refused until it is redacted.
    """
    known = _known(photo)
    if not _sound(photo) or ContentState.REFUSED in known:
        photo.content = ContentState.REFUSED
    elif not gateways.content_asks() or ContentState.PASSED in known:
        photo.content = ContentState.PASSED
    else:
        photo.content = ContentState.PENDING
        if ContentState.PENDING not in known:
            _put(photo, 1, now)


def _sound(photo: Photo) -> bool:
    """Say whether format, size and dimensions are such as the intake lets through."""
    return (
        photo.mime_type in EXTENSIONS
        and 0 < photo.byte_size <= MOST_BYTES
        and min(photo.width, photo.height) > 0
        and photo.width * photo.height <= MOST_PIXELS
    )


def _known(photo: Photo) -> set[ContentState]:
    asked = ContentCheck.photo_id == photo.id, ContentCheck.key == _version(photo)
    return set(db.session.scalars(select(ContentCheck.state).where(*asked)))


def _version(photo: Photo) -> str:
    return photo.public_key or photo.key


def _put(photo: Photo, attempt: int, due_at: datetime) -> None:
    check = ContentCheck(
        photo_id=photo.id,
        key=_version(photo),
        state=ContentState.PENDING,
        attempts=attempt,
        asked_at=due_at,
    )
    db.session.add(check)
    db.session.flush()  # the message names its id
    outbox.put(TOPIC, {"check": check.id}, due_at=due_at)


def question(check_id: int, now: datetime) -> Question | None:
    """Return what is to be asked; None where it was asked, or nobody wants to know any more."""
    check = _check(check_id)
    if check is None or check.state is not ContentState.PENDING or check.trace_id is not None:
        return None
    photo = _photo(check)
    if photo is None or photo.decision is not PhotoDecision.PUBLISHED:
        check.state = ContentState.FAILED
        return None
    return Question(check.id, settings().public_url + _link(photo, now))


def _link(photo: Photo, now: datetime) -> str:
    """Return a link to the large copy that the public would see: that and no other is checked."""
    number = db.session.scalar(select(Redaction.number).where(Redaction.key == photo.public_key))
    secret, moment = settings().secret_key, now.timestamp()
    return links.signed_link(secret, photo, Variant.LARGE, now=moment, version=number)


def asked(check_id: int, trace_id: str, now: datetime) -> None:
    """Keep a question's trace id, and apply the answer that came before it."""
    early = _of_trace(trace_id, now)
    check = _check(check_id)
    if check is None or check.trace_id is not None or early.photo_id is not None:
        log.warning("content_check_asked_twice")
        return
    state, label, answered_at = early.state, early.label, early.answered_at
    db.session.delete(early)
    db.session.flush()  # the trace id is unique
    check.trace_id, check.asked_at = trace_id, now
    if answered_at is not None:
        _settle(check, state, label, now)


def answered(finding: Finding, now: datetime) -> None:
    """Take a checker's answer: once; one to a question that is not known yet waits a day."""
    check = _of_trace(finding.trace_id, now)
    if check.answered_at is None:
        _settle(check, _state(finding), finding.label, now)


def _state(finding: Finding) -> ContentState:
    """Return what an answer means: review is no pass, for nobody promised to look at it."""
    if finding.errcode != 0:
        log.warning("content_check_error", errcode=finding.errcode)
        return ContentState.FAILED
    if finding.suggest == "pass":
        return ContentState.PASSED
    refused = finding.suggest in {"risky", "review"}
    return ContentState.REFUSED if refused else ContentState.FAILED


def _settle(check: ContentCheck, state: ContentState, label: str | None, now: datetime) -> None:
    waited = check.state is ContentState.PENDING
    check.state, check.label, check.answered_at = state, label, now
    photo = None if check.photo_id is None else _asked_about(check)
    if photo is None:
        return
    if state is ContentState.REFUSED:
        _refuse(photo, label)
    elif state is ContentState.FAILED:
        if waited:
            _again(check, photo, now)
    elif photo.content in {ContentState.PENDING, ContentState.FAILED}:
        photo.content = ContentState.PASSED


def _refuse(photo: Photo, label: str | None) -> None:
    """Close a photo, also one that the public has seen, and end its links."""
    if photo.content is ContentState.REFUSED:
        return
    photo.content = ContentState.REFUSED
    photo.links += 1
    log.warning("photo_content_refused", photo=photo.public_id, label=label)
    about = "photo", photo.public_id
    audit.record("photo.content_refused", actor=None, subject=about, details={"label": label})


def unanswered(check_id: int, now: datetime) -> None:
    """Give an attempt up that the checker did not take; ask again later, or leave it closed."""
    check = _check(check_id)
    if check is not None and check.state is ContentState.PENDING:
        _lapse(check, now)


def overdue(now: datetime) -> list[int]:
    """Return attempts that nothing was heard of in time."""
    late = select(ContentCheck.id).where(_late(now)).order_by(ContentCheck.asked_at).limit(BATCH)
    return list(db.session.scalars(late))


def lapse(check_id: int, now: datetime) -> None:
    """Give an attempt up, if it is still overdue; an answer that comes late is still taken."""
    check = db.session.scalar(locked(select(ContentCheck).where(_late(now), _is(check_id))))
    if check is not None:
        log.warning("content_check_unanswered", attempt=check.attempts)
        _lapse(check, now)


def _late(now: datetime) -> ColumnElement[bool]:
    sent, unsent = ContentCheck.trace_id.is_not(None), ContentCheck.trace_id.is_(None)
    return and_(
        ContentCheck.state == ContentState.PENDING,
        ContentCheck.photo_id.is_not(None),
        or_(
            and_(sent, ContentCheck.asked_at <= now - ANSWERED_IN),
            and_(unsent, ContentCheck.asked_at <= now - SENT_IN),
        ),
    )


def _lapse(check: ContentCheck, now: datetime) -> None:
    check.state = ContentState.FAILED
    photo = _asked_about(check)
    if photo is not None:
        _again(check, photo, now)


def _again(check: ContentCheck, photo: Photo, now: datetime) -> None:
    if photo.content is not ContentState.PENDING:
        return
    if check.attempts < MOST_ATTEMPTS:
        _put(photo, check.attempts + 1, now + DELAYS[check.attempts - 1])
        return
    photo.content = ContentState.FAILED
    log.error("content_check_given_up", photo=photo.public_id)
    about = "photo", photo.public_id
    audit.record("photo.content_failed", actor=None, subject=about)


def forget(now: datetime) -> None:
    """Delete answers to questions that nobody asked within a day."""
    old = ContentCheck.photo_id.is_(None), ContentCheck.asked_at <= now - EARLY_KEPT
    db.session.execute(delete(ContentCheck).where(*old))


def _is(check_id: int) -> ColumnElement[bool]:
    return ContentCheck.id == check_id


def _check(check_id: int) -> ContentCheck | None:
    return db.session.scalar(locked(select(ContentCheck).where(_is(check_id))))


def _of_trace(trace_id: str, now: datetime) -> ContentCheck:
    """Return the locked row of a trace id; a new one, without a photo, where there is none.

    Who keeps a trace id and who brings its answer both come through here, so one waits for the
    other. The row waited for may go, when its trace id has found its question: then it is looked
    for anew. A row is locked before its photo, everywhere.
    """
    row = insert_into(db.session(), ContentCheck).values(
        trace_id=trace_id, state=ContentState.PENDING, attempts=0, asked_at=now
    )
    wanted = locked(select(ContentCheck).where(ContentCheck.trace_id == trace_id))
    found = None
    while found is None:
        db.session.execute(row.on_conflict_do_nothing(index_elements=["trace_id"]))
        found = db.session.scalars(wanted).one_or_none()
    return found


def _asked_about(check: ContentCheck) -> Photo | None:
    """Return the locked photo; None if the public would by now see another version of it."""
    photo = db.session.scalar(locked(select(Photo).where(Photo.id == check.photo_id)))
    return photo if photo is not None and _version(photo) == check.key else None


def _photo(check: ContentCheck) -> Photo | None:
    """Return the locked photo; None if its check is settled, or would be of another version."""
    photo = _asked_about(check)
    return photo if photo is not None and photo.content is ContentState.PENDING else None
