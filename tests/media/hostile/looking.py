"""What the decoder says of a file, and what is wrong with that."""

import atexit
import io
import itertools
import json
import os
import resource
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import astuple

from PIL import Image

from core.errors import DomainError
from media import decoder, images
from media.decoding import Program, read_copies, read_picture, readable
from media.files import Box, Copies, Picture, weigh
from tests.media.hostile.verdicts import ACCEPTED, MOST_PIXELS, REFUSALS, Hostile
from tests.media.pictures import corner_colours, opened

START, END, SCAN = 0xD8, 0xD9, 0xDA
RESTARTS = range(0xD0, 0xD8)
BARE = {START, 0xE0, 0xDB, 0xC0, 0xC4, SCAN, END}  # JFIF, tables, one frame: nothing that tells


_program = Program()
atexit.register(_program.close)


def verdict(data: bytes) -> tuple[str, Picture | None]:
    """What an upload of these bytes would be told; any other error than a named one is raised."""
    stream = io.BytesIO(data)
    try:
        weigh(stream)
        with readable(stream) as photo:
            return ACCEPTED, read_picture(_program.decode(photo, b'{"boxes": null}'))
    except DomainError as refusal:
        if refusal.code not in REFUSALS:
            raise
        return refusal.code, None


def verdicts(files: Sequence[Hostile]) -> Iterator[tuple[Hostile, str, Picture | None]]:
    """Verdicts of many files by few children, each confined as the program confines its own.

    A child for each costs fifteen times what a small file does. One that ends its child, of
    whatever, is shown to the program; so each is told what an upload of it would be told.
    """
    at = 0
    while at < len(files):
        for answer in _answers(files[at:]):
            yield files[at], *_read(files[at].data, answer)
            at += 1
        if at < len(files):
            yield files[at], *verdict(files[at].data)
            at += 1


def _answers(files: Sequence[Hostile]) -> Iterator[bytes]:
    """What a child says of the files, as far as it lives."""
    reads, writes = os.pipe()
    child = os.fork()
    if not child:
        os.close(reads)
        decoder.confine()
        for file in files:
            told = decoder.answered(io.BytesIO(file.data), None)
            _write(writes, len(told).to_bytes(4) + told)
        os._exit(0)
    os.close(writes)
    with open(reads, "rb") as told_of:  # noqa: PTH123, a descriptor has no path
        while head := told_of.read(4):
            yield told_of.read(int.from_bytes(head))
    os.waitpid(child, 0)


def _write(pipe: int, told: bytes) -> None:
    while told:
        told = told[os.write(pipe, told) :]


def _read(data: bytes, answer: bytes) -> tuple[str, Picture | None]:
    try:
        weigh(io.BytesIO(data))
        return ACCEPTED, read_picture(answer)
    except DomainError as refusal:
        return refusal.code, None


def blackened(data: bytes, *boxes: Box) -> Copies:
    """The redacted copies of a sound photo."""
    order = json.dumps({"boxes": [astuple(box) for box in boxes]}).encode()
    with readable(io.BytesIO(data)) as photo:
        return read_copies(_program.decode(photo, order))


def growth(data: bytes) -> float:
    """MiB that a process gains while it looks at a file without any limit, whatever it says."""
    reads, writes = os.pipe()
    child = os.fork()
    if not child:
        before = _peak()
        with suppress(BaseException):
            images.examine(io.BytesIO(data))
        os.write(writes, str(_peak() - before).encode())
        os._exit(0)
    os.close(writes)
    with open(reads) as told:  # noqa: PTH123, a descriptor has no path
        answer = told.read()
    os.waitpid(child, 0)
    return float(answer or "inf")


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def complaints(hostile: Hostile) -> list[str]:
    """What is wrong with the verdict, and with the picture of an accepted file."""
    return wrong_about(hostile, *verdict(hostile.data))


def wrong_about(hostile: Hostile, found: str, picture: Picture | None) -> list[str]:
    wrong = [] if found in hostile.may else [f"{found}, not {' or '.join(sorted(hostile.may))}"]
    if picture is None:
        return wrong
    if hostile.mime not in {None, picture.mime_type}:
        wrong.append(f"taken for {picture.mime_type}")
    if not 0 < picture.width * picture.height <= MOST_PIXELS:
        wrong.append(f"{picture.width}x{picture.height}")
    copies = (picture.thumb, 400), (picture.large, 1600)
    told = (wrong_with(copy, limit, hostile) for copy, limit in copies)
    return wrong + list(itertools.chain.from_iterable(told))


def wrong_with(copy: bytes, limit: int, hostile: Hostile) -> Iterator[str]:
    """What a copy of an accepted file must not be, hold or show."""
    markers = anatomy(copy)
    if not set(markers) <= BARE or markers.count(START) != 1 or markers.count(END) != 1:
        yield f"segments {markers}"
    image = opened(copy)
    if image.mode != "RGB" or max(image.size) > limit:
        yield f"a copy of {image.mode} {image.size}"
    if hostile.corners is not None and tuple(corner_colours(image)) != hostile.corners:
        yield f"corners {corner_colours(image)}"
    yield from (f"holds {trace!r}" for trace in hostile.absent if trace in copy)
    if hostile.corners is not None and has_magenta(image):
        yield "shows what is hidden"


def has_magenta(image: Image.Image) -> bool:
    """Say whether any pixel is of the colour of hidden pictures; sound ones have none of it."""
    red, green, blue = image.convert("RGB").split()
    masks = (red.point(_is_high), green.point(_is_low), blue.point(_is_high))
    both = Image.composite(masks[0], Image.new("L", image.size), masks[1])
    return bool(Image.composite(both, Image.new("L", image.size), masks[2]).getextrema()[1])


def _is_high(value: int) -> int:
    return 255 if value > 200 else 0


def _is_low(value: int) -> int:
    return 255 if value < 60 else 0


def anatomy(data: bytes) -> list[int]:
    """The markers of a JPEG from its first byte to its last; nothing may lie between or behind."""
    found, at = [], 0
    while at < len(data):
        assert data[at] == 0xFF, f"{len(data) - at} bytes that belong to no segment"
        marker = data[at + 1]
        found.append(marker)
        at += 2
        if marker not in {START, END}:
            at += int.from_bytes(data[at : at + 2], "big")
        if marker == SCAN:
            at = _scan_end(data, at)
    return found


def _scan_end(data: bytes, at: int) -> int:
    while not (data[at] == 0xFF and data[at + 1] != 0 and data[at + 1] not in RESTARTS):
        at = data.index(b"\xff", at + 1)
    return at
