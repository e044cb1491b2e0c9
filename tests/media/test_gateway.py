"""A real S3 gateway: what the bucket keeps, whom it refuses, and a report's way through it."""

import io
import os
import secrets
import signal
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from tempfile import SpooledTemporaryFile
from typing import Any

import httpx
import pytest
from flask import Flask

from core.clock import now
from core.worker import deliver
from media import jobs
from media.bucket import S3Store
from media.errors import ObjectMissing, StoreAway
from media.models import Variant
from media.objects import new_key, object_name
from media.storage import open_store
from tests.clients import Api, picture
from tests.media.gateway import BUCKET, Gateway

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*socket.*:ResourceWarning"),
]
Signed = Callable[[str], Api]


@pytest.fixture(autouse=True)
def _keys(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in gateway.environ.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def store(gateway: Gateway) -> S3Store:
    """A store below a prefix that nothing else uses."""
    return gateway.store(secrets.token_hex(8))


def put(store: S3Store, key: str, data: bytes = b"bytes") -> list[str]:
    names = [object_name(key, variant) for variant in Variant]
    store.put({name: io.BytesIO(data) for name in names})
    return names


def test_what_was_put_is_read_weighed_and_deleted(store: S3Store) -> None:
    noise, key = put(store, new_key(), b"other"), new_key()
    source = io.BytesIO(b"whole file")
    source.seek(5)
    store.put({object_name(key, Variant.ORIGINAL): source})
    name = object_name(key, Variant.ORIGINAL)
    with store.open(name) as stream:
        assert stream.read() == b"whole file"
    found = store.stat(name)
    assert (found.name, found.size) == (name, 10)
    assert abs(datetime.now(UTC) - found.at) < timedelta(minutes=1)
    store.delete([name, name])
    for ask in (store.open, store.stat):
        with pytest.raises(ObjectMissing):
            ask(name)
    assert sorted(item.name for item in store.objects()) == sorted(noise)


def test_an_object_put_again_is_the_last(store: S3Store) -> None:
    key = new_key()
    put(store, key, b"first")
    names = put(store, key, b"second one")
    with store.open(names[0]) as stream:
        assert stream.read() == b"second one"
    assert store.stat(names[0]).size == 10


def test_more_than_a_page_is_listed_whole_and_by_shard(store: S3Store, gateway: Gateway) -> None:
    noise = put(gateway.store(store.prefix.strip("/") + "0"), new_key())
    with ThreadPoolExecutor(4) as pool:
        names = {
            name for made in pool.map(lambda _: put(store, new_key()), range(350)) for name in made
        }
    gateway.client().put_object(Bucket=BUCKET, Key=store.prefix + "readme.txt", Body=b"x")
    listed = list(store.objects())
    assert len(listed) == 1050
    assert {item.name for item in listed} == names
    shard = {item.name for item in store.objects("a")}
    assert shard == {name for name in names if name.startswith("a")}
    assert shard
    store.delete(sorted(shard))
    assert {item.name for item in store.objects()} == names - shard
    other = gateway.store(store.prefix.strip("/") + "0")
    assert {item.name for item in other.objects()} == set(noise), "a longer prefix is another store"


def test_a_bucket_has_nothing_to_tidy_and_a_probe_leaves_nothing(store: S3Store) -> None:
    store.probe()
    assert store.tidy(datetime.now(UTC)) == 0
    assert list(store.objects()) == []


def everything(store: S3Store, name: str) -> list[Callable[[], object]]:
    return [
        lambda: store.put({name: io.BytesIO(b"x")}),
        lambda: store.open(name),
        lambda: store.stat(name),
        lambda: store.delete([name]),
        lambda: list(store.objects()),
        store.probe,
    ]


@pytest.mark.parametrize("wrong", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_a_wrong_key_or_secret_is_a_store_that_is_away(
    store: S3Store, gateway: Gateway, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    names = put(store, new_key())
    monkeypatch.setenv(wrong, "another")
    stranger = gateway.store(store.prefix)
    for attempt in everything(stranger, names[0]):
        began = time.monotonic()
        with pytest.raises(StoreAway):
            attempt()
        assert time.monotonic() - began <= 5
    with store.open(names[0]) as stream:
        assert stream.read() == b"bytes"


def test_a_bucket_that_is_not_there_is_away_and_is_not_made(
    gateway: Gateway, store: S3Store
) -> None:
    elsewhere = gateway.store("", bucket="photos-of-nobody")
    for attempt in everything(elsewhere, object_name(new_key(), Variant.THUMB))[:3]:
        with pytest.raises(StoreAway):
            attempt()
    with pytest.raises(StoreAway):
        elsewhere.probe()
    buckets = gateway.client().list_buckets()["Buckets"]
    assert [made["Name"] for made in buckets] == [BUCKET]


def test_the_bucket_refuses_whoever_does_not_sign(store: S3Store, gateway: Gateway) -> None:
    name = put(store, new_key())[0]
    address = f"{gateway.url}/{BUCKET}/{store.prefix}{name}"
    asked = {
        (method, url): httpx.request(method, url, **({"content": b"x"} if method == "PUT" else {}))
        for method in ("GET", "HEAD", "PUT", "DELETE", "POST")
        for url in (
            address,
            f"{gateway.url}/{BUCKET}/",
            f"{gateway.url}/{BUCKET}/{store.prefix}../{store.prefix}{name}",
            f"{address}?acl",
        )
    }
    assert {answer.status_code for answer in asked.values()} <= {403, 404, 405, 400}
    assert asked["GET", address].status_code == 403
    assert not any(b"bytes" in answer.content for answer in asked.values())
    with store.open(name) as stream:
        assert stream.read() == b"bytes", "and nothing was changed"


def test_a_signature_of_the_bucket_opens_one_object_by_one_method_for_its_time(
    store: S3Store, gateway: Gateway
) -> None:
    first, second = put(store, new_key())[0], put(store, new_key())[0]
    asked = {"Bucket": BUCKET, "Key": store.prefix + first}
    link = gateway.client().generate_presigned_url("get_object", Params=asked, ExpiresIn=60)
    brief = gateway.client().generate_presigned_url("get_object", Params=asked, ExpiresIn=1)
    assert httpx.get(link).content == b"bytes"
    assert httpx.get(link.replace(first, second)).status_code == 403
    assert httpx.put(link, content=b"x").status_code == 403
    assert httpx.delete(link).status_code == 403
    assert httpx.get(link.replace("X-Amz-Expires=60", "X-Amz-Expires=600")).status_code == 403
    time.sleep(2.1)
    assert httpx.get(brief).status_code == 403


def test_the_largest_original_is_never_held_to_be_sent_and_held_once_to_be_read(
    store: S3Store,
) -> None:
    data, name = secrets.token_bytes(20 << 20), object_name(new_key(), Variant.ORIGINAL)
    store.probe()
    tracemalloc.start()
    try:
        with SpooledTemporaryFile(max_size=1 << 19) as spool:  # as a form's file waits
            spool.rollover()
            spool.write(data)
            store.put({name: spool})
        _, sending = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        with store.open(name) as stream:
            _, reading = tracemalloc.get_traced_memory()
            assert stream.read(1 << 20) == data[: 1 << 20]
    finally:
        tracemalloc.stop()
    assert sending < 0.2 * len(data)
    assert reading < 1.2 * len(data)


def test_a_gateway_that_falls_silent_is_away_within_five_seconds_and_comes_back(
    store: S3Store, gateway: Gateway
) -> None:
    names = put(store, new_key())
    with paused(gateway):
        began = time.monotonic()
        with pytest.raises(StoreAway):
            put(store, new_key())
        assert time.monotonic() - began <= 5
    with store.open(names[0]) as stream:
        assert stream.read() == b"bytes"


class paused:  # noqa: N801  reads as a statement
    """A gateway that accepts connections and answers none."""

    def __init__(self, gateway: Gateway) -> None:
        self._pid = gateway.pid

    def __enter__(self) -> None:
        os.kill(self._pid, signal.SIGSTOP)

    def __exit__(self, *_exc: object) -> None:
        os.kill(self._pid, signal.SIGCONT)


# The application with its photos in the bucket.


@pytest.fixture
def away(
    app: Flask, gateway: Gateway, store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> Iterator[S3Store]:
    """The application's store is what its settings would name in production."""
    made = replace(
        app.extensions["settings"],
        media_url=f"s3://{BUCKET}/{store.prefix}",
        s3_endpoint_url=gateway.url,
    )
    opened = open_store(made)
    assert isinstance(opened, S3Store)
    monkeypatch.setitem(app.extensions, "photo_store", opened)
    yield opened
    opened.delete([item.name for item in opened.objects()])


def names(store: S3Store) -> set[str]:
    return {item.name for item in store.objects()}


def sent(api: Api, data: bytes) -> dict[str, Any]:
    answer = api.call("POST", "/media", data={"file": (io.BytesIO(data), "photo.jpg")})
    assert answer.status_code == 201
    made: dict[str, Any] = answer.get_json()
    return made


def test_a_photo_goes_from_upload_to_report_to_sweep_and_passes_every_check(
    app: Flask, api: Signed, away: S3Store
) -> None:
    resident, dispatcher, data = api("13800000001"), api("dispatcher"), picture()
    used, unused = sent(resident, data), sent(resident, picture())
    assert len(names(away)) == 6
    assert resident.get(f"/media/{unused['id']}/large").data[:2] == b"\xff\xd8"
    report = resident.report(media=[used["id"]])
    case = dispatcher.get(f"/cases/{report['number']}").get_json()
    links = case["media"][0]["variants"]
    assert api("").get(links["thumb"]).data[:2] == b"\xff\xd8"
    assert dispatcher.get(f"/media/{used['id']}/original").data == data
    assert checked(app) == 0
    with app.app_context():
        assert jobs.sweep_unused(now() + timedelta(hours=25)) == 1
        while deliver(now()):
            pass
        assert jobs.sweep_orphans(now() + timedelta(hours=25)) == 0
    assert len(names(away)) == 3
    assert resident.get(f"/media/{unused['id']}/large").status_code == 404
    assert api("").get(links["large"]).status_code == 200
    assert checked(app) == 0


def checked(app: Flask) -> int:
    done = app.test_cli_runner().invoke(args=["media", "check"])
    assert done.exit_code == 0 or "photo" in done.output, done.output
    return done.exit_code


@pytest.mark.parametrize("world", ["sqlite"], indirect=True)
def test_links_end_with_their_time_and_open_nothing_else(
    app: Flask, api: Signed, away: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    resident, nobody = api("13800000001"), api("")
    link = sent(resident, picture())["variants"]["thumb"]
    other = sent(resident, picture())["id"]
    answer = nobody.get(link)
    assert (answer.status_code, answer.headers["X-Content-Type-Options"]) == (200, "nosniff")
    path, _, query = link.partition("?")
    changed = [
        path,
        link.replace("/thumb?", "/large?"),
        link.replace("/thumb?", "/original?"),
        f"{path.replace(path.split('/')[-2], other)}?{query}",
        link[:-1] + ("A" if link[-1] != "A" else "B"),
        link.replace("expires=1", "expires=2"),
    ]
    assert {nobody.get(forged).status_code for forged in changed} == {404}
    later = now() + timedelta(seconds=301)
    monkeypatch.setattr("media.routes.present", lambda: later)
    assert nobody.get(link).status_code == 404


@pytest.mark.parametrize("world", ["sqlite"], indirect=True)
def test_a_lost_object_is_not_there_and_the_check_says_so(
    app: Flask, api: Signed, away: S3Store
) -> None:
    resident = api("13800000001")
    made = sent(resident, picture())
    assert checked(app) == 0
    away.delete([name for name in names(away) if name.endswith("/thumb")])
    assert resident.get(f"/media/{made['id']}/thumb").status_code == 404
    assert resident.get(f"/media/{made['id']}/large").status_code == 200
    assert checked(app) == 1
