"""The decoder: a program of its own that forks one bounded child for each photo.

`media.decoding` starts it with an empty environment and speaks to it over one socket. An order is a
line of JSON with three descriptors: the photo, a file for the answer, and a pipe for the last word.
What a hostile file may do to Pillow, libheif or libwebp happens to a child without secrets, with
400 MB, 10 seconds and no way to grow them; this program itself never reads a byte of a photo. It
has one thread, so a fork is safe, and it ends when its socket does: when the server process dies.
"""

import ctypes
import dataclasses
import gc
import json
import os
import resource
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final, NoReturn

from PIL import Image

from core.errors import DomainError
from media import images
from media.answers import line, told
from media.files import (
    CRASHED,
    FINISHED,
    MOST_ANSWER,
    MOST_ORDER,
    STOPPED,
    UNABLE,
    WALL_SECONDS,
    Box,
)

MEMORY: Final = 400 * 1000 * 1000
CPU_SECONDS: Final = 10
MOST_FILES: Final = 32
PATIENCE: Final = 5  # of `nice`: requests go before photos
FIRST_TO_GO: Final = "800"  # of 1000: if the machine runs out of memory, end this
UNCONFINED: Final = 97  # how a child exits that could not give itself its limits
LAST_WORDS: Final = {0: FINISHED, UNCONFINED: UNABLE}

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38


@dataclasses.dataclass(frozen=True, slots=True)
class Child:
    """A process at work on a photo; `end` is when it is killed, `word` where its end is told."""

    pid: int
    exit: int
    word: int
    end: float


class Decoder:
    """The loop over orders and ends of children."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._events = selectors.DefaultSelector()
        self._events.register(control, selectors.EVENT_READ)
        self._children: dict[int, Child] = {}

    def serve(self) -> None:
        """Work until the other end of the socket is closed."""
        while True:
            for key, _ in self._events.select(self._patience()):
                if key.fileobj is not self._control:
                    self._bury(self._children[key.fd])
                elif not self._take():
                    return
            for child in list(self._children.values()):
                if child.end <= time.monotonic():
                    self._bury(child, STOPPED)

    def _patience(self) -> float | None:
        ends = [child.end for child in self._children.values()]
        return max(0.0, min(ends) - time.monotonic()) if ends else None

    def _take(self) -> bool:
        order, files, _, _ = socket.recv_fds(self._control, MOST_ORDER, 3)
        if not order:
            return False
        photo, answer, word = files
        pid = os.fork()
        if not pid:
            self._leave(word)
            work(order, photo, answer)
        os.close(photo)
        os.close(answer)
        child = Child(pid, os.pidfd_open(pid), word, time.monotonic() + WALL_SECONDS)
        self._children[child.exit] = child
        self._events.register(child.exit, selectors.EVENT_READ)
        return True

    def _leave(self, word: int) -> None:
        """Close, as a child, what would let it speak for itself, for another or for the program."""
        self._control.close()
        self._events.close()
        os.close(word)
        for other in self._children.values():
            os.close(other.exit)
            os.close(other.word)

    def _bury(self, child: Child, word: bytes = b"") -> None:
        """Reap a child, alive or dead, and tell how it ended, if anybody still listens."""
        signal.pidfd_send_signal(child.exit, signal.SIGKILL)
        _, status = os.waitpid(child.pid, 0)
        del self._children[child.exit]
        self._events.unregister(child.exit)
        os.close(child.exit)
        with suppress(BrokenPipeError):
            code = os.waitstatus_to_exitcode(status)
            os.write(child.word, word or LAST_WORDS.get(code, CRASHED))
        os.close(child.word)


def work(order: bytes, photo: int, answer: int) -> NoReturn:
    """Decode one photo as a child, and end; any unforeseen end but this one is a crash."""
    end = UNCONFINED
    try:
        confine()
        end = 1
        with open(photo, "rb") as stream, open(answer, "wb") as out:
            out.write(answered(stream, json.loads(order)["boxes"]))
        os._exit(0)
    finally:
        os._exit(end)


def confine() -> None:
    """Give this process its limits, and up all ways around them."""
    parent = os.getppid()
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before this was asked
        os._exit(1)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    os.nice(PATIENCE)
    with suppress(OSError):  # a container may rank its processes further up already
        Path("/proc/self/oom_score_adj").write_text(FIRST_TO_GO)
    os.dup2(os.open(os.devnull, os.O_RDWR), 2)
    for limit, most in (
        (resource.RLIMIT_DATA, _data_size() + MEMORY),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, MOST_ANSWER),
        (resource.RLIMIT_NOFILE, MOST_FILES),
    ):
        _, hard = resource.getrlimit(limit)
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(limit, (value, value))


def _prctl(option: int, value: int) -> None:
    if _PRCTL(option, value, 0, 0, 0):
        os._exit(UNCONFINED)


_PRCTL: Final[Callable[..., int]] = ctypes.CDLL(None).prctl


def _data_size() -> int:
    """Return the bytes that `RLIMIT_DATA` counts already."""
    pages = Path("/proc/self/statm").read_text().split()[5]
    return int(pages) * resource.getpagesize()


def answered(stream: BinaryIO, boxes: list[list[int]] | None) -> bytes:
    """Return the answer to an order: a line of facts, then the copies and the gist as they are."""
    try:
        if boxes is None:
            return told(images.examine(stream))
        return told(images.redacted(stream, [Box(*box) for box in boxes]))
    except DomainError as refusal:
        return line({"refused": refusal.code})


def warm_up() -> None:
    """Import and look up what any photo needs once, before the first fork."""
    for kind in ("JPEG", "PNG", "WEBP"):
        photo = BytesIO()
        Image.new("RGB", (64, 64), "grey").save(photo, kind)
        answered(photo, [[0, 0, 8, 8]])
        answered(photo, None)


def main() -> None:
    """Serve the socket whose descriptor the command line names."""
    control = socket.socket(fileno=int(sys.argv[1]))
    for number in (signal.SIGINT, signal.SIGTERM):  # its end is the end of the server process
        signal.signal(number, signal.SIG_IGN)
    os.chdir("/")
    warm_up()
    gc.collect()
    gc.freeze()
    Decoder(control).serve()


if __name__ == "__main__":
    main()
