"""Where the same picture was used before."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, select

from core.database import db
from media.models import Photo

SAME_BYTES = (  # every case that is shown asks it, so it is built once
    select(Photo)
    .where(
        Photo.sha256.in_(bindparam("digests", expanding=True)),
        Photo.subject_kind.in_(bindparam("kinds", expanding=True)),
        Photo.id.not_in(bindparam("own", expanding=True)),
    )
    .order_by(Photo.id)
)


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
    asked = {"digests": list(by_digest), "kinds": list(kinds), "own": [p.id for p in photos]}
    found = db.session.scalars(SAME_BYTES, asked)
    return [
        Twin(by_digest[photo.sha256].public_id, photo.subject, 0)
        for photo in found
        if photo.subject
    ]
