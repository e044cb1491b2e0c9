"""Submitting: what is wrong is named by its path and leaves nothing; what is right is kept once."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select

from citizen.models import HistoryEntry, Report
from core.clock import now
from core.database import reading
from tests.clients import ON_THE_LAKE, Api, report_body

SignIn = Callable[..., Api]
RESIDENT, OTHER = "13800000001", "13800000002"


def counted(app: Flask, model: type[Any] = Report) -> int:
    with app.app_context(), reading() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def there(longitude: Any, latitude: Any, crs: Any = "wgs84", **more: Any) -> dict[str, Any]:
    return {"location": {"longitude": longitude, "latitude": latitude, "crs": crs, **more}}


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("channel missing", {"channel": ...}, "channel"),
    ("channel unknown", {"channel": "fax"}, "channel"),
    ("channel a number", {"channel": 1}, "channel"),
    ("channel null", {"channel": None}, "channel"),
    ("category missing", {"category": ...}, "category"),
    ("category unknown", {"category": "NOPE"}, "category"),
    ("category huge", {"category": "X" * 40}, "category"),
    ("category of another channel", {"channel": "huhutong", "category": "AIR-DUST"}, "category"),
    ("category a huge integer", {"category": 9223372036854775808}, "category"),
    ("description missing", {"description": ...}, "description"),
    ("description blank", {"description": "  "}, "description"),
    ("description too long", {"description": "长" * 2001}, "description"),
    ("description with NUL", {"description": "a\0b"}, "description"),
    ("description half an emoji", {"description": "a\ud83d"}, "description"),
    ("description a list", {"description": ["x"]}, "description"),
    ("location missing", {"location": ...}, "location"),
    ("location a list", {"location": [116.5, 35.4]}, "location"),
    ("crs missing", {"location": {"longitude": 116.587, "latitude": 35.415}}, "location.crs"),
    ("crs unknown", there(116.587, 35.415, "cgcs2000"), "location.crs"),
    ("latitude missing", {"location": {"longitude": 116.5, "crs": "wgs84"}}, "location.latitude"),
    ("latitude a text", there(116.587, "35.415"), "location.latitude"),
    ("latitude true", there(116.587, True), "location.latitude"),
    ("longitude out of range", there(181, 35.415), "location.longitude"),
    ("swapped", there(35.415, 116.587), "location.latitude"),
    ("accuracy negative", there(116.587, 35.415, accuracy_m=-1), "location.accuracy_m"),
    ("accuracy a text", there(116.587, 35.415, accuracy_m="8"), "location.accuracy_m"),
    ("location with more", there(116.587, 35.415, altitude=3), "location.altitude"),
    ("outside the city", there(116.4, 39.9), "location"),
    ("address too long", {"address": "长" * 201}, "address"),
    ("address blank", {"address": ""}, "address"),
    ("time without offset", {"occurred_at": "2026-03-01T07:30:00"}, "occurred_at"),
    ("time of no day", {"occurred_at": "2026-02-30T07:30:00+08:00"}, "occurred_at"),
    ("time a number", {"occurred_at": 1772321400}, "occurred_at"),
    ("media missing", {"media": ...}, "media"),
    ("media empty", {"media": []}, "media"),
    ("media a text", {"media": "x"}, "media"),
    ("media of numbers", {"media": [7]}, "media.0"),
    ("site unknown", {"site": "QR-NOPE"}, "site"),
    ("anonymous a text", {"anonymous": "yes"}, "anonymous"),
    ("anonymous a number", {"anonymous": 1}, "anonymous"),
    ("unknown field", {"status": "closed"}, "status"),
    ("reporter named", {"reporter_id": 1}, "reporter_id"),
]


@pytest.mark.parametrize(
    ("change", "path"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG]
)
def test_a_wrong_field_is_named_and_nothing_remains(
    api: SignIn, app: Flask, change: dict[str, Any], path: str
) -> None:
    resident = api(RESIDENT)
    photo = resident.upload()
    changed = {**report_body(media=[photo]), **change}
    body = {name: value for name, value in changed.items() if value is not ...}
    answer = resident.post("/reports", body, key="the-key")
    assert answer.status_code == 422, answer.get_json()
    assert path in answer.get_json()["errors"], answer.get_json()
    assert counted(app) == counted(app, HistoryEntry) == 0
    assert resident.get("/me/points").get_json()["pending"] == 0
    again = resident.post("/reports", report_body(media=[photo]), key="the-key")
    assert again.status_code == 201  # photo and key are as they were


RAW = [
    (b'{"location": {"longitude": NaN, "latitude": 35.4, "crs": "wgs84"}}', "location.longitude"),
    (b'{"location": {"longitude": 116, "latitude": Infinity}}', "location.latitude"),
    (b'{"location": {"longitude": 1e400, "latitude": 35.4}}', "location.longitude"),
    (b'{"category": "WAT-OUT", "category": "AIR-DUST"}', "category"),
    (b'{"location": {"crs": "wgs84", "crs": "gcj02"}}', "location.crs"),
    (b'{"description": "a\\u0000b"}', "description"),
    (b'{"description": "\\ud83d"}', "description"),
    (b'{"extra": {"deep": NaN}}', "extra.deep"),
    (b'{"category": 99999999999999999999999999}', "category"),
]


@pytest.mark.parametrize(("raw", "path"), RAW)
def test_what_json_should_not_hold_is_named_too(
    api: SignIn, app: Flask, raw: bytes, path: str
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = api(RESIDENT).call("POST", "/reports", data=raw, key="k", headers=headers)
    assert answer.status_code == 422
    assert path in answer.get_json()["errors"]
    assert counted(app) == 0


@pytest.mark.parametrize(
    ("place", "code"),
    [
        ((0, 0), "location_invalid"),
        ((116.587, 0), "location_invalid"),
        ((35.415, 116.587), "location_invalid"),
        ((116.4, 39.9), "outside_service_area"),
        ((116.587, 38.1), "outside_service_area"),  # 300 km to the north
        ((-116.587, 35.415), "outside_service_area"),
    ],
)
def test_a_place_that_cannot_be_has_a_name_for_it(
    api: SignIn, app: Flask, place: tuple[float, float], code: str
) -> None:
    """B22."""
    resident = api(RESIDENT)
    body = {**report_body(media=[resident.upload()]), **there(*place)}
    answer = resident.post("/reports", body, key="k")
    assert (answer.status_code, answer.get_json()["code"]) == (422, code)
    assert counted(app) == 0


def test_away_from_the_lake_is_a_matter_for_the_other_channel(api: SignIn, app: Flask) -> None:
    resident = api(RESIDENT)
    photo = resident.upload()
    lake = {"channel": "huhutong", "category": "WAT-FLOAT", "media": [photo]}
    far = resident.post("/reports", report_body(**lake), key="a")
    assert (far.status_code, far.get_json()["code"]) == (422, "outside_lake_area")
    assert "location" in far.get_json()["errors"]
    near = resident.post("/reports", report_body(**lake, location=ON_THE_LAKE), key="a")
    assert near.status_code == 201
    assert near.get_json()["channel"] == "huhutong"


def test_three_systems_mean_one_place_and_ten_saves_do_not_drift(api: SignIn) -> None:
    """B23: the same point in WGS-84 and GCJ-02, read back in every system."""
    resident = api(RESIDENT)
    plain = resident.report(location={"longitude": 116.587, "latitude": 35.415, "crs": "wgs84"})
    for crs in ("gcj02", "bd09", "wgs84"):
        shown = resident.get(f"/reports/{plain['number']}?crs={crs}").get_json()["location"]
        assert shown["crs"] == crs
        for _ in range(10):
            number = resident.report(
                location={name: shown[name] for name in ("longitude", "latitude", "crs")}
            )["number"]
            shown = resident.get(f"/reports/{number}?crs={crs}").get_json()["location"]
        back = resident.get(f"/reports/{number}").get_json()["location"]
        assert abs(back["longitude"] - 116.587) < 2e-7
        assert abs(back["latitude"] - 35.415) < 2e-7


def test_what_was_declared_stays_beside_what_is_computed(api: SignIn, app: Flask) -> None:
    sent = {"longitude": 116.592291, "latitude": 35.414552, "crs": "gcj02", "accuracy_m": 25.5}
    number = api(RESIDENT).report(location=sent)["number"]
    with app.app_context(), reading() as session:
        row = session.scalars(select(Report).where(Report.number == number)).one()
    assert (row.declared_longitude, row.declared_latitude) == (116.592291, 35.414552)
    assert (row.declared_crs, row.accuracy_m) == ("gcj02", 25.5)
    assert 0.004 < row.declared_longitude - row.longitude < 0.008


def test_an_unknown_system_to_answer_in_is_refused(api: SignIn) -> None:
    number = api(RESIDENT).report()["number"]
    for path in (f"/reports/{number}?crs=utm", "/me/reports?crs=", f"/reports/{number}?srs=wgs84"):
        assert api(RESIDENT).get(path).status_code == 422


def test_photos_are_ones_own_unused_and_named_once(api: SignIn, app: Flask) -> None:
    """B14, B15."""
    resident, other = api(RESIDENT), api(OTHER)
    mine, foreign, used = resident.upload(), other.upload(), resident.upload()
    resident.report(media=[used])
    missing = "0" * 32

    def send(*media: str) -> tuple[int, str, list[str]]:
        answer = resident.post("/reports", report_body(media=list(media)), key="k")
        body = answer.get_json()
        return answer.status_code, body["code"], list(body["errors"])

    assert send(mine, missing) == (422, "media_not_found", ["media.1"])
    assert send(foreign) == (422, "media_not_found", ["media.0"])
    assert send(mine, used) == (409, "media_used", ["media.1"])
    assert send(mine, mine) == (422, "invalid", ["media.1"])
    assert send(used, missing) == (422, "media_not_found", ["media.1"])
    assert send(*(resident.upload() for _ in range(10)))[2] == ["media"]
    assert counted(app) == 1
    assert resident.report(media=[mine])["media"][0]["id"] == mine
    assert other.report(media=[foreign])["media"][0]["id"] == foreign


def test_nine_photos_come_back_in_the_order_sent_and_without_links(api: SignIn) -> None:
    resident = api(RESIDENT)
    media = [resident.upload() for _ in range(9)][::-1]
    receipt = resident.report(media=media)
    assert [photo["id"] for photo in receipt["media"]] == media
    assert set(receipt["media"][0]) == {"id", "mime_type", "width", "height"}
    told = resident.get(f"/reports/{receipt['number']}").get_json()
    assert [photo["id"] for photo in told["media"]] == media
    assert set(told["media"][0]["variants"]) == {"thumb", "large"}


def test_an_event_lies_in_the_past_give_or_take_a_clock(api: SignIn, app: Flask) -> None:
    """B33."""
    resident = api(RESIDENT)
    for ahead, status in ((timedelta(hours=2), 422), (timedelta(minutes=2), 201)):
        body = report_body(media=[resident.upload()], occurred_at=(now() + ahead).isoformat())
        answer = resident.post("/reports", body, key=str(ahead))
        assert answer.status_code == status
    assert counted(app) == 1


def test_a_moment_comes_back_as_the_same_instant_at_plus_eight(api: SignIn) -> None:
    """B30, on both databases."""
    resident = api(RESIDENT)
    for sent in ("2026-03-01T07:30:00+08:00", "2026-02-28T23:30:00Z", "2026-02-28T18:30:00-05:00"):
        receipt = resident.report(occurred_at=sent)
        for shown in (receipt, resident.get(f"/reports/{receipt['number']}").get_json()):
            assert shown["occurred_at"] == "2026-03-01T07:30:00+08:00"
            assert shown["submitted_at"].endswith("+08:00")


def test_without_a_time_it_occurred_when_it_was_received(api: SignIn) -> None:
    receipt = api(RESIDENT).report()
    assert receipt["occurred_at"] == receipt["submitted_at"]


def test_text_beyond_the_basic_plane_comes_back_as_one_character_each(api: SignIn) -> None:
    """B69."""
    text = "𠮷😀" * 1000
    receipt = api(RESIDENT).report(description=text)
    assert receipt["description"] == text
    assert api(RESIDENT).get(f"/reports/{receipt['number']}").get_json()["description"] == text


def test_a_scanned_site_may_be_named(api: SignIn, app: Flask) -> None:
    from citizen.areas import Site

    with app.app_context(), reading() as session:
        code = session.scalars(select(Site.code).where(Site.active)).first()
    assert code
    assert api("").get(f"/sites/{code}").status_code == 200
    assert api(RESIDENT).report(site=code)["site"] == code


def test_the_receipt_says_what_was_received(api: SignIn) -> None:
    receipt = api(RESIDENT).report(address="运河路 1 号")
    assert receipt["status"] == "submitted"
    assert receipt["status_label"] == "待受理"
    assert receipt["points"] == {"state": "pending", "amount": 10}
    assert receipt["area"] == {"code": "370811", "name": "任城区"}
    assert receipt["due_at"] > receipt["submitted_at"]
    assert [step["action"] for step in receipt["timeline"]] == ["submit"]
    told = api(RESIDENT).get(f"/reports/{receipt['number']}").get_json()
    shared = receipt.keys() - {"media"}
    assert {name: told[name] for name in shared} == {name: receipt[name] for name in shared}


def test_an_anonymous_report_earns_nothing(api: SignIn) -> None:
    resident = api(RESIDENT)
    receipt = resident.report(anonymous=True)
    assert receipt["points"] == {"state": "none", "amount": 0}
    assert resident.get("/me/points").get_json()["pending"] == 0
    number = receipt["number"]
    dispatcher = api("dispatcher")
    dispatcher.act(number, "accept")
    dispatcher.act(number, "verify", {"verdict": "substantiated", "severity": 3})
    assert resident.get("/me/points").get_json()["available"] == 0
    assert resident.get(f"/reports/{number}").get_json()["points"]["state"] == "none"


def test_without_consent_to_points_a_report_earns_nothing_and_says_so(api: SignIn) -> None:
    resident = api(RESIDENT)
    answer = resident.delete("/me/consents", {"purpose": "points"})
    if answer.status_code == 422:
        answer = resident.delete("/me/consents?purpose=points")
    assert answer.status_code < 300, answer.get_json()
    receipt = resident.report()
    assert receipt["points"] == {"state": "none", "amount": 0}
    assert "不计积分" in receipt["points_note"]
    assert api(OTHER).report()["points"]["amount"] == 10


def test_only_residents_report(api: SignIn, app: Flask) -> None:
    for who in ("dispatcher", "handler-epb", "admin", "bus"):
        assert api(who).post("/reports", report_body(media=["x"]), key="k").status_code == 403
    assert api("").post("/reports", report_body(media=["x"]), key="k").status_code == 401
    assert counted(app) == 0


@pytest.mark.parametrize("key", [None, "", "a b", "é", "x" * 129])
def test_a_report_needs_a_key(api: SignIn, app: Flask, key: str | None) -> None:
    resident = api(RESIDENT)
    headers = {} if key is None else {"Idempotency-Key": key.encode().decode("latin-1")}
    answer = resident.post("/reports", report_body(media=[resident.upload()]), headers=headers)
    assert answer.status_code == 400
    assert counted(app) == 0


def test_ten_taps_at_once_make_one_report(api: SignIn, app: Flask) -> None:
    """B34."""
    resident = api(RESIDENT)
    body, answers = report_body(media=[resident.upload()]), []
    gate = threading.Barrier(10)

    def tap() -> None:
        gate.wait()
        answers.append(resident.post("/reports", body, key="one"))

    threads = [threading.Thread(target=tap) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} <= {201, 409}
    for answer in answers:
        assert answer.status_code == 201 or int(answer.headers["Retry-After"]) >= 1
    made = [answer for answer in answers if answer.status_code == 201]
    assert len({answer.get_json()["number"] for answer in made}) == 1
    assert sum("Idempotency-Replayed" not in answer.headers for answer in made) == 1
    late = resident.post("/reports", body, key="one")
    assert late.get_json() == made[0].get_json()
    assert counted(app) == counted(app, HistoryEntry) == 1
    assert resident.get("/me/points").get_json()["pending"] == 10


def test_a_key_stands_for_its_report_after_a_year(api: SignIn, app: Flask) -> None:
    start = now()
    resident = api(RESIDENT)
    body = report_body(media=[resident.upload()])
    first = resident.post("/reports", body, key="forever")
    with time_machine.travel(start + timedelta(days=366), tick=False):
        again = api(RESIDENT).post("/reports", body, key="forever")
        assert again.status_code == 201
        assert again.headers["Idempotency-Replayed"] == "true"
        assert again.get_json() == first.get_json()
    assert counted(app) == 1


def test_a_key_used_for_another_report_is_refused(api: SignIn, app: Flask) -> None:
    resident = api(RESIDENT)
    resident.report(key="k")
    answer = resident.post("/reports", report_body(media=[resident.upload()]), key="k")
    assert (answer.status_code, answer.get_json()["code"]) == (422, "idempotency_key_reused")
    assert api(OTHER).report(key="k")["status"] == "submitted"
    assert counted(app) == 2


def test_a_report_that_cannot_be_finished_leaves_nothing(
    api: SignIn, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    resident = api(RESIDENT)
    photo = resident.upload()

    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError("cut off")

    with monkeypatch.context() as patch:
        patch.setattr("citizen.views.receipt", fail)
        with pytest.raises(RuntimeError, match="cut off"):
            resident.post("/reports", report_body(media=[photo]), key="k")
    assert counted(app) == counted(app, HistoryEntry) == 0
    assert resident.get("/me/points").get_json()["pending"] == 0
    assert resident.report(media=[photo], key="k")["media"][0]["id"] == photo


def test_a_number_that_is_taken_is_drawn_again(
    api: SignIn, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = api(RESIDENT).report()["number"]
    drawn = iter([taken, taken, f"{taken[:12]}000000-0"])
    monkeypatch.setattr("citizen.service.new_number", lambda prefix, day: next(drawn))
    assert api(RESIDENT).report()["number"] == f"{taken[:12]}000000-0"
    assert counted(app) == 2


def test_the_day_in_the_number_is_that_of_shanghai(api: SignIn) -> None:
    with time_machine.travel(datetime.fromisoformat("2026-03-05T16:30:00+00:00"), tick=False):
        assert api(RESIDENT).report()["number"].startswith("3708-260306-")


def test_english_is_spoken_to_who_asks_for_it(api: SignIn) -> None:
    resident = api(RESIDENT)
    body = {**report_body(media=[resident.upload()]), **there(116.4, 39.9)}
    english = resident.post("/reports", body, key="k", headers={"Accept-Language": "en"})
    assert english.get_json()["title"] == "Outside the service area"
    assert resident.post("/reports", body, key="k").get_json()["title"] == "该位置不在本市范围内"
