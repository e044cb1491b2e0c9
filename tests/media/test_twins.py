"""The index of prints: few statements, covering indexes, the same answer on both databases."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text

from core.database import db, reading, writing
from media.models import Photo, PhotoPrint
from media.twins import _bound, _by_band, keep, twins
from tests.clients import account_named
from tests.media.test_likeness import cropped, gist, reencoded, scene

NOON = datetime(2026, 11, 25, 4, tzinfo=UTC)
KINDS = ("report", "supplement")


@pytest.fixture
def shelf(app: Flask) -> Iterator["Shelf"]:
    with app.app_context():
        yield Shelf()


class Shelf:
    """Photos with prints, without files."""

    def __init__(self) -> None:
        self.owner = account_named("13800000001").id
        db.session.rollback()
        self.count = 0

    def put(
        self, look: bytes, subject: str | None = "N", kind: str = "report", sha: str = ""
    ) -> int:
        self.count += 1
        used = {"subject_kind": kind, "subject_id": subject} if subject else {}
        moment = NOON + timedelta(minutes=self.count)
        name = f"{self.count:032x}"
        with writing() as session:
            photo = Photo(
                public_id=name, key=name, owner_id=self.owner, created_at=moment, touched_at=moment,
                sha256=sha or f"{self.count:064x}", byte_size=1, mime_type="image/jpeg",
                file_name="x", width=1, height=1, claimed_at=moment if subject else None, **used,
            )  # fmt: skip
            session.add(photo)
            session.flush()
            keep(session, photo.id, look)
            return photo.id

    def twins(self, *keys: int) -> list[tuple[str, int]]:
        with reading() as session:
            photos = [session.get_one(Photo, key) for key in keys]
            return [(twin.subject[1], twin.photo_id) for twin in twins(photos, KINDS)]


def test_the_same_picture_is_found_among_others_in_the_order_of_claims(shelf: Shelf) -> None:
    asked = shelf.put(gist(scene(1)), "A")
    small = shelf.put(gist(scene(1).resize((120, 90))), "B")
    cut = shelf.put(gist(cropped(0.06, 0, 0, 0.06)(scene(1))), "C")
    for seed in range(2, 20):
        shelf.put(gist(scene(seed)), "noise")
    assert shelf.twins(asked) == [("B", small), ("C", cut)]
    assert shelf.twins(cut) == [("A", asked), ("B", small)]


def test_the_same_bytes_are_found_without_a_print_and_named_once(shelf: Shelf) -> None:
    dark = [shelf.put(bytes(1024), subject, sha="f" * 64) for subject in ("A", "B")]
    assert shelf.twins(dark[0]) == [("B", dark[1])]
    with reading() as session:
        assert session.scalar(select(PhotoPrint.photo_id)) is None
    both = [shelf.put(gist(scene(4)), subject, sha="e" * 64) for subject in ("C", "D")]
    with reading() as session:
        (twin,) = twins([session.get_one(Photo, both[0])], KINDS)
    assert (twin.distance, twin.owner_id, twin.claimed_at) == (
        0,
        shelf.owner,
        NOON + timedelta(minutes=shelf.count),
    )


def test_unused_photos_other_kinds_and_the_same_subject_are_no_twins(shelf: Shelf) -> None:
    asked = shelf.put(gist(scene(1)), "A")
    shelf.put(gist(scene(1)), None)
    shelf.put(gist(scene(1)), "B", kind="voucher")
    shelf.put(gist(reencoded(scene(1))), "A")
    assert shelf.twins(asked) == []
    assert shelf.twins() == []


def test_photos_asked_about_together_are_twins_of_each_other(shelf: Shelf) -> None:
    one, other = (shelf.put(gist(scene(1)), subject) for subject in ("A", "B"))
    assert shelf.twins(one, other) == [("A", one), ("B", other)]


def test_nine_photos_take_as_few_statements_as_one(
    shelf: Shelf, statements: Callable[[], Any]
) -> None:
    keys = [shelf.put(gist(scene(seed)), "A") for seed in range(9)]
    for seed in range(9):
        shelf.put(gist(reencoded(scene(seed))), "B")
    with reading() as session:
        photos = [session.get_one(Photo, key) for key in keys]
        with statements() as one:
            assert len(twins(photos[:1], KINDS)) == 1
        with statements() as nine:
            assert len(twins(photos, KINDS)) == 9
    assert len(one.seen) == len(nine.seen) <= 5


def test_a_print_goes_with_its_photo(shelf: Shelf) -> None:
    key = shelf.put(gist(scene(1)))
    with writing() as session:
        session.execute(text("DELETE FROM photos WHERE id = :key"), {"key": key})
        assert session.get(PhotoPrint, key) is None


def test_candidates_are_read_from_the_indexes_alone(shelf: Shelf) -> None:
    for seed in range(12):
        shelf.put(gist(scene(seed)))
    kind = db.engine.dialect.name
    asked = {name: _bound(range(50), kind) for name in ("band_a", "band_b", "band_c")}
    with db.engine.connect() as connection:
        if kind == "postgresql":
            connection.execute(text("SET LOCAL enable_seqscan = off"))
            connection.execute(text("SET LOCAL enable_bitmapscan = off"))
        compiled = _by_band(kind).compile(db.engine)
        head = "EXPLAIN QUERY PLAN" if kind == "sqlite" else "EXPLAIN"
        values = (
            tuple(asked[name] for name in compiled.positiontup or ()) if kind == "sqlite" else asked
        )
        plan = str(connection.exec_driver_sql(f"{head} {compiled}", values).all())
    for band in "abc":
        assert f"ix_photo_prints_band_{band}" in plan
    assert plan.count("COVERING INDEX" if kind == "sqlite" else "Index Only Scan") == 3
