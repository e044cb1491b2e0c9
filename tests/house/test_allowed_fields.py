"""Each audience is told what the table allows it, and no key more (reliability R1b)."""

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.clients import HERE, picture, report_body
from tests.house.audiences import ALLOWED, COPIES, NOT_FOR_ALL, ORIGINALS, PROBLEM, Shape
from tests.moderation.desk import Desk
from tests.moderation.office import OTHER, REPORTER, WHY, Office

STRANGER = "13800000003"
NAMES = {
    "owner": REPORTER,
    "other resident": STRANGER,
    "handler": "handler-epb",
    "rewards admin": "rewards",
    "sysadmin": "admin",
    "partner": "bus",
    "public": "",
}
SPOT = {"longitude": 116.5871234, "latitude": 35.4151234, "crs": "wgs84", "accuracy_m": 7}
EXACT = ("116.5871234", "35.4151234")


def unknown(value: Any, allowed: Shape, path: str = "") -> Iterator[str]:
    """Yield the path of every key that the shape does not allow."""
    if isinstance(value, dict):
        for key, inner in value.items():
            known = isinstance(allowed, dict) and key in allowed
            if not known:
                yield f"{path}.{key}"
            elif allowed[key] != 0 or isinstance(inner, dict | list):
                yield from unknown(inner, allowed[key], f"{path}.{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from unknown(inner, allowed[0] if isinstance(allowed, list) else 0, f"{path}[]")


def test_the_judge_sees_a_key_too_many_wherever_it_stands() -> None:
    allowed = {"a": 0, "b": {"c": 0}, "d": [{"e": 0}]}
    assert list(unknown({"a": None, "b": {"c": 1}, "d": [{"e": 2}]}, allowed)) == []
    assert list(unknown({"f": 1, "b": {"x": 1}, "d": [{"y": 2}]}, allowed)) == [
        ".f",
        ".b.x",
        ".d[].y",
    ]
    assert list(unknown({"a": {"z": 1}}, allowed)) == [".a.z"]


class Stage:
    """A city in which everything has happened once, and who asks about it."""

    def __init__(self, office: Office) -> None:
        self.office = office
        steps = ("accept", "verify", "dispatch", "sign", "resolve", "verify")
        kinds = {"category": "WAT-IND", "location": SPOT}
        report = office.case(**kinds)
        office.take(office.case(reporter=OTHER, **kinds), "accept", "dispatch")  # a neighbour
        office.case("accept", "dispatch", "sign", reporter=OTHER)  # what /similar-reports tells of
        office.take(report, "accept")
        merged = office.case(reporter=OTHER)
        assert office.act("dispatcher", merged, "merge", {"into": report}).status_code == 200
        office.take(report, *steps[1:])
        photo = office.seen(report)["media"][0]["id"]
        desk = Desk(office, report, photo)
        assert desk.redact().status_code == 200
        asked = office("dispatcher").post(f"/cases/{report}/disclosures", WHY).get_json()
        offer = office(REPORTER).get("/offers").get_json()["items"]
        self.ids = {
            "report": report,
            "photo": photo,
            "disclosure": asked["id"],
            "answered": office.case("ask"),
            "fresh": office.case(),
        }
        (bus,) = (each["id"] for each in offer if each["points_price"] == 20)
        bought = office(REPORTER).post(f"/offers/{bus}/redeem", key="the-voucher").get_json()
        self.ids["voucher"], self.code = bought["id"], bought["code"]

    def ask(self, audience: str, request: str) -> TestResponse:
        method, path = request.format(**self.ids).split(" ")
        client = self.office(NAMES.get(audience, audience))
        if method == "GET":
            return client.get(path)
        if path == "/media":
            file = io.BytesIO(picture()), "photo.jpg"
            return client.call("POST", path, data={"file": file})
        match = {}
        if path.startswith("/cases/") and not path.endswith("/disclosures"):
            number = path.split("/")[2]
            match = {"match": client.get(f"/cases/{number}").headers["ETag"]}
        return client.post(path, self._body(path), key=path.replace("/", "-"), **match)

    def _body(self, path: str) -> Any:
        if path == "/reports":
            return report_body(media=[self.office(REPORTER).upload()])
        used = {"code": self.code, "terminal": "东门"}
        line = {**used, "used_at": "2026-11-25T08:00:00+08:00", "nonce": "1"}
        bodies: dict[str, Any] = {
            "supplement": {"text": "在桥东侧"},
            "rating": {"satisfied": True, "score": 5},
            "disclosures": WHY,
            "check": {"code": self.code},
            "redeem": used,
            "batch": {"items": [line, line]},
            "similar-reports": {"channel": "suishoupai", "category": "WAT-OUT", "location": HERE},
        }
        return bodies.get(path.rsplit("/", 1)[1])


@pytest.fixture
def stage(app: Flask) -> Stage:
    return Stage(Office(app))


@pytest.mark.parametrize("world", ["sqlite"], indirect=True)
def test_nobody_is_told_a_key_that_the_table_does_not_allow_them(stage: Stage) -> None:
    for audience, answers in ALLOWED.items():
        for request, allowed in answers.items():
            answer = stage.ask(audience, request)
            assert answer.status_code in {200, 201}, (audience, request, answer.get_json())
            told = answer.get_json()
            assert told.get("items", True), (audience, request, "nothing to look at")
            assert list(unknown(told, allowed)) == [], (audience, request)
            if audience != "owner" and not request.endswith("/approve"):
                assert REPORTER not in answer.get_data(as_text=True), (audience, request)
            if audience in {"handler", "partner", "public"}:
                spots = [digits for digits in EXACT if digits in json.dumps(told)]
                assert spots == [], (audience, request)


@pytest.mark.parametrize("world", ["sqlite"], indirect=True)
def test_who_may_not_read_a_thing_gets_a_problem_with_nothing_of_it(stage: Stage) -> None:
    for audience, answers in ALLOWED.items():
        for request in NOT_FOR_ALL:
            answer = stage.ask(audience, request)
            readable = request in answers
            if "/media/{photo}/" in request and "redactions" not in request:
                readable = audience in (ORIGINALS if "original" in request else COPIES)
            if readable:
                assert answer.status_code == 200, (audience, request)
                continue
            assert answer.status_code in {401, 403, 404}, (audience, request)
            assert list(unknown(answer.get_json(), PROBLEM)) == [], (audience, request)
            for secret in (REPORTER, *EXACT, *stage.ids.values()):
                assert secret not in answer.get_data(as_text=True), (audience, request)
