"""Public trouble reports about triage, with the inputs of bugcases.md, over HTTP."""

import json
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from core.audit import AuditEvent
from core.clock import now
from core.outbox import OutboxMessage
from core.permissions import Role
from moderation.models import Dispatch
from tests.clients import HERE, Api, report_body
from tests.conftest import DEMO_PASSWORD, PROJECT
from tests.fakes import FakeSms
from tests.moderation.office import OTHER, REPORTER, TRUE, WHY, Office, problem
from tests.moderation.test_two_officers import at_once

EAST_OF_A_METRE = 1.1e-5  # degrees of longitude, about a metre at 35° N
SWAPPED = {"longitude": 35.415, "latitude": 116.587, "crs": "wgs84"}
AWAY = {"longitude": 116.587, "latitude": 38.1, "crs": "wgs84"}
ONE_DATABASE = pytest.mark.parametrize("world", ["sqlite"], indirect=True)


@ONE_DATABASE
def test_a_swapped_or_distant_place_is_named_and_leaves_nothing(office: Office) -> None:
    """B22, for the resident and for the dispatcher who corrects."""
    number, noise = office.case(), office.case(reporter=OTHER)
    photo = office(REPORTER).upload()
    for place, code, path in (
        (SWAPPED, "location_invalid", "location.latitude"),
        (AWAY, "outside_service_area", "location"),
    ):
        sent = report_body(media=[photo], location=place)
        corrected = office.act("dispatcher", number, "correct", {**WHY, "location": place})
        for answer in (office(REPORTER).post("/reports", sent, key=code), corrected):
            assert problem(answer) == (422, code)
            assert list(answer.get_json()["errors"]) == [path]
    assert len(office("dispatcher").get("/cases").get_json()["items"]) == 2
    for each in (number, noise):
        case = office.seen(each)
        assert (case["version"], case["location"]["latitude"]) == (1, HERE["latitude"])
    assert office.case(media=[photo])  # what was refused did not use it up


def districts() -> dict[str, Iterator[tuple[list[float], list[float]]]]:
    """Return the edges of the shipped districts by code."""
    document = json.loads((Path(PROJECT) / "citizen/data/areas.geojson").read_text())
    found = {}
    for feature in document["features"]:
        if feature["properties"]["kind"] == "district":
            shape = feature["geometry"]
            rings = shape["coordinates"] if shape["type"] == "Polygon" else shape["coordinates"][0]
            found[str(feature["properties"]["code"])] = pairwise(rings[0])
    return found


def a_shared_edge(one: str, other: str) -> tuple[float, float]:
    """Return the middle of an edge that both districts have, running mostly north to south."""
    edges = {code: list(drawn) for code, drawn in districts().items()}
    theirs = {frozenset(map(tuple, edge)) for edge in edges[other]}
    shared = [edge for edge in edges[one] if frozenset(map(tuple, edge)) in theirs]
    (west, south), (east, north) = max(shared, key=lambda edge: abs(edge[0][1] - edge[1][1]))
    return (west + east) / 2, (south + north) / 2


@ONE_DATABASE
def test_a_border_has_one_district_each_time_and_a_move_keeps_the_history(office: Office) -> None:
    """B26: on the shared edge, a metre to either side, on the outer edge."""
    x, y = a_shared_edge("370811", "370812")
    found = {}
    for side in (-4, -1, 0, 1, 4):
        place = {"longitude": x + side * EAST_OF_A_METRE, "latitude": y, "crs": "wgs84"}
        numbers = [office.case(location=place) for _ in range(2)]
        codes = {office.seen(number)["area"]["code"] for number in numbers}
        assert len(codes) == 1, side
        found[side] = codes.pop()
    assert set(found.values()) == {"370811", "370812"}
    assert found[0] == "370811"  # of two, the lower code
    counted = [
        len(office("dispatcher").get(f"/cases?area={code}").get_json()["items"])
        for code in ("370811", "370812")
    ]
    assert sum(counted) == len(office("dispatcher").get("/cases").get_json()["items"]) == 10
    number = office.case("accept")
    there = {"longitude": x + 400 * EAST_OF_A_METRE, "latitude": y, "crs": "wgs84"}
    moved = office.act("dispatcher", number, "correct", {**WHY, "location": there}).get_json()
    assert moved["area"]["code"] == "370812"
    assert moved["correction"]["area"] == {"from": "370811", "to": "370812"}
    assert [step["action"] for step in office.history(number)] == ["submit", "accept", "correct"]


@ONE_DATABASE
@pytest.mark.parametrize("crs", ["gcj02", "bd09"])
def test_a_box_drawn_around_what_is_shown_holds_all_of_it(office: Office, crs: str) -> None:
    """B27, for places that were converted: they have more decimals than an answer shows."""
    numbers = [office.case(location={"longitude": 116.59 + x / 300, "latitude": 35.42 + y / 300,
                                     "crs": crs}) for x, y in ((0, 1), (1, 0), (2, 2))]  # fmt: skip
    office.case(location={**HERE, "longitude": 116.7})
    shown = [office.seen(number)["location"] for number in numbers]
    (west, *_, east), (south, *_, north) = (
        sorted(place[side] for place in shown) for side in ("longitude", "latitude")
    )
    across = f"{shown[1]['longitude']:.7f}"  # the meridian of one of them
    for box, expected in (
        ((west, south, east, north), set(numbers)),
        ((west, south, across, north), set(numbers[:2])),
        ((across, south, east, north), set(numbers[1:])),
        *(((place["longitude"], place["latitude"]) * 2, {number})
          for place, number in zip(shown, numbers, strict=True)),
    ):  # fmt: skip
        asked = ",".join(str(side) for side in box)
        found = office("dispatcher").get(f"/cases?bbox={asked}").get_json()["items"]
        assert {item["number"] for item in found} == expected, asked


@ONE_DATABASE
def test_what_happened_in_the_future_is_dispatched_once(office: Office) -> None:
    """B33: two minutes ahead is a clock, two hours are refused; a case goes out once either way."""
    late = {"occurred_at": (now() + timedelta(hours=2)).isoformat()}
    sent = report_body(media=[office(REPORTER).upload()], **late)
    assert office(REPORTER).post("/reports", sent, key="late").status_code == 422
    ahead = (now() + timedelta(minutes=2)).isoformat(timespec="seconds")
    number, noise = office.case("accept", occurred_at=ahead), office.case("accept")
    stale = office("dispatcher").get(f"/cases/{number}").headers["ETag"]
    assert office.act("dispatcher", number, "dispatch", {}).status_code == 200
    again = office("dispatcher").post(f"/cases/{number}/dispatch", {}, match=stale)
    assert problem(again) == (412, "stale")
    assert problem(office.act("dispatcher", number, "dispatch", {}))[0] == 409
    assert len(office.rows(Dispatch.id)) == 1
    assert office.status(noise) == "accepted"


@ONE_DATABASE
def test_an_office_that_gave_a_case_back_has_nothing_of_it_left(office: Office) -> None:
    """B40: office 1, a person accepts, then office 2."""
    office.hire("colleague", Role.HANDLER, department="epb")
    number, noise = (office.case("accept", "dispatch", "sign") for _ in range(2))
    assert office.act("handler-epb", number, "reassign", {"username": "colleague"}).is_json
    match = office("colleague").get(f"/cases/{number}").headers["ETag"]
    photo = office.seen(number)["media"][0]["id"]
    assert office.act("colleague", number, "return", {"reason": "属城管职责"}).status_code == 200
    office.act("dispatcher", number, "dispatch", {"department": "urban"})
    for who in ("handler-epb", "colleague"):
        for path in (f"/cases/{number}", f"/cases/{number}/history", f"/media/{photo}/thumb"):
            assert office(who).get(path).status_code == 404, (who, path)
        listed = office(who).get("/cases").get_json()["items"]
        assert [item["number"] for item in listed] == [noise]
        assert number not in office(who).get("/cases.csv").get_data(as_text=True)
        for action in ("sign", "resolve", "extend"):
            answer = office(who).post(f"/cases/{number}/{action}", {}, match=match)
            assert answer.status_code == 404, (who, action)
    assert office("dispatcher").get("/cases?assignee=colleague").get_json()["items"] == []
    (queued,) = office("handler-urban").get("/cases").get_json()["items"]
    assert (queued["number"], "sign" in queued["actions"]) == (number, True)
    told = [(step["action"], (step["department"] or {}).get("code")) for step in
            office.history(number)]  # fmt: skip
    assert [step for step in told if step[0] in {"dispatch", "return"}] == [
        ("dispatch", "epb"), ("return", "epb"), ("dispatch", "urban"),
    ]  # fmt: skip


@ONE_DATABASE
def test_each_change_is_one_line_with_old_and_new(office: Office, sms: FakeSms) -> None:
    """B42: the category twice, then the phone of an officer."""
    number = office.case(category="AIR-DUST")
    noise = office.case(category="AIR-DUST", reporter=OTHER)
    for category in ("WAT-OUT", "AIR-DUST"):
        body = {**WHY, "category": category}
        assert office.act("dispatcher", number, "correct", body).status_code == 200
    steps = [step for step in office.history(number) if step["action"] == "correct"]
    assert [step["changes"]["category"] for step in steps] == [
        {"from": "AIR-DUST", "to": "WAT-OUT"},
        {"from": "WAT-OUT", "to": "AIR-DUST"},
    ]
    assert {step["actor_role"] for step in steps} == {"dispatcher"}
    assert all(step["at"] for step in steps)
    assert len(office.history(noise)) == 1
    for phone in ("13900001234", "13900005678"):
        assert office("").post("/auth/sms", {"phone": phone}).status_code == 202
        proved = {"phone": phone, "code": sms.code(phone)}
        assert office("dispatcher").post("/me/identities", proved).status_code == 200
    rows = [row for row in office.rows(AuditEvent.action, AuditEvent.details, AuditEvent.actor_id)
            if "phone" in row.action]  # fmt: skip
    assert [row.actor_id for row in rows] == [office.account_id("dispatcher")] * 2
    assert "1390000" not in str(rows)


@ONE_DATABASE
def test_a_step_that_is_sent_again_happened_once(office: Office) -> None:
    """B43, for what a step leaves behind; messages sent twice are the outbox's own tests."""
    before = len(office.rows(OutboxMessage.id))
    number, noise = office.case("accept"), office.case("accept", reporter=OTHER)
    match = '"2-staff"'
    verify = partial(office("dispatcher").post, f"/cases/{number}/verify", TRUE, match=match)
    answers = [*at_once(verify, verify), verify()]
    assert sorted(answer.status_code for answer in answers)[0] == 200
    assert {answer.status_code for answer in answers} <= {200, 409, 412}
    assert [step["action"] for step in office.history(number)] == ["submit", "accept", "verify"]
    noted = [row.subject_id for row in office.rows(AuditEvent.action, AuditEvent.subject_id)
             if row.action == "case.verify"]  # fmt: skip
    assert noted == [number]
    earned = office(REPORTER).get("/me/points/entries").get_json()["items"]
    available = [entry["amount"] for entry in earned if entry["pot"] == "available"]
    assert available == [20]
    assert [step["action"] for step in office.history(noise)] == ["submit", "accept"]
    topics = [row.topic for row in office.rows(OutboxMessage.id, OutboxMessage.topic)][before:]
    assert topics == ["case.step"] * 3  # two acceptances, one verdict


@pytest.mark.parametrize(
    "change", [{"status": "disabled"}, {"roles": ["auditor"]}, {"areas": ["370826"]}]
)
@ONE_DATABASE
def test_a_dismissed_demoted_or_moved_officer_verifies_nothing_more(
    office: Office, change: dict[str, Any]
) -> None:
    """B78, with the tokens that were out, refresh among them."""
    number = office.case("accept")
    body = {"username": "dispatcher", "password": DEMO_PASSWORD}
    signed_in = office("").post("/auth/staff", body).get_json()
    old = Api(office.app, signed_in["access_token"])
    match = old.get(f"/cases/{number}").headers["ETag"]
    assert office("admin").patch("/staff/dispatcher", change).status_code == 200
    assert old.post(f"/cases/{number}/verify", TRUE, match=match).status_code == 401
    assert old.get(f"/cases/{number}").status_code == 401
    renewed = office("").post("/auth/refresh", {"refresh_token": signed_in["refresh_token"]})
    assert renewed.status_code == 401
    case = office.seen(number, "reviewer")
    assert (case["verdict"], case["version"]) == (None, 2)
    assert office.points()["available"] == 0
