"""Pictures beside the picture."""

import struct
from collections.abc import Iterator, Mapping

from PIL import Image

from tests.media import forgery
from tests.media.forgery import Far, Heif, Item, full, single, tiff
from tests.media.hostile.sound import (
    PICTURE,
    magenta,
    tile,
)
from tests.media.hostile.verdicts import (
    ACCEPTED,
    MAGENTA,
    UPRIGHT,
    Hostile,
    hostile,
)
from tests.media.pictures import (
    jpeg,
    mpo,
    png,
    saved,
)


def hidden() -> Iterator[Hostile]:
    """Pictures beside the picture, all magenta: none of them may be shown, or leave."""
    other = Image.new("RGB", PICTURE.size, MAGENTA)
    preview = jpeg(other)
    photo = jpeg(PICTURE)
    jfxx = b"JFXX\0\x10" + preview
    raw = b"JFXX\0\x13" + bytes([20, 20]) + bytes(MAGENTA) * 400
    block = tiff({0x10F: (2, b"Maker\0")}, {0x103: (3, b"\6\0"), 0x201: Far(preview),
                 0x202: (4, struct.pack("<I", len(preview)))})  # fmt: skip
    whole = {
        "jpeg-exif-preview": forgery.with_exif(photo, block),
        "jpeg-jfxx-jpeg": forgery.with_segments(photo, forgery.segment(0xE0, jfxx)),
        "jpeg-jfxx-pixels": forgery.with_segments(photo, forgery.segment(0xE0, raw)),
        "jpeg-second-frame": mpo([PICTURE, other]),
        "jpeg-nine-frames": mpo([PICTURE, *[other] * 8]),
        "jpeg-index-lies": _index_lies(mpo([PICTURE, other])),
        "jpeg-ultra-hdr": photo + preview,
        "png-behind-end": png(PICTURE) + png(other),
        "webp-moving": saved(PICTURE, "WEBP", save_all=True, append_images=[other], duration=9),
        "png-moving": saved(PICTURE, "PNG", save_all=True, append_images=[other], duration=9),
    }
    for name, data in whole.items():
        yield hostile(name, data, ACCEPTED, corners=UPRIGHT)
    for name, made in _beside().items():
        yield hostile(f"heic-{name}", made.made(), ACCEPTED, corners=UPRIGHT)
    yield hostile(
        "png-hidden-first", forgery.animated_png(PICTURE, other), ACCEPTED, corners=UPRIGHT
    )
    many = saved(PICTURE, "HEIF", save_all=True, append_images=[other, other], primary_index=0)
    yield hostile("heic-three", many, ACCEPTED, corners=UPRIGHT)


def _index_lies(data: bytes) -> bytes:
    at = data.index(b"MPF\0") + 4
    return data[: at + 20] + b"\xff" * 40 + data[at + 60 :]


def _beside() -> Mapping[str, Heif]:
    """Previews, depth and other companions of a HEIC, and a hidden item."""
    depth = full(b"auxC", b"urn:mpeg:hevc:2015:auxid:2\0")
    gain = full(b"auxC", b"urn:com:apple:photo:2020:aux:hdrgainmap\0")
    plans = {"preview": (b"thmb", b""), "depth": (b"auxl", depth), "gain-map": (b"auxl", gain)}
    made = {}
    for name, (link, trait) in plans.items():
        heif = single(tile())
        heif.properties += [magenta().setup, trait or magenta().extent]
        heif.items.append(Item(b"hvc1", magenta().data, (3, 2, 4)))
        heif.references.append((link, 2, (1,)))
        made[name] = heif
    secret = single(tile())
    secret.properties.append(magenta().setup)
    secret.items.append(Item(b"hvc1", magenta().data, (3, 2), hidden=True))
    return made | {"hidden-item": secret}
