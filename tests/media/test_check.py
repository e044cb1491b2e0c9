"""`flask media check`: each thing that can be broken between rows and objects has its own line."""

import hashlib
import io
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import delete, select

from core.clock import now
from core.database import reading, writing
from media import cli, inventory, jobs
from media.errors import StoreAway
from media.folder import LocalStore
from media.models import Photo, Redaction, Variant
from media.objects import new_key, object_name
from tests.clients import Api, picture

Signed = Callable[[str], Api]
OWNER, OTHER = "13800000001", "13800000002"
COPIES = (Variant.THUMB, Variant.LARGE)


def check(app: Flask, *options: str) -> Result:
    return app.test_cli_runner().invoke(args=["media", "check", *options])


def findings(app: Flask, *options: str) -> set[str]:
    done = check(app, *options)
    assert done.exit_code == (1 if "hold" not in done.output else 0), done.output
    return set() if done.exit_code == 0 else set(done.output.splitlines())


def changed(app: Flask, public_id: str, **values: Any) -> str:
    """Change a photo's row and return its key."""
    with app.app_context(), writing() as session:
        photo = session.scalars(select(Photo).where(Photo.public_id == public_id)).one()
        for name, value in values.items():
            setattr(photo, name, value)
        return photo.key


def redacted(app: Flask, public_id: str, number: int = 1) -> str:
    """A redaction as the service would leave it: its copies, its row, and the photo's version."""
    key, store = new_key(), app.extensions["photo_store"]
    store.put({object_name(key, variant): io.BytesIO(b"copy") for variant in COPIES})
    changed(app, public_id, public_key=key)
    with app.app_context(), writing() as session:
        photo_id = session.scalars(select(Photo.id).where(Photo.public_id == public_id)).one()
        session.add(Redaction(photo_id=photo_id, number=number, key=key, boxes=[], at=now()))
    return key


def orphan(app: Flask, age: timedelta, key: str | None = None) -> list[str]:
    """Objects as a killed upload leaves them."""
    store: LocalStore = app.extensions["photo_store"]
    names = [object_name(key or new_key(), variant) for variant in Variant]
    instant = (datetime.now(UTC) - age).timestamp()
    for name in names:
        store.put({name: io.BytesIO(b"x")})
        os.utime(store.root / name, (instant, instant))
    return names


@pytest.mark.parametrize("options", [(), ("--fast",)])
def test_a_sound_store_passes(app: Flask, api: Signed, options: tuple[str, ...]) -> None:
    first = api(OWNER).upload()
    api(OTHER).upload()
    redacted(app, first)
    redacted(app, first, 2)
    orphan(app, timedelta(minutes=5))
    done = check(app, *options)
    assert (done.exit_code, done.output) == (0, "photos hold: 2 photos, 2 redactions, 13 objects\n")


def test_an_empty_store_passes(app: Flask) -> None:
    assert check(app).output == "photos hold: 0 photos, 0 redactions, 0 objects\n"


@pytest.mark.parametrize("variant", list(Variant))
@pytest.mark.parametrize("options", [(), ("--fast",)])
def test_a_missing_object_of_a_photo_is_named(
    app: Flask, api: Signed, variant: Variant, options: tuple[str, ...]
) -> None:
    api(OTHER).upload()
    broken = api(OWNER).upload()
    app.extensions["photo_store"].delete([object_name(changed(app, broken), variant)])
    assert findings(app, *options) == {f"photo {broken}: {variant.value} is missing"}


@pytest.mark.parametrize("variant", COPIES)
def test_an_empty_copy_is_named(app: Flask, api: Signed, variant: Variant) -> None:
    broken = api(OWNER).upload()
    name = object_name(changed(app, broken), variant)
    app.extensions["photo_store"].put({name: io.BytesIO(b"")})
    assert findings(app) == {f"photo {broken}: {variant.value} is empty"}


def test_a_changed_original_is_named_unless_hashes_are_left_out(app: Flask, api: Signed) -> None:
    broken = api(OWNER).upload()
    name = object_name(changed(app, broken), Variant.ORIGINAL)
    app.extensions["photo_store"].put({name: io.BytesIO(b"forged")})
    assert findings(app, "--fast") == set()
    assert findings(app) == {f"photo {broken}: the original was changed"}


def test_an_sm3_is_proven_where_there_is_one(app: Flask, api: Signed) -> None:
    data = picture()
    sound, broken = api(OWNER).upload(data), api(OWNER).upload()
    right = hashlib.new("sm3", data).hexdigest()
    changed(app, sound, sm3=right)
    assert findings(app) == set()
    changed(app, broken, sm3=right)
    assert findings(app) == {f"photo {broken}: its SM3 is not that of the original"}


@pytest.mark.parametrize("variant", COPIES)
def test_a_missing_object_of_a_redaction_is_named(
    app: Flask, api: Signed, variant: Variant
) -> None:
    photo = api(OWNER).upload()
    old, new = redacted(app, photo), redacted(app, photo, 2)
    store = app.extensions["photo_store"]
    store.delete([object_name(old, variant)])
    store.put({object_name(new, variant): io.BytesIO(b"")})
    assert findings(app) == {
        f"redaction 1 of photo {photo}: {variant.value} is missing",
        f"redaction 2 of photo {photo}: {variant.value} is empty",
    }


def test_a_public_version_that_is_no_redaction_of_the_photo_is_named(
    app: Flask, api: Signed
) -> None:
    sound, another, lost = (api(OWNER).upload() for _ in range(3))
    of_another = redacted(app, another)
    redacted(app, sound)
    changed(app, another, public_key=None)
    assert findings(app) == set()
    changed(app, lost, public_key=new_key())
    changed(app, another, public_key=of_another)
    assert findings(app) == {f"photo {lost}: its public version is none of its redactions"}
    changed(app, lost, public_key=of_another)
    assert findings(app) == {f"photo {lost}: its public version is none of its redactions"}


def test_an_object_without_a_row_is_named_after_its_time_of_grace(app: Flask, api: Signed) -> None:
    api(OWNER).upload()
    orphan(app, timedelta(minutes=59))
    assert findings(app) == set()
    strangers = orphan(app, timedelta(minutes=61))
    assert findings(app) == {f"object {name}: no photo has it" for name in strangers}


def test_objects_whose_deletion_waits_for_the_worker_are_no_finding(
    app: Flask, api: Signed
) -> None:
    key = changed(app, api(OWNER).upload())
    orphan(app, timedelta(hours=30), key)
    with app.app_context():
        assert jobs.sweep_unused(now() + timedelta(hours=25)) == 1
    assert findings(app) == set()
    stranger = orphan(app, timedelta(hours=2))
    assert len(findings(app)) == len(stranger)


def test_a_photo_that_came_after_the_listing_is_no_finding(
    app: Flask, api: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    api(OWNER).upload()
    monkeypatch.setattr(LocalStore, "objects", lambda _store, _shard: iter(()))
    assert check(app).exit_code == 0


def test_a_photo_that_was_deleted_after_its_row_was_read_is_no_finding(
    app: Flask, api: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, store = changed(app, api(OWNER).upload()), app.extensions["photo_store"]
    faults = cli._fault

    def deleted(*arguments: Any, **named: Any) -> Any:
        with writing() as session:
            session.execute(delete(Photo))
        store.delete([object_name(key, variant) for variant in Variant])
        return faults(*arguments, **named)

    monkeypatch.setattr(cli, "_fault", deleted)
    assert findings(app) == set()


def test_rows_are_read_a_page_at_a_time_and_none_twice(
    app: Flask, api: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inventory, "BATCH", 1)
    for start in ("a0", "a1", "f0", "00"):
        public_id = api(OWNER).upload()
        key = start + new_key()[2:]
        orphan(app, timedelta(), key)
        old = changed(app, public_id)
        app.extensions["photo_store"].delete([object_name(old, variant) for variant in Variant])
        changed(app, public_id, key=key, sha256=hashlib.sha256(start.encode()).hexdigest())
    with app.app_context(), reading() as session:
        known = {photo.key for photo in session.scalars(select(Photo))}
    with app.app_context():
        shards = {shard: list(inventory.promises(shard)) for shard in "a0f1"}
    assert [len(pages) for pages in shards.values()] == [2, 1, 1, 0]
    assert {page[0].key for pages in shards.values() for page in pages} == known


def test_a_store_that_is_away_ends_the_check_with_a_sentence(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_store: LocalStore, _shard: str) -> None:
        raise StoreAway

    monkeypatch.setattr(LocalStore, "objects", away)
    done = check(app)
    assert done.exit_code == 1
    assert "a photo store is away" in done.output
    assert "Traceback" not in done.output
