"""How many statements go to the database; a page costs the same however many cases it holds."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.clients import report_body
from tests.moderation.office import CLOSED, OTHER, REPORTER, TRUE, WHY, Office, later

Counted = Callable[[], Any]


@pytest.fixture
def warm(office: Office) -> Office:
    """An office whose rules, places and people are in memory."""
    office.case(*CLOSED, reporter=OTHER)
    office("dispatcher").get("/cases")
    return office


def spent(found: Any, most: int) -> None:
    assert len(found.seen) <= most, "\n".join(found.seen)


def test_a_submission_takes_as_few_with_nine_photos_as_with_one(
    warm: Office, statements: Counted
) -> None:
    """Twelve and the look whether rules changed; PostgreSQL is asked for the key's lock besides."""
    resident = warm(REPORTER)
    photos = [resident.upload() for _ in range(9)]
    with statements() as found:
        answer = resident.post("/reports", report_body(media=photos), key="counted")
    assert answer.status_code == 201
    spent(found, 12)


@pytest.mark.parametrize("who", ["dispatcher", "handler-epb", "reviewer", "auditor"])
def test_a_page_takes_twelve_at_most_and_no_more_for_more_cases(
    warm: Office, statements: Counted, who: str
) -> None:
    warm.lend_phone(who, "13800000009")
    client = warm(who)

    def more(count: int) -> None:
        for _ in range(count):
            warm.case("accept", "dispatch")
            into = {"into": warm.case(reporter=OTHER)}
            warm.act("dispatcher", warm.case("accept"), "merge", into)
            warm.case("decline", "appeal")

    more(1)
    with statements() as few:
        shown = len(client.get("/cases").get_json()["items"])
    more(3)
    with statements() as many:
        assert len(client.get("/cases").get_json()["items"]) > shown
    assert len(many.seen) == len(few.seen)
    spent(many, 12)


def test_a_residents_page_takes_few_and_no_more_for_more_reports(
    warm: Office, statements: Counted
) -> None:
    resident = warm(REPORTER)
    warm.case()
    with statements() as one:
        resident.get("/me/reports")
    for _ in range(6):
        warm.case()
    with statements() as many:
        assert len(resident.get("/me/reports").get_json()["items"]) == 7
    assert len(many.seen) == len(one.seen) <= 4


def test_a_plain_transition_takes_thirteen_at_most(warm: Office, statements: Counted) -> None:
    number = warm.case()
    for version, action in enumerate(("accept", "dispatch"), start=1):
        match = f'"{version}-staff"'
        with statements() as found:
            answer = warm("dispatcher").post(f"/cases/{number}/{action}", match=match)
        assert answer.status_code == 200
        spent(found, 13)


@pytest.mark.parametrize("closing", [False, True])
def test_a_verdict_takes_twenty_one_at_most(
    warm: Office, statements: Counted, *, closing: bool
) -> None:
    number = warm.case(*(CLOSED[:-1] if closing else ("accept",)))
    match = warm("dispatcher").get(f"/cases/{number}").headers["ETag"]
    with statements() as found:
        answer = warm("dispatcher").post(f"/cases/{number}/verify", TRUE, match=match)
    assert answer.status_code == 200
    spent(found, 21)


def test_a_case_takes_twelve_at_most(warm: Office, statements: Counted) -> None:
    number = warm.case(*CLOSED)
    for who in ("dispatcher", "handler-epb", "reviewer"):
        client = warm(who)
        with statements() as found:
            assert client.get(f"/cases/{number}").status_code == 200
        spent(found, 12)


def test_other_steps_take_fifteen_at_most(warm: Office, statements: Counted) -> None:
    number = warm.case("accept")
    photo = warm("handler-epb").upload()
    steps: list[tuple[str, str, Any]] = [
        ("dispatcher", "dispatch", {"department": "epb", "assisting": ["urban", "water"]}),
        ("handler-epb", "sign", None),
        ("handler-epb", "extend", {**WHY, "due_at": ""}),
        ("dispatcher", "park", {**WHY, "review_on": "2199-01-01"}),
        ("dispatcher", "unpark", None),
        ("handler-epb", "resolve", {"finding": "x", "measures": "y", "media": [photo]}),
        ("dispatcher", "rework", WHY),
    ]
    for who, action, body in steps:
        case = warm.seen(number)
        if action == "extend":
            body["due_at"] = later(case, days=1)
        client, match = warm(who), f'"{case["version"]}-staff"'
        with statements() as found:
            answer = client.post(f"/cases/{number}/{action}", body, match=match)
        assert answer.status_code == 200, (action, answer.get_json())
        spent(found, 15)
