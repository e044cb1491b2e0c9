"""A million prints of pictures, and how long finding one among them takes on both databases.

Pictures are made of what photos have: much of the large, little of the small, light from above,
a horizon now and then. Some are taken again and again of the same place, so they crowd.
"""

import os
import statistics
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from app import create_app
from bench.databases import KINDS, databases
from core.accounts import Account
from core.clock import now as present
from core.database import db, public_id, reading, writing
from core.permissions import Kind
from core.settings import from_environment
from media import likeness
from media.fitting import MIDDLE, SIDE
from media.models import Photo, PhotoPrint
from media.twins import candidates, twins

COUNT = 1_000_000
MADE = 20_000
ASKED = 200
Array = Any


def pictures(count: int, chance: np.random.Generator) -> Array:
    """Return squares of grey bytes, a tenth of which crowd around a few scenes."""
    across, down = np.fft.fftfreq(SIDE)[None, :], np.fft.fftfreq(SIDE)[:, None]
    size = np.sqrt(across**2 + down**2)
    size[0, 0] = 1
    waves = chance.normal(size=(count, SIDE, SIDE)) + 1j * chance.normal(size=(count, SIDE, SIDE))
    steep = chance.uniform(0.8, 1.6, size=(count, 1, 1))
    shapes = np.fft.ifft2(waves * size**-steep).real
    shapes -= shapes.mean(axis=(1, 2), keepdims=True)
    shapes *= 40 / shapes.std(axis=(1, 2), keepdims=True)
    rows = np.arange(SIDE)[None, :, None] / SIDE
    shapes -= chance.normal(30, 30, size=(count, 1, 1)) * rows
    horizon = chance.uniform(0.2, 0.8, size=(count, 1, 1))
    shapes += np.where(rows < horizon, 1, 0) * chance.exponential(25, size=(count, 1, 1))
    crowd = count // 10
    scenes = chance.integers(0, 20, size=crowd)
    shapes[:crowd] = 0.85 * shapes[crowd : crowd + 20][scenes] + 0.5 * shapes[:crowd]
    return np.clip(shapes + 120, 0, 255).astype(np.uint8)


def rows_of(squares: Array, first: int) -> Iterator[dict[str, Any]]:
    """Return rows of prints; as `likeness.print_of`, for all at once."""
    upright = squares.astype(float), [MIDDLE], [MIDDLE]
    a, b, c = likeness._packed(likeness._coefficients(*upright))  # noqa: SLF001
    signs = likeness._signs(*upright)  # noqa: SLF001
    for at, square in enumerate(squares):
        bands = {"band_a": int(a[at]), "band_b": int(b[at]), "band_c": int(c[at])}
        yield {"photo_id": first + at, "sign": int(signs[at]), "gist": square.tobytes(), **bands}


def fill(session: Session, count: int, owner: int, chance: np.random.Generator) -> None:
    """Insert so many photos of an account with their prints.

    The first 20,000 are pictures; the others share their bands, so that an index has buckets as
    full as photos make them, and have signs of their own.
    """
    squares = pictures(min(MADE, count), chance)
    photos = [_photo(1 + at, owner, present()) for at in range(len(squares))]
    session.connection().execute(insert(Photo), photos)
    session.connection().execute(insert(PhotoPrint), list(rows_of(squares, 1)))
    sqlite = session.get_bind().dialect.name == "sqlite"
    for times in range(1, count // MADE):
        for statement in _multiplied(times * MADE, sqlite=sqlite):
            session.connection().exec_driver_sql(statement)


def _multiplied(start: int, *, sqlite: bool) -> tuple[str, str]:
    """Return what copies the first photos and their prints, `start` being added to their keys."""
    key = f"id + {start}"
    wide = "printf('%0{0}x', {1})" if sqlite else "lpad(to_hex({1}), {0}, '0')"
    sign = "abs(random() / 2)" if sqlite else "(random() * 4611686018427387904)::bigint"
    made = {
        "id": key,
        "public_id": wide.format(32, key),
        "key": wide.format(32, key),
        "sha256": wide.format(64, key),
        "subject_id": f"subject_id || '-{start}'",
    }
    columns = [column.name for column in Photo.__table__.columns]
    values = ", ".join(made.get(column, f'"{column}"') for column in columns)
    names = ", ".join(f'"{column}"' for column in columns)
    return (
        f"INSERT INTO photos ({names}) SELECT {values} FROM photos WHERE id <= {MADE}",
        (
            "INSERT INTO photo_prints (photo_id, sign, band_a, band_b, band_c, gist)"
            f" SELECT photo_id + {start}, {sign}, band_a, band_b, band_c, gist"
            f" FROM photo_prints WHERE photo_id <= {MADE}"
        ),
    )


def _photo(key: int, owner: int, moment: Any) -> dict[str, Any]:
    return {
        "id": key,
        "public_id": public_id(),
        "key": public_id(),
        "owner_id": owner,
        "created_at": moment,
        "touched_at": moment,
        "sha256": f"{key:064x}",
        "byte_size": 2_000_000,
        "mime_type": "image/jpeg",
        "file_name": "photo.jpg",
        "width": 4032,
        "height": 3024,
        "subject_kind": "report",
        "subject_id": f"3708{key}",
        "claimed_at": moment,
    }


def search(count: int, asked: int = ASKED, seed: int = 3) -> list[tuple[float, float]]:
    """Return milliseconds of searches for one photo each: of the index alone, and of all of it."""
    chance = np.random.default_rng(seed)
    spent = []
    for key in chance.integers(1, min(count, MADE), size=asked + 20).tolist():
        with reading() as session:
            photo = session.get_one(Photo, key)
            looked = [likeness.probes(session.get_one(PhotoPrint, key).gist)]
            began = time.perf_counter()
            candidates(session, looked)
            found = time.perf_counter()
            twins([photo], ("report",))
            ended = time.perf_counter()
        spent.append(((found - began) * 1_000, (ended - found) * 1_000))
    return spent[20:]


def measure(kind: str, count: int = COUNT) -> dict[str, float]:
    """Fill a throw-away database and search it; milliseconds, and seconds to fill."""
    with databases(kind) as made:
        app = _app(made.url("prints"), str(made.home))
        with app.app_context():
            upgrade(directory="migrations")
            began = time.perf_counter()
            with writing() as session:
                owner = Account(kind=Kind.RESIDENT, created_at=present())
                session.add(owner)
                session.flush()
                fill(session, count, owner.id, np.random.default_rng(7))
            _settle(kind)
            filled = time.perf_counter() - began
            spent = search(count)
            db.session.remove()
            db.engine.dispose()
    index, whole = (sorted(each) for each in zip(*spent, strict=True))
    return {"filled_s": filled, **_figures("index", index), **_figures("whole", whole)}


def _figures(name: str, spent: Sequence[float]) -> dict[str, float]:
    p99 = spent[int(len(spent) * 0.99)]
    return {f"{name}_median_ms": statistics.median(spent), f"{name}_p99_ms": p99}


def _app(url: str, home: str) -> Flask:
    environ = {"INSTANCE_PATH": home, "DATABASE_URL": url, "LOG_LEVEL": "WARNING"}
    return create_app(from_environment(environ), testing=True)


def _settle(kind: str) -> None:
    """Let the database look at what it holds, as its own housekeeping would."""
    command = "ANALYZE" if kind == "sqlite" else "VACUUM ANALYZE photo_prints"
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(command))


if __name__ == "__main__":
    for each in KINDS:
        print(each, measure(each, int(os.environ.get("PRINTS", COUNT))))
