"""What the public may see of a case's photos: redacting, publishing and hiding one."""

from flask import Response
from sqlalchemy.orm import Session

from citizen.errors import InvalidTransition, NotForYou
from citizen.models import Report
from core import audit
from core.api import Blueprint, answer, body, dump, received
from core.clock import now as present
from core.database import reading, writing
from core.errors import DomainError, Forbidden, Invalid, NotFound, Stale, UnsupportedMedia
from core.tokens import caller, may
from media import publication
from media.errors import DamagedImage, DecoderBusy, PhotoGone, StoreAway
from media.publication import Photo
from moderation import access, preconditions, schemas, views
from moderation.access import Officer
from moderation.photos import decisions
from moderation.photos.schemas import DecisionSchema, RedactionListSchema, RedactionSchema

routes = Blueprint("case_photos", __name__, description="照片公开 What the public sees of photos")
ETAG = {"ETag": {"schema": {"type": "string"}}}


@routes.post("/cases/<number>/media/<public_id>/redactions")
@routes.takes(RedactionSchema)
@routes.needs("If-Match", required=False, example='"1-staff"')
@routes.gives(200, schemas.CaseSchema, headers=ETAG)
@routes.fails(NotFound, PhotoGone, Forbidden, NotForYou, UnsupportedMedia, Stale, Invalid)
@routes.fails(DamagedImage, DecoderBusy, StoreAway)
@may("moderation.publish")
def redact_photo(number: str, public_id: str) -> Response:
    """Black out rectangles in the public version; it then waits for a new decision."""
    raw, now = received(), present()
    with reading() as session:
        _, photo, _ = _allowed(session, number, public_id, raw)
        boxes = publication.clipped(photo, body(RedactionSchema)["boxes"])
    prepared = publication.prepare(photo, boxes, now)
    try:
        with writing() as session:
            report, photo, who = _allowed(session, number, public_id, raw, lock=True)
            decisions.redact(photo, prepared, caller(), present())
            data = dump(schemas.CaseSchema, views.whole(session, report, who, now))
    except DomainError:  # after any other, the commit may have gone through: the sweep finds out
        publication.discard(prepared)
        raise
    return answer(data, headers=[("ETag", views.etag(report))])


@routes.get("/cases/<number>/media/<public_id>/redactions")
@routes.gives(200, RedactionListSchema)
@routes.fails(NotFound, PhotoGone, Forbidden)
@may("moderation.read")
def photo_redactions(number: str, public_id: str) -> Response:
    """Read all redacted versions of a photo; they are kept for ever."""
    with reading() as session:
        who = access.officer(session, caller())
        report = access.case_for(session, number, who)
        photo = decisions.photo_of(report, public_id)
        decisions.require_all_cases(who)
        data = dump(RedactionListSchema, {"items": _kept(photo), "next_cursor": None})
    audit.look("photo.redactions_read", ("photo", photo.public_id))
    return answer(data)


def _kept(photo: Photo) -> list[dict[str, object]]:
    sides = ("x", "y", "width", "height")
    return [
        {
            "number": redaction.number,
            "at": redaction.at,
            "boxes": [dict(zip(sides, box, strict=True)) for box in redaction.boxes],
            "current": redaction.key == photo.public_key,
        }
        for redaction in publication.redactions(photo)
    ]


@routes.post("/cases/<number>/media/<public_id>/decision")
@routes.takes(DecisionSchema)
@routes.needs("If-Match", required=False, example='"1-staff"')
@routes.gives(200, schemas.CaseSchema, headers=ETAG)
@routes.fails(NotFound, PhotoGone, Forbidden, NotForYou, UnsupportedMedia, Stale, Invalid)
@routes.fails(InvalidTransition)
@may("moderation.publish")
def decide_photo(number: str, public_id: str) -> Response:
    """Publish the latest version of a photo, once its content check passed, or hide it at once.

    Caches may keep what was public for 60 seconds.
    """
    raw, now = received(), present()
    with writing() as session:
        report, photo, who = _allowed(session, number, public_id, raw, lock=True)
        decisions.decide(session, report, photo, body(DecisionSchema), caller(), now)
        data = dump(schemas.CaseSchema, views.whole(session, report, who, now))
    return answer(data, headers=[("ETag", views.etag(report))])


def _allowed(
    session: Session, number: str, public_id: str, raw: bytes, *, lock: bool = False
) -> tuple[Report, Photo, Officer]:
    """Return case and photo, once what contract 1 puts before the body has been checked.

    A version of the case need not be named; one that is must be the present one.
    """
    who = access.officer(session, caller())
    report = access.case_for(session, number, who, lock=lock)
    photo = decisions.photo_of(report, public_id, lock=lock)
    decisions.require_stranger(session, report, who)
    preconditions.check(report, raw, versioned=False)
    return report, photo, who
