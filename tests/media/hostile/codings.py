"""The rarer kinds of coding, and files that lie about how they are coded."""

import struct
from collections.abc import Iterator, Mapping

from tests.media import forgery
from tests.media.forgery import Heif, Item, box, single
from tests.media.hostile.sizes import moving_lie
from tests.media.hostile.sound import (
    PICTURE,
    grain,
    tile,
)
from tests.media.hostile.verdicts import (
    ACCEPTED,
    DAMAGED,
    FORMAT,
    UPRIGHT,
    Hostile,
    either,
    hostile,
)
from tests.media.pictures import (
    jpeg,
    webp,
)


def codings() -> Iterator[Hostile]:
    """JPEGs of the rarer kinds, and frames that lie about themselves."""
    photo = jpeg(PICTURE)
    for marker in forgery.FRAMES[1:]:
        yield either(f"frame-{marker:x}", forgery.reframed(photo, marker=marker))
    for size in ((97, 73), (960, 720), (8, 8), (96, 7200)):
        yield either(f"size-{size[0]}x{size[1]}", forgery.reframed(photo, size=size))
    for precision in (0, 1, 12, 16, 255):
        yield either(f"precision-{precision}", forgery.reframed(photo, precision=precision))
    yield from _scan_counts()
    at = photo.index(b"\xff\xda")
    yield either("no-tables", photo[:20] + photo[photo.index(b"\xff\xc0") : at] + photo[at:])
    yield either("second-frame-header", _second_frame(photo))
    yield either("second-start", photo[:2] + photo)
    yield either("components-255", _components(photo, 255))
    yield either("components-0", _components(photo, 0))
    yield hostile("restarts", jpeg(PICTURE, restart_marker_blocks=1), ACCEPTED, corners=UPRIGHT)
    yield either("restart-lies", forgery.with_segments(photo, b"\xff\xdd\0\4\0\1"))
    yield either(
        "height-later", forgery.reframed(photo, size=(96, 0))[:-2] + b"\xff\xdc\0\4\0\x48\xff\xd9"
    )
    yield either("end-early", photo[:at] + b"\xff\xd9" + photo[at:])
    yield hostile("no-scan", photo[:at] + b"\xff\xd9", DAMAGED)
    yield hostile("start-and-end", b"\xff\xd8\xff\xd9", DAMAGED, FORMAT)
    yield either("numbered-start", b"\xff\xd8\xff\x01" + photo[2:])
    yield either("table-missing", photo.replace(b"\xff\xc4", b"\xff\xe5"))
    yield either("table-overfull", _overfull(photo))
    for name, data in _odd_webp().items():
        yield either(f"webp-{name}", data)
    for name, heif in _odd_heic().items():
        yield either(f"heic-{name}", heif)


def _scan_counts() -> Iterator[Hostile]:
    """Each scan costs a pass over the whole picture, and takes some bytes."""
    head, scans = forgery.scans(jpeg(grain(), progressive=True))
    for count, verdicts in ((100, (ACCEPTED, DAMAGED)), (101, (DAMAGED,)), (3000, (DAMAGED,))):
        body = b"".join(scans) + scans[-1] * (count - len(scans))
        yield hostile(f"scans-{count}", head + body + b"\xff\xd9", *verdicts)
    first = head + scans[0] + b"\xff\xd9"
    yield either("scans-1-of-10", first)
    big = forgery.reframed(head, size=(8000, 6000)) + scans[0] + scans[-1] * 99 + b"\xff\xd9"
    yield either("scans-100-of-48-megapixels", big)


def _second_frame(photo: bytes) -> bytes:
    """A second header behind the scan says that all was far larger."""
    at = forgery.frame_at(photo)
    end = at + 2 + int(struct.unpack(">H", photo[at + 2 : at + 4])[0])
    other = forgery.reframed(photo, size=(60_000, 60_000))[at:end]
    return photo[:-2] + other + photo[-2:]


def _components(photo: bytes, number: int) -> bytes:
    changed = bytearray(photo)
    changed[forgery.frame_at(photo) + 9] = number
    return bytes(changed)


def _overfull(photo: bytes) -> bytes:
    at = photo.index(b"\xff\xc4")
    return photo[: at + 5] + b"\xff" * 16 + photo[at + 21 :]


def _odd_webp() -> Mapping[str, bytes]:
    plain = webp(PICTURE)
    (pixels,) = forgery.parts_of(plain)
    alpha = forgery.riff_chunk(b"ALPH", b"\x01" + b"\xff" * 60)
    canvas = forgery.canvas
    return {
        "size-0": b"RIFF\0\0\0\0" + plain[8:],
        "size-most": b"RIFF\xff\xff\xff\xff" + plain[8:],
        "chunk-size-most": plain[:16] + b"\xff\xff\xff\xff" + plain[20:],
        "two-pictures": forgery.riff(canvas(PICTURE.size), pixels, pixels),
        "canvas-twice": forgery.riff(canvas(PICTURE.size), canvas((9, 9)), pixels),
        "alpha-broken": forgery.riff(canvas(PICTURE.size, 16), alpha, pixels),
        "frames-none": forgery.riff(
            canvas(PICTURE.size, 2), forgery.riff_chunk(b"ANIM", b"\0" * 6)
        ),
        "canvas-small": forgery.riff(canvas((8, 8)), pixels),
        "flags-all": forgery.riff(canvas(PICTURE.size, 255), pixels),
        "unknown-first": forgery.riff(forgery.riff_chunk(b"JUNK", b"x" * 99), pixels),
        "frames-5000": moving_lie((2, 2), 5000),
    }


def _odd_heic() -> Mapping[str, bytes]:
    sound = single(tile()).made()
    crop = struct.pack(">8I", 1, 1, 1, 1, 0, 1, 0, 1)
    negative = struct.pack(">8I", 0, 1, 0, 1, 1 << 31, 1, 0, 0)
    linked = single(tile())
    linked.references = [(b"thmb", 1, (1,)), (b"auxl", 1, (1,)), (b"dimg", 1, (1,))]
    codecs = {
        kind.decode(): Heif([Item(kind, tile().data, (1, 2))], [tile().setup, tile().extent]).made()
        for kind in (
            b"av01",
            b"jpeg",
            b"j2k1",
            b"vvc1",
            b"unci",
            b"iden",
            b"iovl",
            b"mski",
            b"Exif",
        )
    }
    brands = {
        f"brand-{brand.decode()}": sound[:8] + brand + sound[12:]
        for brand in (
            b"mif1",
            b"msf1",
            b"heix",
            b"hevc",
            b"heim",
            b"mif2",
            b"avif",
            b"avis",
            b"jxl ",
        )
    }
    deep = b"\0"
    for _ in range(3000):
        deep = box(b"meta", b"\0\0\0\0", deep)
    return codecs | brands | {
        "crop-to-one": single(tile(), box(b"clap", crop)).made(),
        "crop-negative": single(tile(), box(b"clap", negative)).made(),
        "linked-to-itself": linked.made(),
        "no-primary": sound.replace(b"pitm", b"xitm"),
        "no-setup": sound.replace(b"hvcC", b"xvcC"),
        "no-extent": sound.replace(b"ispe", b"xspe"),
        "no-places": sound.replace(b"iloc", b"xloc"),
        "places-65535": sound.replace(b"iloc\0\0\0\0\x44\0\0\1", b"iloc\0\0\0\0\x44\0\xff\xff"),
        "box-size-0": sound.replace(struct.pack(">I", len(sound))[:4], b"\0\0\0\0"),
        "box-size-most": sound[:28] + b"\xff\xff\xff\xff" + sound[32:],
        "box-size-64": sound[:28] + b"\0\0\0\1" + sound[32:36] + b"\x7f" + b"\xff" * 7 + sound[44:],
        "boxes-nested-3000": sound[:28] + deep,
        "boxes-200000": sound + box(b"free") * 200_000,
        "sequence-only": box(b"ftyp", b"msf1\0\0\0\0msf1hevc") + box(b"moov", box(b"mvhd")),
        "traits-200": single(tile(), *[box(b"irot", b"\1")] * 200).made(),
        "larger-than-coded": single(tile(), size=(4000, 3000)).made(),
        "smaller-than-coded": single(tile(), size=(32, 32)).made(),
    }  # fmt: skip
