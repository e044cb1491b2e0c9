"""WebP by hand: its chunks, and its first frame decoded straight to a smaller size.

Pillow reads every WebP as an animation: 50 megapixels took it 766 MB. libwebp itself can shrink
while it decodes, so the very library that Pillow has loaded is asked; nothing else is installed.
"""

import ctypes
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image
from PIL import _webp as loader  # its import loads the library

from media.errors import DamagedImage

MOST_CHUNKS: Final = 10_000  # that are looked at; what lies behind is not read

_ABI: Final = 0x0209  # of the structures below; libwebp refuses any other first byte
_RGB, _RGBA = 0, 1
_ALPHA: Final = 0x10  # the flag of a file whose frame is transparent
_FRAMES: Final = {b"VP8 ", b"VP8L"}


@dataclass(frozen=True, slots=True)
class WebP:
    """A file's canvas, its first frame as a file of its own, and what lies beside it."""

    size: tuple[int, int]
    frame: bytes
    corner: tuple[int, int]
    chunks: dict[bytes, bytes]

    def decoded(self, target: tuple[int, int]) -> Image.Image:
        """Decode to about the size of `target`, or to its own if that is smaller."""
        scale = min(1.0, max(wanted / own for wanted, own in zip(target, self.size, strict=True)))
        picture = _decoded(self.frame, scale)
        canvas = max(1, round(self.size[0] * scale)), max(1, round(self.size[1] * scale))
        if canvas == picture.size:
            return picture
        whole = Image.new("RGBA", canvas)
        whole.paste(picture, (round(self.corner[0] * scale), round(self.corner[1] * scale)))
        return whole


def opened(data: bytes) -> WebP:
    """Find the first frame; no pixel is decoded.

    Raises:
        DamagedImage: the file ends early, or its chunks belie each other.
    """
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        raise DamagedImage
    found: dict[bytes, bytes] = {}
    for name, body in _chunks(memoryview(data)[12:end]):
        if name not in found and len(found) < 16:
            found[name] = bytes(body)
    if b"VP8X" not in found:
        frame = data[:end]
        return WebP(_Features.of(frame).size, frame, (0, 0), {})
    size = _measures(found.pop(b"VP8X")[4:10])
    corner = 0, 0
    if b"ANMF" in found:
        moving = found.pop(b"ANMF")
        corner = _halves(moving[:6])
        frame = _still(_measures(moving[6:12]), dict(_chunks(memoryview(moving)[16:])))
    else:
        frame = _still(size, found)
    _check(size, corner, frame)
    return WebP(size, frame, corner, found)


def _check(size: tuple[int, int], corner: tuple[int, int], frame: bytes) -> None:
    inner = _Features.of(frame).size
    for whole, start, length in zip(size, corner, inner, strict=True):
        if start + length > whole:
            raise DamagedImage


def _chunks(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    at = 0
    for _ in range(MOST_CHUNKS):
        if at + 8 > len(data):
            return
        name, size = struct.unpack_from("<4sI", data, at)
        body = data[at + 8 : at + 8 + size]
        if len(body) < size:
            raise DamagedImage
        yield name, body
        at += 8 + size + size % 2


def _still(size: tuple[int, int], parts: Mapping[bytes, bytes | memoryview]) -> bytes:
    """Return a frame as a file without movement, claims, profile or unknown chunks."""
    if len(_FRAMES & set(parts)) != 1:
        raise DamagedImage
    kept = {name: bytes(parts[name]) for name in (b"ALPH", *_FRAMES) if name in parts}
    if b"ALPH" in kept:
        low = b"".join((length - 1).to_bytes(3, "little") for length in size)
        kept = {b"VP8X": struct.pack("<I", _ALPHA) + low, **kept}
    body = b"WEBP" + b"".join(
        name + struct.pack("<I", len(part)) + part + b"\0" * (len(part) % 2)
        for name, part in kept.items()
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _measures(raw: bytes) -> tuple[int, int]:
    width, height = (int.from_bytes(raw[at : at + 3], "little") + 1 for at in (0, 3))
    return width, height


def _halves(raw: bytes) -> tuple[int, int]:
    x, y = (int.from_bytes(raw[at : at + 3], "little") * 2 for at in (0, 3))
    return x, y


class _Features(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int) for name in ("width", "height", "alpha", "moving", "format")),
        ("pad", ctypes.c_uint32 * 5),
    )

    @classmethod
    def of(cls, data: bytes) -> "_Features":
        made = cls()
        if _library.WebPGetFeaturesInternal(data, len(data), ctypes.byref(made), _ABI):
            raise DamagedImage
        return made

    @property
    def size(self) -> tuple[int, int]:
        return self.width, self.height


class _Pixels(ctypes.Structure):
    _fields_ = (
        ("start", ctypes.c_void_p),
        ("stride", ctypes.c_int),
        ("size", ctypes.c_size_t),
        ("unused", ctypes.c_uint8 * 56),  # the planes of another kind of output share the place
    )


class _Output(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int) for name in ("mode", "width", "height", "is_ours")),
        ("pixels", _Pixels),
        ("pad", ctypes.c_uint32 * 4),
        ("private", ctypes.c_void_p),
    )


class _Options(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int) for name in ("unfiltered", "plain", "crop", "left", "top")),
        *((name, ctypes.c_int) for name in ("crop_width", "crop_height")),
        *((name, ctypes.c_int) for name in ("scale", "width", "height", "threads")),
        *((name, ctypes.c_int) for name in ("dithering", "flip", "alpha_dithering")),
        ("pad", ctypes.c_uint32 * 5),
    )


class _Config(ctypes.Structure):
    _fields_ = (("input", _Features), ("output", _Output), ("options", _Options))


def _decoded(frame: bytes, scale: float) -> Image.Image:
    features = _Features.of(frame)
    mode, channels = ("RGBA", 4) if features.alpha else ("RGB", 3)
    width, height = (max(1, round(length * scale)) for length in features.size)
    pixels = bytearray(width * height * channels)
    config = _Config()
    if not _library.WebPInitDecoderConfigInternal(ctypes.byref(config), _ABI):
        raise DamagedImage
    config.options.scale, config.options.width, config.options.height = scale < 1, width, height
    config.output.mode, config.output.is_ours = (_RGBA if features.alpha else _RGB), 1
    place = (ctypes.c_char * len(pixels)).from_buffer(pixels)
    config.output.pixels.start = ctypes.addressof(place)
    config.output.pixels.stride = width * channels
    config.output.pixels.size = len(pixels)
    if _library.WebPDecode(frame, len(frame), ctypes.byref(config)):
        raise DamagedImage
    return Image.frombuffer(mode, (width, height), pixels, "raw", mode, 0, 1)


def _loaded() -> ctypes.CDLL:
    """Return libwebp as Pillow loaded it, whatever the builder of Pillow called its file."""
    if loader.__file__:
        for line in Path("/proc/self/maps").read_text().splitlines():
            name = Path(line.split(maxsplit=5)[-1])
            if name.name.startswith(("libwebp-", "libwebp.so")):
                library = ctypes.CDLL(str(name))
                for function in ("WebPGetFeaturesInternal", "WebPDecode"):
                    getattr(library, function).argtypes = _ARGUMENTS[function]
                return library
    raise ImportError("Pillow was built without WebP")


_ARGUMENTS: Final = {
    "WebPGetFeaturesInternal": (
        *(ctypes.c_char_p, ctypes.c_size_t),
        *(ctypes.POINTER(_Features), ctypes.c_int),
    ),
    "WebPDecode": (ctypes.c_char_p, ctypes.c_size_t, ctypes.POINTER(_Config)),
}
_library: Final = _loaded()
