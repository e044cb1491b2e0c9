"""What reporters learn of the end of their case: the finding, and photos as they are published."""

from typing import Any

import pytest

from tests.clients import picture
from tests.moderation.desk import PALE, Desk, blacked, box
from tests.moderation.office import CLOSED, OTHER, REPORTER, TRUE, Office

FOUND = {"finding": "管网错接，污水直排", "measures": "已封堵并改接"}


def resolved(office: Office, number: str, **changes: str) -> str:
    """Resolve a case with one after-photo, and return the photo's id."""
    photo = office("handler-epb").upload(picture(PALE))
    body = {**FOUND, **changes, "media": [photo]}
    assert office.act("handler-epb", number, "resolve", body).status_code == 200
    return photo


def closed(office: Office, number: str) -> dict[str, Any]:
    assert office.act("dispatcher", number, "verify", TRUE).status_code == 200
    return office.own(number)


def test_a_result_is_told_once_the_case_is_closed_with_published_photos(office: Office) -> None:
    noise = office.case(*CLOSED, reporter=OTHER)
    number = office.case(*CLOSED[:-2])
    photo = resolved(office, number)
    assert office.own(number)["result"] is None  # nobody has checked it yet
    own = closed(office, number)
    assert own["verdict_label"] == "属实"
    assert {key: own["result"][key] for key in FOUND} == FOUND
    assert (own["result"].keys(), own["result"]["media"]) == ({*FOUND, "at", "media"}, [])
    assert office(REPORTER).get(f"/media/{photo}/large").status_code == 404
    desk = Desk(office, number, photo)
    desk.redact(box(2))
    assert office.own(number)["result"]["media"] == []
    desk.publish()
    (shown,) = office.own(number)["result"]["media"]
    assert shown.keys() == {"id", "width", "height", "variants"}
    for copy in shown["variants"].values():
        assert blacked(office("").get(copy).data) == [2]
    assert blacked(office(REPORTER).get(f"/media/{photo}/large").data) == [2]
    desk.decide("hidden")
    assert office.own(number)["result"]["media"] == []
    assert office("").get(shown["variants"]["large"]).status_code == 404
    assert office.own(noise, OTHER)["result"]["finding"] == "已现场核实"


@pytest.mark.parametrize("world", ["sqlite"], indirect=True)
def test_a_follower_learns_what_came_of_the_case_that_it_was_merged_into(office: Office) -> None:
    primary, follower = office.case(*CLOSED[:1], reporter=OTHER), office.case()
    assert office.act("dispatcher", follower, "merge", {"into": primary}).status_code == 200
    office.take(primary, *CLOSED[1:-2], reporter=OTHER)
    resolved(office, primary)
    assert office.own(follower)["result"] is None
    assert office.act("dispatcher", primary, "verify", TRUE).status_code == 200
    own = office.own(follower)
    assert (own["status"], own["outcome"]["verdict_label"]) == ("merged", "属实")
    assert own["result"]["measures"] == FOUND["measures"]
    assert primary not in str(own)


@pytest.mark.parametrize("world", ["sqlite"], indirect=True)
def test_the_last_result_counts_and_a_case_without_one_has_none(office: Office) -> None:
    number = office.case(*CLOSED[:-2])
    resolved(office, number, finding="尚未查清")
    office.take(number, "rework")
    resolved(office, number)
    assert closed(office, number)["result"]["finding"] == FOUND["finding"]
    office.take(number, "appeal", "grant_appeal")
    assert office.own(number)["result"] is None  # open again
    refuted = office.case("accept", "refute")
    own = office.own(refuted)
    assert (own["status"], own["verdict_label"], own["result"]) == ("closed", "不属实", None)
