"""What goes by itself: unused photos after a day, and objects that nobody knows after an hour."""

import io
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import select

from core.clock import now
from core.database import db, reading, writing
from core.worker import deliver
from media import jobs, service
from media.folder import LocalStore
from media.models import Photo, Variant
from media.objects import new_key, object_name
from tests.clients import Api, account_named

Signed = Callable[[str], Api]
OWNER, OTHER = "13800000001", "13800000002"


def left(app: Flask) -> list[str]:
    with app.app_context(), reading() as session:
        return list(session.scalars(select(Photo.public_id).order_by(Photo.id)))


def names(app: Flask) -> set[str]:
    return {item.name for item in app.extensions["photo_store"].objects()}


def account_id(app: Flask, name: str) -> int:
    with app.app_context():
        found = account_named(name).id
        db.session.rollback()
        return found


def use(app: Flask, *public_ids: str) -> None:
    owner_id = account_id(app, OWNER)
    with app.app_context(), writing():
        service.claim(public_ids, owner_id=owner_id, subject=("report", "3708-1"))


def sweep(app: Flask, later: timedelta) -> int:
    with app.app_context():
        return jobs.sweep_unused(now() + later)


def test_a_photo_goes_a_day_after_it_was_sent_unless_something_uses_it(
    app: Flask, api: Signed
) -> None:
    used, unused = api(OWNER).upload(), api(OWNER).upload()
    use(app, used)
    assert sweep(app, timedelta(hours=23)) == 0
    assert left(app) == [used, unused]
    assert sweep(app, timedelta(hours=24, seconds=1)) == 1
    assert left(app) == [used]
    assert len(names(app)) == 6, "the row first; its objects wait for the worker"
    with app.app_context():
        while deliver(now()):
            pass
    assert len(names(app)) == 3
    assert sweep(app, timedelta(hours=48)) == 0


def test_photos_sent_on_different_days_go_on_different_days(app: Flask, api: Signed) -> None:
    old, young = api(OWNER).upload(), api(OTHER).upload()
    with app.app_context(), writing() as session:
        photo = session.scalars(select(Photo).where(Photo.public_id == old)).one()
        photo.touched_at = now() - timedelta(hours=30)
    assert sweep(app, timedelta()) == 1
    assert left(app) == [young]


def test_objects_are_deleted_as_often_as_they_are_asked_for(app: Flask, api: Signed) -> None:
    api(OWNER).upload()
    with app.app_context(), reading() as session:
        key = session.scalar(select(Photo.key))
    with app.app_context():
        for message in ("first", "second"):
            jobs.delete_objects({"key": key}, message)
    assert names(app) == set()


def orphan(app: Flask, age: timedelta) -> str:
    """Objects as a killed upload leaves them."""
    store: LocalStore = app.extensions["photo_store"]
    key, instant = new_key(), (datetime.now(UTC) - age).timestamp()
    for variant in Variant:
        store.put({object_name(key, variant): io.BytesIO(b"x")})
        os.utime(store.root / object_name(key, variant), (instant, instant))
    return key


def test_objects_without_a_row_go_after_an_hour(app: Flask, api: Signed) -> None:
    api(OWNER).upload()
    known = names(app)
    orphan(app, timedelta(hours=2))
    young = orphan(app, timedelta(minutes=5))
    (app.extensions["photo_store"].root / ".incoming" / "draft").write_text("x")
    with app.app_context():
        assert jobs.sweep_orphans(now()) == 3
        assert jobs.sweep_orphans(now()) == 0
    assert names(app) == known | {object_name(young, variant) for variant in Variant}


def test_old_objects_with_a_row_stay(app: Flask, api: Signed) -> None:
    api(OWNER).upload()
    with app.app_context():
        assert jobs.sweep_orphans(now() + timedelta(days=400)) == 0
    assert len(names(app)) == 3


@pytest.mark.parametrize("fast", [False, True])
def test_a_sound_store_passes_its_check(app: Flask, api: Signed, fast: bool) -> None:
    api(OWNER).upload()
    api(OTHER).upload()
    orphan(app, timedelta(minutes=5))
    done = check(app, fast=fast)
    assert (done.exit_code, done.output) == (0, "photos hold: 2 photos, 9 objects\n")


def check(app: Flask, *, fast: bool = False) -> Result:
    return app.test_cli_runner().invoke(args=["media", "check", *(["--fast"] if fast else [])])


def test_every_difference_is_named_and_fails_the_check(app: Flask, api: Signed) -> None:
    api(OTHER).upload()
    missing, changed = api(OWNER).upload(), api(OWNER).upload()
    with app.app_context(), reading() as session:
        keys = {photo.public_id: photo.key for photo in session.scalars(select(Photo))}
    store: LocalStore = app.extensions["photo_store"]
    store.delete([object_name(keys[missing], Variant.LARGE)])
    store.put({object_name(keys[changed], Variant.ORIGINAL): io.BytesIO(b"forged")})
    stranger = orphan(app, timedelta(hours=2))
    done = check(app)
    lines = set(done.output.splitlines())
    assert done.exit_code == 1
    assert lines == {
        f"photo {missing}: large is missing",
        f"photo {changed}: the original was changed",
        *(f"object {object_name(stranger, variant)}: no photo has it" for variant in Variant),
    }


def test_a_photo_that_came_after_the_listing_is_no_finding(
    app: Flask, api: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    api(OWNER).upload()
    monkeypatch.setattr(LocalStore, "objects", lambda _store: iter(()))
    assert check(app).exit_code == 0
