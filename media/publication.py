"""Who sees which version of a photo, and what decides it.

The public sees what was published and whose content passed: the latest redaction, or without one
the plain copies. A redaction takes its photo out of publication, so what was decided was decided
about the version that was seen. Objects are made with no transaction open (`prepare`) and count
from the row on (`redact`). Who changes a photo holds its row's lock; `photo_of` and `end` take it.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import BinaryIO, Final

from sqlalchemy import func, select

from core.database import db, locked, no_transaction
from core.errors import Errors, Invalid
from core.messages import say
from core.rows import put
from core.tokens import Caller
from media import checking, storage
from media.decoding import redacted
from media.errors import PhotoGone, StoreAway
from media.files import Box
from media.links import COPIES
from media.models import ContentState, Photo, PhotoDecision, Redaction, Variant
from media.objects import new_key, object_name
from media.ports import MayView
from media.service import check_young

__all__ = [
    "Photo",
    "Prepared",
    "Redaction",
    "Sight",
    "StaffPhoto",
    "clipped",
    "decide",
    "discard",
    "end",
    "for_public",
    "for_staff",
    "is_public",
    "linked",
    "photo_of",
    "prepare",
    "redact",
    "redactions",
    "sight",
]
STANDING: Final = frozenset({ContentState.PENDING, ContentState.PASSED})


@dataclass(frozen=True, slots=True)
class Sight:
    """The objects that a viewer sees; `public` ones are for everybody, and caches may keep them."""

    key: str
    public: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """A redaction whose copies are stored, not before `at`, and whose row is not yet there."""

    key: str
    boxes: tuple[Box, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class StaffPhoto:
    """A photo for staff, and the number of its latest redaction: 0 without one."""

    photo: Photo
    redactions: int


def is_public(photo: Photo) -> bool:
    """Say whether anybody may see the public version."""
    return photo.decision is PhotoDecision.PUBLISHED and photo.content is ContentState.PASSED


def sight(photo: Photo, variant: Variant, viewer: Caller | None, may_view: MayView) -> Sight | None:
    """Return what a viewer sees without a link (contract 3); None: the photo is not there.

    The owner and who has to do with what uses the photo see it as it was taken, the original only
    the latter; everybody else sees what is public.
    """
    copy = variant is not Variant.ORIGINAL
    if copy and viewer is not None and viewer.account_id == photo.owner_id:
        return Sight(photo.key)
    if photo.subject is not None and may_view(viewer, photo.subject, variant.value):
        return Sight(photo.key)
    if copy and is_public(photo):
        return Sight(photo.public_key or photo.key, public=True)
    return None


def linked(photo: Photo, version: str | None) -> Sight | None:
    """Return what a signed link opens: the plain copies, or a redaction by its number."""
    if version is None:
        return Sight(photo.key)
    numbered = Redaction.photo_id == photo.id, Redaction.number == int(version)
    key = db.session.scalar(select(Redaction.key).where(*numbered))
    return None if key is None else Sight(key)


def photo_of(subjects: Collection[tuple[str, str]], public_id: str, *, lock: bool = False) -> Photo:
    """Return a photo that one of the subjects uses, its row locked where it is to be changed.

    Raises:
        PhotoGone: there is none, or something else uses it.
    """
    found = select(Photo).where(Photo.public_id == public_id)
    photo = db.session.scalars(locked(found) if lock else found).one_or_none()
    if photo is None or photo.subject not in subjects:
        raise PhotoGone
    return photo


def clipped(photo: Photo, boxes: Sequence[Mapping[str, int]]) -> tuple[Box, ...]:
    """Return the boxes as far as they lie on the upright picture.

    Raises:
        Invalid: one lies wholly outside, by its path.
    """
    found = [_clipped(photo, **box) for box in boxes]
    wrong: Errors = {
        f"boxes.{at}": [say("方框在照片之外", "Lies outside the picture")]
        for at, box in enumerate(found)
        if box.width < 1 or box.height < 1
    }
    if wrong:
        raise Invalid(errors=wrong)
    return tuple(found)


def _clipped(photo: Photo, *, x: int, y: int, width: int, height: int) -> Box:
    left, top = max(0, x), max(0, y)
    right, bottom = min(photo.width, x + width), min(photo.height, y + height)
    return Box(x=left, y=top, width=right - left, height=bottom - top)


def prepare(photo: Photo, boxes: tuple[Box, ...], now: datetime) -> Prepared:
    """Make and store the copies of a redaction from the original's pixels; nobody sees them yet.

    Raises:
        DamagedImage, DecoderBusy: see media.decoding.redacted.
        ObjectMissing, StoreAway: the store does not give the original, or does not take the copies.
    """
    no_transaction()
    store, prepared = storage.store(), Prepared(new_key(), boxes, now)
    with store.open(object_name(photo.key, Variant.ORIGINAL)) as stream:
        copies = redacted(stream, boxes)
    made: dict[Variant, BinaryIO] = {
        Variant.THUMB: BytesIO(copies.thumb),
        Variant.LARGE: BytesIO(copies.large),
    }
    store.put({object_name(prepared.key, variant): copy for variant, copy in made.items()})
    return prepared


def discard(prepared: Prepared) -> None:
    """Delete the copies of a redaction that was refused; a store that is away is swept later."""
    no_transaction()
    with suppress(StoreAway):
        storage.store().delete([object_name(prepared.key, variant) for variant in COPIES])


def redact(photo: Photo, prepared: Prepared, actor_id: int, now: datetime) -> int:
    """Let a redaction be the photo's public version, undecided; return its number.

    The caller has locked the photo. Every signed link of the photo ends.

    Raises:
        StoreAway: as `service.check_young`.
    """
    check_young(prepared.at, now)
    number = _latest([photo]).get(photo.id, 0) + 1
    boxes = [[box.x, box.y, box.width, box.height] for box in prepared.boxes]
    row = {"photo_id": photo.id, "number": number, "key": prepared.key, "boxes": boxes}
    put(db.session(), Redaction, {**row, "actor_id": actor_id, "at": now})
    photo.public_key, photo.decision, photo.content = prepared.key, None, None
    photo.links += 1
    return number


def decide(photo: Photo, decision: PhotoDecision, now: datetime) -> None:
    """Publish or hide a photo that the caller has locked.

    What is published waits for its content check, but one that passed or runs is not asked again;
    what is hidden loses its signed links.
    """
    asked = photo.decision is PhotoDecision.PUBLISHED and photo.content in STANDING
    photo.decision = decision
    if decision is PhotoDecision.HIDDEN:
        photo.links += 1
    elif not asked:
        checking.start(photo, now)


def end(subjects: Collection[tuple[str, str]]) -> list[StaffPhoto]:
    """Hide what the subjects had published and end all links of their photos; return the hidden."""
    photos = _locked(subjects)
    published = [photo for photo in photos if photo.decision is PhotoDecision.PUBLISHED]
    for photo in photos:
        photo.links += 1
    for photo in published:
        photo.decision = PhotoDecision.HIDDEN
    return for_staff(published)


def _locked(subjects: Collection[tuple[str, str]]) -> list[Photo]:
    kinds, ids = {kind for kind, _ in subjects}, {subject for _, subject in subjects}
    chosen = Photo.subject_kind.in_(kinds), Photo.subject_id.in_(ids)
    photos = db.session.scalars(locked(select(Photo).where(*chosen).order_by(Photo.id)))
    return [photo for photo in photos if photo.subject in subjects]


def for_staff(photos: Sequence[Photo]) -> list[StaffPhoto]:
    """Return photos as staff see them; a query only where something was redacted."""
    latest = _latest(photos)
    return [StaffPhoto(photo, latest.get(photo.id, 0)) for photo in photos]


def for_public(photos: Sequence[Photo]) -> list[StaffPhoto]:
    """Return those of the photos that anybody may see, with the version that they may see."""
    return for_staff([photo for photo in photos if is_public(photo)])


def redactions(photo: Photo) -> Sequence[Redaction]:
    """Return all redactions of a photo, the latest of which the public would see."""
    found = select(Redaction).where(Redaction.photo_id == photo.id).order_by(Redaction.number)
    return db.session.scalars(found).all()


def _latest(photos: Sequence[Photo]) -> Mapping[int, int]:
    """Return the number of the latest redaction by photo; a photo without one has no public key."""
    touched = [photo.id for photo in photos if photo.public_key is not None]
    if not touched:
        return {}
    numbers = (
        select(Redaction.photo_id, func.max(Redaction.number))
        .where(Redaction.photo_id.in_(touched))
        .group_by(Redaction.photo_id)
    )
    return dict(db.session.execute(numbers).all())
