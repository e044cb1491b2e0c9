"""Having photos decoded: by a program of its own, two at a time on the machine.

The other side of `media.decoder`. Nothing here, nor anything else in a server process, knows a
picture format: a file that takes a decoder over finds no key, no connection and no other photo, and
what it sends back is believed only as far as it is plain, small and of the right kind.
"""

import atexit
import json
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import astuple, dataclass
from io import UnsupportedOperation
from pathlib import Path
from typing import BinaryIO, Final

import structlog

from core.settings import settings
from media.answers import read_copies, read_picture
from media.errors import DamagedImage, DecoderBusy
from media.files import (
    FINISHED,
    MOST_ANSWER,
    STOPPED,
    UNABLE,
    WALL_SECONDS,
    Box,
    Copies,
    Picture,
)
from media.slots import slot

MARGIN: Final = 2.0  # seconds that a decoder may be late with its own limit
PROGRAM: Final = (sys.executable, "-s", "-m", "media.decoder")
ENVIRONMENT: Final = {
    "LC_ALL": "C.UTF-8",
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",  # a tenth of the page faults of a fresh child
}
PROJECT: Final = Path(__file__).resolve().parent.parent

log = structlog.get_logger()


class DecoderGoneError(Exception):
    """The decoder program is not there any more; no photo is to blame."""


def examine(stream: BinaryIO) -> Picture:
    """Decode a photo once and make both copies.

    Raises:
        UnsupportedFormat: the first bytes are of none of the formats.
        TooManyPixels: found in the header, before a pixel is decoded.
        DamagedImage: it can't be decoded to its end, or not within 400 MB and 10 s of work.
        DecoderBusy: no decoder was free, or it had no time, for 12 seconds.
    """
    return read_picture(_ordered(stream, None))


def redacted(stream: BinaryIO, boxes: Sequence[Box]) -> Copies:
    """Decode a photo and make both copies with black boxes, given in pixels of the upright picture.

    Raises:
        UnsupportedFormat, TooManyPixels, DamagedImage, DecoderBusy: as `examine`.
    """
    return read_copies(_ordered(stream, boxes))


def _ordered(stream: BinaryIO, boxes: Sequence[Box] | None) -> bytes:
    order = json.dumps({"boxes": None if boxes is None else [astuple(box) for box in boxes]})
    with readable(stream) as photo, slot(settings().instance):
        return _program.decode(photo, order.encode())


@contextmanager
def readable(stream: BinaryIO) -> Iterator[int]:
    """Lend a descriptor of the stream's file that reads only, with a position of its own."""
    with ExitStack() as stack:
        try:
            stream.flush()
            photo = os.open(f"/proc/self/fd/{stream.fileno()}", os.O_RDONLY)
        except (OSError, UnsupportedOperation):  # it is in memory, or its file can't be reopened
            photo = os.memfd_create("photo")
            stack.callback(os.close, photo)
            _pour(stream, photo)
        else:
            stack.callback(os.close, photo)
        yield photo


def _pour(stream: BinaryIO, photo: int) -> None:
    stream.seek(0)
    while chunk := stream.read(1 << 20):
        os.write(photo, chunk)
    os.lseek(photo, 0, os.SEEK_SET)


@dataclass(frozen=True)
class _Running:
    process: subprocess.Popen[bytes]
    control: socket.socket


class Program:
    """The decoder program of this process: started when it is first needed, and when it died."""

    def __init__(self, command: Sequence[str] = PROGRAM) -> None:
        self._command = command
        self._lock = threading.RLock()
        self._running: _Running | None = None

    @property
    def pid(self) -> int | None:
        """The running program's process."""
        return self._running.process.pid if self._running else None

    def decode(self, photo: int, order: bytes) -> bytes:
        """Return the decoder's answer; once more if the program went away, whoever ended it.

        Raises:
            DamagedImage: the child that decoded it crashed, or reached its limits.
            DecoderBusy: it had not ended after `WALL_SECONDS`, the program went away twice, or the
                machine has no process or descriptor left for it.
        """
        for _ in range(2):
            try:
                return self._asked(photo, order)
            except DecoderGoneError:
                continue
            except OSError:
                log.exception("decoder_out_of_reach")
        raise DecoderBusy

    def _asked(self, photo: int, order: bytes) -> bytes:
        with ExitStack() as stack:
            answer = os.memfd_create("answer")
            stack.callback(os.close, answer)
            word, said = os.pipe()
            stack.callback(os.close, word)
            try:
                running = self._sent(order, [photo, answer, said])
            finally:
                os.close(said)
            self._await(running, word)
            return os.pread(answer, MOST_ANSWER, 0)

    def _sent(self, order: bytes, files: Sequence[int]) -> _Running:
        """Give an order to the program, started if need be; who ends it waits until it is given."""
        with self._lock:
            running = self._running = self._running or self._start()
            try:
                socket.send_fds(running.control, [order], files)
            except OSError as error:
                self._ended(running)
                raise DecoderGoneError from error
            return running

    def _await(self, running: _Running, word: int) -> None:
        """Wait for the last word about a child."""
        events = select.poll()
        events.register(word, select.POLLIN)
        if not events.poll((WALL_SECONDS + MARGIN) * 1000):
            self._ended(running)
            raise DecoderBusy
        match os.read(word, 1):
            case b"":
                self._ended(running)
                raise DecoderGoneError
            case said if said in {STOPPED, UNABLE}:
                log.error("decoder_stopped" if said == STOPPED else "decoder_not_confined")
                raise DecoderBusy
            case said if said != FINISHED:
                raise DamagedImage

    def _start(self) -> _Running:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(MARGIN)
        with theirs:
            process = subprocess.Popen(  # noqa: S603 - our own program
                [*self._command, str(theirs.fileno())],
                cwd=PROJECT,
                env=ENVIRONMENT,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
        return _Running(process, ours)

    def _ended(self, running: _Running) -> None:
        """Forget a program that is gone or does not answer."""
        with self._lock:
            if self._running is running:
                self._running = None
            running.control.close()
        running.process.kill()
        running.process.wait()

    def close(self) -> None:
        """End the program; the next photo starts another."""
        running = self._running
        if running is not None:
            self._ended(running)

    def forget(self) -> None:
        """Leave the program to the process that this one was forked from."""
        self._lock = threading.RLock()
        if self._running is not None:
            self._running.control.close()
            self._running.process.returncode = 0  # not ours to wait for
            self._running = None


_program: Final = Program()
atexit.register(_program.close)
os.register_at_fork(after_in_child=_program.forget)
