"""Photos that tests make: sound ones, broken ones, and ones that claim things."""

import io
import struct
import zlib
from collections.abc import Mapping, Sequence

import pillow_heif
from PIL import Image

ASCII, SHORT, LONG, RATIONAL = 2, 3, 4, 5
SIZES = {1: 1, ASCII: 1, SHORT: 2, LONG: 4, RATIONAL: 8, 7: 1, 9: 4, 10: 8, 12: 8, 13: 4, 129: 1}
MAKE, MODEL, ORIENTATION, SOFTWARE, DETAILS, POSITION = 0x10F, 0x110, 0x112, 0x131, 0x8769, 0x8825
TAKEN, OFFSET = 0x9003, 0x9011
Tags = Mapping[int, tuple[int, bytes]]

RED, GREEN, BLUE, WHITE = (220, 30, 30), (30, 200, 30), (30, 30, 220), (240, 240, 240)


def text(value: str) -> tuple[int, bytes]:
    return ASCII, value.encode() + b"\x00"


def short(value: int, order: str = "<") -> tuple[int, bytes]:
    return SHORT, struct.pack(order + "H", value)


def rationals(*pairs: tuple[int, int], order: str = "<") -> tuple[int, bytes]:
    return RATIONAL, b"".join(struct.pack(order + "II", *pair) for pair in pairs)


def angle(degrees: float, order: str = "<") -> tuple[int, bytes]:
    """Degrees as whole degrees, whole minutes and seconds to 1e-6."""
    whole = round(abs(degrees) * 3_600_000_000)
    minutes, seconds = divmod(whole, 60_000_000)
    return rationals((minutes // 60, 1), (minutes % 60, 1), (seconds, 1_000_000), order=order)


def place(latitude: float, longitude: float, order: str = "<") -> dict[int, tuple[int, bytes]]:
    return {
        1: text("N" if latitude >= 0 else "S"),
        2: angle(latitude, order),
        3: text("E" if longitude >= 0 else "W"),
        4: angle(longitude, order),
    }


def exif(
    main: Tags | None = None,
    details: Tags | None = None,
    position: Tags | None = None,
    order: str = "<",
) -> bytes:
    """An EXIF block with the tags exactly as given, sound or not."""
    first = dict(main or {})
    for pointer, tags in ((DETAILS, details), (POSITION, position)):
        if tags is not None:
            first[pointer] = (LONG, b"\0\0\0\0")
    head = b"II*\0" if order == "<" else b"MM\0*"
    size = 8 + 2 + 12 * len(first) + 4 + sum(len(raw) for _, raw in first.values() if len(raw) > 4)
    rest = b""
    for pointer, tags in ((DETAILS, details), (POSITION, position)):
        if tags is not None:
            first[pointer] = (LONG, struct.pack(order + "I", size + len(rest)))
            rest += _directory(tags, size + len(rest), order)
    return b"Exif\0\0" + head + struct.pack(order + "I", 8) + _directory(first, 8, order) + rest


def _directory(tags: Tags, start: int, order: str) -> bytes:
    entries, far = b"", b""
    where = start + 2 + 12 * len(tags) + 4
    for tag, (kind, raw) in sorted(tags.items()):
        value = raw.ljust(4, b"\0")
        if len(raw) > 4:
            value = struct.pack(order + "I", where + len(far))
            far += raw
        entries += struct.pack(order + "HHI", tag, kind, len(raw) // SIZES[kind]) + value
    return struct.pack(order + "H", len(tags)) + entries + b"\0\0\0\0" + far


def quarters(size: tuple[int, int] = (640, 480)) -> Image.Image:
    """A picture whose corners are red, green, blue and white: it shows how it is turned."""
    image = Image.new("RGB", size)
    half = size[0] // 2, size[1] // 2
    for colour, corner in zip((RED, GREEN, BLUE, WHITE), _corners(half), strict=True):
        image.paste(colour, (*corner, corner[0] + half[0], corner[1] + half[1]))
    return image


def _corners(half: tuple[int, int]) -> list[tuple[int, int]]:
    return [(0, 0), (half[0], 0), (0, half[1]), half]


def corner_colours(image: Image.Image) -> list[str]:
    """The names of the corners' colours: top left, top right, bottom left, bottom right."""
    names = {RED: "red", GREEN: "green", BLUE: "blue", WHITE: "white"}
    far = image.width - 1 - image.width // 8, image.height - 1 - image.height // 8
    near = image.width // 8, image.height // 8
    points = [near, (far[0], near[1]), (near[0], far[1]), far]
    return [_nearest(image.convert("RGB").getpixel(point), names) for point in points]


def _nearest(colour: object, names: Mapping[tuple[int, int, int], str]) -> str:
    assert isinstance(colour, tuple)

    def distance(known: tuple[int, int, int]) -> int:
        return sum((one - other) ** 2 for one, other in zip(colour, known, strict=True))

    return names[min(names, key=distance)]


def noise(size: tuple[int, int] = (800, 600), seed: int = 7) -> Image.Image:
    """A picture without any regularity, the same for the same seed."""
    state, rows = seed, bytearray()
    for _ in range(size[0] * size[1] * 3):
        state = (1103515245 * state + 12345) & 0x7FFFFFFF
        rows.append(state >> 16 & 0xFF)
    return Image.frombytes("RGB", size, bytes(rows))


def jpeg(image: Image.Image | None = None, **options: object) -> bytes:
    return saved(image or quarters(), "JPEG", **{"quality": 90, **options})


def png(image: Image.Image | None = None, **options: object) -> bytes:
    return saved(image or quarters(), "PNG", **options)


def webp(image: Image.Image | None = None, **options: object) -> bytes:
    return saved(image or quarters(), "WEBP", **{"quality": 90, **options})


def heic(image: Image.Image | None = None, **options: object) -> bytes:
    pillow_heif.register_heif_opener()
    return saved(image or quarters(), "HEIF", **{"quality": 90, **options})


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def with_segment(data: bytes, marker: int, body: bytes) -> bytes:
    """The JPEG with one more segment right behind its start."""
    return data[:2] + bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body + data[2:]


def segments(data: bytes) -> list[int]:
    """The markers of a JPEG up to its scan."""
    found, at = [], 2
    while data[at] == 0xFF:
        found.append(data[at + 1])
        if data[at + 1] == 0xDA:
            return found
        at += 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
    raise AssertionError("no scan")


def chunk(name: bytes, body: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(name + body))
    return struct.pack(">I", len(body)) + name + body + check


def png_of(width: int, height: int, *, bits: int = 1, colour: int = 0, data: bytes = b"") -> bytes:
    """A PNG with any header at all."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(data, 9))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


def jpeg_of(width: int, height: int) -> bytes:
    """A sound small JPEG whose header claims another size."""
    data = jpeg(Image.new("RGB", (16, 16), RED))
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def webp_of(width: int, height: int) -> bytes:
    """A lossless WebP header that claims a size up to 16,383 squared."""
    bits = (width - 1) | (height - 1) << 14
    body = b"\x2f" + struct.pack("<I", bits) + b"\x00\x07\x10\x11\x11\x88\x88\xfe\x07\x00"
    frame = b"VP8L" + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)
    return b"RIFF" + struct.pack("<I", 4 + len(frame)) + b"WEBP" + frame


def mpo(frames: Sequence[Image.Image]) -> bytes:
    out = io.BytesIO()
    frames[0].save(out, "MPO", save_all=True, append_images=list(frames[1:]), quality=90)
    return out.getvalue()
