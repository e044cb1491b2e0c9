"""A folder keeps what it acknowledged, whole, inside itself, and says so when it can't."""

import errno
import io
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from media.errors import ObjectMissing, StoreAway
from media.folder import LocalStore
from media.models import Variant
from media.objects import key_of, new_key, object_name


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "photos")


def put(store: LocalStore, key: str, data: bytes = b"bytes") -> list[str]:
    names = [object_name(key, variant) for variant in Variant]
    store.put({name: io.BytesIO(data) for name in names})
    return names


def read(store: LocalStore, name: str) -> bytes:
    with store.open(name) as stream:
        return stream.read()


def test_what_was_put_is_read_back(store: LocalStore) -> None:
    noise, key = put(store, new_key(), b"other"), new_key()
    source = io.BytesIO(b"whole file")
    source.seek(5)
    store.put({object_name(key, Variant.ORIGINAL): source})
    assert read(store, object_name(key, Variant.ORIGINAL)) == b"whole file"
    assert read(store, noise[0]) == b"other"


def test_names_are_random_and_tell_nothing() -> None:
    keys = {new_key() for _ in range(1000)}
    assert len(keys) == 1000
    assert {len(key) for key in keys} == {32}
    assert key_of(object_name("ab" * 16, Variant.THUMB)) == "ab" * 16


@pytest.mark.parametrize(
    "name",
    [
        "../secret",
        "/etc/passwd",
        "ab/../../secret",
        "ab/" + "ab" * 16 + "/../../../secret",
        "ab/" + "ab" * 16 + "/original/..",
        "ab/" + "ab" * 16 + "/original\n",
        "ab/" + "ab" * 16 + "/original\0",
        "AB/" + "AB" * 16 + "/original",
        "ab/" + "ab" * 16 + "/secret",
        "ab\\" + "ab" * 16 + "\\thumb",
        "",
        ".",
        "photo.jpg",
        "照片.jpg",
    ],
)
def test_only_names_of_its_own_are_opened_written_or_deleted(store: LocalStore, name: str) -> None:
    (store.root.parent / "secret").write_text("secret")
    with pytest.raises(ObjectMissing):
        store.open(name)
    with pytest.raises(ObjectMissing):
        store.put({name: io.BytesIO(b"x")})
    with pytest.raises(ObjectMissing):
        store.delete([name])
    assert (store.root.parent / "secret").read_text() == "secret"
    assert [path for path in store.root.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("depth", ["prefix", "folder", "file"])
def test_a_link_that_leads_out_is_never_followed(store: LocalStore, depth: str) -> None:
    outside = store.root.parent / "outside"
    name = object_name("ab" * 16, Variant.ORIGINAL)
    target = outside / name
    target.parent.mkdir(parents=True)
    target.write_text("secret")
    path = store.root / name
    links = {
        "prefix": (path.parent.parent, outside / "ab"),
        "folder": (path.parent, target.parent),
        "file": (path, target),
    }
    link, to = links[depth]
    link.parent.mkdir(parents=True)
    link.symlink_to(to)
    with pytest.raises(ObjectMissing):
        store.open(name)
    with pytest.raises(ObjectMissing):
        store.put({name: io.BytesIO(b"x")})
    assert target.read_text() == "secret"


def test_a_folder_that_is_itself_reached_by_a_link_works(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "photos").symlink_to(tmp_path / "disk")
    store = LocalStore(tmp_path / "photos")
    names = put(store, new_key())
    assert read(store, names[0]) == b"bytes"
    assert sorted(item.name for item in store.objects()) == sorted(names)


def test_nothing_is_readable_to_others(store: LocalStore) -> None:
    names = put(store, new_key())
    assert (store.root / names[0]).stat().st_mode & 0o077 == 0
    assert (store.root / names[0]).parent.stat().st_mode & 0o077 == 0


def test_deleting_takes_empty_folders_along_and_may_be_done_twice(store: LocalStore) -> None:
    kept, gone = put(store, "ab" * 16), put(store, "cd" * 16)
    store.delete(gone)
    store.delete(gone)
    assert not (store.root / "cd").exists()
    assert read(store, kept[0]) == b"bytes"
    with pytest.raises(ObjectMissing):
        store.open(gone[0])


def test_the_list_holds_objects_and_nothing_else(store: LocalStore) -> None:
    names = put(store, new_key())
    (store.root / "ab").mkdir(exist_ok=True)
    (store.root / "ab" / "notes.txt").write_text("x")
    (store.root / ".incoming" / "draft").write_text("x")
    listed = list(store.objects())
    assert sorted(item.name for item in listed) == sorted(names)
    assert all(abs(datetime.now(UTC) - item.at) < timedelta(minutes=1) for item in listed)


def test_a_shard_is_the_part_of_the_list_that_begins_with_a_letter(store: LocalStore) -> None:
    first, second = put(store, "ab" * 16), put(store, "ba" * 16)
    assert sorted(item.name for item in store.objects("a")) == sorted(first)
    assert sorted(item.name for item in store.objects("b")) == sorted(second)
    assert list(store.objects("c")) == []


def test_an_object_is_weighed_without_being_read(store: LocalStore) -> None:
    name = put(store, new_key(), b"whole file")[0]
    found = store.stat(name)
    assert (found.name, found.size) == (name, 10)
    assert found in list(store.objects())
    for missing in (object_name(new_key(), Variant.THUMB), "../secret"):
        with pytest.raises(ObjectMissing):
            store.stat(missing)


def test_an_empty_store_lists_nothing(store: LocalStore) -> None:
    assert list(store.objects()) == []
    assert store.tidy(datetime.now(UTC)) == 0


def test_a_full_disk_keeps_nothing_and_recovers(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, key, synced = put(store, new_key()), new_key(), os.fsync

    def full(descriptor: int) -> None:
        if len([path for path in store.root.rglob("*") if path.is_file()]) >= 5:
            raise OSError(errno.ENOSPC, "No space left on device")
        synced(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreAway) as caught:
        put(store, key)
    assert caught.value.retry_after is not None
    assert sorted(item.name for item in store.objects()) == sorted(kept)
    assert list((store.root / ".incoming").iterdir()) == []
    monkeypatch.setattr(os, "fsync", synced)
    assert read(store, put(store, key)[0]) == b"bytes"


def test_a_store_that_is_no_folder_is_away(tmp_path: Path) -> None:
    (tmp_path / "photos").write_text("a file")
    store = LocalStore(tmp_path / "photos")
    with pytest.raises(StoreAway):
        put(store, new_key())
    with pytest.raises(StoreAway):
        store.probe()


def test_a_reader_that_breaks_off_leaves_nothing(store: LocalStore) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise ValueError("cut off")

    with pytest.raises(ValueError, match="cut off"):
        store.put({object_name(new_key(), Variant.THUMB): Broken(b"x")})
    assert [path for path in store.root.rglob("*") if path.is_file()] == []


def test_a_sweep_that_takes_the_folder_away_meanwhile_does_not_matter(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved, met = Path.rename, []

    def rename(path: Path, target: Path) -> Path:
        if not met:
            met.append(target)
            target.parent.rmdir()
        return moved(path, target)

    monkeypatch.setattr(Path, "rename", rename)
    name = object_name(new_key(), Variant.THUMB)
    store.put({name: io.BytesIO(b"x")})
    assert met
    assert read(store, name) == b"x"


def test_a_sweep_that_takes_the_folder_above_away_does_not_matter_either(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, name, met = os.mkdir, object_name(new_key(), Variant.THUMB), []

    def mkdir(path: Path, mode: int = 0o777) -> None:
        made(path, mode)
        if not met and Path(path).name == name[:2]:
            met.append(path)
            os.rmdir(path)  # noqa: PTH106  what is patched is below pathlib

    monkeypatch.setattr(os, "mkdir", mkdir)
    store.put({name: io.BytesIO(b"x")})
    assert met
    assert read(store, name) == b"x"


def test_a_folder_that_goes_away_again_and_again_is_away(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rename(_path: Path, _target: Path) -> Path:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(StoreAway):
        put(store, new_key())
    assert list((store.root / ".incoming").iterdir()) == []


def test_drafts_of_killed_writers_go_after_their_time(store: LocalStore) -> None:
    store.probe()
    old, young = store.root / ".incoming" / "old", store.root / ".incoming" / "young"
    old.write_text("x")
    young.write_text("x")
    past = datetime.now(UTC) - timedelta(hours=2)
    os.utime(old, (past.timestamp(), past.timestamp()))
    assert store.tidy(datetime.now(UTC) - timedelta(hours=1)) == 1
    assert not old.exists()
    assert young.exists()


def test_a_probe_leaves_nothing_behind(store: LocalStore) -> None:
    store.probe()
    assert list((store.root / ".incoming").iterdir()) == []
