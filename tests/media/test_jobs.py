"""What goes by itself: unused photos after a day, and objects that nobody knows after an hour."""

import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from core.clock import now
from core.database import db, reading, writing
from core.worker import deliver
from media import jobs, service
from media.errors import StoreAway
from media.folder import LocalStore
from media.models import Photo, Redaction, Variant
from media.objects import new_key, object_name
from tests.clients import Api, account_named, picture
from tests.live import PROJECT

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


def test_the_objects_of_every_redaction_stay(app: Flask, api: Signed) -> None:
    redaction = redacted(app, api(OWNER).upload())
    copies = [object_name(redaction, variant) for variant in (Variant.THUMB, Variant.LARGE)]
    app.extensions["photo_store"].put({name: io.BytesIO(b"x") for name in copies})
    stranger = orphan(app, timedelta(hours=2))
    with app.app_context():
        assert jobs.sweep_orphans(now() + timedelta(days=400)) == 3
    assert len(names(app)) == 5
    assert stranger not in {name.split("/")[1] for name in names(app)}


def redacted(app: Flask, public_id: str) -> str:
    """The row of a redaction, as the service would write it."""
    with app.app_context(), writing() as session:
        photo_id = session.scalars(select(Photo.id).where(Photo.public_id == public_id)).one()
        made = Redaction(photo_id=photo_id, number=1, key=new_key(), boxes=[], at=now())
        session.add(made)
        return made.key


KILLED = """
import os, signal, sys
from app import create_app
from core.settings import from_environment
from media import service
from tests.clients import Api, account_named, picture
from tests.live import PROJECT
service.record = lambda *_arguments: os.kill(os.getpid(), signal.SIGKILL)
app = create_app(from_environment(dict(os.environ)), testing=True)
Api(app, sys.argv[1]).upload()
"""


def test_an_upload_killed_before_its_row_is_swept_and_no_row_lacks_its_objects(
    app: Flask, api: Signed, environ: dict[str, str]
) -> None:
    person = api(OWNER)
    person.upload()
    token, kept = person.token, names(app)
    assert token is not None
    done = subprocess.run(
        [sys.executable, "-c", KILLED, token], env=environ, cwd=PROJECT, check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert len(names(app)) == len(kept) + 3, "killed when the objects were there and the row not"
    assert len(left(app)) == 1
    with app.app_context():
        assert jobs.sweep_orphans(now() + timedelta(minutes=59)) == 0
        assert jobs.sweep_orphans(now() + timedelta(minutes=61)) == 3
    assert names(app) == kept


@pytest.mark.parametrize("away", [False, True])
def test_an_upload_that_the_database_refuses_leaves_no_object(
    app: Flask, api: Signed, monkeypatch: pytest.MonkeyPatch, away: bool
) -> None:
    person = api(OWNER)
    store: LocalStore = app.extensions["photo_store"]

    def refused(*_arguments: object) -> None:
        if away:
            monkeypatch.setattr(store, "delete", gone)
        raise OperationalError("INSERT", {}, Exception("database or disk is full"))

    def gone(_names: object) -> None:
        raise StoreAway

    with monkeypatch.context() as patch:
        patch.setattr(service, "record", refused)
        answer = person.call("POST", "/media", data={"file": (io.BytesIO(picture()), "a.jpg")})
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert left(app) == []
    assert len(names(app)) == (3 if away else 0)
    monkeypatch.undo()
    with app.app_context():
        jobs.sweep_orphans(now() + timedelta(minutes=61))
    assert names(app) == set()
