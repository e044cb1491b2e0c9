"""Places to decode, of which a machine has two: locks on two files that its processes share."""

import fcntl
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import structlog

from media.errors import DecoderBusy

SLOTS: Final = 2  # decodes at once on the machine: 50 megapixels take up to 400 MB
LONGEST_WAIT: Final = 12.0  # seconds for a free slot
PAUSE: Final = 0.02  # seconds between two looks at the slots

log = structlog.get_logger()


@contextmanager
def slot(folder: Path) -> Iterator[None]:
    """Hold one of the machine's places to decode; the threads of a process queue for it.

    Raises:
        DecoderBusy: none was free for `LONGEST_WAIT` seconds.
    """
    held = _places.take(folder)
    try:
        yield
    finally:
        _places.leave(held)


class Places:
    """The machine's places to decode, as this process takes them."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._held: set[int] = set()

    def take(self, folder: Path) -> int:
        """Return a file whose lock is a place, as `slot` says."""
        end = time.monotonic() + LONGEST_WAIT
        if not self._turn.acquire(timeout=LONGEST_WAIT):
            raise DecoderBusy
        try:
            held = _held(folder, end)
            self._held.add(held)
        finally:
            self._turn.release()
        return held

    def leave(self, held: int) -> None:
        """Give a place back."""
        self._held.discard(held)
        os.close(held)

    def forget(self) -> None:
        """Leave the places to the process that this one was forked from, which may wait for one."""
        for held in self._held:
            os.close(held)
        self._turn, self._held = threading.Lock(), set()


def _held(folder: Path, end: float) -> int:
    """Take a place in the folder, or in one of our own where nothing can be written there.

    A server whose secrets, rows and photos are elsewhere may have no folder at all.
    """
    own = Path(tempfile.gettempdir()) / f"decoders-{os.geteuid()}"
    for usable in (folder, own):
        with suppress(OSError):  # read-only, full, or with the locks of another user
            usable.mkdir(mode=0o700, parents=True, exist_ok=True)
            if usable is folder or own.lstat().st_uid == os.geteuid():
                return _held_in(usable, end)
    log.error("decoder_without_a_folder")
    raise DecoderBusy


def _held_in(folder: Path, end: float) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    while True:
        for number in range(SLOTS):
            file = os.open(folder / f"decoder-{number}.lock", flags, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return file
            except BlockingIOError:
                os.close(file)
        if time.monotonic() > end:
            raise DecoderBusy
        time.sleep(PAUSE)


_places: Final = Places()
os.register_at_fork(after_in_child=_places.forget)
