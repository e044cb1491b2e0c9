"""A photo that was used before: staff are told, the verdict stands, and its points wait."""

from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select, true

from citizen.models import Report
from citizen.ports import HoldsOf
from core.database import reading
from moderation.photos import recycling
from tests.clients import HERE
from tests.media.pictures import jpeg
from tests.media.test_likeness import cropped, reencoded, scene
from tests.moderation.office import OTHER, REPORTER, TRUE, WHY, Office

ELSEWHERE = {**HERE, "latitude": HERE["latitude"] + 0.005}  # 556 m away
NEXT_DOOR = {**HERE, "latitude": HERE["latitude"] + 0.002}  # 222 m away
CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "the same bytes": lambda image: image,
    "re-encoded": reencoded,
    "cropped": cropped(0.05, 0, 0.03, 0.08),
    "turned": lambda image: image.rotate(90, expand=True),
}


def case(office: Office, image: Image.Image, *steps: str, by: str = REPORTER, **more: Any) -> str:
    """A case with one photo, taken through the steps."""
    photo = office(by).upload(jpeg(image))
    return office.case(*steps, reporter=by, media=[photo], **more)


def seen(office: Office, number: str, by: str = "dispatcher") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = office.seen(number, by)["checks"]["seen_before"]
    return found


def held(office: Office) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = office("reviewer").get("/awards?state=held").get_json()["items"]
    return found


def earned(office: Office, phone: str) -> int:
    available: int = office.points(phone)["available"]
    return available


@pytest.mark.parametrize("change", CHANGES)
def test_anothers_picture_holds_the_points_and_not_the_verdict(office: Office, change: str) -> None:
    first = case(office, scene(1), "accept", "verify")
    again = case(office, CHANGES[change](scene(1)), "accept", by=OTHER, location=ELSEWHERE)
    (entry,) = seen(office, again)
    assert (entry["number"], entry["same_account"], entry["possible_fraud"]) == (first, False, True)
    assert (entry["distance"] == 0) or change != "the same bytes"
    office.take(again, "verify", reporter=OTHER)
    assert office.seen(again)["verdict"] == "substantiated"
    (waiting,) = held(office)
    assert (waiting["report"], waiting["holds"]) == (again, ["recycled"])
    assert office.own(again, OTHER)["points"]["state"] == "held"
    assert (earned(office, REPORTER), earned(office, OTHER)) == (20, 0)


def test_who_used_a_picture_first_is_never_suspected(office: Office) -> None:
    first = case(office, scene(1))
    again = case(office, scene(1), by=OTHER, location=ELSEWHERE)
    (entry,) = seen(office, first)
    assert (entry["number"], entry["possible_fraud"]) == (again, False)
    office.take(first, "accept", "verify")
    assert held(office) == []
    assert earned(office, REPORTER) == 20


@pytest.mark.parametrize(("decision", "paid"), [("release", 20), ("refuse", 0)])
def test_a_reviewer_settles_what_waits(office: Office, decision: str, paid: int) -> None:
    case(office, scene(1))
    case(office, scene(1), "accept", "verify", by=OTHER)
    (waiting,) = held(office)
    body = WHY if decision == "refuse" else None
    answer = office("reviewer").post(f"/awards/{waiting['id']}/{decision}", body)
    assert answer.status_code == 200
    assert earned(office, OTHER) == paid


@pytest.mark.parametrize(("place", "waits"), [(HERE, False), (NEXT_DOOR, False), (ELSEWHERE, True)])
def test_ones_own_picture_waits_only_at_another_place(
    office: Office, place: dict[str, Any], waits: bool
) -> None:
    first = case(office, scene(1), "withdraw")
    again = case(office, scene(1), "accept", location=place)
    (entry,) = seen(office, again)
    assert (entry["number"], entry["same_account"], entry["possible_fraud"]) == (first, True, waits)
    office.take(again, "verify")
    assert [award["report"] for award in held(office)] == ([again] if waits else [])


def test_a_closing_verdict_keeps_what_the_first_one_held(office: Office) -> None:
    case(office, scene(1))
    again = case(office, scene(1), "accept", "verify", by=OTHER)
    office.take(again, "dispatch", "sign", "resolve", "verify", reporter=OTHER)
    assert office.status(again) == "closed"
    assert [award["report"] for award in held(office)] == [again]
    assert earned(office, OTHER) == 0


def test_where_nobody_asks_the_points_are_paid(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(office.app.extensions["ports"], HoldsOf, lambda session, reports: {})
    case(office, scene(1))
    case(office, scene(1), "accept", "verify", by=OTHER)
    assert held(office) == []
    assert earned(office, OTHER) == 20


def test_of_two_uploads_at_once_the_later_claim_waits(office: Office) -> None:
    """Neither could see the other when it came; the verdict asks again."""
    photos = [office(by).upload(jpeg(scene(1))) for by in (OTHER, REPORTER)]
    first = office.case("accept", reporter=REPORTER, media=[photos[1]])
    second = office.case("accept", reporter=OTHER, media=[photos[0]], location=ELSEWHERE)
    for number, by in ((second, OTHER), (first, REPORTER)):
        office.take(number, "verify", reporter=by)
    assert [award["report"] for award in held(office)] == [second]


def test_a_merged_report_with_anothers_picture_waits_too(office: Office) -> None:
    first = case(office, scene(1), "accept")
    again = case(office, scene(1), "accept", by=OTHER)
    assert office.act("dispatcher", again, "merge", {"into": first}).status_code == 200
    assert office.act("dispatcher", first, "verify", TRUE).status_code == 200
    assert [award["report"] for award in held(office)] == [again]
    assert earned(office, REPORTER) == 20


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_even_pictures_are_nobodys(office: Office, grey: int) -> None:
    """B18: a covered lens, a sky; the same bytes all the same are."""
    even = Image.new("RGB", (640, 480), (grey, grey, grey))
    larger = Image.new("RGB", (800, 600), (grey, grey, grey))
    first = case(office, even)
    second = case(office, larger, "accept", "verify", by=OTHER, location=ELSEWHERE)
    assert (seen(office, second), held(office)) == ([], [])
    same = case(office, even, by=OTHER, location=ELSEWHERE)
    assert [entry["number"] for entry in seen(office, same)] == [first]


def test_other_pictures_are_nobodys(office: Office) -> None:
    case(office, scene(1))
    other = case(office, scene(2), "accept", "verify", by=OTHER)
    assert (seen(office, other), held(office)) == ([], [])
    assert earned(office, OTHER) == 20


def test_only_staff_learn_of_it_and_of_the_cases_that_they_may_see(office: Office) -> None:
    first = case(office, scene(1), "accept")
    again = case(office, scene(1), "accept", "dispatch", by=OTHER)
    assert [entry["number"] for entry in seen(office, again)] == [first]
    assert seen(office, again, by="handler-epb") == []
    for path in (f"/reports/{again}", "/me/reports", "/me/points/entries"):
        told = office(OTHER).get(path).get_data(as_text=True)
        assert "seen_before" not in told
        assert "possible_fraud" not in told
        assert "recycled" not in told
        assert first not in told


def test_a_likely_duplicate_says_that_it_shows_the_same_picture(office: Office) -> None:
    first = case(office, scene(1))
    again = case(office, reencoded(scene(1)), by=OTHER)
    (similar,) = (each for each in office.seen(again)["similar"] if each["number"] == first)
    assert "照片相同或相似" in similar["reasons"]


def test_a_family_takes_as_few_statements_as_one_report(
    office: Office, statements: Callable[[], Any]
) -> None:
    def spent(*, followers: int, seed: int) -> int:
        first = case(office, scene(seed), "accept")
        for _ in range(followers):
            number = case(office, scene(seed), "accept", by=OTHER)
            assert office.act("dispatcher", number, "merge", {"into": first}).status_code == 200
        with office.app.app_context(), statements() as found:
            from core.database import reading
            from moderation.photos.recycling import holds_of

            with reading() as session:
                reports = family(session, first)
                before = len(found.seen)
                holds_of(session, reports)
        return len(found.seen) - before

    assert spent(followers=1, seed=1) == spent(followers=3, seed=2) <= 7


def family(session: Any, number: str) -> list[Any]:
    from sqlalchemy import or_, select

    from citizen.models import Report

    head = select(Report.id).where(Report.number == number).scalar_subquery()
    return list(
        session.scalars(select(Report).where(or_(Report.id == head, Report.primary_id == head)))
    )


def test_what_a_unit_of_work_found_is_asked_anew_in_the_next_one(office: Office) -> None:
    """A job keeps one session over many units of work."""
    first = case(office, scene(1))

    def uses(session: Any) -> list[dict[str, Any]]:
        report = session.scalars(select(Report).where(Report.number == first)).one()
        photos = recycling.photos_of(session, [first])[("report", first)]
        return recycling.seen_before(session, report, photos, true())

    with office.app.app_context():
        with reading() as session:
            assert uses(session) == []
        with office.app.app_context():
            again = case(office, scene(1), by=OTHER)
        with reading() as session:
            assert [use["number"] for use in uses(session)] == [again]
