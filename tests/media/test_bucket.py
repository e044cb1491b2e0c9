"""A bucket: what it keeps, and that nobody waits longer than five seconds for one that is away."""

import io
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from core.settings import Settings, SettingsError, from_environment
from media import bucket as module
from media.bucket import MOST_CALLS, SLOW, WAIT, S3Store
from media.calls import AT_ONCE, Call, Patience
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


def test_a_store_that_is_late_with_every_answer_is_away_before_anything_is_sent(
    store: S3Store, fake: FakeBucket
) -> None:
    """A probe and a put that take their time one after the other are more than five seconds."""
    fake.mode = "late"
    with pytest.raises(StoreAway):
        store.probe()
    assert AT_ONCE.probe + WAIT + AT_ONCE.whole < 5


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


@pytest.mark.parametrize("mode", ["500", "503", "403", "404", "silent", "dripping", "dribbling"])
def test_a_store_that_misbehaves_is_away_within_five_seconds_and_recovers(
    store: S3Store, fake: FakeBucket, mode: str
) -> None:
    names = put(store, new_key())
    fake.mode = mode
    began = time.monotonic()
    with pytest.raises(StoreAway) as caught:
        store.open(names[0])
    assert time.monotonic() - began <= 5
    assert caught.value.retry_after is not None
    fake.mode = "sound"
    with store.open(names[0]) as stream:
        assert stream.read() == b"bytes"


@pytest.mark.parametrize("mode", ["500", "503", "403", "404", "deaf"])
def test_a_put_that_goes_wrong_leaves_nothing_and_goes_through_later(
    store: S3Store, fake: FakeBucket, mode: str
) -> None:
    fake.mode = mode
    began = time.monotonic()
    with pytest.raises(StoreAway):
        put(store, new_key())
    assert time.monotonic() - began <= 5
    assert fake.objects == {}
    fake.mode = "sound"
    assert len(put(store, new_key())) == 3


def test_a_reply_that_never_ends_holds_no_place_for_longer_than_its_time(
    store: S3Store, fake: FakeBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: without the cut, the places would be gone for as long as it drips."""
    names = put(store, new_key())
    fake.mode, store.patience = "dripping", Patience(1, 3, 0.5)
    cut = Call._cut
    for cutting in (True, False):
        monkeypatch.setattr(Call, "_cut", cut if cutting else lambda _call: None)
        fake.mode = "dripping"
        with ThreadPoolExecutor(MOST_CALLS) as pool:
            away = [pool.submit(store.open, names[0]) for _ in range(MOST_CALLS)]
        assert all(isinstance(tried.exception(), StoreAway) for tried in away)
        fake.mode = "sound"
        if cutting:
            store.open(names[0]).close()
            wait_until(lambda: fake.cut == MOST_CALLS)
        else:
            with pytest.raises(StoreAway):
                store.open(names[0])


def wait_until(holds: Callable[[], bool]) -> None:
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < 5
        time.sleep(0.02)


def test_a_refused_connection_is_away_at_once() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    began = time.monotonic()
    with pytest.raises(StoreAway):
        S3Store(NAME, "", url, "us-east-1").probe()
    assert time.monotonic() - began <= 2


def test_a_silent_store_holds_half_of_the_threads_and_refuses_the_others_at_once(
    store: S3Store, fake: FakeBucket
) -> None:
    put(store, new_key())
    fake.mode = "silent"
    with ThreadPoolExecutor(2 * MOST_CALLS) as pool:
        began = time.monotonic()
        first = [pool.submit(put, store, new_key()) for _ in range(MOST_CALLS)]
        wait_until(lambda: fake.hanging == MOST_CALLS)
        time.sleep(max(0, began + SLOW + 0.1 - time.monotonic()))
        for attempt in (store.probe, lambda: put(store, new_key())):
            asked = time.monotonic()
            with pytest.raises(StoreAway):
                attempt()
            assert time.monotonic() - asked < 0.1
        assert all(isinstance(tried.exception(), StoreAway) for tried in first)


def test_a_store_that_answers_lets_more_callers_wait_their_turn(
    store: S3Store, fake: FakeBucket
) -> None:
    fake.mode = "slow"
    with ThreadPoolExecutor(2 * MOST_CALLS) as pool:
        names = [object_name(new_key(), Variant.THUMB) for _ in range(2 * MOST_CALLS)]
        made = [pool.submit(store.put, {name: io.BytesIO(b"x")}) for name in names]
    assert [tried.exception() for tried in made] == [None] * len(made)


def test_what_nobody_of_us_put_there_is_not_read_into_memory(
    store: S3Store, fake: FakeBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = put(store, new_key())
    monkeypatch.setattr(module, "LARGEST", 4)
    with pytest.raises(StoreAway):
        store.open(names[0])


def test_an_object_is_weighed_without_being_read(store: S3Store, fake: FakeBucket) -> None:
    names = put(store, new_key(), b"whole file")
    found = store.stat(names[0])
    assert (found.size, found.at) == (10, datetime(2026, 3, 1, tzinfo=UTC))
    assert not any(line.startswith("GET") for line in fake.seen)
    with pytest.raises(ObjectMissing):
        store.stat(object_name(new_key(), Variant.THUMB))


def test_a_bucket_is_looked_for_again_when_it_was_seen_long_ago(
    store: S3Store, fake: FakeBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, new_key())
    put(store, new_key())
    assert len([line for line in fake.seen if line.startswith("HEAD")]) == 1
    monkeypatch.setattr(module, "PROOF", 0)
    store.bucket = "elsewhere"
    with pytest.raises(StoreAway):
        put(store, new_key())
    assert len(fake.objects) == 6


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


def test_a_store_that_was_slow_keeps_nobody_waiting_until_it_answers_again(
    store: S3Store, fake: FakeBucket
) -> None:
    put(store, new_key())
    fake.mode, store.patience = "silent", Patience(1, 3, SLOW + 0.1)
    with pytest.raises(StoreAway):
        store.probe()
    with ThreadPoolExecutor(MOST_CALLS) as pool:
        for _ in range(MOST_CALLS):
            pool.submit(store.probe)
        wait_until(lambda: fake.hanging == 1 + MOST_CALLS)  # the first one was cut here, not there
        began = time.monotonic()
        with pytest.raises(StoreAway):
            store.probe()
        assert time.monotonic() - began < WAIT
        fake.mode = "sound"
    store.probe()
    assert not store._slow


def test_a_call_whose_time_is_over_gets_no_other_connection() -> None:
    call, (one, other) = Call(lambda _call: None), socket.socketpair()
    with one, other:
        call.uses(one)
        call._cut()
        assert other.recv(1) == b"", "cut at once"
        with pytest.raises(ConnectionAbortedError):
            call.uses(one)


def certificate(folder: Path) -> ssl.SSLContext:
    """Make a certificate for loopback, and let every client trust it that is told of the file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / "public.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "both.pem").write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both.pem")
    return context


def test_a_store_behind_tls_is_cut_off_as_well(
    fake: FakeBucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.server.socket = certificate(tmp_path).wrap_socket(fake.server.socket, server_side=True)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "public.pem"))
    store = S3Store(NAME, "", fake.url.replace("http:", "https:"), "us-east-1")
    names = put(store, new_key())
    fake.mode, store.patience = "dripping", Patience(1, 3, 0.5)
    with pytest.raises(StoreAway):
        store.open(names[0])
    wait_until(lambda: not store._calls)
    fake.mode = "sound"
    with store.open(names[0]) as stream:
        assert stream.read() == b"bytes"
