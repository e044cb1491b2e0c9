"""A photo belongs to whoever sent it, and from its claim on to what uses it."""

import threading
from collections.abc import Callable, Sequence

import pytest
from flask import Flask
from sqlalchemy import select

from core.database import db, reading, writing
from core.errors import DomainError, Invalid
from media import service
from media.errors import MediaNotFound, MediaUsed
from media.models import Photo
from tests.clients import Api, account_named

Signed = Callable[[str], Api]
OWNER, OTHER = "13800000001", "13800000002"
SUBJECT = ("report", "3708-1")


def account_id(app: Flask, name: str) -> int:
    with app.app_context():
        found = account_named(name).id
        db.session.rollback()
        return found


def claim(
    app: Flask, ids: Sequence[str], subject: tuple[str, str] = SUBJECT, name: str = OWNER
) -> list[str]:
    owner_id = account_id(app, name)
    with app.app_context(), writing():
        claimed = service.claim(ids, owner_id=owner_id, subject=subject)
    return [photo.public_id for photo in claimed]


def of(app: Flask, *subjects: tuple[str, str]) -> dict[tuple[str, str], list[str]]:
    with app.app_context(), reading():
        found = service.of(subjects)
    return {subject: [photo.public_id for photo in photos] for subject, photos in found.items()}


@pytest.fixture
def photos(api: Signed) -> list[str]:
    api(OTHER).upload()
    return [api(OWNER).upload() for _ in range(3)]


def test_photos_keep_the_order_in_which_they_were_named(app: Flask, photos: list[str]) -> None:
    named = [photos[2], photos[0], photos[1]]
    assert claim(app, named) == named
    assert of(app, SUBJECT) == {SUBJECT: named}


def test_later_photos_of_the_same_subject_follow(app: Flask, photos: list[str]) -> None:
    claim(app, [photos[2]])
    claim(app, photos[:2])
    assert of(app, SUBJECT)[SUBJECT] == [photos[2], *photos[:2]]


def test_subjects_of_one_id_and_two_kinds_do_not_mix(app: Flask, photos: list[str]) -> None:
    other, none = ("resolution", SUBJECT[1]), ("report", "3708-2")
    claim(app, [photos[0]])
    claim(app, [photos[1]], other)
    found = of(app, SUBJECT, other, none)
    assert found == {SUBJECT: [photos[0]], other: [photos[1]], none: []}


def test_photos_of_many_subjects_are_one_query(
    app: Flask, photos: list[str], statements: Callable[[], object]
) -> None:
    claim(app, photos[:1])
    with app.app_context(), reading(), statements() as found:  # type: ignore[attr-defined]
        service.of([("report", f"3708-{at}") for at in range(100)] + [("resolution", "3708-1")])
        assert len(found.seen) == 1
        service.of([])
        assert len(found.seen) == 1


def test_nothing_named_claims_nothing(app: Flask, photos: list[str]) -> None:
    assert claim(app, []) == []


def test_what_is_not_there_is_named_by_its_place(app: Flask, photos: list[str]) -> None:
    for stranger in ("0" * 32, "1", "", "照片", "x" * 500):
        with pytest.raises(MediaNotFound) as caught:
            claim(app, [photos[0], stranger])
        assert caught.value.errors is not None
        assert set(caught.value.errors) == {"media.1"}
    assert of(app, SUBJECT) == {SUBJECT: []}, "all or none"
    assert claim(app, [photos[0]]) == [photos[0]]


def test_somebody_elses_photo_is_as_if_it_were_not_there(app: Flask, photos: list[str]) -> None:
    with pytest.raises(MediaNotFound) as theirs:
        claim(app, [photos[0]], name=OTHER)
    with pytest.raises(MediaNotFound) as nobodys:
        claim(app, ["0" * 32], name=OTHER)
    assert theirs.value.errors == nobodys.value.errors
    claim(app, [photos[0]])
    with pytest.raises(MediaNotFound):
        claim(app, [photos[0]], ("report", "3708-2"), name=OTHER)


def test_a_used_photo_sticks_to_no_second_report(app: Flask, photos: list[str]) -> None:
    claim(app, [photos[0]])
    with pytest.raises(MediaUsed) as caught:
        claim(app, [photos[1], photos[0]], ("report", "3708-2"))
    assert caught.value.errors is not None
    assert set(caught.value.errors) == {"media.1"}
    assert of(app, SUBJECT, ("report", "3708-2")) == {
        SUBJECT: [photos[0]],
        ("report", "3708-2"): [],
    }


def test_missing_goes_before_used(app: Flask, photos: list[str]) -> None:
    claim(app, [photos[0]])
    with pytest.raises(MediaNotFound):
        claim(app, [photos[0], "0" * 32], ("report", "3708-2"))


def test_a_photo_named_twice_is_a_fault_of_the_list(app: Flask, photos: list[str]) -> None:
    with pytest.raises(Invalid) as caught:
        claim(app, [photos[0], photos[1], photos[0]])
    assert caught.value.errors is not None
    assert set(caught.value.errors) == {"media.2"}


def test_of_two_reports_that_claim_at_once_one_gets_the_photo(
    app: Flask, photos: list[str]
) -> None:
    results: list[str] = []
    barrier = threading.Barrier(4)

    def attempt(number: int) -> None:
        barrier.wait()
        try:
            claim(app, photos, ("report", f"3708-{number}"))
            results.append("claimed")
        except DomainError as error:
            results.append(error.code)

    threads = [threading.Thread(target=attempt, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["claimed", *["media_used"] * 3]
    with app.app_context(), reading() as session:
        used = session.scalars(select(Photo).where(Photo.claimed_at.is_not(None))).all()
    assert len({photo.subject for photo in used}) == 1
    assert len(used) == 3
