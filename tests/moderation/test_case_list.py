"""The list of cases: every filter against rows that must stay out, and pages that hold still."""

from datetime import datetime
from typing import Any

import pytest
import time_machine

from core.permissions import Role
from tests.clients import ON_THE_LAKE
from tests.moderation.office import CLOSED, OTHER, REPORTER, Office

A_DAY = "2026-03-05T12:00:00+08:00"


def found(office: Office, query: str = "", by: str = "dispatcher") -> list[str]:
    answer = office(by).get(f"/cases{'?' if query else ''}{query}")
    assert answer.status_code == 200, answer.get_json()
    return [item["number"] for item in answer.get_json()["items"]]


def at(moment: str) -> Any:
    return time_machine.travel(datetime.fromisoformat(moment), tick=False)


def test_each_filter_finds_its_cases_and_no_others(office: Office) -> None:
    lake = office.case(channel="huhutong", category="WAT-FLOAT", location=ON_THE_LAKE)
    dust = office.case("accept", category="AIR-DUST", reporter=OTHER)
    office.act("dispatcher", dust, "dispatch", {"department": "urban", "assisting": ["water"]})
    taken = office.case("accept", "dispatch", "sign")
    plain = office.case()
    everything = {lake, dust, taken, plain}
    assert set(found(office)) == everything
    for query, expected in (
        ("status=submitted", {lake, plain}),
        ("status=handling", {taken}),
        ("status=closed", set()),
        ("department=urban", {dust}),
        ("department=water", {dust}),
        ("department=epb", {taken}),
        ("area=370826", {lake}),
        ("area=370811", {dust, taken, plain}),
        ("category=AIR-DUST", {dust}),
        ("channel=huhutong", {lake}),
        ("channel=suishoupai", {dust, taken, plain}),
        ("assignee=handler-epb", {taken}),
        ("assignee=handler-urban", set()),
        ("assignee=nobody", set()),
        ("overdue=false", everything),
        ("overdue=true", set()),
        ("status=submitted&channel=suishoupai", {plain}),
        ("department=epb&category=AIR-DUST", set()),
    ):
        assert set(found(office, query)) == expected, query


def test_a_department_filters_within_what_it_may_see(office: Office) -> None:
    own, other = office.case("accept", "dispatch"), office.case("accept")
    office.act("dispatcher", other, "dispatch", {"department": "urban"})
    assert found(office, by="handler-epb") == [own]
    assert found(office, "department=urban", by="handler-epb") == []
    assert found(office, "status=dispatched", by="handler-epb") == [own]
    assert set(found(office, by="auditor")) == {own, other}
    office.hire("nowhere", Role.HANDLER, department="water")
    assert found(office, by="nowhere") == []


def test_words_are_searched_as_they_stand(office: Office) -> None:
    """B70."""
    percent = office.case(description="氨氮超标 100% 以上")
    score = office.case(description="设备编号 A_12 漏油", reporter=OTHER)
    address = office.case(description="夜间噪声", address="建设路_5 号")
    plain = office.case(description="河面有漂浮物 A112", reporter=OTHER)
    backslash = office.case(description="路径 C:\\\\water")
    assert found(office, "q=%25") == [percent]
    assert found(office, "q=100%25") == [percent]
    assert set(found(office, "q=_")) == {score, address}
    assert found(office, "q=A_12") == [score]
    assert found(office, "q=a_12") == [score]
    assert found(office, "q=漂浮") == [plain]
    assert found(office, "q=建设路") == [address]
    assert found(office, "q=%5C") == [backslash]
    assert found(office, "q=没有这样的词") == []
    assert found(office, "q='%20OR%201=1--") == []


def test_the_last_day_is_included_and_days_are_those_of_shanghai(office: Office) -> None:
    """B31, B32."""
    made = {}
    for moment in (
        "2026-03-04T23:59:59+08:00",
        "2026-03-05T00:00:00+08:00",
        "2026-03-05T15:30:00+00:00",
        "2026-03-05T23:59:59+08:00",
        "2026-03-05T16:00:00+00:00",
        "2026-03-05T16:30:00+00:00",
    ):
        with at(moment):
            office.people.clear()
            made[moment] = office.case()
    fourth, *fifth, sixth, later = made.values()
    with at("2026-03-06T09:00:00+08:00"):
        office.people.clear()
        assert set(found(office, "submitted_from=2026-03-05&submitted_to=2026-03-05")) == set(fifth)
        assert set(found(office, "submitted_to=2026-03-04")) == {fourth}
        assert set(found(office, "submitted_from=2026-03-06")) == {sixth, later}
        assert found(office, "submitted_from=2026-03-07") == []
        assert found(office, "submitted_from=2026-03-06&submitted_to=2026-03-05") == []
        listed = office("dispatcher").get("/cases").get_json()["items"]
        shown = {item["number"]: item["submitted_at"] for item in listed}
        assert shown[later] == "2026-03-06T00:30:00+08:00"


def test_a_box_holds_what_lies_on_its_edges_and_corners(office: Office) -> None:
    """B27."""
    west, south, east, north = 116.58, 35.41, 116.6, 35.43
    corners = [
        office.case(location={"longitude": x, "latitude": y, "crs": "wgs84"})
        for x in (west, east)
        for y in (south, north)
    ]
    middle = office.case(location={"longitude": 116.59, "latitude": 35.42, "crs": "wgs84"})
    outside = office.case(location={"longitude": 116.6000001, "latitude": 35.42, "crs": "wgs84"})
    box = f"bbox={west},{south},{east},{north}"
    assert set(found(office, box)) == {*corners, middle}
    halves = [f"bbox={west},{south},116.59,{north}", f"bbox=116.59,{south},{east},{north}"]
    left, right = (set(found(office, half)) for half in halves)
    assert left | right == {*corners, middle}
    assert left & right == {middle}  # both edges are closed, as the document says
    assert found(office, "bbox=116.59,35.42,116.59,35.42") == [middle]
    assert found(office, "bbox=116.6000001,35.42,116.6000001,35.42") == [outside]


@pytest.mark.parametrize(
    "query",
    [
        "status=open",
        "status=",
        "department=a b",
        "overdue=1",
        "overdue=True",
        "submitted_from=2026-3-5",
        "submitted_to=2026-02-30",
        "submitted_to=2026-03-05T00:00:00Z",
        "bbox=1,2,3",
        "bbox=116.6,35.41,116.5,35.43",
        "bbox=116.5,35.43,116.6,35.41",
        "bbox=-181,35,116,36",
        "bbox=116,35,117,91",
        "bbox=NaN,35,117,36",
        "bbox=1e2,35,117,36",
        "bbox=１１６,35,117,36",
        "sort=number",
        "sort=submitted_at",
        "q=",
        "q=%00",
        "q=%20",
        "limit=101",
        "cursor=nothing",
        "crs=utm",
        "reporter=13800000001",
        "page=1",
        "status=submitted&status=closed",
    ],
)
def test_a_filter_that_is_none_is_refused_by_name(office: Office, query: str) -> None:
    answer = office("dispatcher").get(f"/cases?{query}")
    assert answer.status_code == 422
    assert list(answer.get_json()["errors"]) == [query.split("=", maxsplit=1)[0]]


def test_a_search_is_sorted_by_time_only(office: Office) -> None:
    number = office.case()
    answer = office("dispatcher").get("/cases?q=排污&sort=due_at")
    assert list(answer.get_json()["errors"]) == ["sort"]
    assert found(office, "q=排污&sort=-submitted_at") == [number]


def test_the_two_orders(office: Office) -> None:
    numbers = [office.case("accept") for _ in range(3)]
    for number, day in zip(numbers, ("20", "10", "15"), strict=True):
        body = {"department": "epb", "due_at": f"2198-01-{day}T00:00:00+08:00"}
        office.act("dispatcher", number, "dispatch", body)
    assert found(office) == numbers[::-1]
    assert found(office, "sort=-submitted_at") == numbers[::-1]
    assert found(office, "sort=due_at") == [numbers[1], numbers[2], numbers[0]]


@pytest.mark.parametrize("sort", ["due_at", "-submitted_at"])
def test_pages_show_everything_once_while_cases_come_and_change(office: Office, sort: str) -> None:
    """B71; several share an instant, so the key alone decides."""
    with at(A_DAY):
        made = [office.case() for _ in range(8)]
        seen: list[str] = []
        cursor, added = "", []
        while True:
            page = office("dispatcher").get(f"/cases?sort={sort}&limit=3{cursor}").get_json()
            seen += [item["number"] for item in page["items"]]
            if page["next_cursor"] is None:
                break
            added.append(office.case(reporter=OTHER))
            office.take(made[0], *(("decline",) if len(added) == 1 else ()))
            cursor = f"&cursor={page['next_cursor']}"
    assert len(seen) == len(set(seen))
    assert set(seen) - set(added) == set(made)


def test_a_page_that_is_just_full_is_the_last_one(office: Office) -> None:
    for _ in range(4):
        office.case()
    page = office("dispatcher").get("/cases?limit=4").get_json()
    assert (len(page["items"]), page["next_cursor"]) == (4, None)
    page = office("dispatcher").get("/cases?limit=2").get_json()
    rest = office("dispatcher").get(f"/cases?limit=2&cursor={page['next_cursor']}").get_json()
    assert (len(rest["items"]), rest["next_cursor"]) == (2, None)


def test_a_cursor_of_another_order_is_refused_or_harmless(office: Office) -> None:
    for _ in range(3):
        office.case()
    cursor = office("dispatcher").get("/cases?limit=1").get_json()["next_cursor"]
    answer = office("dispatcher").get(f"/cases?sort=due_at&limit=1&cursor={cursor}")
    assert answer.status_code in {200, 422}


def test_an_item_holds_what_an_officer_needs(office: Office) -> None:
    number = office.case(*CLOSED)
    item = office("dispatcher").get("/cases").get_json()["items"][0]
    case = office.seen(number)
    for name in (
        "number",
        "channel",
        "category",
        "status",
        "description",
        "location",
        "area",
        "address",
        "occurred_at",
        "submitted_at",
        "department",
        "suggested_department",
        "due_at",
        "due_provisional",
        "overdue",
        "verdict",
        "severity",
        "version",
        "actions",
    ):
        assert item[name] == case[name], name
    assert {"media", "assisting", "checks", "similar"} <= set(case)
    assert item["area"] == {"code": "370811", "name": "任城区"}


def test_a_list_answers_in_the_system_asked_for(office: Office) -> None:
    office.case()
    places = [
        office("dispatcher").get(f"/cases?crs={crs}").get_json()["items"][0]["location"]
        for crs in ("wgs84", "gcj02", "bd09")
    ]
    assert [place["crs"] for place in places] == ["wgs84", "gcj02", "bd09"]
    assert len({place["longitude"] for place in places}) == 3


def test_a_case_typed_by_hand_is_found(office: Office) -> None:
    number = office.case(reporter=REPORTER)
    typed = number.lower().replace("0", "o")
    assert office("dispatcher").get(f"/cases/{typed}").get_json()["number"] == number
    assert office("dispatcher").get(f"/cases/{typed}/history").status_code == 200
