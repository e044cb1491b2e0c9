"""Colour profiles and text packets that are broken, enormous, or would explode."""

import itertools
import random
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final

from PIL import ImageCms

from tests.media import forgery
from tests.media.forgery import Item, single
from tests.media.hostile.sound import (
    MAKERS,
    PICTURE,
    tile,
)
from tests.media.hostile.verdicts import (
    ACCEPTED,
    DAMAGED,
    SEED,
    UPRIGHT,
    Hostile,
    hostile,
)
from tests.media.pictures import (
    chunk,
    jpeg,
    png,
    webp,
)


def profiles() -> Iterator[Hostile]:
    """A profile that can't be used is left out; the pixels are good without it."""
    wide = forgery.wide_profile()
    pieces = forgery.profile_segments(wide, 200)
    huge = forgery.profile_segments(wide + b"\0" * 3_000_000)
    photo = jpeg(PICTURE)
    lists = {
        "many": pieces,
        "backwards": pieces[::-1],
        "one-missing": pieces[:1] + pieces[2:],
        "twice": pieces + pieces,
        "last-only": pieces[-1:],
        "huge": huge,
        "number-0": [forgery.segment(0xE2, b"ICC_PROFILE\0\0\0" + wide)],
        "more-than-said": [forgery.segment(0xE2, b"ICC_PROFILE\0\7\2" + wide)],
    }
    for name, segments in lists.items():
        data = forgery.with_segments(photo, *segments)
        yield hostile(f"jpeg-{name}", data, ACCEPTED, corners=UPRIGHT)
    bare = forgery.with_segments(photo, forgery.segment(0xE2, b"ICC_PROFILE\0"))
    yield hostile("jpeg-no-number", bare, ACCEPTED, DAMAGED)  # its reader gives up on that
    for (name, profile), kind in itertools.product(_profiles().items(), MAKERS):
        data = MAKERS[kind](PICTURE, icc_profile=profile)
        yield hostile(f"{kind}-{name}", data, ACCEPTED, corners=UPRIGHT)
    sound = png(PICTURE)
    for name, body in {
        "not-zlib": b"x\0\0\xff\xff",
        "method-9": b"x\0\x09",
        "no-name": b"",
    }.items():
        data = forgery.before_data(sound, chunk(b"iCCP", body))
        yield hostile(f"png-{name}", data, ACCEPTED, DAMAGED, corners=UPRIGHT)


@cache
def _profiles() -> Mapping[str, bytes]:
    wide = forgery.wide_profile()
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    return {
        "cut": wide[: len(wide) // 2],
        "head-only": wide[:128],
        "tags-2-32": wide[:128] + b"\xff" * 4 + wide[132:],
        "size-2-32": b"\xff" * 4 + wide[4:],
        "random": random.Random(SEED).randbytes(3000),
        "of-inks": wide[:16] + b"CMYK" + wide[20:],
        "of-grey": wide[:16] + b"GRAY" + wide[20:],
        "of-lab": lab,
        "offsets-past": wide[:132] + wide[132:].replace(b"\0\0\1", b"\xff\xff\1"),
    }


BILLION: Final = (
    b"<?xml version='1.0'?><!DOCTYPE l [<!ENTITY a 'lol'>"
    + b"".join(b"<!ENTITY %c '%s'>" % (98 + at, b"&%c;" % (97 + at) * 10) for at in range(9))
    + b"]><x:xmpmeta xmlns:x='adobe:ns:meta/'>&j;</x:xmpmeta>"
)
PACKETS: Final = {
    "billion": BILLION,
    "external": b"<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><x>&e;</x>",
    "external-dtd": b"<!DOCTYPE x SYSTEM 'http://127.0.0.1:9/x.dtd'><x/>",
    "deep": b"<a>" * 20_000,
    "utf-16": "<x:xmpmeta xmlns:x='adobe:ns:meta/'/>".encode("utf-16"),
    "no-xml": bytes(range(256)) * 20,
    "attributes": b"<x " + b" ".join(b"a%d='1'" % at for at in range(6000)) + b"/>",
    "empty": b"",
}


def packets() -> Iterator[Hostile]:
    """XMP that would explode, ask the network, or never end, in each format."""
    for name, packet in PACKETS.items():
        data = forgery.with_segments(jpeg(PICTURE), forgery.packet_segment(packet[:65_000]))
        yield hostile(f"jpeg-{name}", data, ACCEPTED, corners=UPRIGHT)
        body = b"XML:com.adobe.xmp\0\0\0\0\0" + packet
        yield hostile(
            f"png-{name}", forgery.before_data(png(PICTURE), chunk(b"iTXt", body)),
            ACCEPTED, corners=UPRIGHT,
        )  # fmt: skip
        held = forgery.extended(webp(PICTURE), 4, forgery.riff_chunk(b"XMP ", packet))
        yield hostile(f"webp-{name}", held, ACCEPTED, corners=UPRIGHT)
        made = single(tile())
        made.items.append(Item(b"mime", packet, content=b"application/rdf+xml"))
        made.references.append((b"cdsc", 2, (1,)))
        yield hostile(f"heic-{name}", made.made(), ACCEPTED, corners=UPRIGHT)
    guid = b"0123456789ABCDEF0123456789ABCDEF"
    for name, length, offset in (("short", 10, 0), ("huge", 0xFFFFFFFF, 0), ("past", 99, 1 << 31)):
        piece = forgery.extended_packet(b"<x/>" * 99, guid, length=length, offset=offset)
        data = forgery.with_segments(jpeg(PICTURE), piece, piece)
        yield hostile(f"jpeg-extended-{name}", data, ACCEPTED, corners=UPRIGHT)
    for name, record in _records().items():
        data = forgery.with_segments(jpeg(PICTURE), record)
        yield hostile(f"jpeg-iptc-{name}", data, ACCEPTED, corners=UPRIGHT)


def _records() -> Mapping[str, bytes]:
    sound = forgery.iptc((5, b"title"), (120, b"caption"))
    return {
        "sound": sound,
        "length-past": sound[:30] + b"\xff\xff" + sound[32:],
        "length-extended": forgery.segment(
            0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0\xff\xff\xff\xff"
        ),
        "empty": forgery.segment(0xED, b"Photoshop 3.0\0"),
    }
