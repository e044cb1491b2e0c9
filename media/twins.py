"""Where the same picture was used before: the same bytes, or the same print.

A few statements find the twins of all photos asked about; of prints that are near, the nearest are
compared by pixels.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    CompoundSelect,
    Integer,
    String,
    bindparam,
    func,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from core.database import db
from core.rows import put
from media import likeness
from media.likeness import MOST_BITS, Probes
from media.models import Photo, PhotoPrint

MOST_COMPARED: Final = 8  # prints of a photo whose pixels are compared, the nearest first
BANDS: Final = (PhotoPrint.band_a, PhotoPrint.band_b, PhotoPrint.band_c)

SAME_BYTES = (  # the photos asked about are among them, so their own prints come with it
    select(Photo.id, Photo.sha256, PhotoPrint.gist)
    .outerjoin(PhotoPrint, PhotoPrint.photo_id == Photo.id)
    .where(Photo.sha256.in_(bindparam("digests", expanding=True)))
)
GISTS = select(PhotoPrint.photo_id, PhotoPrint.gist).where(
    PhotoPrint.photo_id.in_(bindparam("ids", expanding=True))
)
OF_PRINTS = select(Photo).where(Photo.id.in_(bindparam("ids", expanding=True)))


@dataclass(frozen=True)
class Twin:
    """Another use of a photo: `media` is the one asked about, `photo_id` the other one's key.

    `distance` is the number of bits, of 63, in which their prints differ once laid alike; 0 for
    the same bytes.
    """

    media: str
    subject: tuple[str, str]
    distance: int
    owner_id: int
    claimed_at: datetime
    photo_id: int


def keep(session: Session, photo_id: int, gist: bytes) -> None:
    """Write a photo's print; nothing for a picture that would look like many others."""
    found = likeness.print_of(gist)
    if found is None:
        return
    a, b, c = found.bands
    row = {"photo_id": photo_id, "sign": found.sign, "gist": gist}
    put(session, PhotoPrint, {**row, "band_a": a, "band_b": b, "band_c": c})


def twins(photos: Sequence[Photo], kinds: Sequence[str]) -> list[Twin]:
    """Return other uses of these pictures by subjects of these kinds, in the order of their claims.

    A use by the very thing that uses the photo itself is none.
    """
    if not photos:
        return []
    session = db.session()
    digests = sorted({photo.sha256 for photo in photos})
    rows: Any = session.execute(SAME_BYTES, {"digests": digests}).all()
    gists = {key: gist for key, _, gist in rows if gist is not None}
    found = {**_alike(session, photos, gists), **_same_bytes(photos, rows)}
    wanted, own = frozenset(kinds), {photo.public_id: photo.subject for photo in photos}
    others = _claimed(session, {twin for _, twin in found}, wanted)
    uses = [
        Twin(media, subject, bits, other.owner_id, claimed_at, other.id)
        for (media, twin), bits in found.items()
        if (other := others.get(twin))
        and (subject := other.subject)
        and (claimed_at := other.claimed_at)
        and subject != own[media]
    ]
    return sorted(uses, key=lambda twin: (twin.claimed_at, twin.photo_id, twin.media))


Pair = tuple[str, int]  # the public id of the photo asked about, the key of its twin


def _claimed(session: Session, ids: Collection[int], kinds: Collection[str]) -> dict[int, Photo]:
    if not ids:
        return {}
    found = session.scalars(OF_PRINTS, {"ids": sorted(ids)})
    return {photo.id: photo for photo in found if photo.subject_kind in kinds}


def _same_bytes(photos: Sequence[Photo], rows: Sequence[Any]) -> dict[Pair, int]:
    return {
        (photo.public_id, other): 0
        for photo in photos
        for other, digest, _ in rows
        if digest == photo.sha256 and other != photo.id
    }


def _alike(
    session: Session, photos: Sequence[Photo], gists: Mapping[int, bytes]
) -> dict[Pair, int]:
    """Return the twins by print with their distance."""
    names = {photo.id: photo.public_id for photo in photos}
    asked = {key: likeness.probes(gists[key]) for key in names if key in gists}
    if not asked:
        return {}
    signs = candidates(session, asked.values())
    near = {key: _near(probes, signs, own=key) for key, probes in asked.items()}
    others = _gists(session, {twin for found in near.values() for _, _, twin in found})
    return {
        (names[key], twin): bits
        for key, found in near.items()
        for bits, view, twin in found
        if asked[key].same(view, others[twin])
    }


def _gists(session: Session, ids: Iterable[int]) -> dict[int, bytes]:
    wanted = sorted(ids)
    if not wanted:
        return {}
    rows: Any = session.execute(GISTS, {"ids": wanted}).all()
    return dict(rows)


def candidates(session: Session, asked: Iterable[Probes]) -> dict[int, int]:
    """Return the signs of prints that share a band's value with any of the probes, by photo."""
    dialect = session.get_bind().dialect.name
    values: dict[str, set[int]] = {band.key: set() for band in BANDS}
    for probes in asked:
        for band, found in zip(BANDS, probes.bands, strict=True):
            values[band.key].update(found)
    wanted = {name: _bound(found, dialect) for name, found in values.items()}
    rows: Any = session.execute(_by_band(dialect), wanted).all()
    return dict(rows)


@cache
def _by_band(dialect: str) -> CompoundSelect[Any]:
    """Return the question for prints by any band; a band's thousands of values are one parameter.

    Three parts of a union, each of one covering index: an OR would read rows.
    """
    found = select(PhotoPrint.photo_id, PhotoPrint.sign)
    return union_all(*(found.where(_among(band, dialect)) for band in BANDS))


def _among(band: Any, dialect: str) -> ColumnElement[bool]:
    condition: ColumnElement[bool]
    if dialect == "sqlite":
        listed = func.json_each(bindparam(band.key, type_=String)).table_valued("value")
        condition = band.in_(select(listed.c.value))
    else:
        condition = band == func.any(bindparam(band.key, type_=ARRAY(Integer)))
    return condition


def _bound(values: Collection[int], dialect: str) -> str | list[int]:
    wanted = sorted(values)
    return str(wanted) if dialect == "sqlite" else wanted


def _near(probes: Probes, signs: Mapping[int, int], *, own: int) -> list[tuple[int, int, int]]:
    """Return bits, view and photo of the prints that are near, the nearest first."""
    others = [key for key in signs if key != own]
    if not others:
        return []
    nearest = probes.nearest([signs[key] for key in others])
    found = [(bits, view, key) for (bits, view), key in zip(nearest, others, strict=True)]
    return sorted(each for each in found if each[0] <= MOST_BITS)[:MOST_COMPARED]
