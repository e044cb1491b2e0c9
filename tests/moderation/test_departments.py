"""What departments do with a case, and who of them sees what."""

from datetime import datetime, timedelta

import time_machine

from core.permissions import Role
from tests.moderation.office import CLOSED, OTHER, REPORTER, WHY, Office, later, problem

MONDAY = datetime.fromisoformat("2026-03-02T10:00:00+08:00")
HANDLING = ("accept", "dispatch", "sign")


def test_a_case_goes_where_the_rules_suggest_unless_somebody_says_otherwise(office: Office) -> None:
    suggested = office.case("accept")
    case = office.act("dispatcher", suggested, "dispatch", {}).get_json()
    assert case["department"] == case["suggested_department"]
    named = office.case("accept")
    body = {"department": "urban", "assisting": ["water", "agri", "water"], **WHY}
    case = office.act("dispatcher", named, "dispatch", body).get_json()
    assert case["department"] == {"code": "urban", "name": "市城市管理局"}
    assert [helper["code"] for helper in case["assisting"]] == ["agri", "water"]
    assert case["suggested_department"]["code"] == "epb"
    assert office.history(named)[-1]["note"] == WHY["reason"]


def test_a_dispatch_sets_the_due_time_by_the_calendar_or_by_hand(office: Office) -> None:
    with time_machine.travel(MONDAY, tick=False):
        number = office.case("accept", "dispatch")
        assert office.seen(number)["due_at"] == "2026-03-10T00:00:00+08:00"  # 5 working days
        by_hand = office.case("accept")
        body = {"due_at": "2026-03-04T18:00:00+08:00"}
        case = office.act("dispatcher", by_hand, "dispatch", body).get_json()
        assert case["due_at"] == "2026-03-04T18:00:00+08:00"
        assert case["due_provisional"] is False


def test_only_the_lead_department_sees_its_case_as_its_own(office: Office) -> None:
    number = office.case("accept")
    noise = office.case("accept", reporter=OTHER)
    office.act("dispatcher", number, "dispatch", {"department": "epb", "assisting": ["water"]})
    office.act("dispatcher", noise, "dispatch", {"department": "agri"})
    assert set(office.seen(number, "handler-epb")["actions"]) == {
        "sign",
        "reassign",
        "return",
        "extend",
    }
    helping = office.seen(number, "handler-water")
    assert helping["actions"] == []
    for name in ("handler-epb", "handler-water"):
        listed = office(name).get("/cases").get_json()["items"]
        assert [item["number"] for item in listed] == [number]
        assert office(name).get(f"/cases/{number}/history").status_code == 200
        assert office(name).get(f"/cases/{noise}").status_code == 404
    for path in (f"/cases/{number}", f"/cases/{number}/history"):
        assert problem(office("handler-urban").get(path)) == (404, "not_found")
    answer = office.act("handler-water", number, "sign")
    assert problem(answer) == (403, "forbidden")


def test_a_handler_of_another_area_does_not_see_the_case(office: Office) -> None:
    office.hire("handler-weishan", Role.HANDLER, department="epb", areas=["370826"])
    office.hire("handler-rencheng", Role.HANDLER, department="epb", areas=["370811", "370826"])
    number = office.case("accept", "dispatch")
    assert office.seen(number)["area"]["code"] == "370811"
    assert office("handler-weishan").get(f"/cases/{number}").status_code == 404
    assert office.act("handler-weishan", number, "sign").status_code == 404
    assert office("handler-weishan").get("/cases").get_json()["items"] == []
    assert office.act("handler-rencheng", number, "sign").status_code == 200


def test_a_case_passes_only_to_a_colleague_who_may_see_it(office: Office) -> None:
    office.hire("colleague", Role.HANDLER, department="epb")
    office.hire("handler-weishan", Role.HANDLER, department="epb", areas=["370826"])
    office.hire("clerk", Role.AUDITOR, department="epb")
    number = office.case(*HANDLING)
    for name in (
        "handler-urban",
        "handler-weishan",
        "clerk",
        "dispatcher",
        "nobody",
        "HANDLER-EPB",
    ):
        answer = office.act("handler-epb", number, "reassign", {"username": name})
        assert list(answer.get_json()["errors"]) == ["username"], name
    answer = office.act("handler-epb", number, "reassign", {"username": "colleague"})
    assert answer.status_code == 200
    mine = office("dispatcher").get("/cases?assignee=colleague").get_json()["items"]
    assert [item["number"] for item in mine] == [number]
    assert office("dispatcher").get("/cases?assignee=handler-epb").get_json()["items"] == []


def test_a_returned_case_leaves_the_department_and_its_owner(office: Office) -> None:
    """B40: the old owner is cleared, the next office sees it, the first can't act on it."""
    number = office.case(*HANDLING)
    answer = office.act("handler-epb", number, "return", {"reason": "属城管职责"})
    assert answer.status_code == 200
    case = office.seen(number)
    assert (case["status"], case["department"], case["assisting"]) == ("accepted", None, [])
    assert office("handler-epb").get(f"/cases/{number}").status_code == 404
    office.act("dispatcher", number, "dispatch", {"department": "urban"})
    assert office.status(number) == "dispatched"
    assert office.act("handler-epb", number, "sign").status_code == 404
    assert office.act("handler-urban", number, "sign").status_code == 200
    steps = [
        (step["action"], step["department"] and step["department"]["code"])
        for step in office.history(number)
    ]
    assert steps[-5:] == [
        ("dispatch", "epb"),
        ("sign", "epb"),
        ("return", "epb"),
        ("dispatch", "urban"),
        ("sign", "urban"),
    ]


def test_a_case_that_an_appeal_opens_again_is_no_departments_any_more(office: Office) -> None:
    number = office.case("accept", "verify")
    body = {"department": "epb", "assisting": ["water"]}
    office.act("dispatcher", number, "dispatch", body)
    office.take(number, "sign", "resolve", "verify", "appeal")
    assert office.seen(number, "handler-water")["status"] == "closed"
    office.take(number, "grant_appeal")
    for who in ("handler-epb", "handler-water"):
        assert office(who).get(f"/cases/{number}").status_code == 404
    again = office.act("dispatcher", number, "dispatch", body).get_json()
    assert [helper["code"] for helper in again["assisting"]] == ["water"]


def test_a_return_is_possible_within_two_working_days(office: Office) -> None:
    friday = datetime.fromisoformat("2026-03-06T10:00:00+08:00")
    with time_machine.travel(friday, tick=False):
        early, late = office.case("accept", "dispatch"), office.case("accept", "dispatch")
    with time_machine.travel(datetime.fromisoformat("2026-03-10T23:59:59+08:00"), tick=False):
        office.people.clear()
        assert "return" in office.seen(early, "handler-epb")["actions"]
        assert office.act("handler-epb", early, "return", WHY).status_code == 200
    with time_machine.travel(datetime.fromisoformat("2026-03-11T00:00:00+08:00"), tick=False):
        office.people.clear()
        assert "return" not in office.seen(late, "handler-epb")["actions"]
        answer = office.act("handler-epb", late, "return", WHY)
        assert problem(answer) == (409, "return_closed")
        assert office.status(late) == "dispatched"


def test_more_time_is_asked_for_once_and_granted_as_asked_or_otherwise(office: Office) -> None:
    number = office.case(*HANDLING)
    case = office.seen(number)
    wanted = later(case, days=3)
    asked = office.act("handler-epb", number, "extend", {**WHY, "due_at": wanted})
    assert asked.get_json()["due_at"] == case["due_at"]
    granted = office.act("dispatcher", number, "grant_extension", {}).get_json()
    assert granted["due_at"] == wanted
    again = office.act("handler-epb", number, "extend", {**WHY, "due_at": later(granted, days=1)})
    assert problem(again) == (409, "extension_used")
    other = office.case(*HANDLING)
    office.take(other, "extend")
    shorter = later(office.seen(other), hours=5)
    case = office.act("dispatcher", other, "grant_extension", {"due_at": shorter}).get_json()
    assert case["due_at"] == shorter


def test_more_time_that_was_refused_is_not_asked_for_again(office: Office) -> None:
    number = office.case(*HANDLING, "extend")
    before = office.seen(number)
    case = office.act("dispatcher", number, "refuse_extension", {"reason": "理由不足"}).get_json()
    assert case["due_at"] == before["due_at"]
    assert "extend" not in office.seen(number, "handler-epb")["actions"]
    answer = office.act("handler-epb", number, "extend", {**WHY, "due_at": later(case, days=1)})
    assert problem(answer) == (409, "extension_used")


def test_ten_working_days_are_the_most(office: Office) -> None:
    with time_machine.travel(MONDAY, tick=False):
        number = office.case(*HANDLING)
        assert office.seen(number)["due_at"] == "2026-03-10T00:00:00+08:00"
        too_late = {**WHY, "due_at": "2026-03-24T00:00:01+08:00"}
        assert office.act("handler-epb", number, "extend", too_late).status_code == 422
        last = {**WHY, "due_at": "2026-03-24T00:00:00+08:00"}
        assert office.act("handler-epb", number, "extend", last).status_code == 200


def test_a_result_needs_photos_of_ones_own_that_nothing_uses(office: Office) -> None:
    number = office.case(*HANDLING)
    body = {"finding": "已核实", "measures": "已整改"}
    handler = office("handler-epb")
    foreign = office("handler-urban").upload()
    used = office.seen(number)["media"][0]["id"]
    for media, expected in (
        ([], (422, "invalid")),
        ([foreign], (422, "media_not_found")),
        ([used], (422, "media_not_found")),
        (["0" * 32], (422, "media_not_found")),
    ):
        answer = office.act("handler-epb", number, "resolve", {**body, "media": media})
        assert problem(answer) == expected, media
    photo = handler.upload()
    twice = office.act("handler-epb", number, "resolve", {**body, "media": [photo, photo]})
    assert problem(twice) == (422, "invalid")
    case = office.act("handler-epb", number, "resolve", {**body, "media": [photo]}).get_json()
    assert case["status"] == "resolved"
    result = case["results"][-1]
    assert (result["finding"], result["measures"]) == ("已核实", "已整改")
    assert [shown["id"] for shown in result["media"]] == [photo]
    assert photo not in [shown["id"] for shown in case["media"]]
    other = office.case(*HANDLING)
    again = office.act("handler-epb", other, "resolve", {**body, "media": [photo]})
    assert problem(again) == (409, "media_used")


def test_a_result_that_is_sent_back_comes_again_with_new_photos(office: Office) -> None:
    number = office.case(*HANDLING, "resolve", "rework")
    assert office.status(number) == "handling"
    office.take(number, "resolve", "verify")
    case = office.seen(number)
    assert case["status"] == "closed"
    assert len(case["results"]) == 2
    assert [len(result["media"]) for result in case["results"]] == [1, 1]
    assert len({result["media"][0]["id"] for result in case["results"]}) == 2


def test_a_resident_sees_no_after_photo_as_it_was_taken_and_no_names(office: Office) -> None:
    number = office.case(*CLOSED)
    photo = office.seen(number)["results"][0]["media"][0]["id"]
    assert office(REPORTER).get(f"/media/{photo}/thumb").status_code == 404  # not yet published
    assert office(REPORTER).get(f"/media/{photo}/original").status_code in {403, 404}
    assert office(OTHER).get(f"/media/{photo}/thumb").status_code in {403, 404}
    told = office(REPORTER).get(f"/reports/{number}").get_data(as_text=True)
    for name in ("handler-epb", "dispatcher", "办理人员", office.public_id("handler-epb")):
        assert name not in told


def test_overdue_is_told_from_the_due_instant_on(office: Office) -> None:
    with time_machine.travel(MONDAY, tick=False):
        number = office.case("accept", "dispatch")
    due_at = datetime.fromisoformat("2026-03-10T00:00:00+08:00")
    for moment, overdue in ((due_at - timedelta(seconds=1), False), (due_at, True)):
        with time_machine.travel(moment, tick=False):
            office.people.clear()
            assert office.seen(number)["overdue"] is overdue
            found = office("dispatcher").get(f"/cases?overdue={str(overdue).lower()}").get_json()
            assert [item["number"] for item in found["items"]] == [number]
