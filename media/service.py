"""Receiving photos, handing them to what uses them, and finding them again.

Bytes are weighed, decoded and stored with no transaction open (`prepare`); one short unit of work
then records the row (`record`). An account's same bytes, while unused, are one photo: a retry.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from typing import BinaryIO, Final

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import InstrumentedAttribute

from core.accounts import Account, AccountStatus
from core.clock import now as present
from core.database import db, no_transaction
from core.errors import Errors, Invalid, Unauthenticated
from core.messages import say
from core.settings import settings
from media.decoding import examine
from media.errors import (
    MediaNotFound,
    MediaUsed,
    PhotoGone,
    StoreAway,
    TooManyUnused,
    TooManyUploads,
)
from media.evidence import cleaned
from media.files import Picture, Weight
from media.models import OF_SUBJECTS, Photo, Variant, claiming
from media.objects import PhotoStore, new_key, object_name
from media.twins import keep
from media.twins import twins as twins_of

MOST_UNUSED: Final = 100
MOST_UPLOADS: Final = 300
GRACE: Final = timedelta(hours=1)  # between an upload's objects and its row
WINDOW: Final = timedelta(hours=24)  # of the upload limit, and the life of an unused photo
LONGEST_NAME: Final = 120
_FRESH: Final = {"populate_existing": True}

twins = twins_of


@dataclass(frozen=True, slots=True)
class Prepared:
    """A photo whose objects are stored, not before `at`, and whose row is not yet there."""

    key: str
    weight: Weight
    picture: Picture
    file_name: str
    at: datetime


def again(owner_id: int, weight: Weight, now: datetime) -> Photo | None:
    """Return the owner's unused photo of the same bytes, its life begun anew; None without one."""
    twin = _twin(owner_id, weight)
    return db.session.scalar(
        update(Photo).where(*twin).values(touched_at=now).returning(Photo), execution_options=_FRESH
    )


def has_twin(owner_id: int, weight: Weight) -> bool:
    """Say whether `again` would find one: the cheap look before a write lock is taken."""
    return db.session.scalar(select(Photo.id).where(*_twin(owner_id, weight))) is not None


def _twin(owner_id: int, weight: Weight) -> tuple[ColumnElement[bool], ...]:
    return (
        Photo.owner_id == owner_id,
        Photo.sha256 == weight.sha256,
        Photo.claimed_at.is_(None),
    )


def check_room(owner_id: int, now: datetime) -> None:
    """Refuse what would pass the limits of contract 3.

    Raises:
        TooManyUnused: 100 photos of the account wait to be used.
        TooManyUploads: 300 were recorded within 24 hours.
    """
    unused = Photo.owner_id == owner_id, Photo.claimed_at.is_(None)
    recent = Photo.owner_id == owner_id, Photo.created_at > now - WINDOW
    if _full(MOST_UNUSED, unused):
        raise TooManyUnused(retry_after=_wait(unused, Photo.touched_at, now))
    if _full(MOST_UPLOADS, recent):
        raise TooManyUploads(retry_after=_wait(recent, Photo.created_at, now))


def _full(most: int, which: Sequence[ColumnElement[bool]]) -> bool:
    found = db.session.scalar(select(func.count()).select_from(Photo).where(*which)) or 0
    return found >= most * settings().limits_factor


def _wait(
    which: Sequence[ColumnElement[bool]], since: InstrumentedAttribute[datetime], now: datetime
) -> int:
    """Return the seconds until the oldest of them no longer counts."""
    oldest = db.session.scalar(select(func.min(since)).where(*which)) or now
    return max(1, int((oldest + WINDOW - now).total_seconds()))


def prepare(
    stream: BinaryIO, weight: Weight, file_name: str, store: PhotoStore, now: datetime
) -> Prepared:
    """Decode a photo, make its copies and store all three objects; no transaction may be open.

    Raises:
        UnsupportedFormat, TooManyPixels, DamagedImage, DecoderBusy: see media.decoding.examine.
        StoreAway: nothing that counts was kept; what was begun is swept.
    """
    no_transaction()
    store.probe()  # a store that is away is found out before the decoder works for nothing
    picture = examine(stream)
    prepared = Prepared(new_key(), weight, picture, cleaned(file_name, LONGEST_NAME), now)
    copies = {Variant.THUMB: BytesIO(picture.thumb), Variant.LARGE: BytesIO(picture.large)}
    sources: dict[Variant, BinaryIO] = {**copies, Variant.ORIGINAL: stream}
    store.put({object_name(prepared.key, variant): made for variant, made in sources.items()})
    return prepared


def discard(prepared: Prepared, store: PhotoStore) -> None:
    """Delete the objects of a photo that was not recorded; a store that is away is swept later."""
    no_transaction()
    with suppress(StoreAway):
        store.delete(names_of(prepared.key))


def check_young(stored_at: datetime, now: datetime) -> None:
    """Refuse a row for objects that the sweep might be taking for orphans at this moment.

    A machine that slept between store and row makes such ones.

    Raises:
        StoreAway: send it again.
    """
    if now - stored_at > GRACE / 2:
        raise StoreAway


def names_of(key: str) -> list[str]:
    """Return the names of a photo's three objects."""
    return [object_name(key, variant) for variant in Variant]


def record(prepared: Prepared, owner_id: int, now: datetime) -> tuple[Photo, bool]:
    """Write the row, or return the one that a twin upload wrote meanwhile; and whether it is new.

    The account's lock makes one account's uploads take turns here, so the limits are exact and of
    two twins one is first; a partial unique index stands behind it.

    Raises:
        TooManyUnused, TooManyUploads: as `check_room`. StoreAway: as `check_young`.
        Unauthenticated: the account was closed meanwhile.
    """
    check_young(prepared.at, now)
    owner = select(Account.status).where(Account.id == owner_id)
    if db.session.scalar(owner.with_for_update(key_share=True)) is not AccountStatus.ACTIVE:
        raise Unauthenticated
    first = again(owner_id, prepared.weight, now)
    if first is not None:
        return first, False
    check_room(owner_id, now)
    photo = _photo(prepared, owner_id, now)
    db.session.add(photo)
    db.session.flush()
    keep(db.session(), photo.id, prepared.picture.gist)
    return photo, True


def _photo(prepared: Prepared, owner_id: int, now: datetime) -> Photo:
    picture, claims = prepared.picture, prepared.picture.claims
    return Photo(
        key=prepared.key,
        owner_id=owner_id,
        created_at=now,
        touched_at=now,
        sha256=prepared.weight.sha256,
        sm3=prepared.weight.sm3,
        byte_size=prepared.weight.byte_size,
        mime_type=picture.mime_type,
        file_name=prepared.file_name,
        width=picture.width,
        height=picture.height,
        captured_at=claims.captured_at,
        zone_assumed=claims.zone_assumed,
        latitude=claims.latitude,
        longitude=claims.longitude,
        make=claims.make,
        model=claims.model,
        software=claims.software,
        modified_at=claims.modified_at,
        creator_tool=claims.creator_tool,
        remark=claims.remark,
    )


def claim(
    public_ids: Sequence[str],
    *,
    owner_id: int,
    subject: tuple[str, str],
    now: datetime | None = None,
) -> list[Photo]:
    """Bind unused photos of one owner to what uses them, all or none, in the order given.

    One conditional UPDATE decides between two who claim at once, and between a claim and the sweep.

    Raises:
        Invalid: an id stands twice.
        MediaNotFound: an id is not there or is somebody else's.
        MediaUsed: something uses it already.
    """
    _check_distinct(public_ids)
    places = {public_id: place for place, public_id in enumerate(public_ids)}
    if not places:
        return []
    kind, identifier = subject
    named = {"kind": kind, "subject": identifier, "owner": owner_id, "now": now or present()}
    named |= {f"id_{place}": public_id for public_id, place in places.items()}
    claimed = db.session.scalars(claiming(len(places)), named, execution_options=_FRESH).all()
    if len(claimed) < len(places):
        _explain(public_ids, owner_id, {photo.public_id for photo in claimed})
    return sorted(claimed, key=lambda photo: photo.position)


def _check_distinct(public_ids: Sequence[str]) -> None:
    doubled: Errors = {
        f"media.{at}": [say("照片重复", "The photo stands twice")]
        for at, public_id in enumerate(public_ids)
        if public_id in public_ids[:at]
    }
    if doubled:
        raise Invalid(errors=doubled)


def _explain(public_ids: Sequence[str], owner_id: int, claimed: set[str]) -> None:
    """Say why some could not be claimed; the caller's unit of work rolls the others back.

    Raises:
        MediaNotFound, MediaUsed: the first where any is missing.
    """
    mine = set(
        db.session.scalars(
            select(Photo.public_id).where(
                Photo.public_id.in_(public_ids), Photo.owner_id == owner_id
            )
        )
    )
    missing: Errors = {
        f"media.{at}": [say(MediaNotFound.zh, MediaNotFound.en)]
        for at, public_id in enumerate(public_ids)
        if public_id not in mine
    }
    if missing:
        raise MediaNotFound(errors=missing)
    raise MediaUsed(
        errors={
            f"media.{at}": [say(MediaUsed.zh, MediaUsed.en)]
            for at, public_id in enumerate(public_ids)
            if public_id not in claimed
        }
    )


def of(subjects: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], list[Photo]]:
    """Return the photos of each subject, in the order in which they were claimed; one query."""
    found: dict[tuple[str, str], list[Photo]] = {subject: [] for subject in subjects}
    if not found:
        return found
    asked = {"kinds": sorted({kind for kind, _ in found}), "ids": sorted({i for _, i in found})}
    for photo in db.session.scalars(OF_SUBJECTS, asked):
        if photo.subject in found:  # the question has every kind of every one
            found[photo.subject].append(photo)
    return found


def find(public_id: str) -> Photo:
    """Return a photo.

    Raises:
        PhotoGone: there is none.
    """
    photo = db.session.scalar(select(Photo).where(Photo.public_id == public_id))
    if photo is None:
        raise PhotoGone
    return photo
