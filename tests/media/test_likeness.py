"""The same picture, whatever was done to it; and pictures that only look alike."""

import io
import random
from collections.abc import Callable, Iterator
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from media.fitting import is_same
from media.likeness import MOST_BITS, Print, Probes, print_of, probes
from tests.media.pictures import quarters

PHOTOS = Path(__file__).resolve().parents[3] / "shared" / "data" / "photos"
REAL = (
    "landscape_1.jpg",
    "DSCN0010.jpg",
    "DSCN0029.jpg",
    "DSCN0040.jpg",
    "20scans.jpg",
    "Kodak_CX7530.jpg",
    "Stonehenge.heic",
    "sugarshack.mpo",
)
Change = Callable[[Image.Image], Image.Image]


def gist(image: Image.Image) -> bytes:
    return image.convert("L").resize((32, 32), Image.Resampling.BOX).tobytes()


def found(asked: bytes | Probes, kept: Print | None) -> int | None:
    """The distance at which the print is found by its index and taken for the same picture."""
    if kept is None:
        return None
    looked = probes(asked) if isinstance(asked, bytes) else asked
    if not any(band in values for band, values in zip(kept.bands, looked.bands, strict=True)):
        return None
    ((bits, view),) = looked.nearest([kept.sign])
    return bits if bits <= MOST_BITS and looked.same(view, kept.gist) else None


def scene(seed: int, size: tuple[int, int] = (480, 360)) -> Image.Image:
    """A picture with large and small shapes, as a photo has them."""
    chance = np.random.default_rng(seed)
    total = np.zeros((size[1], size[0]))
    for cells, strength in ((3, 60), (6, 40), (12, 28), (24, 18), (48, 10)):
        coarse = Image.fromarray(chance.normal(0, strength, (cells, cells)).astype(np.float32))
        total += np.asarray(coarse.resize(size, Image.Resampling.BICUBIC))
    return Image.fromarray(np.clip(total + 128, 0, 255).astype(np.uint8)).convert("RGB")


def reencoded(image: Image.Image) -> Image.Image:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=40)
    return Image.open(io.BytesIO(out.getvalue())).convert("RGB")


def cropped(left: float, top: float, right: float, bottom: float) -> Change:
    def change(image: Image.Image) -> Image.Image:
        wide, high = image.size
        box = (left * wide, top * high, (1 - right) * wide, (1 - bottom) * high)
        return image.crop(tuple(round(edge) for edge in box))  # type: ignore[arg-type]

    return change


def with_gamma(power: float) -> Change:
    table = [round(255 * (value / 255) ** power) for value in range(256)]
    return lambda image: image.point(table * 3)


def stamped(image: Image.Image) -> Image.Image:
    made = image.copy()
    wide, high = made.size
    box = (wide * 0.6, high * 0.9, wide * 0.95, high * 0.96)
    ImageDraw.Draw(made).rectangle(box, fill=(255, 255, 255))
    return made


CHANGES: dict[str, Change] = {
    "re-encoded": reencoded,
    "a quarter as large": lambda image: image.resize((image.width // 4, image.height // 4)),
    "one side cropped": cropped(0.08, 0, 0, 0),
    "two sides cropped": cropped(0.03, 0.07, 0, 0),
    "all sides cropped": cropped(0.08, 0.08, 0.08, 0.08),
    "darker": lambda image: ImageEnhance.Brightness(image).enhance(0.6),
    "with more contrast": lambda image: ImageEnhance.Contrast(image).enhance(1.4),
    "with less contrast": lambda image: ImageEnhance.Contrast(image).enhance(0.6),
    "with gamma": with_gamma(1.4),
    "a quarter turned": lambda image: image.rotate(90, expand=True),
    "upside down": lambda image: image.rotate(180),
    "three quarters turned": lambda image: image.rotate(270, expand=True),
    "mirrored": ImageOps.mirror,
    "slightly turned": lambda image: image.rotate(2.5, Image.Resampling.BICUBIC, expand=True),
    "slightly turned and cropped": lambda image: cropped(0.04, 0.04, 0.04, 0.04)(
        image.rotate(-2, Image.Resampling.BICUBIC)
    ),
    "with a date": stamped,
}


def real() -> Iterator[tuple[str, Image.Image]]:
    import pillow_heif

    pillow_heif.register_heif_opener()
    for path in sorted(PHOTOS.rglob("*")):
        if path.name in REAL:
            with Image.open(path) as image:
                upright = (ImageOps.exif_transpose(image) or image).convert("RGB")
            upright.thumbnail((800, 800))
            yield path.name, upright


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_picture_is_found_both_ways(name: str) -> None:
    for seed in range(6):
        first, second = gist(scene(seed)), gist(CHANGES[name](scene(seed)))
        assert found(second, print_of(first)) is not None, seed
        assert found(first, print_of(second)) is not None, seed


@pytest.mark.skipif(not PHOTOS.is_dir(), reason="the folder of real photos is not here")
def test_real_photos_are_found_again_and_never_taken_for_each_other() -> None:
    photos = {name: (image, gist(image)) for name, image in real()}
    assert len(photos) == len(REAL)
    lost = []
    for change, made in CHANGES.items():
        hits = [
            found(gist(made(image)), print_of(plain)) is not None
            for image, plain in photos.values()
        ]
        lost += [] if all(hits) else [f"{change}: {sum(hits)} of {len(hits)}"]
    for (_, one), (_, other) in permutations(photos.values(), 2):
        assert found(one, print_of(other)) is None
    assert len(lost) <= 1, lost


def test_the_same_bytes_have_no_distance() -> None:
    same = gist(scene(1))
    assert found(same, print_of(same)) == 0


@pytest.mark.parametrize("grey", [0, 1, 128, 254, 255])
def test_an_even_picture_has_no_print(grey: int) -> None:
    assert print_of(bytes([grey]) * 1024) is None


def test_a_slope_has_no_print_nor_has_one_lamp_in_the_dark() -> None:
    y, x = np.mgrid[0:32, 0:32]
    slope = (40 + 3 * x + 2 * y).astype(np.uint8)
    bowl = (40 + 0.1 * (x - 15) ** 2 + 0.2 * (y - 15) ** 2).astype(np.uint8)
    lamp = (8 + 200 * np.exp(-((x - 20) ** 2 + (y - 9) ** 2) / 18)).astype(np.uint8)
    assert [print_of(each.tobytes()) for each in (slope, bowl, lamp)] == [None] * 3


def test_what_is_kept_fits_its_columns() -> None:
    for seed in range(20):
        kept = print_of(gist(scene(seed)))
        assert kept is not None
        assert 0 <= kept.sign < 2**63
        assert all(0 <= band < 2**20 for band in kept.bands)
        assert sum(map(len, probes(kept.gist).bands)) < 1000  # a search costs what it asks


def skies(count: int, chance: np.random.Generator) -> list[bytes]:
    """Bright above or below, with faint clouds: of skies, fog, snow and still water."""
    made = []
    for _ in range(count):
        slope = np.linspace(0, chance.uniform(-60, 60), 32)[:, None]
        coarse = Image.fromarray(chance.normal(0, 1, (5, 4)).astype(np.float32))
        clouds = np.asarray(coarse.resize((32, 32), Image.Resampling.BICUBIC))
        fine = chance.normal(0, 1, (32, 32))
        square = 150 + slope + chance.uniform(2, 20) * clouds + chance.uniform(0.3, 2) * fine
        made.append(np.clip(square, 0, 255).astype(np.uint8).tobytes())
    return made


def nights(count: int, chance: np.random.Generator) -> list[bytes]:
    """Some lamps in the dark."""
    y, x = np.mgrid[0:32, 0:32]
    made = []
    for _ in range(count):
        square = 10 + chance.normal(0, 1, (32, 32))
        for _ in range(int(chance.integers(1, 7))):
            across, down, wide = chance.uniform(2, 30), chance.uniform(2, 30), chance.uniform(1, 4)
            lamp = np.exp(-((x - across) ** 2 + (y - down) ** 2) / (2 * wide**2))
            square = square + chance.uniform(60, 240) * lamp
        made.append(np.clip(square, 0, 255).astype(np.uint8).tobytes())
    return made


def roads(count: int, chance: np.random.Generator) -> list[bytes]:
    """The same horizon, the same way leading to it, another surface."""
    y, x = np.mgrid[0:32, 0:32] / 32
    made = []
    for _ in range(count):
        ground = np.where(np.abs(x - 0.5) < 0.5 * (y - 0.4), 120, 80)
        square = np.where(y < 0.4, 200, ground) + chance.normal(0, 6, (32, 32))
        made.append(np.clip(square, 0, 255).astype(np.uint8).tobytes())
    return made


@pytest.mark.parametrize("kind", [skies, nights, roads])
def test_pictures_that_look_alike_are_not_the_same(
    kind: Callable[[int, np.random.Generator], list[bytes]],
) -> None:
    made = kind(24, np.random.default_rng(11))
    kept = [print_of(each) for each in made]
    for at, asked in enumerate(map(probes, made)):
        others = [other for place, other in enumerate(kept) if place != at]
        assert all(found(asked, other) is None for other in others), at


def test_without_a_look_at_the_detail_roads_would_be_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = roads(12, np.random.default_rng(11))
    monkeypatch.setattr("media.fitting._same_detail", lambda ours, theirs: True)
    assert any(found(one, print_of(other)) is not None for one, other in permutations(made, 2))


def test_an_alignment_that_runs_away_is_no_match(monkeypatch: pytest.MonkeyPatch) -> None:
    square = np.frombuffer(gist(scene(3)), np.uint8).reshape(32, 32).astype(float)
    assert is_same(square, (0.08, 0.92), (0.08, 0.92), square)
    monkeypatch.setattr("media.fitting.FARTHEST", -1.0)
    assert not is_same(square, (0.08, 0.92), (0.08, 0.92), square)


def test_pictures_of_four_colours_are_compared_without_failing() -> None:
    assert found(gist(quarters()), print_of(gist(quarters().rotate(90)))) in {None, *range(15)}


def test_anything_at_all_is_compared_without_failing() -> None:
    chance = random.Random(5)
    for _ in range(20):
        one, other = (bytes(chance.choices(range(256), k=1024)) for _ in range(2))
        assert found(one, print_of(other)) is None
