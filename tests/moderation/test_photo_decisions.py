"""Redacting, publishing and hiding a photo of a case, and what the public then sees (B45)."""

import io
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from core.audit import AuditEvent
from core.clock import now
from core.database import db, reading
from core.permissions import Role
from media import decoding, publication
from media.errors import StoreAway
from media.models import Photo, Redaction
from media.objects import object_name
from media.states import Variant
from moderation import jobs
from moderation.models import PhotoDecisionFact
from moderation.photos import decisions
from tests.clients import picture
from tests.moderation.office import (
    CLOSED,
    FALSE,
    OTHER,
    REPORTER,
    TRUE,
    WHY,
    Office,
    problem,
)
from tests.moderation.test_two_officers import at_once

NOWHERE = "3708-261125-000000-0"
PALE = (235, 230, 220)
SQUARES = [(16 + 64 * column, 16 + 64 * row) for row in range(3) for column in range(4)]
COPIES = ("thumb", "large")


def box(number: int) -> dict[str, int]:
    """Return the square that the redaction of that number blacks out, another for each."""
    x, y = SQUARES[(number - 1) % len(SQUARES)]
    return {"x": x, "y": y, "width": 32, "height": 32}


def blacked(data: bytes) -> list[int]:
    """Return which squares of a copy are black, by the number of their redaction."""
    with Image.open(io.BytesIO(data)) as image:
        pixels = image.convert("L")
        scale = image.width / 320
        middles = [(round((x + 16) * scale), round((y + 16) * scale)) for x, y in SQUARES]
        return [at for at, spot in enumerate(middles, 1) if pixels.getpixel(spot) < 60]  # type: ignore[operator]


@dataclass
class Desk:
    """One photo of one case, as the dispatcher handles it and as the public sees it."""

    office: Office
    number: str
    photo: str
    links: list[str] = field(default_factory=list)

    def redact(self, *boxes: dict[str, int], by: str = "dispatcher", **kwargs: Any) -> TestResponse:
        path = f"/cases/{self.number}/media/{self.photo}/redactions"
        return self.office(by).post(path, {"boxes": list(boxes or [box(1)])}, **kwargs)

    def decide(
        self, decision: str, by: str = "dispatcher", reason: str | None = None, **kwargs: Any
    ) -> TestResponse:
        body = {"decision": decision, **({} if reason is None else {"reason": reason})}
        path = f"/cases/{self.number}/media/{self.photo}/decision"
        return self.office(by).post(path, body, **kwargs)

    def publish(self) -> None:
        assert self.decide("published").status_code == 200

    def item(self, by: str = "dispatcher") -> dict[str, Any]:
        """Return what the case says of the photo."""
        case = self.office.seen(self.number, by)
        shown = case["media"] + [photo for result in case["results"] for photo in result["media"]]
        (found,) = (photo for photo in shown if photo["id"] == self.photo)
        return dict(found)

    def collect(self) -> None:
        """Keep every address that the photo has now, for staff, its owner and the public."""
        item = self.item()
        own = self.office.own(self.number)["media"]
        mine = [photo["variants"] for photo in own if photo["id"] == self.photo]
        for links in (item["variants"], item["public"] or {}, *mine):
            self.links += links.values()

    def public(self, variant: str = "large") -> TestResponse:
        return self.office("").get(f"/media/{self.photo}/{variant}")

    def shown(self) -> list[int] | None:
        """Return the squares that are black for the public in both copies; None: it sees none."""
        answers = [self.public(variant) for variant in COPIES]
        statuses = {answer.status_code for answer in answers}
        if statuses == {404}:
            return None
        assert statuses == {200}
        large, thumb = (blacked(answer.data) for answer in answers)
        assert large == thumb
        return large


@pytest.fixture
def desk(office: Office) -> Desk:
    """A photo of a submitted case, beside another of the same case and a public one of another."""
    other = Desk(office, *_submitted(office, OTHER))
    other.publish()
    return Desk(office, *_submitted(office, REPORTER))


def _submitted(office: Office, reporter: str) -> tuple[str, str]:
    photos = [office(reporter).upload(picture(PALE)), office(reporter).upload()]
    return office.case(reporter=reporter, media=photos), photos[0]


def facts(office: Office) -> list[tuple[Any, ...]]:
    columns = PhotoDecisionFact.decision, PhotoDecisionFact.actor_id, PhotoDecisionFact.redaction
    with office.app.app_context(), reading() as session:
        found = session.execute(select(*columns).order_by(PhotoDecisionFact.id)).all()
    return [tuple(row) for row in found]


def objects(app: Flask) -> set[str]:
    with app.app_context():
        return {stored.name for stored in app.extensions["photo_store"].objects()}


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
    number, photo = _submitted(desk.office, OTHER)
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


# B45: what ends a publication


def lapsed(office: Office, number: str) -> None:
    office.take(number, "ask")
    with office.app.app_context():
        assert jobs.lapse_questions(now() + timedelta(days=60)) == 1
    assert office.status(number) == "declined"


def overturned(office: Office, number: str) -> None:
    office.take(number, "accept", "verify", "dispatch")
    answer = office.act("reviewer", number, "overturn", {**FALSE, **WHY})
    assert answer.status_code == 200


def steps(*names: str) -> Callable[[Office, str], None]:
    return lambda office, number: office.take(number, *names)


ENDS: dict[str, Callable[[Office, str], None]] = {
    "declined": steps("decline"),
    "lapsed": lapsed,
    "withdrawn": steps("withdraw"),
    "unsubstantiated": steps("accept", "refute"),
    "unsubstantiated at the end": steps("accept", "verify", "dispatch", "sign", "resolve"),
    "overturned": overturned,
}


def brought_to_end(office: Office, end: str, number: str) -> None:
    ENDS[end](office, number)
    if end == "unsubstantiated at the end":
        office.take(number, "refute")


@pytest.mark.parametrize(("end", "redacted"), zip(ENDS, [True, False] * 3, strict=True))
def test_a_case_that_is_rejected_takes_its_photos_from_the_public(
    desk: Desk, end: str, redacted: bool
) -> None:
    if redacted:
        desk.redact()
    desk.publish()
    neighbour = Desk(desk.office, desk.number, desk.office.seen(desk.number)["media"][1]["id"])
    for one in (desk, neighbour):
        one.collect()
    assert {desk.office("").get(link).status_code for link in desk.links} == {200}
    brought_to_end(desk.office, end, desk.number)
    assert desk.shown() is None
    for link in desk.links + neighbour.links:
        assert desk.office("").get(link).status_code == 404
        assert desk.office("").get(link.split("?")[0]).status_code == 404
        assert desk.office(OTHER).get(link.split("?")[0]).status_code == 404
    item = desk.item()
    assert item["decision"] == "hidden"
    assert neighbour.item()["decision"] is None
    fresh = [*item["variants"].values(), *(item["public"] or {}).values()]
    assert {desk.office("").get(link).status_code for link in fresh} == {200}
    assert desk.office(REPORTER).get(f"/media/{desk.photo}/thumb").status_code == 200
    assert facts(desk.office)[-1] == ("hidden", None, 1 if redacted else None)
    assert problem(desk.decide("published")) == (409, "invalid_transition")
    assert desk.decide("hidden").status_code == 200
    assert desk.shown() is None


def test_the_system_says_why_it_hid_a_photo(desk: Desk) -> None:
    desk.publish()
    desk.office.take(desk.number, "decline")
    other = Desk(desk.office, *_submitted(desk.office, OTHER))
    other.publish()
    desk.office.take(other.number, "accept", "refute")
    reasons = [row[0] for row in desk.office.rows(PhotoDecisionFact.reason) if row[0]]
    assert reasons == ["该件不予受理，照片不再公开", "核查结论为不属实，照片不再公开"]


def test_other_photos_stay_public_when_a_case_ends(office: Office, desk: Desk) -> None:
    other = Desk(office, *_submitted(office, OTHER))
    other.publish()
    desk.publish()
    office.take(desk.number, "decline")
    assert desk.shown() is None
    assert other.shown() == []


@pytest.mark.parametrize("verdict", ["verify", "rest of the way"])
def test_a_case_that_goes_its_way_leaves_its_photos_public(desk: Desk, verdict: str) -> None:
    desk.publish()
    desk.collect()
    way = CLOSED if verdict != "verify" else ("accept", "verify")
    desk.office.take(desk.number, *way)
    assert desk.shown() == []
    assert {desk.office("").get(link).status_code for link in desk.links} == {200}


@pytest.mark.parametrize("end", [("decline",), ("accept", "refute")])
def test_an_appeal_that_is_granted_publishes_nothing_by_itself(
    desk: Desk, end: tuple[str, ...]
) -> None:
    desk.publish()
    desk.office.take(desk.number, *end, "appeal")
    assert problem(desk.decide("published")) == (409, "invalid_transition")
    desk.office.take(desk.number, "grant_appeal")
    assert desk.shown() is None
    desk.publish()
    assert desk.shown() == []


def test_a_verdict_that_is_overturned_to_true_publishes_nothing_by_itself(desk: Desk) -> None:
    desk.publish()
    desk.office.take(desk.number, "accept", "refute")
    answer = desk.office.act("reviewer", desk.number, "overturn", {**TRUE, **WHY})
    assert answer.status_code == 200
    assert desk.shown() is None
    desk.publish()
    assert desk.shown() == []


def test_merged_reports_end_with_their_case(desk: Desk) -> None:
    primary = desk.office.case(reporter=OTHER)
    desk.publish()
    desk.office.act("dispatcher", desk.number, "merge", {"into": primary})
    assert desk.shown() == []
    desk.office.take(primary, "accept", "refute")
    assert desk.shown() is None
    assert problem(desk.decide("published")) == (409, "invalid_transition")
    assert facts(desk.office)[-1] == ("hidden", None, None)
    assert desk.office.rows(PhotoDecisionFact.subject_id)[-1] == (desk.number,)


def test_a_primary_that_is_withdrawn_leaves_its_heir_in_public(desk: Desk) -> None:
    primary = desk.office.case(reporter=OTHER)
    first = Desk(desk.office, primary, desk.office.seen(primary)["media"][0]["id"])
    first.publish()
    desk.publish()
    desk.office.act("dispatcher", desk.number, "merge", {"into": primary})
    desk.office.take(primary, "withdraw", reporter=OTHER)
    assert first.shown() is None
    assert desk.shown() == []


def test_without_the_listener_a_declined_report_would_stay_open(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: it is the listener that ends it."""
    monkeypatch.setattr(decisions, "end", lambda _session, _event: None)
    desk.publish()
    desk.office.take(desk.number, "decline")
    assert desk.shown() == []


# While a redaction is being prepared


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Callable[[], Any]], None]]:
    """`meanwhile(act)`: what others do while the next redaction is decoded, once."""
    waiting: list[Callable[[], Any]] = []
    plain = decoding.redacted

    def redacted(*args: Any, **kwargs: Any) -> Any:
        assert not db.session().in_transaction()
        while waiting:
            waiting.pop()()
        return plain(*args, **kwargs)

    monkeypatch.setattr(publication, "redacted", redacted)
    yield waiting.append
    assert not waiting


def test_what_is_published_while_a_redaction_is_prepared_is_taken_out(
    desk: Desk, meanwhile: Callable[[Any], None]
) -> None:
    meanwhile(desk.publish)
    answer = desk.redact(box(1))
    assert answer.get_json()["media"][0]["decision"] is None
    assert desk.shown() is None
    desk.publish()
    assert desk.shown() == [1]


def test_of_two_redactions_the_later_to_be_recorded_counts(
    desk: Desk, meanwhile: Callable[[Any], None]
) -> None:
    meanwhile(lambda: desk.redact(box(2)))
    meanwhile(desk.publish)  # first of both
    desk.redact(box(1))
    assert desk.shown() is None
    desk.publish()
    assert desk.shown() == [1]
    assert desk.item()["redactions"] == 2


@pytest.mark.parametrize(
    ("happens", "code"),
    [
        (lambda desk: desk.office.take(desk.number, "accept"), (412, "stale")),
        (lambda desk: desk.office.lend_phone("dispatcher", REPORTER), (403, "not_for_you")),
    ],
)
def test_rights_and_version_are_checked_again_before_a_redaction_counts(
    desk: Desk, meanwhile: Callable[[Any], None], happens: Callable[[Desk], Any], code: Any
) -> None:
    before = objects(desk.office.app)
    meanwhile(lambda: happens(desk))
    assert problem(desk.redact(match='"1-staff"')) == code
    assert objects(desk.office.app) == before
    assert desk.office.rows(Redaction.id) == []


def test_a_case_that_ends_while_a_redaction_is_prepared_stays_shut(
    desk: Desk, meanwhile: Callable[[Any], None]
) -> None:
    desk.publish()
    meanwhile(lambda: desk.office.take(desk.number, "decline"))
    assert desk.redact().status_code == 200
    assert desk.shown() is None
    assert desk.decide("published").status_code == 409


class Away:
    """A store that gives and takes nothing."""

    def __getattr__(self, _name: str) -> Any:
        raise StoreAway


def test_a_store_that_is_away_is_503_and_nothing_is_recorded(desk: Desk) -> None:
    store = desk.office.app.extensions["photo_store"]
    desk.publish()
    desk.office.app.extensions["photo_store"] = Away()
    try:
        answer = desk.redact()
    finally:
        desk.office.app.extensions["photo_store"] = store
    assert problem(answer) == (503, "media_store_unavailable")
    assert desk.office.rows(Redaction.id) == []
    assert desk.shown() == []


def test_objects_outlive_a_commit_whose_end_is_unknown(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They may have a row by then; the sweep finds out."""
    before = objects(desk.office.app)

    def fails(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError("the connection broke")

    monkeypatch.setattr(decisions, "redact", fails)
    with pytest.raises(RuntimeError):
        desk.redact()
    assert len(objects(desk.office.app) - before) == 2


@pytest.mark.parametrize("turn", range(2))
def test_publishing_and_declining_at_once_ends_in_private(desk: Desk, turn: int) -> None:
    office, match = desk.office, '"1-staff"'
    office.hire("dispatcher-2", Role.DISPATCHER)
    path = f"/cases/{desk.number}/decline"
    published, declined = at_once(
        lambda: desk.decide("published"),
        lambda: office("dispatcher-2").post(path, {"reason": "malicious"}, match=match),
    )
    assert declined.status_code == 200
    assert published.status_code in {200, 409}
    assert desk.shown() is None


def test_publishing_in_a_merged_report_and_declining_its_case_ends_in_private(desk: Desk) -> None:
    office = desk.office
    primary = office.case(reporter=OTHER)
    office.act("dispatcher", desk.number, "merge", {"into": primary})
    office.hire("dispatcher-2", Role.DISPATCHER)
    match = office("dispatcher").get(f"/cases/{primary}").headers["ETag"]
    path = f"/cases/{primary}/decline"
    published, declined = at_once(
        lambda: desk.decide("published"),
        lambda: office("dispatcher-2").post(path, {"reason": "malicious"}, match=match),
    )
    assert declined.status_code == 200
    assert published.status_code in {200, 409}
    assert desk.shown() is None


def test_two_redactions_at_once_are_both_kept(desk: Desk) -> None:
    answers = at_once(lambda: desk.redact(box(1)), lambda: desk.redact(box(2)))
    assert [answer.status_code for answer in answers] == [200, 200]
    numbers = desk.office.rows(Redaction.number)
    assert sorted(row[0] for row in numbers) == [1, 2]


# All of it, by a table of its own


@dataclass
class Told:
    """What was told to a photo and its case; what the public may see follows from nothing else."""

    decision: str | None = None
    version: int = 0
    status: str = "submitted"

    def may_see(self) -> list[int] | None:
        if self.decision != "published":
            return None
        return [self.version] if self.version else []

    def publish(self, desk: Desk) -> None:
        rejected = self.status == "declined"
        assert desk.decide("published").status_code == (409 if rejected else 200)
        self.decision = self.decision if rejected else "published"

    def hide(self, desk: Desk) -> None:
        assert desk.decide("hidden").status_code == 200
        self.decision = "hidden"

    def redact(self, desk: Desk) -> None:
        assert desk.redact(box(self.version + 1)).status_code == 200
        self.version, self.decision = self.version + 1, None

    def end_or_reopen(self, desk: Desk) -> None:
        """Decline once, and grant the one appeal that there is."""
        if self.status == "submitted":
            desk.office.take(desk.number, "decline")
            self.status = "declined"
            self.decision = "hidden" if self.decision == "published" else self.decision
        elif self.status == "declined":
            desk.office.take(desk.number, "appeal", "grant_appeal")
            self.status = "reopened"


@pytest.mark.parametrize("seed", range(3))
def test_the_public_sees_what_was_told_and_nothing_else(desk: Desk, seed: int) -> None:
    """A walk over (published, redacted, case): no address that was ever given shows any more."""
    dice, told = random.Random(seed), Told()
    moves = [Told.publish, Told.hide, Told.redact, Told.publish, Told.end_or_reopen]
    dead: list[str] = []
    for _ in range(12):
        desk.collect()
        before = told.status
        move = dice.choice(moves)
        move(told, desk)
        seen = told.may_see()
        assert desk.shown() == seen, told
        if move in {Told.hide, Told.redact} or (before, told.status) == ("submitted", "declined"):
            dead, desk.links = dead + desk.links, []
        for link in dice.sample(dead, min(6, len(dead))):
            answer = desk.office("").get(link)
            assert answer.status_code == (404 if seen is None else 200), (told, link)
            assert seen is None or blacked(answer.data) == seen


def test_noise_is_left_alone(desk: Desk) -> None:
    """The other case's photo, which the fixture published, is where it was after all of this."""
    desk.redact()
    desk.publish()
    desk.office.take(desk.number, "decline")
    with desk.office.app.app_context(), reading() as session:
        published = select(func.count()).select_from(Photo).where(Photo.decision == "published")
        assert session.scalar(published) == 1
