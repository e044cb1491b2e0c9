"""Where the same picture was used before."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from core.database import db
from media.models import Photo


@dataclass(frozen=True)
class Twin:
    """An earlier use of a photo: `media` is the one asked about, `distance` the differing bits."""

    media: str
    subject: tuple[str, str]
    distance: int


def twins(photos: Sequence[Photo], kinds: Sequence[str]) -> list[Twin]:
    """Return the uses of the same bytes by subjects of these kinds; one query."""
    by_digest = {photo.sha256: photo for photo in photos}
    if not by_digest:
        return []
    same = select(Photo).where(
        Photo.sha256.in_(by_digest),
        Photo.subject_kind.in_(kinds),
        Photo.id.not_in([photo.id for photo in photos]),
    )
    found = db.session.scalars(same.order_by(Photo.id))
    return [
        Twin(by_digest[photo.sha256].public_id, photo.subject, 0)
        for photo in found
        if photo.subject
    ]
