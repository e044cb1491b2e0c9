"""Pure: whether two pictures are the same one, encoded, shrunk, cropped, turned or lit differently.

A gist is an upright picture squeezed to 32 rows of 32 grey bytes. What an index finds it by are
the signs of its 20 lowest cosine coefficients: of the picture's middle, and of the upper and the
lower part of that. Brightness is in none of them, contrast and gamma keep signs, an overlay spoils
one of three. Whoever asks tries what a crop, a turn or a mirror would have made of them (`probes`).
What that finds must have nearly the same signs of 63 coefficients, and is then compared pixel by
pixel, see `media.fitting`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple

from core.later import later
from media.fitting import INSET, MIDDLE, SIDE, Array, Span, is_same, is_telling, pixels_of, turned

np = later("numpy")

BITS: Final = 20
WAVES: Final = 6  # that the 20 lowest coefficients need
FINER: Final = 63
FINER_WAVES: Final = 11
PARTS: Final = ((0.0, 1.0), (0.0, 0.66), (0.34, 1.0))  # of the middle, from top to bottom
CUTS: Final = ((0.0, 0.0), (0.05, 0.0), (0.0, 0.05), (0.05, 0.05), (0.08, 0.08))
TURNS: Final = (-2.2, -0.8, 0.8, 2.2)  # degrees
MOST_BITS: Final = 14  # of 63 that may differ where pictures are worth laying over each other


class Print(NamedTuple):
    """What is kept of a picture to find it by: 63 signs, three bands of 20, and the gist."""

    sign: int
    bands: tuple[int, int, int]
    gist: bytes


class View(NamedTuple):
    """A way of laying a picture, turned into `pixels`, over the middle of another one."""

    pixels: Array
    across: Span
    down: Span


@dataclass(frozen=True)
class Probes:
    """What to look for: values of each band; `signs` is one number for each view."""

    bands: tuple[list[int], list[int], list[int]]
    signs: Array
    views: Sequence[View]

    def nearest(self, signs: Sequence[int]) -> list[tuple[int, int]]:
        """Return of each print found the differing bits, of 63, and the view that has so few."""
        found = np.array(signs, dtype=np.uint64)
        apart = np.bitwise_count(found[:, None] ^ self.signs[None, :])
        best = apart.argmin(axis=1)
        return [(int(apart[at, view]), int(view)) for at, view in enumerate(best)]

    def same(self, view: int, gist: bytes) -> bool:
        """Say whether a print's gist is the same picture, seen as the view has it."""
        seen = self.views[view]
        return is_same(seen.pixels, seen.across, seen.down, pixels_of(gist))


def print_of(gist: bytes) -> Print | None:
    """Return the print of 1,024 grey bytes; None where it would look like many others."""
    pixels = pixels_of(gist)
    if not is_telling(pixels):
        return None
    upright = pixels[None], [MIDDLE], [MIDDLE]
    a, b, c = (int(band[0]) for band in _packed(_coefficients(*upright)))
    return Print(int(_signs(*upright)[0]), (a, b, c), gist)


def probes(gist: bytes) -> Probes:
    """Return what prints of the same picture would be found by; about 500 values in all."""
    sets = _sets(pixels_of(gist))
    views = [View(sq, x, y) for squares, xs, ys in sets for sq in squares for y in ys for x in xs]
    coefficients = np.concatenate([_coefficients(*each) for each in sets], axis=1)
    a, b, c = (_values(part) for part in coefficients)
    return Probes((a, b, c), np.concatenate([_signs(*each) for each in sets]), views)


@cache
def _waves(span: Span, count: int) -> Array:
    """Return cosine waves over a span of the side, integrated over each of the 32 pixels."""
    start, end = span
    edges = (np.clip(np.arange(SIDE + 1) / SIDE, start, end) - start) / (end - start)
    number = np.arange(count)[:, None]
    sums = np.sin(np.pi * number * edges) / (np.pi * np.maximum(number, 1))
    return np.diff(np.where(number == 0, edges, sums * np.sqrt(2)), axis=1)


@cache
def _lowest(count: int) -> tuple[Array, Array]:
    """Return how many waves across and down each of the lowest coefficients has."""
    pairs = [(u, total - u) for total in range(1, FINER_WAVES) for u in range(total + 1)]
    across, down = zip(*pairs[:count], strict=True)
    return np.array(across), np.array(down)


def _coefficients(squares: Array, across: Sequence[Span], down: Sequence[Span]) -> Array:
    """Return 20 coefficients of each part of each window of each square: part, window, number."""
    parts = ([_within(span, part) for span in down] for part in PARTS)
    return np.stack([_transformed(squares, across, each, (WAVES, BITS)) for each in parts])


def _signs(squares: Array, across: Sequence[Span], down: Sequence[Span]) -> Array:
    """Return 63 signs of each window of each square as one number."""
    found = _transformed(squares, across, down, (FINER_WAVES, FINER))
    return (found > 0) @ (np.uint64(1) << np.arange(FINER, dtype=np.uint64))


def _transformed(
    squares: Array, across: Sequence[Span], down: Sequence[Span], size: tuple[int, int]
) -> Array:
    waves, count = size
    u, v = _lowest(count)
    left = np.concatenate([_waves(span, waves) for span in down])
    right = np.concatenate([_waves(span, waves) for span in across]).T
    table = (left @ squares @ right).reshape(-1, len(down), waves, len(across), waves)
    return table.transpose(0, 1, 3, 2, 4)[..., v, u].reshape(-1, count)


def _within(span: Span, part: Span) -> Span:
    start, length = span[0], span[1] - span[0]
    return start + part[0] * length, start + part[1] * length


def _packed(coefficients: Array) -> Array:
    return (coefficients > 0) @ (1 << np.arange(BITS))


@cache
def _spans() -> tuple[list[Span], list[Span]]:
    """Return where the middle lies if this picture was cropped, and if the other one was."""
    this, other = [], []
    for start, end in CUTS:
        left = 1 - start - end
        this.append(((INSET - start) / left, (1 - INSET - start) / left))
        other.append((start + INSET * left, start + (1 - INSET) * left))
    return this, other


def _sets(pixels: Array) -> list[tuple[Array, list[Span], list[Span]]]:
    """Return squares with the windows to look at in each; the slight turns come last."""
    this, other = _spans()
    whole = np.stack([np.rot90(base, by) for base in (pixels, pixels.T) for by in range(4)])
    aslant = np.stack([turned(pixels, degrees) for degrees in TURNS])
    upright = (whole[:1], this, this), (whole[:1], other[1:], other[1:])
    turns = ((aslant, [span], [span]) for span in (MIDDLE, other[3], this[3]))
    return [*upright, (whole[1:], [MIDDLE], [MIDDLE]), *turns]


def _values(coefficients: Array) -> list[int]:
    """Return the values of a band, also with the signs changed that a little would change."""
    bases = _packed(coefficients)
    slight = len(TURNS) * 3
    order = np.argsort(np.abs(coefficients), axis=1)
    plain = _changed(bases[:-slight], order[:-slight, :3])
    turned = _changed(bases[-slight:], order[-slight:, :2])
    values: list[int] = np.unique(np.concatenate([plain, turned])).tolist()
    return values


def _changed(bases: Array, doubtful: Array) -> Array:
    count = doubtful.shape[1]
    choices = (np.arange(1 << count)[:, None] >> np.arange(count)) & 1
    return (bases[:, None] ^ ((1 << doubtful) @ choices.T)).ravel()
