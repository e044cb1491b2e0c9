"""Small files of enormous pictures, and pictures exactly at the limits and one above."""

import struct
import zlib
from collections.abc import Iterator

from PIL import Image

from tests.media import forgery
from tests.media.forgery import Heif, Item, box, grid, single, tiff
from tests.media.hostile.sound import (
    PICTURE,
    tile,
)
from tests.media.hostile.verdicts import (
    ACCEPTED,
    BYTES,
    DAMAGED,
    EITHER,
    EMPTY,
    FORMAT,
    LYING,
    MAGENTA,
    MOST_PIXELS,
    PIXELS,
    UPRIGHT,
    Hostile,
    either,
    hostile,
)
from tests.media.pictures import (
    BLUE,
    chunk,
    jpeg,
    jpeg_of,
    png,
    png_of,
    saved,
    webp,
    webp_of,
)


def bombs() -> Iterator[Hostile]:
    for name, data in _png_bombs():
        yield hostile(name, data, PIXELS)
    for marker in forgery.FRAMES:
        lied = forgery.reframed(jpeg_of(16, 16), marker=marker, size=(65535, 65535))
        yield hostile(f"jpeg-65535-{marker:x}", lied, *LYING)
    yield hostile("jpeg-65500", jpeg_of(65500, 65500), PIXELS)
    yield hostile("jpeg-progressive-65500", _progressive_lie((65500, 65500)), PIXELS)
    yield hostile("webp-lossless-16383", webp_of(16383, 16383), PIXELS)
    yield hostile("webp-lossy-16383", forgery.riff(forgery.lossy_head((16383, 16383))), PIXELS)
    for side in (16383, 1 << 16, 1 << 24):
        yield hostile(f"webp-canvas-{side}", _canvas_lie((side, side)), *LYING)
        yield hostile(f"webp-canvas-{side}-moving", moving_lie((side, side)), *LYING)
    for size in ((20000, 20000), (65535, 65535), (0xFFFFFFFF, 0xFFFFFFFF), (1, 0xFFFFFFFF)):
        yield hostile(f"heic-{size[0]}x{size[1]}", single(tile(), size=size).made(), *LYING)
    yield from _grids()
    yield from _foreign_bombs()
    yield from _text_bombs()


def _png_bombs() -> Iterator[tuple[str, bytes]]:
    for side in (12_000, 20_000):
        yield f"png-{side}", png_of(side, side, data=b"\0" * ((side // 8 + 1) * side))
    yield "png-no-pixels", png_of(65535, 65535)
    yield "png-2-31", png_of(0x7FFFFFFF, 1)
    yield "png-2-31-squared", png_of(0x7FFFFFFF, 0x7FFFFFFF)
    yield "png-deep", png_of(50_001, 1_000, bits=16, colour=6)
    moving = chunk(b"acTL", struct.pack(">II", 0x7FFFFFFF, 0))
    yield "png-moving-30000", forgery.before_data(png_of(30_000, 30_000), moving)


def _progressive_lie(size: tuple[int, int]) -> bytes:
    return forgery.reframed(jpeg(PICTURE, progressive=True), size=size)


def _canvas_lie(size: tuple[int, int]) -> bytes:
    return forgery.riff(forgery.canvas(size), *forgery.parts_of(webp(PICTURE)))


def moving_lie(size: tuple[int, int], frames: int = 40) -> bytes:
    pixels = forgery.parts_of(webp(Image.new("RGB", (2, 2))))[0]
    frame = forgery.riff_chunk(b"ANMF", b"\0" * 6 + b"\1\0\0\1\0\0" + b"\x0a\0\0\0" + pixels)
    animation = forgery.riff_chunk(b"ANIM", b"\0" * 6)
    return forgery.riff(forgery.canvas(size, 2), animation, *[frame] * frames)


def _grids() -> Iterator[Hostile]:
    yield hostile("heic-grid-giant", grid(tile(), 2, 2, (60_000, 60_000)).made(), *LYING)
    yield hostile("heic-grid-too-few", _grid_of(40, 40, kept=3), DAMAGED)
    yield hostile("heic-grid-thousands", grid(tile(), 60, 60, (3840, 3840)).made(), *EITHER)
    yield hostile("heic-grid-one-tile-256", _grid_of(256, 256, kept=1), *LYING)
    yield hostile("heic-grid-of-itself", _grid_of_itself(), DAMAGED)
    yield hostile("heic-grid-of-grids", _grid_of_grids(12), *EITHER)
    yield hostile("heic-grid-tile-cut", _grid_cut(), DAMAGED)
    yield hostile("heic-grid-open-end", _open_ended(), ACCEPTED)
    yield hostile("heic-grid-open-end-cut", _open_ended()[:-40], DAMAGED)
    yield hostile("heic-grid-behind-a-box-cut", _behind(b"sefd"), DAMAGED)
    yield either("heic-grid-tile-empty", _grid_with(b""))
    yield either("heic-grid-tile-broken", _grid_with(b"\0\0\0\x10" + b"\xff" * 16))
    yield hostile("heic-tiles-65000", _grid_of_one(250, 250), *EITHER)


def _grid_of(across: int, down: int, kept: int) -> bytes:
    made = grid(tile(), 1, kept, (64 * across, 64 * down))
    plan = bytes([0, 1, down - 1, across - 1]) + struct.pack(">II", 64 * across, 64 * down)
    made.items[0] = Item(b"grid", plan, (3,))
    return made.made()


def _grid_cut() -> bytes:
    """The last tile lies behind the end of the file, all else is sound."""
    return grid(tile(), 2, 2, (128, 128)).made()[: -len(tile().data)]


def _open_ended() -> bytes:
    """The box of the tiles has no length: it reaches to the end, wherever that is."""
    whole = grid(tile(), 2, 2, (128, 128)).made()
    at = whole.index(b"mdat") - 4
    return whole[:at] + b"\0\0\0\0" + whole[at + 4 :]


def _behind(kind: bytes) -> bytes:
    """A box that few readers know stands before the tiles, of which the last is missing."""
    made = grid(tile(), 2, 2, (128, 128))
    return made.made(box(kind, b"\0" * 24))[: -len(tile().data)]


def _grid_with(data: bytes) -> bytes:
    made = grid(tile(), 2, 2, (128, 128))
    made.items[-1] = Item(b"hvc1", data, (1, 2), hidden=True)
    return made.made()


def _grid_of_itself() -> bytes:
    made = grid(tile(), 2, 2, (128, 128))
    made.references = [(b"dimg", 1, (1, 1, 1, 1))]
    return made.made()


def _grid_of_one(across: int, down: int) -> bytes:
    """One tile that stands for all of them: the file stays small."""
    made = grid(tile(), 1, 1, (64 * across, 64 * down))
    plan = bytes([0, 1, down - 1, across - 1]) + struct.pack(">II", 64 * across, 64 * down)
    made.items[0] = Item(b"grid", plan, (3,))
    made.references = [(b"dimg", 1, (2,) * (across * down))]
    return made.made()


def _grid_of_grids(depth: int) -> bytes:
    """Each is four times the next: a tree of 4 to the power of its depth."""
    plan = bytes([0, 1, 1, 1]) + struct.pack(">II", 128, 128)
    items = [Item(b"grid", plan, (3,)) for _ in range(depth)]
    links = [(b"dimg", at, (at + 1,) * 4) for at in range(1, depth + 1)]
    traits = [tile().setup, tile().extent, forgery.extent((128, 128))]
    return Heif([*items, Item(b"hvc1", tile().data, (1, 2))], traits, links).made()


def _foreign_bombs() -> Iterator[Hostile]:
    gif = b"GIF89a" + struct.pack("<HH", 65535, 65535) + b"\0\0\0,\0\0\0\0" + b"\xff" * 8
    yield hostile("gif-65535", gif, FORMAT)
    yield hostile("gif-moving", _moving("GIF"), FORMAT)
    yield hostile(
        "bmp-bomb", b"BM" + b"\0" * 12 + struct.pack("<III", 40, 1 << 30, 1 << 30), FORMAT
    )
    size = struct.pack(">II", 1 << 30, 1 << 30)
    yield hostile("psd-bomb", b"8BPS\0\1" + b"\0" * 6 + b"\0\3" + size, FORMAT)
    yield hostile("tiff-bomb", tiff({0x100: (4, b"\xff" * 4), 0x101: (4, b"\xff" * 4)}), FORMAT)
    for kind in ("WEBP", "PNG"):
        yield hostile(f"{kind.lower()}-moving", _moving(kind), ACCEPTED, corners=UPRIGHT)


def _moving(kind: str) -> bytes:
    frames = [Image.new("RGB", PICTURE.size, MAGENTA), Image.new("RGB", PICTURE.size, BLUE)] * 30
    return saved(PICTURE, kind, save_all=True, append_images=frames, duration=10)


def _text_bombs() -> Iterator[Hostile]:
    """A hundred megabytes of nothing behind a few kilobytes, beside sound pixels."""
    swollen = zlib.compress(b"\0" * 100_000_000, 9)
    small = zlib.compress(b"A" * 1_000_000, 9)
    sound = png(PICTURE)
    chunks = {
        "ztxt": chunk(b"zTXt", b"Comment\0\0" + swollen),
        "itxt": chunk(b"iTXt", b"Comment\0\1\0\0\0" + swollen),
        "iccp": chunk(b"iCCP", b"wide\0\0" + swollen),
        "ztxt-many": b"".join(chunk(b"zTXt", b"k\0\0" + small) for _ in range(500)),
        "text-8-mb": chunk(b"tEXt", b"Comment\0" + b"A" * 8_000_000),
    }
    for name, body in chunks.items():
        yield either(f"png-{name}-before", forgery.before_data(sound, body))
        yield either(f"png-{name}-behind", forgery.before_end(sound, body))
    rows = zlib.compress(b"\0" * 100_000_000, 9)
    yield either("png-endless-pixels", forgery.before_end(png_of(16, 16), chunk(b"IDAT", rows)))


def limits() -> Iterator[Hostile]:
    """Fifty million pixels are taken, one row more is not, in every format."""
    width, height = 10_000, MOST_PIXELS // 10_000
    flat = Image.new("L", (width, height), 128)
    yield hostile("png-at-limit", png_of(width, height, data=_bits(width, height)), ACCEPTED)
    yield hostile("jpeg-at-limit", jpeg(flat), ACCEPTED)
    yield hostile("webp-at-limit", webp(flat, lossless=True, quality=0, method=0), ACCEPTED)
    above = width, height + 1
    yield hostile("png-above", png_of(*above, data=_bits(*above)), PIXELS)
    yield hostile("jpeg-above", forgery.reframed(jpeg(PICTURE), size=above), PIXELS)
    yield hostile("webp-lossless-above", webp_of(*above), PIXELS)
    yield hostile("webp-lossy-above", forgery.riff(forgery.lossy_head(above)), PIXELS)
    yield hostile("webp-canvas-above", _canvas_lie(above), *LYING)
    yield hostile("heic-above", single(tile(), size=above).made(), *LYING)
    yield hostile("heic-grid-above", grid(tile(), 2, 2, above).made(), *LYING)
    yield hostile("jpeg-line", jpeg(Image.new("L", (65_500, 1), 9)), ACCEPTED)
    yield hostile("png-line", png(Image.new("L", (1, 200_000), 9)), ACCEPTED)
    yield hostile("png-longest-line", png_of(*(MOST_PIXELS, 1), data=b"\0" * 6_250_001), ACCEPTED)
    yield hostile("webp-line", webp(Image.new("L", (16_383, 1), 9)), ACCEPTED)
    yield from _sizes_of_nothing()
    padding = 20 * 1024 * 1024 - len(jpeg(PICTURE))
    yield hostile("bytes-at-limit", jpeg(PICTURE) + b"\0" * padding, ACCEPTED)
    yield hostile("bytes-above", jpeg(PICTURE) + b"\0" * (padding + 1), BYTES)
    yield hostile("empty", b"", EMPTY)


def _bits(width: int, height: int) -> bytes:
    return b"\0" * ((width // 8 + 1) * height)


def _sizes_of_nothing() -> Iterator[Hostile]:
    for size in ((0, 0), (0, 16), (16, 0)):
        of = f"{size[0]}x{size[1]}"
        yield hostile(f"png-{of}", png_of(*size, data=b"\0" * 9), DAMAGED)
        yield hostile(f"jpeg-{of}", forgery.reframed(jpeg(PICTURE), size=size), DAMAGED)
        yield hostile(f"webp-{of}", forgery.riff(forgery.lossy_head(size)), DAMAGED)
        yield hostile(f"heic-{of}", single(tile(), size=size).made(), DAMAGED)
