"""Pure: one picture laid over another, shifted until it fits, and compared piece by piece.

Skies, waters and roads share their large shapes; only the same picture shares its small ones
everywhere. Pictures are squares of 32 by 32 grey values, places parts of the side.
"""

from functools import cache
from typing import Any, Final

from core.later import later

np = later("numpy")

SIDE: Final = 32
INSET: Final = 0.08  # of each side: what a crop may take, so what a print does without
FLAT: Final = 2.0  # grey levels beside a smooth slope: with less there is nothing to compare
PLAIN: Final = 1.9  # independent shapes: a single lamp in the dark has about 1.5, a photo 2.1 to 7

GRID: Final = 27  # samples a side, when two middles are laid over each other
ROUNDS: Final = 10
KEPT: Final = 0.8  # of the samples; what an overlay hides is not held against the rest
STIFFNESS: Final = 1e-2  # against drifting along what has no detail
FARTHEST: Final = 0.12  # of the side: what has to be shifted more is another picture
ALIKE: Final = 0.9  # correlation of the kept samples
NOISE: Final = 2.0  # grey levels that encoding makes of nothing
PIECES: Final = 5  # a side
DETAILED: Final = 0.05
FEWEST: Final = 10  # pieces with detail of 25, with fewer nothing is told apart
SAME_PIECE: Final = 0.75  # correlation of detail
SAME_PIECES: Final = 0.8  # of those with detail: two roads alike reached 0.76, one picture 0.8 to 1

Array = Any  # numpy comes in at its first use
Span = tuple[float, float]
MIDDLE: Final[Span] = (INSET, 1 - INSET)


def pixels_of(gist: bytes) -> Array:
    """Return a gist as a square of numbers."""
    return np.frombuffer(gist, dtype=np.uint8).reshape(SIDE, SIDE).astype(float)


@cache
def _grid() -> tuple[Array, Array, Array]:
    """Return the samples' places, from -0.5 to 0.5, and an orthogonal basis of all planes."""
    places = (np.arange(GRID) + 0.5) / GRID - 0.5
    y, x = (each.ravel() for each in np.meshgrid(places, places, indexing="ij"))
    return x, y, np.stack([np.ones(GRID * GRID), x, y], axis=1)


def _frame(across: Span, down: Span) -> Array:
    """Return the affine map from the grid to a window, in parts of the side."""
    (left, right), (top, bottom) = across, down
    frame = [[right - left, 0, (left + right) / 2], [0, bottom - top, (top + bottom) / 2]]
    return np.array([*frame, [0, 0, 1]])


def _sampled(pixels: Array, frame: Array) -> Array:
    x, y, _ = _grid()
    return _between(
        pixels,
        (frame[0, 0] * x + frame[0, 1] * y + frame[0, 2]) * SIDE - 0.5,
        (frame[1, 0] * x + frame[1, 1] * y + frame[1, 2]) * SIDE - 0.5,
    )


def _between(pixels: Array, x: Array, y: Array) -> Array:
    """Return the values between pixels; beyond the edge it goes on as at the edge."""
    x, y = np.clip(x, 0, SIDE - 1), np.clip(y, 0, SIDE - 1)
    column, row = np.minimum(x.astype(int), SIDE - 2), np.minimum(y.astype(int), SIDE - 2)
    x, y = x - column, y - row
    flat, at = pixels.ravel(), row * SIDE + column
    upper = flat[at] * (1 - x) + flat[at + 1] * x
    return upper * (1 - y) + (flat[at + SIDE] * (1 - x) + flat[at + SIDE + 1] * x) * y


def turned(pixels: Array, degrees: float) -> Array:
    """Return a picture turned by a few degrees; corners go on as at the edge."""
    middle = (SIDE - 1) / 2
    y, x = np.mgrid[0:SIDE, 0:SIDE] - middle
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return _between(pixels, cosine * x - sine * y + middle, sine * x + cosine * y + middle)


def is_same(pixels: Array, across: Span, down: Span, other: Array) -> bool:
    """Say whether a window of one picture is the middle of the other one."""
    start = _frame(across, down)
    frame, kept = _fitted(pixels, start, other)
    corners = np.array([[-0.5, 0.5, 0.5, -0.5], [-0.5, -0.5, 0.5, 0.5], [1, 1, 1, 1]])
    if np.abs((frame - start) @ corners).max() > FARTHEST:
        return False
    ours, theirs = _sampled(pixels, frame), _sampled(other, _frame(MIDDLE, MIDDLE))
    if _correlation(_level(ours[kept], kept), _level(theirs[kept], kept)) < ALIKE:
        return False
    return _same_detail(ours, theirs)


def _fitted(pixels: Array, frame: Array, other: Array) -> tuple[Array, Array]:
    """Move the frame until the picture fits the other's middle (Lucas and Kanade, affine).

    Returns it with the samples that were kept; a fifth that fits least is left out.
    """
    soft, target = _softened(pixels), _sampled(_softened(other), _frame(MIDDLE, MIDDLE))
    target = (target - target.mean()) / (target.std() + 1e-9)
    slopes = _slopes(target)
    kept = np.ones(GRID * GRID, dtype=bool)
    for turn in range(ROUNDS):
        error = _error(_sampled(soft, frame), target, kept)
        if turn:
            kept = np.abs(error) <= np.quantile(np.abs(error), KEPT)
        step = _step(slopes[kept], error[kept])
        moved = np.array([[1 + step[0], step[1], step[2]], [step[3], 1 + step[4], step[5]]])
        frame = frame @ np.linalg.inv(np.vstack([moved, [0, 0, 1]]))
        if turn > 2 and np.abs(step[:6]).max() < 2e-3:
            break
    return frame, kept


def _slopes(target: Array) -> Array:
    """Return how each sample changes with the six numbers of a map, with contrast and light."""
    x, y, _ = _grid()
    down, across = (slope.ravel() * GRID for slope in np.gradient(target.reshape(GRID, GRID)))
    moved = [slope * by for slope in (across, down) for by in (x, y, 1)]
    return np.stack([*moved, target, np.ones(len(target))], axis=1)


def _error(ours: Array, target: Array, kept: Array) -> Array:
    """Return by how much the target is missed, once contrast and light are set to fit it."""
    ours, theirs = ours - ours[kept].mean(), target - target[kept].mean()
    contrast = ours[kept] @ theirs[kept] / (theirs[kept] @ theirs[kept] + 1e-12)
    return ours / max(contrast, 0.05) - theirs


def _step(slopes: Array, error: Array) -> Array:
    square = slopes.T @ slopes
    steady = np.full(8, 1e-9)
    steady[:6] += STIFFNESS * np.trace(square[:6, :6]) / 6
    return np.clip(np.linalg.solve(square + np.diag(steady), slopes.T @ error), -0.1, 0.1)


def _softened(pixels: Array) -> Array:
    wide = np.pad(pixels, 1, mode="edge")
    rows = (wide[:-2] + 2 * wide[1:-1] + wide[2:]) / 4
    return (rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) / 4


def _level(values: Array, kept: Array) -> Array:
    """Return values without the plane that lies through them."""
    basis, _ = np.linalg.qr(_grid()[2][kept])
    return values - basis @ (basis.T @ values)


def _correlation(ours: Array, theirs: Array) -> float:
    size = np.sqrt((ours @ ours) * (theirs @ theirs))
    return float(ours @ theirs / size) if size > 1e-9 else 0.0


def _same_detail(ours: Array, theirs: Array) -> bool:
    """Say whether small shapes agree in nearly all pieces of the picture that have any."""
    ours, theirs = _pieces(ours), _pieces(theirs)
    energy = (ours * ours).sum(axis=1), (theirs * theirs).sum(axis=1)
    detailed = np.maximum(*energy) > DETAILED * ours.shape[1]
    alike = (ours * theirs).sum(axis=1) / np.sqrt(energy[0] * energy[1] + 1e-9) > SAME_PIECE
    agreeing, counted = (alike & detailed).sum(), detailed.sum()
    return bool(counted >= FEWEST and agreeing >= SAME_PIECES * counted)


def _pieces(values: Array) -> Array:
    """Return the detail of 25 pieces, each around its mean."""
    side = (GRID - 2) // PIECES
    square = _detail(values).reshape(PIECES, side, PIECES, side)
    pieces = square.transpose(0, 2, 1, 3).reshape(PIECES * PIECES, -1)
    return pieces - pieces.mean(axis=1, keepdims=True)


def _detail(values: Array) -> Array:
    """Return what differs from its surroundings, in units of how much they do, without edges."""
    square = values.reshape(GRID, GRID)
    rest = square - _around(square)
    return (rest / np.sqrt(_around(rest * rest) + NOISE**2))[1:-1, 1:-1]


def _around(square: Array) -> Array:
    """Return the mean of the five by five around each sample."""
    sums = np.pad(np.pad(square, 2, mode="reflect"), ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    return (sums[5:, 5:] - sums[:-5, 5:] - sums[5:, :-5] + sums[:-5, :-5]) / 25


def is_telling(pixels: Array) -> bool:
    """Say whether there is more than a smooth slope, and more than one shape."""
    y, x = np.mgrid[0:SIDE, 0:SIDE].reshape(2, -1) / SIDE - 0.5
    smooth = np.stack([np.ones(SIDE * SIDE), x, y, x * x, y * y, x * y], axis=1)
    basis, _ = np.linalg.qr(smooth)
    flat = pixels.ravel()
    if (flat - basis @ (basis.T @ flat)).std() < FLAT:
        return False
    detail = _detail(_sampled(pixels, _frame(MIDDLE, MIDDLE)))
    detail = detail - detail.mean(axis=1, keepdims=True)
    strength = np.linalg.svd(detail - detail.mean(axis=0), compute_uv=False) ** 2
    return bool(strength.sum() ** 2 > PLAIN * (strength @ strength) + 1e-9)
