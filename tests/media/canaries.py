"""Photos with secrets in every place where a format can carry something beside its pixels.

Each place has a word of its own, so what leaks says whence it came; behind the word stand a name,
a phone number, a serial number, a place and an address.
"""

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from PIL import Image

from tests.media import forgery
from tests.media.forgery import Far, Item, box, coded, full, riff_chunk, segment, single, tiff
from tests.media.pictures import chunk, heic, jpeg, mpo, place, png, quarters, text, webp

NAME, PHONE, SERIAL, ADDRESS = "王小明", "13912340000", "SN99887766", "太白楼路1号"
WHERE = "N30.123456 E104.654321"
LATITUDE, LONGITUDE = 30.123456, 104.654321
PICTURE: Final = quarters((640, 480))
SHRUNKEN: Final = frozenset({"ztxt", "itxt-zip", "iccp", "hex"})  # can't be seen in the bytes


def secret(spot: str) -> str:
    return f"CANARY-{spot} {NAME} {PHONE} {SERIAL} {ADDRESS} {WHERE}"


def raw(spot: str) -> bytes:
    return secret(spot).encode()


@dataclass(frozen=True)
class Dressed:
    """A sound photo and the places of it that hold a secret."""

    name: str
    data: bytes
    spots: tuple[str, ...]

    def missing(self) -> list[str]:
        """The secrets that are not there to be found: a test of those would prove nothing."""
        open_spots = [spot for spot in self.spots if spot not in SHRUNKEN]
        return [spot for spot in open_spots if not found(self.data, f"CANARY-{spot}")]


def found(data: bytes, word: str) -> bool:
    codings = ("utf-8", "utf-16-le", "utf-16-be", "gb18030")
    return any(word.encode(coding) in data for coding in codings)


def leaks(data: bytes) -> list[str]:
    """The secrets that some bytes repeat, in any coding."""
    words = ("CANARY", NAME, PHONE, SERIAL, ADDRESS, "30.1234", "104.6543", WHERE)
    return [word for word in words if found(data, word)]


# ---------------------------------------------------------------------------------- the blocks

MAIN: Final = {
    0x10D: "document", 0x10E: "description", 0x10F: "make", 0x110: "model", 0x11D: "page",
    0x131: "software", 0x13B: "artist", 0x13C: "host", 0x151: "target", 0x8298: "copyright",
    0xC614: "unique-model", 0xC62F: "camera-serial", 0xC68B: "raw-name", 0xC71B: "preview-date",
    0xA480: "gdal",
}  # fmt: skip
WIDE: Final = {0x9C9B: "title", 0x9C9C: "comment", 0x9C9D: "author", 0x9C9E: "keys", 0x9C9F: "sub"}
DETAILS: Final = {
    0x8824: "spectral", 0x9004: "digitized", 0x9290: "subseconds", 0xA004: "sound",
    0xA420: "unique", 0xA430: "owner", 0xA431: "body-serial", 0xA433: "lens-make",
    0xA434: "lens-model",
    0xA435: "lens-serial", 0xA436: "picture-title", 0xA437: "photographer", 0xA438: "editor",
    0xA439: "firmware", 0xA43A: "raw-program", 0xA43B: "edit-program", 0xA43C: "meta-program",
}  # fmt: skip
LOOSE: Final = {0x927C: "maker-note", 0xA40B: "device", 0xA302: "pattern"}
POSITION: Final = {0x08: "satellites", 0x12: "datum", 0x1D: "gps-date"}
PREFIXED: Final = {0x1B: "gps-method", 0x1C: "gps-area"}
BLOCK_SPOTS: Final = (
    *MAIN.values(), *WIDE.values(), *DETAILS.values(), *LOOSE.values(), *POSITION.values(),
    *PREFIXED.values(), "user-comment", "interop", "ifd-xmp", "ifd-iptc", "ifd-photoshop",
    "preview-make", "preview-comment",
)  # fmt: skip


def block() -> bytes:
    """An EXIF block with a secret in every tag that takes text, and in its preview."""
    details: dict[int, object] = {tag: text(secret(spot)) for tag, spot in DETAILS.items()}
    details |= {tag: (7, raw(spot)) for tag, spot in LOOSE.items()}
    details |= {0x9003: text("2026:03:01 07:30:00"), 0xA005: {0x1000: text(secret("interop"))}}
    details[0x9286] = (7, b"UNICODE\0" + secret("user-comment").encode("utf-16-le"))
    where: dict[int, object] = dict(place(LATITUDE, LONGITUDE))
    where |= {tag: text(secret(spot)) for tag, spot in POSITION.items()}
    where |= {tag: (7, b"ASCII\0\0\0" + raw(spot)) for tag, spot in PREFIXED.items()}
    main: dict[int, object] = {tag: text(secret(spot)) for tag, spot in MAIN.items()}
    main |= {tag: (1, secret(spot).encode("utf-16-le")) for tag, spot in WIDE.items()}
    main |= {0x2BC: (1, packet("ifd-xmp")), 0x83BB: (7, raw("ifd-iptc"))}
    main |= {0x8649: (1, raw("ifd-photoshop")), 0x8769: details, 0x8825: where}
    return tiff(main, _preview())  # type: ignore[arg-type]


def _preview() -> Mapping[int, object]:
    """What stands in the directory of the preview: another picture, with its own comment."""
    small = jpeg(Image.new("RGB", (160, 120), (255, 0, 255)), comment=secret("preview-comment"))
    length = struct.pack("<I", len(small))
    return {0x10F: text(secret("preview-make")), 0x201: Far(small), 0x202: (4, length)}


def packet(spot: str) -> bytes:
    return (
        "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF "
        "xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description "
        f"xmlns:dc='http://purl.org/dc/elements/1.1/' dc:creator='{secret(spot)}'/>"
        f"<photoshop:City>{secret(spot)}</photoshop:City></rdf:RDF></x:xmpmeta>"
    ).encode()


def profile(spot: str) -> bytes:
    return forgery.profile_with(forgery.wide_profile(), secret(spot))


# ---------------------------------------------------------------------------------- the formats


def dressed_jpeg() -> Dressed:
    guid = b"0123456789ABCDEF0123456789ABCDEF"
    long_packet = packet("xmp-extended")
    spots = {f"app{at}": segment(0xE0 + at, raw(f"app{at}")) for at in range(16)}
    named = {
        "xmp": forgery.packet_segment(packet("xmp")),
        "xmp-extended": forgery.extended_packet(
            long_packet, guid, length=len(long_packet), offset=0
        ),
        "iptc": forgery.iptc(*((number, raw("iptc")) for number in (5, 80, 90, 92, 116, 120))),
        "icc": b"".join(forgery.profile_segments(profile("icc"))),
        "jfxx": segment(0xE0, b"JFXX\0\x10" + raw("jfxx")),
        "flashpix": segment(0xE2, b"FPXR\0\0\0" + raw("flashpix")),
        "meta": segment(0xE3, b"META\0\0" + raw("meta")),
        "ducky": segment(0xEC, b"Ducky\0\2" + raw("ducky")),
        "comment": segment(0xFE, raw("comment")),
    }
    pieces = [segment(0xE1, b"Exif\0\0" + block()), *spots.values(), *named.values()]
    data = forgery.with_segments(jpeg(PICTURE), *pieces)
    late = segment(0xFE, raw("late"))
    scan = data.rindex(b"\xff\xda")
    behind = late + data[scan:-2] + segment(0xFE, raw("last")) + data[-2:]
    whole = data[:scan] + behind + raw("trailer") + jpeg(comment=secret("second"))
    places = (*BLOCK_SPOTS, *spots, *named, "late", "last", "trailer", "second")
    return Dressed("jpeg", whole, places)


def undressed_jpeg() -> Dressed:
    """Without a profile nothing but the encoder's own forgetting keeps a comment back."""
    told = forgery.with_exif(jpeg(PICTURE, comment=secret("comment")), block())
    return Dressed("jpeg-without-profile", told, (*BLOCK_SPOTS, "comment"))


def dressed_mpo() -> Dressed:
    second = Image.new("RGB", PICTURE.size, (255, 0, 255))
    second.encoderinfo = {"comment": secret("frame")}
    whole = forgery.with_exif(mpo([PICTURE, second]), block())
    return Dressed("mpo", whole + raw("trailer"), (*BLOCK_SPOTS, "trailer"))


def dressed_png() -> Dressed:
    keys = ("Title", "Author", "Description", "Copyright", "Comment", "Software", "Source")
    texts = [chunk(b"tEXt", key.encode() + b"\0" + raw(key.lower())) for key in keys]
    shrunken = zlib.compress(raw("ztxt"))
    hexed = f"\nexif\n{len(block()):8}\n{(b'Exif' + bytes(2) + block()).hex()}\n".encode()
    chunks = [
        chunk(b"iCCP", b"CANARY-icc-name\0\0" + zlib.compress(profile("iccp"))),
        *texts,
        chunk(b"zTXt", b"Author\0\0" + shrunken),
        chunk(b"iTXt", b"Title\0\0\0zh\0" + raw("itxt-key") + b"\0" + raw("itxt")),
        chunk(b"iTXt", b"Title\0\1\0\0\0" + zlib.compress(raw("itxt-zip"))),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet("xmp")),
        chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(hexed)),
        chunk(b"sPLT", b"CANARY-palette\0\x08" + b"\0" * 6),
        chunk(b"eXIf", block()),
        chunk(b"prVt", raw("private")),
    ]
    whole = forgery.before_data(png(PICTURE), *chunks)
    whole = forgery.before_end(whole, chunk(b"tEXt", b"Comment\0" + raw("late")))
    named = ("icc-name", "ztxt", "itxt-key", "itxt", "itxt-zip", "xmp", "hex", "palette", "iccp")
    places = (*BLOCK_SPOTS, *(key.lower() for key in keys), *named, "private", "late", "trailer")
    return Dressed("png", whole + raw("trailer"), places)


def dressed_webp() -> Dressed:
    (pixels,) = (part for part in forgery.parts_of(webp(PICTURE)) if part[:4] == b"VP8 ")
    whole = forgery.riff(
        forgery.canvas(PICTURE.size, 0x20 | 8 | 4),
        riff_chunk(b"ICCP", profile("icc")),
        riff_chunk(b"JUNK", raw("junk")),
        pixels,
        riff_chunk(b"EXIF", block()),
        riff_chunk(b"XMP ", packet("xmp")),
        riff_chunk(b"CNRY", raw("unknown")),
    )
    places = (*BLOCK_SPOTS, "icc", "junk", "xmp", "unknown", "trailer")
    return Dressed("webp", whole + raw("trailer"), places)


def dressed_heic() -> Dressed:
    """With every item and box that may stand beside the picture, and a preview of its own."""
    made = single(
        coded(PICTURE),
        full(b"udes", b"zh\0" + raw("described") + b"\0" + raw("tags") + b"\0"),
        box(b"colr", b"prof" + profile("icc")),
    )
    small = coded(Image.new("RGB", (64, 64), (255, 0, 255)))
    made.properties += [small.setup, small.extent]
    last = len(made.properties)
    made.items += [
        Item(b"Exif", struct.pack(">I", 0) + block(), name=raw("item-name")),
        Item(b"mime", packet("xmp"), content=b"application/rdf+xml"),
        Item(b"mime", raw("other-item"), content=raw("content-type")),
        Item(b"uri ", raw("uri-item")),
        Item(b"hvc1", small.data, (last - 1, last), name=raw("preview-name")),
    ]
    made.references += [(b"cdsc", at, (1,)) for at in (2, 3, 4, 5)] + [(b"thmb", 6, (1,))]
    boxes = [box(b"free", raw("free")), box(b"uuid", b"\1" * 16 + raw("uuid"))]
    boxes += [box(b"udta", box(b"cprt", raw("user-data"))), box(b"mpvd", raw("motion"))]
    named = (
        "described",
        "tags",
        "icc",
        "item-name",
        "xmp",
        "other-item",
        "content-type",
        "uri-item",
    )
    places = (*BLOCK_SPOTS, *named, "preview-name", "free", "uuid", "user-data", "motion")
    return Dressed("heic", made.made() + b"".join(boxes), places)


def plain_heic() -> Dressed:
    """As its usual writer makes one."""
    data = heic(PICTURE, exif=b"Exif\0\0" + block(), xmp=packet("xmp"), icc_profile=profile("icc"))
    return Dressed("heic-plain", data, (*BLOCK_SPOTS, "xmp", "icc"))


def all_dressed() -> list[Dressed]:
    makers = (dressed_jpeg, undressed_jpeg, dressed_mpo, dressed_png, dressed_webp, dressed_heic)
    return [make() for make in (*makers, plain_heic)]
