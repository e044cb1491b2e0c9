"""Redacting, publishing and hiding a photo of a case: who may, in which order, and what is kept."""

from typing import Any

from sqlalchemy import select

from core.audit import AuditEvent
from core.database import reading
from media.models import Redaction
from media.objects import object_name
from media.states import Variant
from moderation.models import PhotoDecisionFact
from tests.clients import picture
from tests.media.pictures import MAKE, MODEL, exif, heic, jpeg, place, png, segments, text, webp
from tests.moderation.desk import COPIES, PALE, Desk, blacked, box, facts, objects, submitted
from tests.moderation.office import CLOSED, OTHER, REPORTER, Office, problem

NOWHERE = "3708-261125-000000-0"

# What answers, to whom, in which order


def test_a_redaction_answers_with_the_case_and_changes_nothing_for_staff(desk: Desk) -> None:
    before = desk.office.seen(desk.number)
    answer = desk.redact(box(1))
    assert answer.status_code == 200
    assert answer.headers["ETag"] == '"1-staff"'
    first, second = answer.get_json()["media"]
    assert (first["redactions"], first["decision"], first["content"]) == (1, None, None)
    assert (second["redactions"], second["public"]) == (0, None)
    staff = desk.office("dispatcher")
    assert blacked(staff.get(f"/media/{desk.photo}/large").data) == []
    assert blacked(desk.office("").get(first["variants"]["large"]).data) == []
    assert blacked(desk.office("").get(first["public"]["large"]).data) == [1]
    assert blacked(desk.office("").get(first["public"]["thumb"]).data) == [1]
    same = ("status", "version", "actions", "description")
    assert {k: answer.get_json()[k] for k in same} == {k: before[k] for k in same}


def test_a_decision_answers_with_the_case(desk: Desk) -> None:
    answer = desk.decide("published", reason="无人脸和车牌")
    assert answer.status_code == 200
    item = answer.get_json()["media"][0]
    assert (item["decision"], item["content"], item["public"]) == ("published", "passed", None)
    assert desk.shown() == []
    answer = desk.decide("hidden")
    assert answer.get_json()["media"][0]["decision"] == "hidden"
    assert desk.shown() is None


def test_a_photo_of_a_result_is_published_like_any_other(office: Office) -> None:
    number = office.case(*CLOSED[:-2])
    after = office("handler-epb").upload(picture(PALE))
    result = {"finding": "已现场核实", "measures": "已责令整改", "media": [after]}
    assert office.act("handler-epb", number, "resolve", result).status_code == 200
    desk = Desk(office, number, after)
    assert desk.item()["decision"] is None
    desk.redact(box(2))
    desk.publish()
    assert desk.shown() == [2]
    assert desk.item()["redactions"] == 1


def test_nobody_but_a_dispatcher_decides(desk: Desk) -> None:
    others = (REPORTER, OTHER, "reviewer", "auditor", "handler-epb", "rewards", "admin", "bus")
    for who, status in (("", 401), *((other, 403) for other in others)):
        assert desk.redact(by=who).status_code == status
        assert desk.decide("published", by=who).status_code == status
        nowhere = Desk(desk.office, NOWHERE, desk.photo)
        assert nowhere.decide("hidden", by=who).status_code == status
    assert desk.item()["redactions"] == 0
    assert desk.shown() is None


def test_a_dispatcher_decides_nothing_in_a_case_of_their_own(desk: Desk) -> None:
    desk.office.lend_phone("dispatcher", REPORTER)
    before = objects(desk.office.app)
    assert problem(desk.redact()) == (403, "not_for_you")
    assert problem(desk.decide("published")) == (403, "not_for_you")
    assert objects(desk.office.app) == before


def test_each_check_answers_before_those_behind_it(desk: Desk) -> None:
    dispatcher, wrong = desk.office("dispatcher"), {"nonsense": 1}
    text: dict[str, Any] = {"data": "x", "headers": {"Content-Type": "text/plain"}}
    stale = '"9-staff"'
    for last in ("redactions", "decision"):
        path = f"/cases/{desk.number}/media/{desk.photo}/{last}"
        lost = (
            f"/cases/{NOWHERE}/media/{desk.photo}/{last}",
            f"/cases/{desk.number}/media/{'0' * 32}/{last}",
            f"/cases/{desk.number}/media/1/{last}",
        )
        assert {dispatcher.call("POST", there, **text).status_code for there in lost} == {404}
        assert dispatcher.call("POST", path, match=stale, **text).status_code == 415
        assert problem(dispatcher.post(path, wrong, match=stale)) == (412, "stale")
        assert problem(dispatcher.post(path, wrong, match='"1-staff"')) == (422, "invalid")
        assert problem(dispatcher.post(path, wrong)) == (422, "invalid")
        desk.office.lend_phone("dispatcher", REPORTER)
        assert dispatcher.call("POST", path, match=stale, **text).status_code == 403
        assert {dispatcher.post(there, wrong).status_code for there in lost} == {404}
        desk.office.lend_phone("dispatcher", "13900000000")


def test_a_photo_is_handled_in_its_own_case_alone(desk: Desk) -> None:
    number, photo = submitted(desk.office, OTHER)
    unused = desk.office(REPORTER).upload()
    for strange in (Desk(desk.office, desk.number, photo), Desk(desk.office, number, desk.photo)):
        assert strange.redact().status_code == 404
        assert strange.decide("published").status_code == 404
    assert Desk(desk.office, desk.number, unused).decide("published").status_code == 404
    assert desk.shown() is None


def test_a_version_that_is_named_must_be_the_present_one(desk: Desk) -> None:
    assert desk.redact(match='"1-staff"').status_code == 200
    assert desk.decide("published", match='"7-staff", "1-staff"').status_code == 200
    desk.office.take(desk.number, "accept")
    assert problem(desk.decide("hidden", match='"1-staff"')) == (412, "stale")
    assert problem(desk.redact(match='"1-staff"')) == (412, "stale")
    assert desk.shown() == [1]


WRONG_BOXES: list[tuple[Any, list[str]]] = [
    ({}, ["boxes"]),
    ({"boxes": []}, ["boxes"]),
    ({"boxes": [box(1)] * 51}, ["boxes"]),
    ({"boxes": box(1)}, ["boxes"]),
    ({"boxes": [[0, 0, 9, 9]]}, ["boxes.0"]),
    ({"boxes": [box(1), {**box(1), "colour": "red"}]}, ["boxes.1.colour"]),
    ({"boxes": [{"x": 0, "y": 0, "width": 9}]}, ["boxes.0.height"]),
    ({"boxes": [{**box(1), "width": 0}]}, ["boxes.0.width"]),
    ({"boxes": [{**box(1), "height": -9}]}, ["boxes.0.height"]),
    ({"boxes": [{**box(1), "x": 1.0}]}, ["boxes.0.x"]),
    ({"boxes": [{**box(1), "y": "1"}]}, ["boxes.0.y"]),
    ({"boxes": [{**box(1), "x": True}]}, ["boxes.0.x"]),
    ({"boxes": [{**box(1), "x": 10**15}]}, ["boxes.0.x"]),
    ({"boxes": [box(1), {**box(1), "x": 320}]}, ["boxes.1"]),
    ({"boxes": [{**box(1), "y": 240}, {**box(1), "x": -32}]}, ["boxes.0", "boxes.1"]),
    ({"boxes": [box(1)], "reason": "x"}, ["reason"]),
]
WRONG_DECISIONS: list[tuple[Any, list[str]]] = [
    ({}, ["decision"]),
    ({"decision": None}, ["decision"]),
    ({"decision": "public"}, ["decision"]),
    ({"decision": "published", "reason": ""}, ["reason"]),
    ({"decision": "published", "reason": "长" * 2001}, ["reason"]),
    ({"decision": "published", "version": 1}, ["version"]),
]


def test_a_wrong_field_is_named_by_its_path(desk: Desk) -> None:
    before = objects(desk.office.app)
    for last, wrong in (("redactions", WRONG_BOXES), ("decision", WRONG_DECISIONS)):
        path = f"/cases/{desk.number}/media/{desk.photo}/{last}"
        for body, paths in wrong:
            answer = desk.office("dispatcher").post(path, body)
            assert answer.status_code == 422, body
            assert sorted(answer.get_json()["errors"]) == paths
    assert objects(desk.office.app) == before
    assert desk.shown() is None


def test_boxes_are_clipped_to_the_picture_and_kept_so(desk: Desk) -> None:
    wide = {"x": -1000, "y": 200, "width": 5000, "height": 5000}
    assert desk.redact(wide, {"x": 319, "y": 0, "width": 1, "height": 1}).status_code == 200
    path = f"/cases/{desk.number}/media/{desk.photo}/redactions"
    (kept,) = desk.office("dispatcher").get(path).get_json()["items"]
    assert kept["boxes"] == [
        {"x": 0, "y": 200, "width": 320, "height": 40},
        {"x": 319, "y": 0, "width": 1, "height": 1},
    ]


# The history of redactions


def test_every_version_is_kept_and_the_last_is_current(desk: Desk) -> None:
    for number in (1, 2, 3):
        desk.redact(box(number))
    path = f"/cases/{desk.number}/media/{desk.photo}/redactions"
    for who in ("dispatcher", "reviewer", "auditor"):
        answer = desk.office(who).get(path)
        items = answer.get_json()["items"]
        assert [item["number"] for item in items] == [1, 2, 3]
        assert [item["boxes"] for item in items] == [[box(number)] for number in (1, 2, 3)]
        assert [item["current"] for item in items] == [False, False, True]
        assert set(items[0]) == {"number", "at", "boxes", "current"}
    with desk.office.app.app_context(), reading() as session:
        keys = session.scalars(select(Redaction.key)).all()
    names = {
        object_name(key, variant) for key in keys for variant in (Variant.THUMB, Variant.LARGE)
    }
    assert len(names) == 6
    assert names <= objects(desk.office.app)


def test_who_reads_the_versions(desk: Desk) -> None:
    desk.redact()
    desk.office.take(desk.number, "accept", "dispatch")
    path = f"/cases/{desk.number}/media/{desk.photo}/redactions"
    expected = {
        "": 401, REPORTER: 403, "bus": 403, "rewards": 403, "admin": 403, "handler-epb": 403,
        "handler-urban": 404, "auditor": 200, "reviewer": 200, "dispatcher": 200,
    }  # fmt: skip
    assert {who: desk.office(who).get(path).status_code for who in expected} == expected
    lost = f"/cases/{desk.number}/media/{'0' * 32}/redactions"
    assert desk.office("handler-epb").get(lost).status_code == 404
    events = desk.office.rows(AuditEvent.action, AuditEvent.subject_id, AuditEvent.actor_role)
    read = [row[1:] for row in events if row[0] == "photo.redactions_read"]
    assert sorted(read) == [(desk.photo, who) for who in ("auditor", "dispatcher", "reviewer")]


# Facts and audit


def test_decisions_are_facts_about_the_version_that_was_seen(desk: Desk) -> None:
    dispatcher = desk.office.account_id("dispatcher")
    kept = len(facts(desk.office))
    desk.decide("published", reason="可以公开")
    desk.redact()
    desk.decide("published")
    desk.decide("hidden", reason="当事人要求")
    assert facts(desk.office)[kept:] == [
        ("published", dispatcher, None),
        ("published", dispatcher, 1),
        ("hidden", dispatcher, 1),
    ]
    columns = PhotoDecisionFact.photo, PhotoDecisionFact.subject_kind, PhotoDecisionFact.subject_id
    rows = desk.office.rows(*columns, PhotoDecisionFact.reason)[kept:]
    about = desk.photo, "report", desk.number
    assert [tuple(row) for row in rows] == [
        (*about, "可以公开"), (*about, None), (*about, "当事人要求"),
    ]  # fmt: skip


def test_the_audit_names_every_step_and_no_words(desk: Desk) -> None:
    desk.redact()
    desk.decide("published", reason="张三的车牌已遮挡")
    desk.decide("hidden")
    rows = desk.office.rows(AuditEvent.action, AuditEvent.subject_id, AuditEvent.details)
    mine = [(row.action, row.details) for row in rows if row.subject_id == desk.photo]
    version = {"redaction": 1}
    assert mine == [(f"photo.{step}", version) for step in ("redacted", "published", "hidden")]


# What the public sees


def test_nothing_is_public_without_a_decision(desk: Desk) -> None:
    assert desk.shown() is None
    desk.redact()
    assert desk.shown() is None


def test_a_redaction_takes_what_was_public_out_again(desk: Desk) -> None:
    desk.publish()
    assert desk.shown() == []
    desk.collect()
    desk.redact(box(1))
    assert desk.shown() is None
    assert {desk.office("").get(link).status_code for link in desk.links} == {404}
    desk.publish()
    assert desk.shown() == [1]
    desk.redact(box(2))
    assert desk.shown() is None
    desk.publish()
    assert desk.shown() == [2]


def test_publishing_again_keeps_links_and_hiding_ends_them(desk: Desk) -> None:
    desk.collect()
    desk.publish()
    desk.publish()
    assert {desk.office("").get(link).status_code for link in desk.links} == {200}
    desk.decide("hidden")
    assert {desk.office("").get(link).status_code for link in desk.links} == {404}
    fresh = desk.item()["variants"]
    assert {desk.office("").get(link).status_code for link in fresh.values()} == {200}


def test_a_resident_is_told_nothing_of_it(desk: Desk) -> None:
    before = desk.office.own(desk.number)["media"][0]
    desk.redact()
    desk.publish()
    after = desk.office.own(desk.number)["media"][0]
    assert set(after) == set(before) == {"id", "mime_type", "width", "height", "variants"}
    assert blacked(desk.office("").get(after["variants"]["large"]).data) == []


def test_staff_with_the_case_see_both_versions(desk: Desk) -> None:
    desk.office.take(desk.number, "accept", "dispatch")
    desk.redact()
    desk.publish()
    nobody = desk.office("")
    for who in ("dispatcher", "reviewer", "auditor", "handler-epb"):
        item = desk.item(who)
        found = item["decision"], item["content"], item["redactions"]
        assert found == ("published", "passed", 1)
        assert blacked(nobody.get(item["variants"]["large"]).data) == []
        preview = nobody.get(item["public"]["large"])
        assert blacked(preview.data) == [1]
        assert preview.headers["Cache-Control"] == "private, no-store"
    assert blacked(desk.office("handler-urban").get(f"/media/{desk.photo}/large").data) == [1]


# B09: what is public tells nothing of the one who took it


def test_no_public_copy_of_any_kind_says_where_or_with_what_it_was_taken(office: Office) -> None:
    claims = exif({MAKE: text("Canary"), MODEL: text("Canary")}, None, place(35.415, 116.587))
    kinds = (jpeg, png, webp, heic)
    photos = [office(REPORTER).upload(kind(exif=claims)) for kind in kinds]
    number = office.case(media=photos)
    for photo in photos:
        desk = Desk(office, number, photo)
        desk.publish()
        copies = [desk.public(variant).data for variant in COPIES]
        desk.redact()
        desk.publish()
        copies += [desk.public(variant).data for variant in COPIES]
        assert len(set(copies)) == 4
        for data in copies:
            assert b"Canary" not in data
            assert b"Exif" not in data
            assert not {0xE1, 0xE2, 0xED, 0xFE} & set(segments(data))
    facts_of = office.seen(number)["checks"]["photos"]
    assert {found["distance_m"] is not None for found in facts_of} == {True}
