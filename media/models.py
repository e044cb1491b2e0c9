"""The rows of photos: what was received, what the file claims, and what uses it."""

from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
    bindparam,
    case,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from core.database import BigId, Model, UtcDateTime, append_only, choice, public_id
from core.rows import table_of
from media.states import ContentState, PhotoDecision, Variant

__all__ = [
    "OF_SUBJECTS",
    "ContentCheck",
    "ContentState",
    "Photo",
    "PhotoDecision",
    "PhotoPrint",
    "Redaction",
    "Variant",
    "claiming",
]

UNUSED = text("claimed_at IS NULL")
PENDING = text("state = 'pending'")


class Photo(Model):
    """One received file.

    `subject_kind` and `subject_id` are the caller's words, opaque here, and set once, by a claim.
    `touched_at` is the last time that its owner sent it: an unused photo goes 24 hours later.
    `links` counts up whenever every signed link of the photo must end at once. The public sees
    the objects under `public_key`, without one the plain copies, when the photo is published and
    its content passed.
    """

    __tablename__ = "photos"
    __table_args__ = (
        Index(
            "uq_photos_unused",
            "owner_id",
            "sha256",
            unique=True,
            sqlite_where=UNUSED,
            postgresql_where=UNUSED,
        ),
        Index("ix_photos_unused", "touched_at", sqlite_where=UNUSED, postgresql_where=UNUSED),
        Index("ix_photos_owner", "owner_id", "created_at"),
        Index("ix_photos_subject", "subject_kind", "subject_id"),
        CheckConstraint(
            "(claimed_at IS NULL) = (subject_kind IS NULL)"
            " AND (claimed_at IS NULL) = (subject_id IS NULL)",
            name="claimed",
        ),
        CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name="location"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True, default=public_id)
    key: Mapped[str] = mapped_column(String(32), unique=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    touched_at: Mapped[datetime] = mapped_column(UtcDateTime)

    sha256: Mapped[str] = mapped_column(String(64), index=True)
    sm3: Mapped[str | None] = mapped_column(String(64))
    byte_size: Mapped[int]
    mime_type: Mapped[str] = mapped_column(String(32))
    file_name: Mapped[str] = mapped_column(String(120))
    width: Mapped[int]
    height: Mapped[int]

    captured_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    zone_assumed: Mapped[bool] = mapped_column(default=False)
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    make: Mapped[str | None] = mapped_column(String(64))
    model: Mapped[str | None] = mapped_column(String(64))
    software: Mapped[str | None] = mapped_column(String(64))
    modified_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    creator_tool: Mapped[str | None] = mapped_column(String(64))
    remark: Mapped[str | None] = mapped_column(String(64))

    subject_kind: Mapped[str | None] = mapped_column(String(32))
    subject_id: Mapped[str | None] = mapped_column(String(64))
    position: Mapped[int] = mapped_column(default=0)
    claimed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    decision: Mapped[PhotoDecision | None] = mapped_column(choice(PhotoDecision))
    content: Mapped[ContentState | None] = mapped_column(choice(ContentState))
    public_key: Mapped[str | None] = mapped_column(String(32))
    links: Mapped[int] = mapped_column(default=0)

    @property
    def subject(self) -> tuple[str, str] | None:
        """Return what uses the photo; None as long as nothing does."""
        if self.subject_kind is None or self.subject_id is None:
            return None
        return self.subject_kind, self.subject_id

    @property
    def location(self) -> dict[str, object] | None:
        """Return where the file claims to have been taken, in WGS-84."""
        if self.latitude is None or self.longitude is None:
            return None
        return {"longitude": self.longitude, "latitude": self.latitude, "crs": "wgs84"}


class PhotoPrint(Model):
    """What a picture looks like, so that the same one is found again; see `media.likeness`.

    `sign` is a signed 64-bit number, the bands are its pieces by which it is found, `gist` is the
    upright picture as 32 rows of 32 grey bytes.
    """

    __tablename__ = "photo_prints"
    __table_args__ = (  # whole, so that candidates are weighed without reading a gist
        Index("ix_photo_prints_band_a", "band_a", "sign", "photo_id"),
        Index("ix_photo_prints_band_b", "band_b", "sign", "photo_id"),
        Index("ix_photo_prints_band_c", "band_c", "sign", "photo_id"),
    )
    photo_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("photos.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    sign: Mapped[int] = mapped_column(BigInteger)
    band_a: Mapped[int]
    band_b: Mapped[int]
    band_c: Mapped[int]
    gist: Mapped[bytes] = mapped_column(LargeBinary)


@append_only
class Redaction(Model):
    """A version of a photo with rectangles blacked out; all of them are kept, with their objects.

    `boxes` are `[x, y, width, height]` in pixels of the upright picture.
    """

    __tablename__ = "photo_redactions"
    __table_args__ = (UniqueConstraint("photo_id", "number"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    photo_id: Mapped[int] = mapped_column(ForeignKey("photos.id"))
    number: Mapped[int]
    key: Mapped[str] = mapped_column(String(32), unique=True)
    boxes: Mapped[list[list[int]]] = mapped_column(JSON)
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class ContentCheck(Model):
    """A question to a content checker about one version of a photo, and its answer.

    An answer that comes before its question's `trace_id` is known waits here without a photo.
    """

    __tablename__ = "content_checks"
    __table_args__ = (
        Index(
            "ix_content_checks_pending",
            "asked_at",
            sqlite_where=PENDING,
            postgresql_where=PENDING,
        ),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    photo_id: Mapped[int | None] = mapped_column(ForeignKey("photos.id"), index=True)
    key: Mapped[str | None] = mapped_column(String(32))
    trace_id: Mapped[str | None] = mapped_column(String(128), unique=True)
    state: Mapped[ContentState] = mapped_column(choice(ContentState))
    label: Mapped[str | None] = mapped_column(String(32))
    attempts: Mapped[int] = mapped_column(default=0)
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


OF_SUBJECTS = (  # every case that is shown asks it, so it is built once
    select(Photo)
    .where(
        Photo.subject_kind.in_(bindparam("kinds", expanding=True)),
        Photo.subject_id.in_(bindparam("ids", expanding=True)),
    )
    .order_by(Photo.claimed_at, Photo.position, Photo.id)
)


@cache
def claiming(count: int) -> Any:
    """Return the UPDATE that binds so many photos to what uses them, as `service.claim` says."""
    photos = table_of(Photo)
    ids = [bindparam(f"id_{place}", type_=photos.c.public_id.type) for place in range(count)]
    position = case(*((photos.c.public_id == found, at) for at, found in enumerate(ids)))
    free = photos.c.public_id.in_(ids), photos.c.claimed_at.is_(None)
    claimed = (
        update(photos)
        .where(*free, photos.c.owner_id == bindparam("owner"))
        .values(
            subject_kind=bindparam("kind"),
            subject_id=bindparam("subject"),
            claimed_at=bindparam("now"),
            position=position,
        )
    )
    return select(Photo).from_statement(claimed.returning(*photos.columns))
