"""A store in a local folder."""

import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from shutil import copyfileobj
from typing import BinaryIO, Final

from media.errors import ObjectMissing, StoreAway
from media.objects import NAME, Stored

CHUNK: Final = 1 << 20
PROBE: Final = 1 << 16  # bytes


class LocalStore:
    """A folder: written beside, synced, renamed, and the folders synced too."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._incoming = root / ".incoming"

    def put(self, objects: Mapping[str, BinaryIO]) -> None:
        done: list[str] = []
        try:
            with _away_on_os_errors():
                for name, source in objects.items():
                    self._write(self._path(name), source)
                    done.append(name)
        except BaseException:
            with suppress(StoreAway):
                self.delete(done)
            raise

    def open(self, name: str) -> BinaryIO:
        with _away_on_os_errors():
            try:
                return self._path(name).open("rb")
            except (FileNotFoundError, NotADirectoryError) as error:
                raise ObjectMissing from error

    def stat(self, name: str) -> Stored:
        with _away_on_os_errors():
            try:
                return _stored(name, self._path(name))
            except (FileNotFoundError, NotADirectoryError) as error:
                raise ObjectMissing from error

    def delete(self, names: Iterable[str]) -> None:
        with _away_on_os_errors():
            for name in names:
                path = self._path(name)
                path.unlink(missing_ok=True)
                for folder in (path.parent, path.parent.parent):
                    with suppress(OSError):  # not empty, or gone already
                        folder.rmdir()

    def objects(self, shard: str = "") -> Iterator[Stored]:
        with _away_on_os_errors():
            for path in self.root.glob(f"{shard or '[0-9a-f]'}[0-9a-f]/*/*"):
                name = path.relative_to(self.root).as_posix()
                if NAME.fullmatch(name):
                    with suppress(FileNotFoundError):  # deleted meanwhile
                        yield _stored(name, path)

    def tidy(self, before: datetime) -> int:
        left = 0
        with _away_on_os_errors():
            for path in self._incoming.glob("*"):
                with suppress(FileNotFoundError):
                    if datetime.fromtimestamp(path.stat().st_mtime, UTC) < before:
                        path.unlink()
                        left += 1
        return left

    def probe(self) -> None:
        with _away_on_os_errors():
            self._incoming.mkdir(parents=True, exist_ok=True, mode=0o700)
            draft = self._incoming / secrets.token_hex(16)
            try:
                draft.write_bytes(bytes(PROBE))  # an empty file fits on a full disk
            finally:
                draft.unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        """Return the object's path, proven to lie inside the store whatever it links to."""
        if not NAME.fullmatch(name):
            raise ObjectMissing
        path = self.root / name
        if path.resolve() != self.root.resolve() / name:
            raise ObjectMissing
        return path

    def _write(self, path: Path, source: BinaryIO) -> None:
        self._incoming.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = self._incoming / secrets.token_hex(16)
        source.seek(0)
        try:
            with os.fdopen(
                os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb"
            ) as file:
                copyfileobj(source, file, CHUNK)
                file.flush()
                os.fsync(file.fileno())
            self._rename(draft, path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        for folder in (path.parent, path.parent.parent, self.root):
            _sync(folder)

    def _rename(self, draft: Path, path: Path) -> None:
        """Move into place; a sweep may take an empty folder away between any two steps, once."""
        for last in (False, True):
            try:
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                draft.rename(path)
            except FileNotFoundError:
                if last:
                    raise
            else:
                return


@contextmanager
def _away_on_os_errors() -> Iterator[None]:
    """A full or unreadable disk is a store that is away; it may come back without a restart."""
    try:
        yield
    except OSError as error:
        raise StoreAway from error


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _stored(name: str, path: Path) -> Stored:
    found = path.stat()
    return Stored(name, datetime.fromtimestamp(found.st_mtime, UTC), found.st_size)
