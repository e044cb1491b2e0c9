"""Where several things are wrong, the first of 401, 404, 403, 415, 428/412, 422, 409 answers."""

import pytest

from tests.moderation.office import FALSE, OTHER, TRUE, WHY, Office, later, problem

NOWHERE = "3708-261125-000000-0"
WRONG = {"nonsense": 1}


def test_each_check_answers_before_those_behind_it(office: Office) -> None:
    number = office.case("accept")  # accepting again is the conflict that waits at the end
    path, stale, fresh = f"/cases/{number}/accept", '"1-staff"', '"2-staff"'
    text = {"data": "x", "headers": {"Content-Type": "text/plain"}}
    dispatcher, handler = office("dispatcher"), office("handler-epb")
    assert office("").post(path, WRONG).status_code == 401
    assert handler.post(path, WRONG).status_code == 404
    assert office("reviewer").post(path, WRONG, match=stale).status_code == 403
    assert office("reviewer").call("POST", path, **text).status_code == 403
    assert dispatcher.call("POST", path, **text).status_code == 415
    assert dispatcher.call("POST", path, match=stale, **text).status_code == 415
    assert problem(dispatcher.post(path, WRONG)) == (428, "precondition_required")
    assert problem(dispatcher.post(path, WRONG, match=stale)) == (412, "stale")
    assert problem(dispatcher.post(path, WRONG, match=fresh)) == (422, "invalid")
    assert problem(dispatcher.post(path, {}, match=fresh)) == (409, "invalid_transition")


def test_a_number_that_is_none_is_not_there(office: Office) -> None:
    for number in (NOWHERE, "1", "%00", "9223372036854775808", "3708-261125-7K3M9Q-5", "％"):
        assert office("dispatcher").get(f"/cases/{number}").status_code == 404
        assert office("dispatcher").post(f"/cases/{number}/accept", WRONG).status_code == 404


@pytest.mark.parametrize(
    "sent", ['"0-staff"', '"1"', '"1-owner"', "1-staff", 'W/"1-staff"', '"1-staff', "*", ""]
)
def test_an_etag_of_another_version_or_audience_is_stale(office: Office, sent: str) -> None:
    number = office.case()
    answer = office("dispatcher").post(f"/cases/{number}/accept", headers={"If-Match": sent})
    assert problem(answer) == (412, "stale")
    assert office.status(number) == "submitted"


def test_one_of_several_etags_may_match(office: Office) -> None:
    number = office.case()
    match = '"7-staff", "1-staff"'
    assert office("dispatcher").post(f"/cases/{number}/accept", match=match).status_code == 200


def test_the_answer_to_an_action_carries_the_next_etag(office: Office) -> None:
    number = office.case()
    first = office("dispatcher").get(f"/cases/{number}").headers["ETag"]
    second = office("dispatcher").post(f"/cases/{number}/accept", match=first).headers["ETag"]
    assert second != first
    assert office("dispatcher").get(f"/cases/{number}").headers["ETag"] == second
    answer = office("dispatcher").post(f"/cases/{number}/verify", TRUE, match=second)
    assert answer.status_code == 200


def test_a_resident_needs_no_etag_and_a_stale_one_does_not_matter(office: Office) -> None:
    number = office.case()
    answer = office("13800000001").post(f"/reports/{number}/withdraw", match='"9-staff"')
    assert answer.get_json()["status"] == "withdrawn"


@pytest.mark.parametrize(
    ("steps", "by", "action", "body", "path"),
    [
        ((), "dispatcher", "accept", {"note": "x"}, "note"),
        ((), "dispatcher", "request_info", {}, "question"),
        ((), "dispatcher", "request_info", {"question": "  "}, "question"),
        ((), "dispatcher", "request_info", {"question": "长" * 2001}, "question"),
        ((), "dispatcher", "decline", {"reason": "no_answer"}, "reason"),
        ((), "dispatcher", "decline", {"reason": "not_ours"}, "competent"),
        ((), "dispatcher", "decline", {"reason": "other", "why": "x"}, "why"),
        ((), "dispatcher", "merge", {"into": 7}, "into"),
        ((), "dispatcher", "merge", {}, "into"),
        ((), "dispatcher", "correct", {"reason": "x"}, "category"),
        ((), "dispatcher", "correct", {"reason": "x", "category": "NOPE"}, "category"),
        (
            (),
            "dispatcher",
            "correct",
            {"reason": "x", "location": {"longitude": 116.5, "latitude": 35.4}},
            "location.crs",
        ),
        (("accept",), "dispatcher", "verify", {}, "verdict"),
        (("accept",), "dispatcher", "verify", {"verdict": "substantiated"}, "severity"),
        (("accept",), "dispatcher", "verify", {**TRUE, "severity": 4}, "severity"),
        (("accept",), "dispatcher", "verify", {**TRUE, "severity": "2"}, "severity"),
        (("accept",), "dispatcher", "verify", {**TRUE, "severity": 1.0}, "severity"),
        (("accept",), "dispatcher", "verify", {**TRUE, "severity": True}, "severity"),
        (("accept",), "dispatcher", "verify", {**FALSE, "severity": 1}, "severity"),
        (("accept",), "dispatcher", "verify", {**TRUE, "media": []}, "media"),
        (("accept", "verify"), "reviewer", "overturn", TRUE, "reason"),
        (("accept", "verify"), "reviewer", "overturn", {**TRUE, **WHY, "note": "x"}, "note"),
        (("accept",), "dispatcher", "dispatch", {"department": "nowhere"}, "department"),
        (("accept",), "dispatcher", "dispatch", {"department": "a b"}, "department"),
        (("accept",), "dispatcher", "dispatch", {"assisting": ["urban", "nowhere"]}, "assisting.1"),
        (("accept",), "dispatcher", "dispatch", {"assisting": ["epb"]}, "assisting.0"),
        (("accept",), "dispatcher", "dispatch", {"assisting": "urban"}, "assisting"),
        (("accept",), "dispatcher", "dispatch", {"due_at": "2020-01-01T00:00:00+08:00"}, "due_at"),
        (("accept",), "dispatcher", "dispatch", {"due_at": "2199-01-01T00:00:00"}, "due_at"),
        (("accept", "dispatch"), "handler-epb", "reassign", {"username": "nobody"}, "username"),
        (("accept", "dispatch"), "handler-epb", "reassign", {"username": "bus"}, "username"),
        (
            ("accept", "dispatch"),
            "handler-epb",
            "reassign",
            {"username": "handler-urban"},
            "username",
        ),
        (("accept", "dispatch"), "handler-epb", "reassign", {"username": "dispatcher"}, "username"),
        (("accept", "dispatch"), "handler-epb", "extend", WHY, "due_at"),
        (
            ("accept", "dispatch", "sign"),
            "dispatcher",
            "park",
            {**WHY, "review_on": "2020-01-01"},
            "review_on",
        ),
        (
            ("accept", "dispatch", "sign"),
            "dispatcher",
            "park",
            {**WHY, "review_on": "2199-13-01"},
            "review_on",
        ),
        (
            ("accept", "dispatch", "sign"),
            "handler-epb",
            "resolve",
            {"finding": "x", "measures": "y", "media": []},
            "media",
        ),
        (
            ("accept", "dispatch", "sign"),
            "handler-epb",
            "resolve",
            {"finding": "x", "measures": "y", "media": ["nothing"]},
            "media.0",
        ),
    ],
)
def test_a_wrong_field_is_named_by_its_path(
    office: Office, steps: tuple[str, ...], by: str, action: str, body: object, path: str
) -> None:
    number = office.case(*steps)
    before = office.history(number)
    answer = office.act(by, number, action, body)
    assert answer.status_code == 422, answer.get_json()
    assert list(answer.get_json()["errors"]) == [path]
    assert office.history(number) == before


def test_a_wrong_field_answers_before_a_wrong_status(office: Office) -> None:
    number = office.case("decline")
    for action, body in (
        ("dispatch", {"department": "nowhere"}),
        ("merge", {"into": number}),
        ("correct", {**WHY, "category": "NOPE"}),
        ("park", {**WHY, "review_on": "2020-01-01"}),
    ):
        assert office.act("dispatcher", number, action, body).status_code == 422, action
    missing = {"media": ["nothing"]}
    assert office("13800000001").post(f"/reports/{number}/supplement", missing).status_code == 422
    assert office("13800000001").post(f"/reports/{number}/supplement", {}).status_code == 422


def test_bodies_that_are_no_objects_are_refused(office: Office) -> None:
    number = office.case()
    path, headers = f"/cases/{number}/accept", {"Content-Type": "application/json"}
    for raw, status in ((b"[]", 422), (b"null", 422), (b'"x"', 422), (b"{", 400), (b"\xff", 400)):
        answer = office("dispatcher").call(
            "POST", path, data=raw, match='"1-staff"', headers=headers
        )
        assert answer.status_code == status, raw
    huge = b'{"question": "' + b"x" * 300_000 + b'"}'
    answer = office("dispatcher").call("POST", path, data=huge, match='"1-staff"', headers=headers)
    assert answer.status_code == 413


def test_a_doubled_field_is_refused(office: Office) -> None:
    number = office.case()
    answer = office("dispatcher").call(
        "POST",
        f"/cases/{number}/decline",
        data=b'{"reason": "other", "reason": "malicious"}',
        match='"1-staff"',
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 422
    assert list(answer.get_json()["errors"]) == ["reason"]


def test_nobody_learns_of_a_case_by_the_order_of_checks(office: Office) -> None:
    number = office.case("accept", "dispatch")
    body = {"username": "nobody", "more": 1}
    there = office("handler-urban").post(f"/cases/{number}/reassign", body, match='"9-staff"')
    nowhere = office("handler-urban").post(f"/cases/{NOWHERE}/reassign", body, match='"9-staff"')
    for answer in (there, nowhere):
        assert problem(answer) == (404, "not_found")
    own = office(OTHER).get(f"/reports/{number}")
    assert problem(own) == (404, "not_found")


def test_more_time_ends_after_ten_working_days_at_the_latest(office: Office) -> None:
    number = office.case("accept", "dispatch")
    case = office.seen(number)
    for due_at in (case["due_at"], later(case, seconds=-1), later(case, days=40)):
        answer = office.act("handler-epb", number, "extend", {**WHY, "due_at": due_at})
        assert list(answer.get_json()["errors"]) == ["due_at"]
