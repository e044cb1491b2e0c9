"""A bucket: what it keeps, and that nobody waits longer than five seconds for one that is away."""

import io
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.settings import Settings, SettingsError, from_environment
from media import bucket as module
from media.bucket import S3Store
from media.errors import ObjectMissing, StoreAway
from media.folder import LocalStore
from media.models import Variant
from media.objects import new_key, object_name
from media.storage import open_store
from tests.media.buckets import NAME, FakeBucket, running

pytestmark = pytest.mark.filterwarnings("ignore:.*socket.*:ResourceWarning")


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


@pytest.fixture
def fake() -> Iterator[FakeBucket]:
    with running() as made:
        yield made


@pytest.fixture
def store(fake: FakeBucket) -> S3Store:
    return S3Store(NAME, "evidence", fake.url, "us-east-1")


def put(store: S3Store, key: str, data: bytes = b"bytes") -> list[str]:
    names = [object_name(key, variant) for variant in Variant]
    store.put({name: io.BytesIO(data) for name in names})
    return names


def test_what_was_put_is_read_back_below_its_prefix(store: S3Store, fake: FakeBucket) -> None:
    noise = put(store, new_key(), b"other")
    names = put(store, new_key(), b"whole file")
    with store.open(names[0]) as stream:
        assert stream.read() == b"whole file"
    with store.open(noise[0]) as stream:
        assert stream.read() == b"other"
    assert all(name.startswith("evidence/") for name in fake.objects)
    assert all(f" /{NAME}" in line for line in fake.seen), "by path, never by host name"


def test_deleting_asks_one_by_one_and_may_be_done_twice(store: S3Store, fake: FakeBucket) -> None:
    kept, gone = put(store, new_key()), put(store, new_key())
    store.delete(gone)
    store.delete(gone)
    assert sorted(fake.objects) == sorted(f"evidence/{name}" for name in kept)
    with pytest.raises(ObjectMissing):
        store.open(gone[0])


def test_the_list_goes_through_all_pages_and_skips_strangers(
    store: S3Store, fake: FakeBucket
) -> None:
    names = put(store, new_key()) + put(store, new_key())
    fake.objects["evidence/readme.txt"] = fake.objects["other/" + names[0]] = b"x"
    listed = list(store.objects())
    assert sorted(item.name for item in listed) == sorted(names)
    assert listed[0].at == datetime(2026, 3, 1, tzinfo=UTC)


def test_only_names_of_its_own_are_asked_for(store: S3Store, fake: FakeBucket) -> None:
    for name in ("../secret", "ab/" + "ab" * 16 + "/../x", "photo.jpg"):
        with pytest.raises(ObjectMissing):
            store.open(name)
        with pytest.raises(ObjectMissing):
            store.delete([name])
    assert fake.seen == []


def test_a_bucket_that_is_not_there_is_found_out_before_a_put(fake: FakeBucket) -> None:
    store = S3Store("elsewhere", "", fake.url, "us-east-1")
    with pytest.raises(StoreAway):
        put(store, new_key())
    with pytest.raises(StoreAway):
        store.probe()
    assert not any(line.startswith("PUT") for line in fake.seen)


@pytest.mark.parametrize("mode", ["500", "503", "403", "silent", "dripping"])
def test_a_store_that_misbehaves_is_away_within_five_seconds_and_recovers(
    store: S3Store, fake: FakeBucket, mode: str
) -> None:
    names = put(store, new_key())
    fake.mode = mode
    for attempt in (lambda: store.open(names[0]), lambda: put(store, new_key())):
        began = time.monotonic()
        with pytest.raises(StoreAway) as caught:
            attempt()
        assert time.monotonic() - began <= 5
        assert caught.value.retry_after is not None
        if mode in {"silent", "dripping"}:
            break
    fake.mode = "sound"
    with store.open(names[0]) as stream:
        assert stream.read() == b"bytes"


def test_a_refused_connection_is_away_at_once() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    began = time.monotonic()
    with pytest.raises(StoreAway):
        S3Store(NAME, "", url, "us-east-1").probe()
    assert time.monotonic() - began <= 2


def test_a_silent_store_holds_a_bounded_number_of_callers(
    store: S3Store, fake: FakeBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_waiting", module.threading.BoundedSemaphore(1))
    put(store, new_key())
    store._waiting.acquire()
    with pytest.raises(StoreAway):
        store.probe()
    store._waiting.release()
    store.probe()


def test_a_bucket_has_nothing_to_tidy(store: S3Store) -> None:
    assert store.tidy(datetime.now(UTC)) == 0


def settings(tmp_path: Path, url: str) -> Settings:
    return replace(from_environment({"INSTANCE_PATH": str(tmp_path)}), media_url=url)


@pytest.mark.parametrize("slashes", ["", "//"])
def test_a_file_url_names_a_folder(tmp_path: Path, slashes: str) -> None:
    made = open_store(settings(tmp_path, f"file:{slashes}{tmp_path}/100% 照片"))
    assert isinstance(made, LocalStore)
    assert made.root == tmp_path / "100% 照片"


@pytest.mark.parametrize(
    ("url", "prefix"),
    [("s3://photos", ""), ("s3://photos/", ""), ("s3://photos/a/b/", "a/b/")],
)
def test_an_s3_url_names_bucket_and_prefix(tmp_path: Path, url: str, prefix: str) -> None:
    made = open_store(settings(tmp_path, url))
    assert isinstance(made, S3Store)
    assert (made.bucket, made.prefix) == ("photos", prefix)


@pytest.mark.parametrize("url", ["file:", "s3://", "s3:///x", "https://example.org", "photos"])
def test_any_other_url_stops_the_start(tmp_path: Path, url: str) -> None:
    with pytest.raises(SettingsError):
        open_store(settings(tmp_path, url))
