"""What a case's `checks` say of its photos, over HTTP: for staff, and for nobody else."""

import io
from typing import Any

import pytest

from tests.clients import HERE
from tests.media import pictures
from tests.moderation.office import Office

REPORTER = "13800000001"
P = (35.415, 116.587)  # WGS-84
P_IN_GCJ02 = {"longitude": 116.592291, "latitude": 35.414552, "crs": "gcj02"}
PHONE = {pictures.MAKE: pictures.text("HUAWEI"), pictures.MODEL: pictures.text("P60")}


def _photo(**blocks: Any) -> bytes:
    block = pictures.exif({**PHONE, **blocks.pop("main", {})}, **blocks)
    return pictures.jpeg(pictures.noise((64, 48)), exif=block)


def _check(office: Office, data: bytes, who: str = "dispatcher", **changes: Any) -> dict[str, Any]:
    number = office.case(media=[office(REPORTER).upload(data)], **changes)
    (found,) = office.seen(number, who)["checks"]["photos"]
    checked: dict[str, Any] = found
    return checked


def test_b25_a_photo_at_the_pin_is_near_whatever_system_the_pin_was_declared_in(
    office: Office,
) -> None:
    found = _check(office, _photo(position=pictures.place(*P)), location=P_IN_GCJ02)
    assert found["distance_m"] < 50
    assert (found["place"], found["notes"]) == ("near", [])
    assert found["device"] == "HUAWEI P60"


def test_b25_a_pin_under_the_wrong_name_lies_half_a_kilometre_off_and_the_note_says_why(
    office: Office,
) -> None:
    found = _check(office, _photo(position=pictures.place(*P)), location={**HERE, "crs": "gcj02"})
    assert found["place"] == "far"
    assert 470 <= found["distance_m"] <= 495
    assert any("坐标系" in note for note in found["notes"])


def test_b16_a_photo_that_says_nothing_is_unknown_everywhere_and_noted_nowhere(
    office: Office,
) -> None:
    found = _check(office, pictures.jpeg(pictures.noise((64, 48))))
    assert (found["place"], found["time"], found["notes"]) == ("unknown", "unknown", [])
    assert (found["distance_m"], found["edited"]["by"]) == (None, None)


def test_an_edited_photo_and_a_screenshot_are_hints(office: Office) -> None:
    edited = _photo(main={pictures.SOFTWARE: pictures.text("Adobe Photoshop 25.1 (Windows)")})
    found = _check(office, edited)
    assert found["edited"]["hint"] is True
    assert "Photoshop" in found["edited"]["by"]
    screen = office(REPORTER).upload(pictures.png(pictures.noise((64, 48))), "截屏_2026-11-25.png")
    (second,) = office.seen(office.case(media=[screen]))["checks"]["photos"]
    assert second["screenshot"] is True


def test_a_stamp_without_a_zone_says_so(office: Office) -> None:
    found = _check(office, _photo(details={pictures.TAKEN: pictures.text("2026:03:01 07:30:00")}))
    assert found["zone_assumed"] is True
    assert found["time"] == "old"


@pytest.mark.parametrize("word", ["distance_m", "screenshot", "seen_before", "edited", "checks"])
def test_no_answer_to_the_uploader_holds_a_check(office: Office, word: str) -> None:
    """It would be a manual for fraud."""
    resident = office(REPORTER)
    data = {"file": (io.BytesIO(_photo(position=pictures.place(*P))), "a.jpg")}
    uploaded = resident.call("POST", "/media", data=data)
    number = office.case(media=[uploaded.get_json()["id"]])
    answers = [uploaded, resident.get(f"/reports/{number}"), resident.get("/me/reports")]
    assert not any(word in answer.get_data(as_text=True) for answer in answers)
