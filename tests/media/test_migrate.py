"""`flask media migrate`: everything arrives, proven, once, whatever interrupts it."""

import io
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import delete, select

from core.clock import now
from core.database import reading, writing
from media import moving
from media.bucket import S3Store
from media.errors import StoreAway
from media.folder import LocalStore
from media.models import Photo, Redaction, Variant
from media.objects import PhotoStore, new_key, object_name
from tests.clients import Api
from tests.live import PROJECT
from tests.media.buckets import NAME, running
from tests.media.gateway import BUCKET, Gateway

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*socket.*:ResourceWarning"),
]
Signed = Callable[[str], Api]
OWNER = "13800000001"


@pytest.fixture
def source(app: Flask) -> LocalStore:
    made = app.extensions["photo_store"]
    assert isinstance(made, LocalStore)
    return made


@pytest.fixture
def target(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "new")


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving, "PAUSES", (0.01, 0.01))


def migrate(app: Flask, to: object, *options: str) -> Result:
    url = f"file:{to.root}" if isinstance(to, LocalStore) else str(to)
    return app.test_cli_runner().invoke(args=["media", "migrate", "--to", url, *options])


def last_line(done: Result) -> str:
    assert done.exit_code == 0, done.output
    return done.output.splitlines()[-1]


def contents(store: PhotoStore) -> dict[str, bytes]:
    found = {}
    for item in store.objects():
        with store.open(item.name) as stream:
            found[item.name] = stream.read()
    return found


def counted(copied: int, there: int, wrong: int = 0) -> str:
    return f"{copied} objects copied, {there} were there, {wrong} missing or changed at the source"


def key_of_photo(app: Flask, public_id: str) -> str:
    with app.app_context(), reading() as session:
        return session.scalars(select(Photo.key).where(Photo.public_id == public_id)).one()


def redacted(app: Flask, public_id: str) -> str:
    key = new_key()
    copies = [object_name(key, variant) for variant in (Variant.THUMB, Variant.LARGE)]
    app.extensions["photo_store"].put({name: io.BytesIO(name.encode()) for name in copies})
    with app.app_context(), writing() as session:
        photo_id = session.scalars(select(Photo.id).where(Photo.public_id == public_id)).one()
        session.add(Redaction(photo_id=photo_id, number=1, key=key, boxes=[], at=now()))
    return key


def test_everything_that_a_row_promises_is_copied_and_nothing_else(
    app: Flask, api: Signed, source: LocalStore, target: LocalStore
) -> None:
    api(OWNER).upload()
    redacted(app, api(OWNER).upload())
    expected = contents(source)
    source.put({object_name(new_key(), Variant.ORIGINAL): io.BytesIO(b"orphan")})
    before = contents(source)
    assert last_line(migrate(app, target)) == counted(8, 0)
    assert contents(target) == expected
    assert contents(source) == before, "nothing is deleted at the source"


def test_a_second_run_copies_what_came_meanwhile_and_sends_nothing_twice(
    app: Flask, api: Signed, source: LocalStore, target: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    put = LocalStore.put
    monkeypatch.setattr(
        LocalStore, "put", lambda store, objects: (sent.extend(objects), put(store, objects))[1]
    )
    api(OWNER).upload()
    migrate(app, target)
    api(OWNER).upload()
    sent.clear()
    for options, counts in (((), counted(3, 3)), ((), counted(0, 6)), (("--fast",), counted(0, 6))):
        assert last_line(migrate(app, target, *options)) == counts
    assert len(sent) == 3
    assert contents(target) == contents(source)


@pytest.mark.parametrize("left", [b"half", None], ids=["shorter", "same size"])
def test_what_arrived_wrong_is_sent_again(
    app: Flask, api: Signed, source: LocalStore, target: LocalStore, left: bytes | None
) -> None:
    key = key_of_photo(app, api(OWNER).upload())
    migrate(app, target)
    for variant in Variant:
        name = object_name(key, variant)
        forged = left if left is not None else bytes(source.stat(name).size)
        target.put({name: io.BytesIO(forged)})
    if left is None:
        assert last_line(migrate(app, target, "--fast")) == counted(0, 3), "it trusts the size"
    else:
        assert last_line(migrate(app, target, "--fast")) == counted(3, 0)
    assert last_line(migrate(app, target)) == counted(*((0, 3) if left else (3, 0)))
    assert contents(target) == contents(source)


def test_what_is_missing_or_changed_at_the_source_is_named_and_the_rest_is_copied(
    app: Flask, api: Signed, source: LocalStore, target: LocalStore
) -> None:
    api(OWNER).upload()
    missing, changed, redaction = (api(OWNER).upload() for _ in range(3))
    source.delete([object_name(key_of_photo(app, missing), Variant.LARGE)])
    forged = object_name(key_of_photo(app, changed), Variant.ORIGINAL)
    source.put({forged: io.BytesIO(b"forged")})
    source.delete([object_name(redacted(app, redaction), Variant.THUMB)])
    done = migrate(app, target)
    assert done.exit_code == 1
    lines = done.output.splitlines()
    assert {line for line in lines if "photo " in line} == {
        f"photo {missing}: large is missing",
        f"photo {changed}: the original was changed",
        f"redaction 1 of photo {redaction}: thumb is missing",
    }
    assert lines[-1] == counted(11, 0, 3)
    assert forged not in contents(target), "no forgery is carried over"


def test_photos_that_are_already_at_home_in_the_new_store_are_not_missing(
    app: Flask, api: Signed, source: LocalStore, target: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    api(OWNER).upload()
    monkeypatch.setitem(app.extensions, "photo_store", target)
    new = key_of_photo(app, api(OWNER).upload())
    done = migrate(app, target, "--from", f"file:{source.root}")
    assert last_line(done) == counted(3, 3)
    target.put({object_name(new, Variant.ORIGINAL): io.BytesIO(b"forged")})
    target.put({object_name(new, Variant.THUMB): io.BytesIO(b"")})
    done = migrate(app, target, "--from", f"file:{source.root}")
    assert done.exit_code == 1
    assert done.output.splitlines()[-1] == counted(0, 4, 2)


def test_a_photo_that_is_deleted_while_it_runs_is_no_finding(
    app: Flask, api: Signed, source: LocalStore, target: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, gone = api(OWNER).upload(), api(OWNER).upload()
    page = moving.Move._page

    def deleted(move: moving.Move, *arguments: object) -> Iterator[moving.Moved]:
        with writing() as session:
            session.execute(delete(Photo).where(Photo.public_id == gone))
        source.delete([object_name(key, variant) for variant in Variant])
        return page(move, *arguments)  # type: ignore[arg-type]

    key = key_of_photo(app, gone)
    monkeypatch.setattr(moving.Move, "_page", deleted)
    assert last_line(migrate(app, target)) in {counted(3, 0), counted(6, 0)}
    assert object_name(key_of_photo(app, kept), Variant.THUMB) in contents(target)


@pytest.mark.parametrize("world", ["sqlite"], indirect=True)
@pytest.mark.parametrize("failures", [2, 3])
def test_a_store_that_is_away_for_a_moment_is_waited_for(
    app: Flask, api: Signed, target: LocalStore, monkeypatch: pytest.MonkeyPatch, failures: int
) -> None:
    api(OWNER).upload()
    put, left = LocalStore.put, [failures]

    def failing(store: LocalStore, objects: dict[str, io.BytesIO]) -> None:
        if next(iter(objects)).endswith("/thumb") and left[0]:
            left[0] -= 1
            raise StoreAway
        put(store, objects)

    monkeypatch.setattr(LocalStore, "put", failing)
    done = migrate(app, target)
    if failures == 2:
        assert last_line(done) == counted(3, 0)
        return
    assert done.exit_code == 1
    assert "run it again" in done.output
    assert last_line(migrate(app, target)).endswith(" 0 missing or changed at the source")


@pytest.mark.parametrize("world", ["sqlite"], indirect=True)
def test_a_store_that_does_not_keep_what_it_was_sent_is_found_out(
    app: Flask, api: Signed, target: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    api(OWNER).upload()
    monkeypatch.setattr(LocalStore, "put", lambda _store, _objects: None)
    done = migrate(app, target)
    assert done.exit_code == 1
    assert "run it again" in done.output


@pytest.mark.parametrize("world", ["sqlite"], indirect=True)
def test_a_wrong_target_is_refused_before_anything_is_read(app: Flask, tmp_path: Path) -> None:
    here = app.extensions["settings"].media_url
    for url in ("https://example.org", "file:", here):
        assert migrate(app, url).exit_code == 2
    (tmp_path / "file").write_text("x")
    assert migrate(app, f"file:{tmp_path}/file").exit_code == 1


# To and from a bucket.


@pytest.fixture
def prefix(app: Flask, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in gateway.environ.items():
        monkeypatch.setenv(name, value)
    made = replace(app.extensions["settings"], s3_endpoint_url=gateway.url)
    monkeypatch.setitem(app.extensions, "settings", made)
    return f"moved-{new_key()}"


@pytest.mark.parametrize("world", ["sqlite"], indirect=True)
def test_photos_move_to_a_bucket_and_back(
    app: Flask,
    api: Signed,
    source: LocalStore,
    target: LocalStore,
    gateway: Gateway,
    prefix: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    redacted(app, api(OWNER).upload())
    bucket, url = gateway.store(prefix), f"s3://{BUCKET}/{prefix}"
    assert last_line(migrate(app, url)) == counted(5, 0)
    assert contents(bucket) == contents(source)
    monkeypatch.setitem(app.extensions, "photo_store", bucket)
    assert app.test_cli_runner().invoke(args=["media", "check"]).exit_code == 0
    assert last_line(migrate(app, target, "--from", url)) == counted(5, 0)
    assert contents(target) == contents(source)
    assert migrate(app, "s3://photos-of-nobody").exit_code == 1


@pytest.mark.parametrize("world", ["sqlite"], indirect=True)
def test_what_was_killed_is_finished_by_the_next_run(
    app: Flask,
    api: Signed,
    source: LocalStore,
    environ: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for _ in range(5):
        api(OWNER).upload()
    keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
    for name, value in keys.items():
        monkeypatch.setenv(name, value)
    url = f"s3://{NAME}/new"
    command = [sys.executable, "-m", "flask", "media", "migrate", "--to", url]
    with running() as fake:
        fake.turn("slow")
        started = {**environ, **keys, "S3_ENDPOINT_URL": fake.url}
        with subprocess.Popen(
            command, cwd=PROJECT, env=started, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            while len(fake.objects) < 4:
                assert process.poll() is None
                time.sleep(0.01)
            process.kill()
        time.sleep(0.3)  # what it had sent is kept
        arrived = len(fake.objects)
        assert 4 <= arrived < 15
        fake.turn("sound")
        fake.seen.clear()
        made = replace(app.extensions["settings"], s3_endpoint_url=fake.url)
        monkeypatch.setitem(app.extensions, "settings", made)
        assert last_line(migrate(app, url)) == counted(15 - arrived, arrived)
        assert len([line for line in fake.seen if line.startswith("PUT")]) == 15 - arrived
        assert contents(S3Store(NAME, "new", fake.url, "us-east-1")) == contents(source)


@pytest.mark.parametrize("world", ["sqlite"], indirect=True)
def test_what_an_operator_interrupted_is_finished_by_the_next_run(
    app: Flask, api: Signed, source: LocalStore, target: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        api(OWNER).upload()
    page = moving.Move._page

    def interrupted(move: moving.Move, *arguments: Any) -> Iterator[moving.Moved]:
        for number, moved in enumerate(page(move, *arguments)):
            if number == 1:
                raise KeyboardInterrupt
            yield moved

    with monkeypatch.context() as patch:
        patch.setattr(moving.Move, "_page", interrupted)
        done = migrate(app, target)
    assert done.exit_code == 1
    assert "Aborted" in done.output
    arrived = len(contents(target))
    assert 0 < arrived < 9
    assert last_line(migrate(app, target)) == counted(9 - arrived, arrived)
    assert contents(target) == contents(source)
