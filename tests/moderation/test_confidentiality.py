"""Who reported is in no answer to staff; nobody decides about themselves; looks leave rows."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from core.audit import AuditEvent
from core.crypto import blind_index
from core.permissions import Role
from tests.clients import picture
from tests.media import pictures
from tests.moderation.office import CLOSED, OTHER, REPORTER, WHY, Office, problem

LAKE = {"longitude": 117.2034567, "latitude": 34.6212345, "crs": "wgs84", "accuracy_m": 8}
TELLING = ("reporter", "phone", "openid", "account_id", "owner", "actor_id", "user", "nickname")
READERS = ("dispatcher", "reviewer", "auditor", "handler-epb")


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every key path with its value, however deep."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, f"{path}[]")
    else:
        yield path, value


def assert_names_nobody(office: Office, body: Any, phone: str) -> None:
    secret = {
        phone,
        office.public_id(phone),
        str(office.account_id(phone) * 10**6),
        f"{phone[:3]}****{phone[-4:]}",
    }
    with office.app.app_context():
        secret.add(blind_index(phone, "phone"))
    for path, value in leaves(body):
        assert not any(word in path for word in TELLING), path
        assert not any(each in str(value) for each in secret), path


@pytest.mark.parametrize("anonymous", [False, True])
def test_no_answer_to_staff_names_the_reporter(office: Office, *, anonymous: bool) -> None:
    """B44."""
    photo = office(REPORTER).upload(name=f"{REPORTER}.jpg")
    number = office.case(*CLOSED, anonymous=anonymous, media=[photo])
    office(REPORTER).post(f"/reports/{number}/rating", {"satisfied": False, "score": 1})
    follower = office.case(reporter=OTHER)
    lead = office.case("accept", "dispatch")
    office.act("dispatcher", follower, "merge", {"into": lead})
    for who in READERS:
        for path in (
            "/cases",
            f"/cases/{number}",
            f"/cases/{lead}",
            f"/cases/{number}/history",
            "/cases?q=排污",
        ):
            answer = office(who).get(path)
            assert answer.status_code == 200, (who, path)
            for phone in (REPORTER, OTHER):
                assert_names_nobody(office, answer.get_json(), phone)
    acted = office.act("reviewer", number, "grant_appeal", WHY)
    assert_names_nobody(office, acted.get_json(), REPORTER)


def test_errors_do_not_name_the_reporter_either(office: Office) -> None:
    number = office.case()
    office.lend_phone("dispatcher", REPORTER)
    for answer in (
        office("dispatcher").act(number, "accept"),
        office("reviewer").act(number, "accept"),
        office("dispatcher").post(f"/cases/{number}/accept", match='"9-staff"'),
    ):
        assert answer.status_code >= 400
        assert_names_nobody(office, answer.get_json(), REPORTER)


def test_nobody_acts_on_a_case_that_their_own_phone_is_a_party_to(office: Office) -> None:
    number, other = office.case(), office.case(reporter=OTHER)
    office.lend_phone("dispatcher", REPORTER)
    assert office.seen(number)["actions"] == []
    assert "accept" in office.seen(other)["actions"]
    listed = office("dispatcher").get("/cases").get_json()["items"]
    assert {item["number"]: bool(item["actions"]) for item in listed} == {
        number: False,
        other: True,
    }
    assert problem(office.act("dispatcher", number, "accept")) == (403, "not_for_you")
    assert office.act("dispatcher", other, "accept").status_code == 200
    office.hire("dispatcher-2", Role.DISPATCHER)
    assert office.act("dispatcher-2", number, "accept").status_code == 200


def test_whoever_sent_one_of_merged_reports_is_a_party_to_all(office: Office) -> None:
    office.hire("dispatcher-2", Role.DISPATCHER)
    own, noise = office.case(), office.case(reporter="13800000003")
    primary, sibling = office.case(reporter=OTHER), office.case(reporter="13800000004")
    for number in (own, sibling):
        assert office.act("dispatcher-2", number, "merge", {"into": primary}).status_code == 200
    office.lend_phone("dispatcher", REPORTER)
    for number, action, body in (
        (primary, "accept", None),
        (own, "unmerge", WHY),
        (sibling, "unmerge", WHY),
        (noise, "merge", {"into": primary}),
    ):
        assert problem(office.act("dispatcher", number, action, body)) == (403, "not_for_you")
    assert office.act("dispatcher", noise, "accept").status_code == 200


def test_a_handler_and_a_reviewer_are_parties_too(office: Office) -> None:
    number = office.case(*CLOSED[:-1])
    office.lend_phone("handler-epb", REPORTER)
    office.lend_phone("reviewer", REPORTER)
    assert office.seen(number, "handler-epb")["actions"] == []
    answer = office.act("reviewer", number, "overturn", {"verdict": "unsubstantiated", **WHY})
    assert problem(answer) == (403, "not_for_you")


def test_an_anonymous_report_of_ones_own_is_no_less_ones_own(office: Office) -> None:
    number = office.case(anonymous=True)
    office.lend_phone("dispatcher", REPORTER)
    assert problem(office.act("dispatcher", number, "accept")) == (403, "not_for_you")


def test_departments_see_the_place_of_an_insiders_report_by_three_decimals(office: Office) -> None:
    number = office.case("accept", category="WAT-IND", location=LAKE)
    noise = office.case("accept", category="WAT-OUT", location=LAKE)
    for each in (number, noise):
        office.act("dispatcher", each, "dispatch", {"department": "epb", "assisting": ["water"]})
    exact = {"longitude": LAKE["longitude"], "latitude": LAKE["latitude"]}
    for who in ("dispatcher", "reviewer", "auditor"):
        assert office.seen(number, who)["location"].items() >= exact.items()
    for who in ("handler-epb", "handler-water"):
        listed = office(who).get("/cases").get_json()["items"]
        shown = [item["location"] for item in listed if item["number"] == number]
        for place in (*shown, office.seen(number, who)["location"]):
            assert (place["longitude"], place["latitude"]) == (117.203, 34.621)
            assert place["accuracy_m"] is None
        assert office.seen(noise, who)["location"].items() >= exact.items()
    acted = office.act("handler-epb", number, "sign").get_json()
    assert (acted["location"]["longitude"], acted["location"]["latitude"]) == (117.203, 34.621)


def test_the_place_of_an_insiders_report_cannot_be_found_by_boxes_either(office: Office) -> None:
    number = office.case("accept", "dispatch", category="WAT-IND", location=LAKE)
    handler = office("handler-epb")

    def found(bbox: str) -> bool:
        items = handler.get(f"/cases?bbox={bbox}").get_json()["items"]
        return number in [item["number"] for item in items]

    assert found("117.203,34.621,117.203,34.621")
    assert found("117.2,34.62,117.21,34.63")
    assert not found("117.2033,34.6211,117.2036,34.6214")  # around the precise point
    assert not found("117.2035,34.62,117.21,34.63")
    exact = office("dispatcher").get("/cases?bbox=117.2033,34.6211,117.2036,34.6214").get_json()
    assert [item["number"] for item in exact["items"]] == [number]


@pytest.mark.parametrize("world", ["sqlite"], indirect=True)
def test_departments_do_not_learn_an_insiders_phone(office: Office) -> None:
    phone = {pictures.MAKE: pictures.text("HUAWEI"), pictures.MODEL: pictures.text("P60")}
    data = pictures.jpeg(pictures.noise((64, 48)), exif=pictures.exif(phone))
    told = {}
    for category in ("WAT-IND", "WAT-OUT"):
        photo = office(REPORTER).upload(data)
        number = office.case("accept", category=category, location=LAKE, media=[photo])
        office.act("dispatcher", number, "dispatch", {"department": "epb"})
        for who in ("dispatcher", "handler-epb"):
            (checked,) = office.seen(number, who)["checks"]["photos"]
            told[category, who] = checked["device"], checked["edited"]["hint"]
    assert told.pop(("WAT-IND", "handler-epb")) == (None, False)
    assert set(told.values()) == {("HUAWEI P60", False)}


@pytest.mark.parametrize("world", ["sqlite"], indirect=True)
def test_whoever_is_a_party_to_a_case_learns_nothing_of_its_checks(office: Office) -> None:
    """An officer's own report is no place to learn how fraud is found."""
    number = office.case()
    for name in ("dispatcher", "auditor"):
        assert office.seen(number, name)["checks"]["photos"]
        office.lend_phone(name, REPORTER)
        assert office.seen(number, name)["checks"] == {"photos": [], "seen_before": []}
        office.lend_phone(name, "13800000009")
    assert office.seen(number)["checks"]["photos"]


@pytest.mark.parametrize("crs", ["gcj02", "bd09"])
def test_another_system_does_not_sharpen_a_blurred_place(office: Office, crs: str) -> None:
    number = office.case("accept", "dispatch", category="AIR-IND")
    shown = office("handler-epb").get(f"/cases/{number}?crs={crs}").get_json()["location"]
    for degree in (shown["longitude"], shown["latitude"]):
        assert round(degree, 3) == degree


def test_a_department_learns_nothing_of_cases_that_are_not_its_own(office: Office) -> None:
    data = picture()
    other = office.case(reporter=OTHER, media=[office(OTHER).upload(data)])
    number = office.case("accept", "dispatch", media=[office(REPORTER).upload(data)])
    seen = office.seen(number)
    assert [found["number"] for found in seen["similar"]] == [other]
    assert [found["number"] for found in seen["checks"]["seen_before"]] == [other]
    assert seen["checks"]["seen_before"][0]["same_account"] is False
    told = office.seen(number, "handler-epb")
    assert (told["similar"], told["checks"]["seen_before"]) == ([], [])
    office.take(other, "accept", "dispatch")
    told = office.seen(number, "handler-epb")
    assert [found["number"] for found in told["similar"]] == [other]


def test_handlers_and_auditors_never_see_an_original(office: Office) -> None:
    number = office.case("accept", "dispatch")
    photo = office.seen(number)["media"][0]["id"]
    for who in ("dispatcher", "reviewer"):
        assert office(who).get(f"/media/{photo}/original").status_code == 200
    for who in ("handler-epb", "auditor", "admin", "rewards", OTHER):
        assert office(who).get(f"/media/{photo}/original").status_code in {403, 404}, who
    assert office("handler-epb").get(f"/media/{photo}/thumb").status_code == 200
    assert office("handler-urban").get(f"/media/{photo}/thumb").status_code in {403, 404}


def test_who_has_nothing_to_do_with_cases_reads_none(office: Office) -> None:
    number = office.case()
    for who in ("admin", "rewards", REPORTER, "bus"):
        for path in ("/cases", f"/cases/{number}", f"/cases/{number}/history"):
            assert office(who).get(path).status_code == 403, (who, path)
    for path in ("/cases", f"/cases/{number}", f"/cases/{number}/history", "/workflow"):
        assert office("").get(path).status_code == 401


def looks(office: Office) -> list[Any]:
    wanted = (AuditEvent.action, AuditEvent.subject_id, AuditEvent.actor_id, AuditEvent.details)
    return [
        row
        for row in sorted(office.rows(*wanted, AuditEvent.id), key=lambda row: row.id)
        if row.action.startswith(("case.read", "case.hist", "cases."))
    ]


def test_every_look_is_one_row_written_before_the_answer(office: Office) -> None:
    number, other = office.case(), office.case(reporter=OTHER)
    auditor = office("auditor")
    before = len(looks(office))
    assert auditor.get("/cases?limit=1").status_code == 200
    assert auditor.get(f"/cases/{number}").status_code == 200
    assert auditor.get(f"/cases/{number}/history").status_code == 200
    assert auditor.get("/cases?limit=0").status_code == 422
    assert auditor.get("/cases/3708-261125-000000-0").status_code == 404
    rows = looks(office)[before:]
    assert [(row.action, row.subject_id) for row in rows] == [
        ("cases.list", "-"),
        ("case.read", number),
        ("case.history", number),
    ]
    assert {row.actor_id for row in rows} == {office.account_id("auditor")}
    assert len(rows[0].details["ids"]) == 1
    assert other not in json.dumps(rows[0].details)


def test_a_look_that_cannot_be_noted_shows_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = office.case()

    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError("the audit trail is away")

    monkeypatch.setattr("core.audit.record", fail)
    with pytest.raises(RuntimeError, match="away"):
        office("auditor").get(f"/cases/{number}")


def test_an_auditor_changes_nothing(office: Office) -> None:
    number = office.case()
    match = office("auditor").get(f"/cases/{number}").headers["ETag"]
    assert office.seen(number, "auditor")["actions"] == []
    for action in ("accept", "decline", "verify", "overturn", "sign", "grant_appeal"):
        answer = office("auditor").post(f"/cases/{number}/{action}", {}, match=match)
        assert problem(answer) == (403, "forbidden")
    assert len(office.history(number)) == 1
