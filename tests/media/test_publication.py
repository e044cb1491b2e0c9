"""What is public, by a table of its own, and how each decision changes it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from core.clock import now
from core.database import db, writing
from core.errors import Invalid
from core.tokens import Caller
from media import checking, publication, service
from media.errors import PhotoGone, StoreAway
from media.files import Box, Copies
from media.models import ContentState, Photo, PhotoDecision, Redaction, Variant
from media.objects import object_name
from media.publication import Prepared, Sight
from tests.clients import Api
from tests.media.pictures import heic

Signed = Callable[[str], Api]
OWNER, OTHER = "13800000001", "13800000002"
CASE = ("report", "3708-261125-7K3M9Q-4")
NOW = datetime(2026, 11, 25, 6, 0, tzinfo=UTC)
PLAIN, HIDDEN_FACES = "a" * 32, "b" * 32

# What the public may see of a photo, written down before the code that says it: everything else,
# and everything that is new, it may not see.
PUBLIC = {
    ("published", "passed", "redacted"): HIDDEN_FACES,
    ("published", "passed", "plain"): PLAIN,
}
STATES = list(
    product((None, *PhotoDecision), (None, *ContentState), ("plain", "redacted"), (False, True))
)


def nobody(viewer: Caller | None, subject: tuple[str, str], variant: str) -> bool:
    return not (viewer is None and subject and variant)


def everybody(viewer: Caller | None, subject: tuple[str, str], variant: str) -> bool:
    return viewer is None and bool(subject and variant)


def photo(**changes: Any) -> Photo:
    return Photo(**{"id": 1, "owner_id": 1, "key": PLAIN, "links": 0, **changes})


def test_the_public_sees_what_the_table_says_and_nothing_else() -> None:
    seen = {}
    for decision, content, version, used in STATES:
        one = photo(
            decision=decision,
            content=content,
            public_key=HIDDEN_FACES if version == "redacted" else None,
            **({"subject_kind": "report", "subject_id": "1"} if used else {}),
        )
        for variant in (Variant.THUMB, Variant.LARGE):
            sight = publication.sight(one, variant, None, nobody)
            if sight is not None:
                assert sight.public
                seen[decision, content, version] = sight.key
        assert publication.sight(one, Variant.ORIGINAL, None, nobody) is None
        assert publication.is_public(one) is ((decision, content, version) in PUBLIC)
    assert len(STATES) == 3 * 5 * 2 * 2
    assert seen == PUBLIC


def test_who_has_the_case_sees_it_as_it_was_taken_whatever_was_decided() -> None:
    for decision, content, version, used in STATES:
        key = HIDDEN_FACES if version == "redacted" else None
        case = {"subject_kind": "report", "subject_id": "1"} if used else {}
        one = photo(decision=decision, content=content, public_key=key, **case)
        for variant in Variant:
            sight = publication.sight(one, variant, None, everybody)
            assert sight == Sight(PLAIN) if used else sight != Sight(PLAIN)


@pytest.fixture
def used(app: Flask, api: Signed) -> Iterator[str]:
    """A photo that a case uses, beside one that is public and one that nothing uses."""
    api(OWNER).upload()
    noise, mine = api(OTHER).upload(), api(OWNER).upload(heic())
    with app.app_context():
        with writing() as session:
            for public_id, subject in ((noise, ("report", "noise")), (mine, CASE)):
                owner = select(Photo.owner_id).where(Photo.public_id == public_id)
                owner_id = session.scalars(owner).one()
                service.claim([public_id], owner_id=owner_id, subject=subject)
            other = publication.photo_of([("report", "noise")], noise, lock=True)
            publication.decide(other, PhotoDecision.PUBLISHED, NOW)
        yield mine
        with writing():
            assert publication.is_public(publication.photo_of([("report", "noise")], noise))


def changed(public_id: str, *steps: Callable[[Photo], object]) -> Photo:
    """Take steps with the locked photo, each in a unit of work; return it as it then is."""
    for step in steps:
        with writing():
            step(publication.photo_of([CASE], public_id, lock=True))
    with writing():
        return publication.photo_of([CASE], public_id, lock=True)


def published(one: Photo) -> None:
    publication.decide(one, PhotoDecision.PUBLISHED, NOW)


def hidden(one: Photo) -> None:
    publication.decide(one, PhotoDecision.HIDDEN, NOW)


def redacted(key: str = HIDDEN_FACES) -> Callable[[Photo], int]:
    prepared = Prepared(key, (Box(1, 2, 3, 4),), now())
    return lambda one: publication.redact(one, prepared, one.owner_id, NOW)


def state(one: Photo) -> tuple[object, ...]:
    return one.decision, one.content, one.public_key, one.links


@pytest.mark.usefixtures("app")
def test_each_decision_changes_what_it_says_and_no_more(used: str) -> None:
    assert state(changed(used)) == (None, None, None, 0)
    assert state(changed(used, published)) == ("published", "passed", None, 0)
    assert state(changed(used, published)) == ("published", "passed", None, 0)
    assert state(changed(used, hidden)) == ("hidden", "passed", None, 1)
    assert state(changed(used, published)) == ("published", "passed", None, 1)
    assert state(changed(used, redacted())) == (None, None, HIDDEN_FACES, 2)
    assert state(changed(used, published)) == ("published", "passed", HIDDEN_FACES, 2)
    assert state(changed(used, redacted("c" * 32))) == (None, None, "c" * 32, 3)
    with writing() as session:
        rows = session.scalars(select(Redaction).order_by(Redaction.number)).all()
        found = [(row.number, row.key, row.boxes) for row in rows]
    assert found == [(1, HIDDEN_FACES, [[1, 2, 3, 4]]), (2, "c" * 32, [[1, 2, 3, 4]])]


def test_what_waits_for_its_check_is_not_public_and_not_asked_again(
    used: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def start(one: Photo, _now: datetime) -> None:
        asked.append(one.public_id)
        one.content = ContentState.PENDING

    monkeypatch.setattr(checking, "start", start)
    one = changed(used, published, published)
    assert (one.decision, one.content, asked) == ("published", "pending", [used])
    assert not publication.is_public(one)

    def fails(failed: Photo) -> None:
        failed.content = ContentState.FAILED

    changed(used, fails, published)
    assert asked == [used] * 2
    changed(used, hidden, published)
    assert asked == [used] * 3


def test_the_end_of_a_case_hides_what_was_published_and_ends_every_link(used: str) -> None:
    assert state(changed(used, published)) == ("published", "passed", None, 0)
    with writing():
        (ended,) = publication.end([CASE, ("report", "none"), ("supplement", CASE[1])])
        assert (ended.photo.public_id, ended.redactions) == (used, 0)
    assert state(changed(used)) == ("hidden", "passed", None, 1)
    with writing():
        assert publication.end({CASE}) == []
    assert state(changed(used)) == ("hidden", "passed", None, 2)
    changed(used, redacted())
    with writing():
        assert publication.end({CASE}) == []
    assert state(changed(used)) == (None, None, HIDDEN_FACES, 4)


def test_the_end_names_pairs_and_not_any_mixture_of_them(used: str) -> None:
    changed(used, published)
    with writing():
        assert publication.end([("report", "another"), ("resolution", CASE[1])]) == []
    assert state(changed(used)) == ("published", "passed", None, 0)


def test_a_photo_is_found_by_what_uses_it(used: str, api: Signed) -> None:
    unused = api(OWNER).upload()
    with writing():
        assert publication.photo_of([("x", "y"), CASE], used).public_id == used
        for subjects, public_id in (
            ([], used),
            ([("report", "noise")], used),
            ([("resolution", CASE[1])], used),
            ([CASE], unused),
            ([CASE], "0" * 32),
        ):
            with pytest.raises(PhotoGone):
                publication.photo_of(subjects, public_id)


@pytest.mark.parametrize(
    ("box", "kept"),
    [
        ((10, 20, 30, 25), Box(10, 20, 30, 25)),
        ((0, 0, 100, 50), Box(0, 0, 100, 50)),
        ((-5, -5, 10, 10), Box(0, 0, 5, 5)),
        ((99, 49, 9, 9), Box(99, 49, 1, 1)),
        ((-(10**8), -(10**8), 2 * 10**8, 2 * 10**8), Box(0, 0, 100, 50)),
        ((100, 0, 9, 9), None),
        ((0, 50, 9, 9), None),
        ((-9, 0, 9, 9), None),
        ((0, -9, 9, 9), None),
    ],
)
def test_a_box_is_cut_to_the_picture(box: tuple[int, int, int, int], kept: Box | None) -> None:
    sent = dict(zip(("x", "y", "width", "height"), box, strict=True))
    one = photo(width=100, height=50)
    if kept is not None:
        assert publication.clipped(one, [sent]) == (kept,)
        return
    inside = {"x": 0, "y": 0, "width": 1, "height": 1}
    with pytest.raises(Invalid) as raised:
        publication.clipped(one, [inside, sent])
    assert list(raised.value.errors or {}) == ["boxes.1"]


def test_a_redaction_is_made_of_the_original_and_stored_under_a_key_of_its_own(
    app: Flask, used: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[tuple[bytes, Any]] = []

    def fake(stream: Any, boxes: Any) -> Copies:
        assert not db.session().in_transaction()
        read.append((stream.read(), boxes))
        return Copies(thumb=b"small", large=b"large")

    monkeypatch.setattr(publication, "redacted", fake)
    store, boxes = app.extensions["photo_store"], (Box(1, 2, 3, 4),)
    one = changed(used)
    prepared = publication.prepare(one, boxes, now())
    with store.open(object_name(one.key, Variant.ORIGINAL)) as original:
        assert read == [(original.read(), boxes)]
    assert prepared.key not in {one.key, None}
    stored = {item.name for item in store.objects() if prepared.key in item.name}
    assert stored == {object_name(prepared.key, v) for v in (Variant.THUMB, Variant.LARGE)}
    with store.open(object_name(prepared.key, Variant.LARGE)) as copy:
        assert copy.read() == b"large"
    publication.discard(prepared)
    assert not [item for item in store.objects() if prepared.key in item.name]
    with writing(), pytest.raises(RuntimeError):
        publication.prepare(one, boxes, now())
    with writing(), pytest.raises(RuntimeError):
        publication.discard(prepared)


def test_a_redaction_whose_copies_may_be_swept_by_now_does_not_count(used: str) -> None:
    prepared = Prepared("e" * 32, (Box(1, 2, 3, 4),), now() - timedelta(minutes=31))
    one = changed(used)
    with pytest.raises(StoreAway), writing():
        publication.redact(one, prepared, one.owner_id, now())
    assert changed(used).public_key is None


def test_a_store_that_is_away_does_not_hide_why_a_redaction_was_refused(
    app: Flask, used: str
) -> None:
    class Away:
        def delete(self, _names: object) -> None:
            raise StoreAway

    assert used
    store = app.extensions["photo_store"]
    app.extensions["photo_store"] = Away()
    try:
        publication.discard(Prepared("d" * 32, (), now()))
    finally:
        app.extensions["photo_store"] = store
