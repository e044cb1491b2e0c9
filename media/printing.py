"""Prints for photos that came before there were any, from the small copy that is there already."""

from collections.abc import Iterator
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.database import reading
from media.decoding import examine
from media.errors import DamagedImage, ObjectMissing
from media.models import Photo, PhotoPrint, Variant
from media.objects import PhotoStore, object_name
from media.twins import keep

BATCH: Final = 500


def lacking() -> Iterator[tuple[int, str]]:
    """Yield id and key of photos without a print, a page at a time and no transaction open.

    A picture without structure has none for good: it is looked at each time.
    """
    last = 0
    while True:
        wanted = (
            select(Photo.id, Photo.key)
            .outerjoin(PhotoPrint, PhotoPrint.photo_id == Photo.id)
            .where(Photo.id > last, PhotoPrint.photo_id.is_(None))
            .order_by(Photo.id)
            .limit(BATCH)
        )
        with reading() as session:
            page = [(photo_id, key) for photo_id, key in session.execute(wanted)]
        if not page:
            return
        yield from page
        last = page[-1][0]


def gist_of(store: PhotoStore, key: str) -> bytes | None:
    """Return the gist of a photo's small copy; None where `flask media check` would complain."""
    try:
        with store.open(object_name(key, Variant.THUMB)) as stream:
            return examine(stream).gist
    except (DamagedImage, ObjectMissing):
        return None


def print_late(session: Session, photo_id: int, gist: bytes) -> bool:
    """Keep a photo's print, if the photo is still there and has none; say whether it has now."""
    if session.get(Photo, photo_id, with_for_update=True) is None:
        return False
    if session.get(PhotoPrint, photo_id) is None:
        keep(session, photo_id, gist)
    return session.get(PhotoPrint, photo_id) is not None
