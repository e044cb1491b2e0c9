"""Pictures turned every way, cut off anywhere, with bits turned over, or with noise in them."""

import itertools
import random
import struct
from collections.abc import Iterator

from tests.media import forgery
from tests.media.forgery import Item, box, single, tiff
from tests.media.hostile.sound import (
    MAKERS,
    PICTURE,
    seeds,
    tile,
)
from tests.media.hostile.verdicts import (
    ACCEPTED,
    DAMAGED,
    FLIPS,
    FORMAT,
    REFUSALS,
    SEED,
    SPLICES,
    TURNED,
    UPRIGHT,
    Hostile,
    either,
    hostile,
)
from tests.media.pictures import (
    ORIENTATION,
    exif,
    jpeg,
    short,
)


def orientations() -> Iterator[Hostile]:
    for kind, order, number in itertools.product(MAKERS, "<>", range(10)):
        block = exif({ORIENTATION: short(number, order)}, order=order)
        name = f"{kind}-{'little' if order == '<' else 'big'}-{number}"
        corners = TURNED.get(number, UPRIGHT)
        yield hostile(name, MAKERS[kind](PICTURE, exif=block), ACCEPTED, corners=corners)
    for quarter, corners in enumerate((UPRIGHT, TURNED[8], TURNED[3], TURNED[6])):
        turn = box(b"irot", bytes([quarter]))
        yield hostile(
            f"heic-irot-{quarter}", single(tile(), turn).made(), ACCEPTED, corners=corners
        )
        both = _told_twice(turn, 6)
        yield hostile(f"heic-irot-{quarter}-exif-6", both, ACCEPTED, corners=corners)
    for axis, corners in ((0, TURNED[4]), (1, TURNED[2])):
        mirror = box(b"imir", bytes([axis]))
        yield hostile(f"heic-imir-{axis}", single(tile(), mirror).made(), ACCEPTED, corners=corners)
    for number in (-1, 255, 65535):
        block = tiff({ORIENTATION: (3, struct.pack("<H", number & 0xFFFF))})
        told = forgery.with_exif(jpeg(PICTURE), block)
        yield hostile(f"jpeg-{number}", told, ACCEPTED, corners=UPRIGHT)
    first, second = (exif({ORIENTATION: short(number)}) for number in (6, 3))
    twice = forgery.with_segments(
        jpeg(PICTURE), forgery.segment(0xE1, first), forgery.segment(0xE1, second)
    )
    yield hostile("jpeg-two-blocks", twice, ACCEPTED)


def _told_twice(turn: bytes, number: int) -> bytes:
    """Turned by its container, and by a block of claims that says so once more."""
    made = single(tile(), turn)
    block = struct.pack(">I", 6) + exif({ORIENTATION: short(number)})
    made.items.append(Item(b"Exif", block))
    made.references.append((b"cdsc", 2, (1,)))
    return made.made()


def truncations() -> Iterator[Hostile]:
    for name, whole in seeds().items():
        for tenth in range(1, 10):
            yield hostile(f"{name}-{tenth}-tenths", whole[: len(whole) * tenth // 10], DAMAGED)
        for missing in range(1, 21):
            yield hostile(f"{name}-minus-{missing}", whole[:-missing], *_without_end(name, missing))
        for kept in (1, 2, 3, 8, 12, 16, 20, 24, 30, 40):
            yield hostile(f"{name}-first-{kept}", whole[:kept], DAMAGED, FORMAT)


def _without_end(name: str, missing: int) -> tuple[str, ...]:
    """Only a PNG ends with 20 bytes, two checksums and an end mark, that hold no pixels."""
    return (ACCEPTED, DAMAGED) if name.startswith("png") and missing <= 20 else (DAMAGED,)


def flips(number: int = FLIPS) -> Iterator[Hostile]:
    """Sound files with up to eight bits turned over; taken or refused by name, never more."""
    kinds = list(seeds())
    chance = random.Random(SEED)
    for at in range(number):
        kind = kinds[at % len(kinds)]
        data = bytearray(seeds()[kind])
        for _ in range(chance.randint(1, 8)):
            reach = min(len(data), 800) if chance.random() < 0.5 else len(data)
            data[chance.randrange(reach)] ^= 1 << chance.randrange(8)
        yield either(f"{kind}-{at}", bytes(data))


def splices(number: int = SPLICES) -> Iterator[Hostile]:
    """Sound files with a stretch taken out, doubled, blanked, or put in from another one."""
    kinds = list(seeds())
    chance = random.Random(SEED)
    for at in range(number):
        kind = kinds[at % len(kinds)]
        whole, other = seeds()[kind], seeds()[chance.choice(kinds)]
        start = chance.randrange(8, len(whole))
        length = chance.choice((1, 2, 4, 16, 200))
        after, stretch = whole[start + length :], whole[start : start + length]
        blanks = (b"", b"\0" * length, b"\xff" * length, b"\x7f" + b"\xff" * 3)
        turned = (stretch * 2, stretch[::-1], other[start : start + length])
        middle = chance.choice((*blanks, *turned, chance.randbytes(length)))
        yield either(f"{kind}-{at}", whole[:start] + middle + after)


def noise_behind_beginnings() -> Iterator[Hostile]:
    chance = random.Random(SEED)
    for name, whole in seeds().items():
        for kept in (4, 12, 33, 64, 120):
            data = whole[:kept] + chance.randbytes(chance.randint(1, 4000))
            yield hostile(f"{name}-{kept}", data, *REFUSALS)
