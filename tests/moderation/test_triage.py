"""What dispatchers decide: accepting, declining, asking, verdicts, parking, correcting."""

from datetime import datetime, timedelta

import pytest
import time_machine

from core.clock import now
from core.permissions import Role
from moderation import jobs
from tests.moderation.office import CLOSED, FALSE, OTHER, REPORTER, TRUE, WHY, Office, problem


def test_a_decline_gives_its_reason_in_words_and_voids_the_points(office: Office) -> None:
    number, noise = office.case(), office.case(reporter=OTHER)
    body = {"reason": "not_ours", "competent": "济宁市住房和城乡建设局", "note": "属施工许可问题"}
    case = office.act("dispatcher", number, "decline", body).get_json()
    assert (case["status"], case["status_label"]) == ("declined", "不予受理")
    note = office.history(number)[-1]["note"]
    for words in ("非职责范围", "济宁市住房和城乡建设局", "属施工许可问题"):
        assert words in note
    told = office.own(number)
    assert told["timeline"][-1]["note"] == note
    assert told["points"] == {"state": "void", "amount": 0}
    assert office.points()["pending"] == 0
    assert office.status(noise) == "submitted"
    assert office.points(OTHER)["pending"] == 10


@pytest.mark.parametrize(
    "reason",
    [
        "insufficient",
        "already_known",
        "in_litigation",
        "outside_city",
        "malicious",
        "other",
    ],
)
def test_other_reasons_to_decline_need_nobody_competent(office: Office, reason: str) -> None:
    number = office.case()
    assert office.act("dispatcher", number, "decline", {"reason": reason}).status_code == 200


def test_a_question_reaches_the_resident_and_the_answer_leads_back(office: Office) -> None:
    number = office.case()
    asked = office.act("dispatcher", number, "request_info", {"question": "具体在哪个路口？"})
    assert asked.get_json()["status_label"] == "待补充"
    told = office.own(number)
    assert told["question"] == "具体在哪个路口？"
    assert told["timeline"][-1]["note"] == "具体在哪个路口？"
    resident = office(REPORTER)
    photo = resident.upload()
    sent = {"text": "在桥东侧", "media": [photo]}
    back = resident.post(f"/reports/{number}/supplement", sent).get_json()
    assert (back["status"], back["question"]) == ("submitted", None)
    assert back["media"][-1]["id"] == photo
    assert office.seen(number)["media"][-1]["id"] == photo
    assert office.history(number)[-1]["note"] == "在桥东侧"


def test_a_supplement_takes_only_photos_of_ones_own_that_nothing_uses(office: Office) -> None:
    number = office.case("ask")
    resident = office(REPORTER)
    foreign, used = office(OTHER).upload(), office.own(number)["media"][0]["id"]
    path = f"/reports/{number}/supplement"
    assert problem(resident.post(path, {"media": [foreign]})) == (422, "media_not_found")
    assert problem(resident.post(path, {"media": [used]})) == (409, "media_used")
    assert problem(resident.post(path, {"media": ["x"] * 10})) == (422, "invalid")
    assert office.status(number) == "info_requested"


def test_while_a_question_waits_the_clock_stands_still(office: Office) -> None:
    start = datetime.fromisoformat("2026-03-02T10:00:00+08:00")
    with time_machine.travel(start, tick=False):
        number = office.case("ask")
        due_at = datetime.fromisoformat(office.seen(number)["due_at"])
    with time_machine.travel(start + timedelta(days=6), tick=False):
        office.people.clear()
        waiting = office.seen(number)
        assert datetime.fromisoformat(waiting["due_at"]) < now()
        assert waiting["overdue"] is False
        office.take(number, "answer")
        running = office.seen(number)
        assert datetime.fromisoformat(running["due_at"]) == due_at + timedelta(days=6)
        assert running["overdue"] is False
    with time_machine.travel(start + timedelta(days=30), tick=False):
        office.people.clear()
        assert office.seen(number)["overdue"] is True


@pytest.mark.parametrize("steps", [("ask",), ("accept", "ask"), ("accept", "verify", "ask")])
def test_a_question_that_nobody_answers_ends_the_case(
    office: Office, steps: tuple[str, ...]
) -> None:
    start = datetime.fromisoformat("2026-03-02T10:00:00+08:00")
    with time_machine.travel(start, tick=False):
        number = office.case(*steps)
        noise = office.case(reporter=OTHER)
    with time_machine.travel(start + timedelta(days=7, seconds=-1), tick=False):
        office.people.clear()
        with office.app.app_context():
            assert jobs.lapse_questions(now()) == 0
        assert office.status(number) == "info_requested"
    with time_machine.travel(start + timedelta(days=7), tick=False):
        office.people.clear()
        with office.app.app_context():
            assert jobs.lapse_questions(now()) == 1
            assert jobs.lapse_questions(now()) == 0
        assert office.status(number) == "declined"
        last = office.history(number)[-1]
        assert (last["action"], last["actor_role"]) == ("lapse", "system")
        assert office.points()["pending"] == office.points()["available"] == 0
        assert office.status(noise) == "submitted"


def test_an_answer_just_before_the_worker_comes_by_counts(office: Office) -> None:
    start = datetime.fromisoformat("2026-03-02T10:00:00+08:00")
    with time_machine.travel(start, tick=False):
        number = office.case("ask", "answer", "ask", "answer")
    with time_machine.travel(start + timedelta(days=9), tick=False):
        office.people.clear()
        with office.app.app_context():
            assert jobs.lapse_questions(now()) == 0
        assert office.status(number) == "submitted"


def test_a_first_verdict_makes_points_available_and_a_second_is_refused(office: Office) -> None:
    number = office.case("accept")
    case = office.act("dispatcher", number, "verify", {**TRUE, "note": "现场属实"}).get_json()
    assert (case["status"], case["verdict"], case["severity"]) == ("accepted", "substantiated", 2)
    assert case["verdict_label"] == "属实"
    assert office.points()["available"] == 20
    again = office.act("dispatcher", number, "verify", TRUE)
    assert problem(again) == (409, "already_verified")
    assert office.points()["available"] == 20


def test_an_untrue_report_is_closed_at_once(office: Office) -> None:
    number = office.case("accept")
    case = office.act("dispatcher", number, "verify", FALSE).get_json()
    assert (case["status"], case["verdict"], case["severity"]) == (
        "closed",
        "unsubstantiated",
        None,
    )
    assert office.points()["available"] == office.points()["pending"] == 0


@pytest.mark.parametrize(
    ("verdict", "severity", "amount"),
    [
        ("substantiated", 1, 10),
        ("substantiated", 3, 50),
        ("partly_substantiated", 1, 5),
        ("partly_substantiated", 2, 10),
        ("partly_substantiated", 3, 25),
    ],
)
def test_the_closing_verdict_posts_the_difference(
    office: Office, verdict: str, severity: int, amount: int
) -> None:
    number = office.case("accept", "verify", "dispatch", "sign", "resolve")
    assert office.points()["available"] == 20
    body = {"verdict": verdict, "severity": severity}
    closed = office.act("dispatcher", number, "verify", body).get_json()
    assert (closed["status"], closed["verdict"]) == ("closed", verdict)
    assert office.points()["available"] == amount


def test_a_case_may_be_dispatched_before_its_verdict(office: Office) -> None:
    number = office.case("accept", "dispatch", "sign", "resolve")
    assert office.points() | {"expiring": []} == {
        "available": 0,
        "pending": 10,
        "debt": 0,
        "expiring": [],
    }
    office.take(number, "verify")
    assert office.points()["available"] == 20


def test_a_reviewer_overturns_and_what_was_paid_is_taken_back(office: Office) -> None:
    number = office.case(*CLOSED)
    body = {**FALSE, "reason": "复查发现并非排污"}
    case = office.act("reviewer", number, "overturn", body).get_json()
    assert (case["status"], case["verdict"], case["severity"]) == (
        "closed",
        "unsubstantiated",
        None,
    )
    assert office.points()["available"] == 0
    office.hire("reviewer-2", Role.REVIEWER)
    back = office.act("reviewer-2", number, "overturn", {**TRUE, **WHY})
    assert back.status_code == 200
    assert office.points()["available"] == 20


def test_who_decided_in_a_case_does_not_overturn_it(office: Office) -> None:
    office.hire("both", Role.DISPATCHER, Role.REVIEWER)
    number = office.case()
    office.act("both", number, "accept")
    office.act("dispatcher", number, "verify", TRUE)
    assert "overturn" not in office.seen(number, "both")["actions"]
    answer = office.act("both", number, "overturn", {**FALSE, **WHY})
    assert problem(answer) == (403, "decided_before")
    assert "overturn" in office.seen(number, "reviewer")["actions"]
    first = office.act("reviewer", number, "overturn", {**FALSE, **WHY})
    assert first.status_code == 200
    again = office.act("reviewer", number, "overturn", {**TRUE, **WHY})
    assert problem(again) == (403, "decided_before")


def test_parking_pauses_the_clock_until_it_is_unparked(office: Office) -> None:
    start = datetime.fromisoformat("2026-03-02T10:00:00+08:00")
    with time_machine.travel(start, tick=False):
        number = office.case("accept", "dispatch", "sign")
        due_at = datetime.fromisoformat(office.seen(number)["due_at"])
        body = {**WHY, "review_on": "2026-03-20"}
        parked = office.act("dispatcher", number, "park", body).get_json()
        assert (parked["status"], parked["status_label"]) == ("parked", "挂账")
    with time_machine.travel(start + timedelta(days=28), tick=False):
        office.people.clear()
        assert office.seen(number)["overdue"] is False
        found = office("dispatcher").get("/cases?overdue=true").get_json()["items"]
        assert found == []
        office.take(number, "unpark")
        moved = datetime.fromisoformat(office.seen(number)["due_at"])
        assert moved == datetime.fromisoformat("2026-04-04T00:00:00+08:00")  # five working days
        assert due_at == datetime.fromisoformat("2026-03-10T00:00:00+08:00")


def test_a_review_of_what_is_parked_lies_after_today_in_shanghai(office: Office) -> None:
    late = datetime.fromisoformat("2026-03-02T23:30:00+08:00")
    with time_machine.travel(late, tick=False):
        number = office.case("accept", "dispatch", "sign")
        today = office.act("dispatcher", number, "park", {**WHY, "review_on": "2026-03-02"})
        assert today.status_code == 422
        tomorrow = office.act("dispatcher", number, "park", {**WHY, "review_on": "2026-03-03"})
        assert tomorrow.status_code == 200


def test_a_correction_says_what_it_changes_and_history_keeps_both_values(office: Office) -> None:
    number = office.case(category="OTH")
    before = office.seen(number)
    body = {"category": "AIR-FUME", "address": "运河路 1 号", "reason": "类别选错"}
    case = office.act("dispatcher", number, "correct", body).get_json()
    assert case["category"] == "AIR-FUME"
    assert case["correction"]["category"] == {"from": "OTH", "to": "AIR-FUME"}
    assert case["correction"]["address"] == {"from": None, "to": "运河路 1 号"}
    assert case["correction"]["suggested_department"] == {"from": "epb", "to": "urban"}
    rule = case["correction"]["rule"]
    assert ("市生态环境局主办" in rule["from"], "市城市管理局主办" in rule["to"]) == (True, True)
    assert "due_at" not in case["correction"]
    assert case["due_at"] == before["due_at"]
    steps = [step for step in office.history(number) if step["action"] == "correct"]
    assert len(steps) == 1
    assert steps[0]["note"] == "类别选错"
    assert steps[0]["changes"]["category"] == {"from": "OTH", "to": "AIR-FUME"}
    assert steps[0]["changes"]["address"] == {"from": None, "to": "运河路 1 号"}


def test_a_corrected_place_moves_the_case_to_its_area(office: Office) -> None:
    number = office.case()
    place = {"longitude": 117.2, "latitude": 34.62, "crs": "wgs84", "accuracy_m": 12}
    case = office.act("dispatcher", number, "correct", {**WHY, "location": place}).get_json()
    assert (case["location"]["longitude"], case["location"]["latitude"]) == (117.2, 34.62)
    assert case["area"]["code"] == "370826"
    assert case["correction"]["area"] == {"from": "370811", "to": "370826"}
    assert office.own(number)["area"]["code"] == "370826"
    outside = {"longitude": 116.4, "latitude": 39.9, "crs": "wgs84"}
    answer = office.act("dispatcher", number, "correct", {**WHY, "location": outside})
    assert problem(answer) == (422, "outside_service_area")
    assert office.seen(number)["area"]["code"] == "370826"


def test_a_category_of_another_channel_is_no_correction(office: Office) -> None:
    lake = {"longitude": 117.2, "latitude": 34.62, "crs": "wgs84"}
    number = office.case(channel="huhutong", category="WAT-FLOAT", location=lake)
    answer = office.act("dispatcher", number, "correct", {**WHY, "category": "AIR-DUST"})
    assert list(answer.get_json()["errors"]) == ["category"]


def test_the_served_workflow_is_the_table(office: Office) -> None:
    for reader in ("dispatcher", "handler-epb", "admin"):
        served = office(reader).get("/workflow").get_json()
        assert {status["code"]: status["name"] for status in served["statuses"]}["parked"] == "挂账"
        edges = {edge["action"]: edge for edge in served["edges"]}
        assert edges["accept"]["from"] == ["submitted"]
        assert edges["accept"]["to"] == ["accepted"]
        assert (edges["accept"]["who"], edges["accept"]["label"]) == ("dispatcher", "受理")
        assert edges["park"]["clock"] == "paused"
        assert edges["decline"]["points"] == "void"
        assert edges["resolve"]["needs"] == ["finding", "measures", "media"]
        assert edges["grant_appeal"]["moves"] == [
            {"from": "declined", "to": ["submitted"]},
            {"from": "closed", "to": ["accepted"]},
        ]
        guards = [guard["code"] for guard in edges["overturn"]["guards"]]
        assert guards[:2] == ["current_version", "not_a_party"]
        assert {"code": "reviewers", "name": "复核员"} in edges["appeal"]["tells"]
    assert office(REPORTER).get("/workflow").status_code == 403
