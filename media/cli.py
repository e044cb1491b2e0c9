"""`flask media check`: every photo has its objects, every object its photo, no byte has changed."""

import hashlib
import sys
from collections.abc import Iterator
from typing import Final

import click
from flask import Flask
from flask.cli import AppGroup
from sqlalchemy import select

from core.clock import now as present
from core.database import reading
from media import storage
from media.errors import ObjectMissing
from media.models import Photo, Variant
from media.objects import PhotoStore, key_of, object_name
from media.service import GRACE

BATCH: Final = 500
CHUNK: Final = 1 << 20

commands = AppGroup("media", help="Photos and their objects.")


def init_app(app: Flask) -> None:
    """Register the commands."""
    app.cli.add_command(commands)


@commands.command("check")
@click.option("--fast", is_flag=True, help="Leave out the hashes of the originals.")
def check(fast: bool) -> None:  # noqa: FBT001  click hands its flags over by position
    """Compare rows, objects and hashes both ways; exit 1 with the findings."""
    began, store = present(), storage.store()
    stored = {item.name: item.at for item in store.objects()}
    keys: set[str] = set()
    found = photos = 0
    for photo in _photos():
        photos += 1
        keys.add(photo.key)
        for finding in _faults(photo, stored.keys(), store, hashed=not fast):
            found += 1
            click.echo(finding)
    for name, at in stored.items():
        if key_of(name) not in keys and at < began - GRACE:
            found += 1
            click.echo(f"object {name}: no photo has it")
    if found:
        sys.exit(1)
    click.echo(f"photos hold: {photos} photos, {len(stored)} objects")


def _photos() -> Iterator[Photo]:
    """Yield all photos, a page at a time, so that no transaction is open while objects are read."""
    last = 0
    while True:
        with reading() as session:
            following = select(Photo).where(Photo.id > last).order_by(Photo.id).limit(BATCH)
            page = session.scalars(following).all()
            session.expunge_all()
        if not page:
            return
        yield from page
        last = page[-1].id


def _faults(photo: Photo, stored: object, store: PhotoStore, *, hashed: bool) -> Iterator[str]:
    """Yield what is wrong with a photo's objects; one that came after the listing is looked for."""
    for variant in Variant:
        name = object_name(photo.key, variant)
        try:
            if variant is Variant.ORIGINAL and hashed:
                if _sha256(store, name) != photo.sha256:
                    yield f"photo {photo.public_id}: the original was changed"
            elif name not in stored:  # type: ignore[operator]
                store.open(name).close()
        except ObjectMissing:
            yield f"photo {photo.public_id}: {variant.value} is missing"


def _sha256(store: PhotoStore, name: str) -> str:
    digest = hashlib.sha256()
    with store.open(name) as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
