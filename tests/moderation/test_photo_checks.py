"""What a photo says against its report: cases from trouble reports, tables, what always holds."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citizen import geo
from citizen.geo import Crs, Point
from moderation.photos import editors
from moderation.photos.checks import (
    LONGEST_SHIFT_M,
    NEAR_M,
    OLD,
    REWRITTEN,
    SHIFT_M,
    SKEW,
    PhotoFacts,
    ReportFacts,
    check,
)

P = Point(116.587, 35.415)
P_GCJ = Point(116.592291, 35.414552)
NOON = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
REPORT = ReportFacts(point=P, submitted_at=NOON)
BARE = PhotoFacts(media="m", received_at=NOON, width=1440, height=1080)
PHONE = replace(BARE, make="Xiaomi", model="23127PN0CC", software="OS1.0.7.0.UNCCNXM")
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


def at(photo: PhotoFacts, point: Point) -> PhotoFacts:
    return replace(photo, longitude=point.longitude, latitude=point.latitude)


def declared(point: Point, crs: Crs) -> ReportFacts:
    """A report as it is kept whose body held this point under this name."""
    return replace(REPORT, point=geo.to_wgs84(point, crs), crs=crs)


def north(metres: float) -> Point:
    return Point(P.longitude, P.latitude + metres / 111_195)


def test_b16_a_photo_without_metadata_is_unknown_everywhere_and_gives_no_note() -> None:
    assert check(BARE, REPORT) == {
        "media": "m",
        "distance_m": None,
        "minutes_before_report": None,
        "device": None,
        "place": "unknown",
        "time": "unknown",
        "zone_assumed": False,
        "edited": {"hint": None, "by": None},
        "screenshot": None,
        "notes": [],
    }


def test_a_photo_as_a_phone_takes_it_gives_no_note() -> None:
    photo = at(replace(PHONE, captured_at=NOON - 3 * MINUTE), north(40))
    photo = replace(photo, modified_at=photo.captured_at, file_name="IMG_20260301_115700.jpg")
    assert check(photo, REPORT) == {
        "media": "m",
        "distance_m": 41,
        "minutes_before_report": 3,
        "device": "Xiaomi 23127PN0CC",
        "place": "near",
        "time": "plausible",
        "zone_assumed": False,
        "edited": {"hint": False, "by": None},
        "screenshot": False,
        "notes": [],
    }


# ---------------------------------------------------------------------------------- place
@pytest.mark.parametrize(
    "report",
    [declared(P_GCJ, Crs.GCJ02), declared(P, Crs.WGS84)],
    ids=["map of the mini-program", "phone"],
)
def test_b25_a_place_rightly_named_in_either_system_is_near(report: ReportFacts) -> None:
    found = check(at(BARE, P), report)
    assert found["distance_m"] < 50
    assert (found["place"], found["notes"]) == ("near", [])


@pytest.mark.parametrize(
    ("body", "crs"), [(P, Crs.GCJ02), (P_GCJ, Crs.WGS84)], ids=["P as GCJ-02", "GCJ-02 as WGS-84"]
)
def test_b25_a_place_named_in_the_wrong_system_is_told_apart_from_another_place(
    body: Point, crs: Crs
) -> None:
    found = check(at(BARE, P), declared(body, crs))
    assert found["distance_m"] == pytest.approx(482, abs=2)
    assert found["place"] == "far"
    far, shift = found["notes"]
    assert far == f"照片自述拍摄点距上报点 {found['distance_m']} 米"
    assert "约等于坐标系偏移，可能是坐标系标错" in shift
    assert {"gcj02": "GCJ-02", "wgs84": "WGS-84"}[crs.value] in shift


def test_b23_baidus_system_named_as_another_is_told_too() -> None:
    baidu = geo.from_wgs84(P, Crs.BD09)
    for crs in (Crs.WGS84, Crs.GCJ02):
        notes = check(at(BARE, P), declared(baidu, crs))["notes"]
        assert any("坐标系" in note for note in notes)


def test_another_place_at_the_same_distance_is_no_shift() -> None:
    found = check(at(BARE, north(481.5)), REPORT)
    assert (found["place"], found["notes"]) == ("far", ["照片自述拍摄点距上报点 482 米"])


def test_no_shift_is_seen_where_the_systems_do_not_differ() -> None:
    rome = Point(12.4888, 41.853)
    photo = at(BARE, Point(12.4944, 41.853))
    notes = check(photo, replace(REPORT, point=rome))["notes"]
    assert len(notes) == 1
    assert "坐标系" not in notes[0]
    assert check(at(BARE, rome), replace(REPORT, point=rome))["notes"] == []


@pytest.mark.parametrize(
    ("metres", "accuracy", "place"),
    [
        (0, None, "near"),
        (NEAR_M - 1, None, "near"),
        (NEAR_M + 1, None, "far"),
        (NEAR_M + 1, 0, "far"),
        (NEAR_M + 1, 30, "near"),
        (NEAR_M + 31, 30, "far"),
        (NEAR_M + 999, 1_000, "near"),
        (NEAR_M + 1_001, 5_000, "unknown"),
        (NEAR_M + 4_990, 5_000, "unknown"),
        (NEAR_M + 5_050, 5_000, "far"),
        (150, 100_000, "near"),
    ],
)
def test_near_is_what_two_fixes_may_differ_by(
    metres: float, accuracy: float | None, place: str
) -> None:
    found = check(at(BARE, north(metres)), replace(REPORT, accuracy_m=accuracy))
    assert found["place"] == place
    assert bool(found["notes"]) == (place == "far")


@pytest.mark.parametrize(
    ("metres", "told"), [(481.5, "482 米"), (12_345, "12.3 公里"), (1_200_000, "1200.0 公里")]
)
def test_distances_are_told_in_the_unit_that_people_use(metres: float, told: str) -> None:
    assert check(at(BARE, north(metres)), REPORT)["notes"][0].endswith(told)


# ---------------------------------------------------------------------------------- time
@pytest.mark.parametrize(
    ("before", "time", "note"),
    [
        (timedelta(), "plausible", None),
        (5 * HOUR, "plausible", None),
        (OLD, "plausible", None),
        (OLD + MINUTE, "old", "拍摄时间早于上报 3 天"),
        (40 * DAY, "old", "拍摄时间早于上报 40 天"),
        (-2 * MINUTE, "plausible", None),
        (-SKEW, "plausible", None),
        (-6 * MINUTE, "future", "照片自述拍摄时间晚于上传 6 分钟"),
        (-2 * HOUR, "future", "照片自述拍摄时间晚于上传 2 小时"),
        (-800 * DAY, "future", "照片自述拍摄时间晚于上传 800 天"),
    ],
)
def test_b33_the_time_of_the_shot_is_held_against_the_reports(
    before: timedelta, time: str, note: str | None
) -> None:
    found = check(replace(BARE, captured_at=NOON - before), REPORT)
    assert (found["time"], found["notes"]) == (time, [note] if note else [])
    assert found["minutes_before_report"] == before // MINUTE


def test_b28_an_assumed_zone_is_marked_and_said_where_it_matters() -> None:
    photo = replace(BARE, captured_at=NOON - HOUR, zone_assumed=True)
    found = check(photo, REPORT)
    assert (found["zone_assumed"], found["time"], found["notes"]) == (True, "plausible", [])
    for captured_at in (NOON + HOUR, NOON - 9 * DAY):
        notes = check(replace(photo, captured_at=captured_at), REPORT)["notes"]
        assert notes[0].endswith("（文件未写时区，按北京时间计）")


def test_b29_a_photo_without_a_time_assumes_no_zone() -> None:
    found = check(replace(BARE, zone_assumed=True), REPORT)
    assert (found["time"], found["zone_assumed"], found["notes"]) == ("unknown", False, [])


def test_an_old_photo_of_something_said_to_be_long_ago_is_plausible() -> None:
    photo = replace(BARE, captured_at=NOON - 10 * DAY)
    assert check(photo, replace(REPORT, occurred_at=NOON - 9 * DAY))["time"] == "plausible"
    assert check(photo, replace(REPORT, occurred_at=NOON - 6 * DAY))["time"] == "old"
    younger = replace(BARE, captured_at=NOON - 2 * DAY)
    assert check(younger, replace(REPORT, occurred_at=NOON + 9 * DAY))["time"] == "plausible"


def test_a_supplements_photo_may_be_younger_than_the_report() -> None:
    photo = replace(BARE, captured_at=NOON + 2 * DAY, received_at=NOON + 2 * DAY + MINUTE)
    found = check(photo, REPORT)
    assert (found["time"], found["notes"]) == ("plausible", [])
    assert found["minutes_before_report"] == -2 * 24 * 60


# ---------------------------------------------------------------------------------- edited
@pytest.mark.parametrize(
    ("writer", "name"),
    [
        ("Adobe Photoshop CC 2017 (Macintosh)", "Adobe Photoshop"),
        ("Adobe Photoshop Elements 7.0", "Adobe Photoshop"),
        ("Adobe Photoshop Lightroom Classic 13.2 (Windows)", "Adobe Lightroom"),
        ("Adobe Fireworks CS5 11.0.0.484 Windows", "Adobe"),
        ("Snapseed 2.0", "Snapseed"),
        ("GIMP 2.4.5", "GIMP"),
        ("PicsArt", "PicsArt"),
        ("VSCO", "VSCO"),
        ("Canva", "Canva"),
        ("Meitu", "美图秀秀"),
        ("美图秀秀 9.8.0", "美图秀秀"),
        ("醒图", "醒图"),
        ("Xingtu 8.1", "醒图"),
        ("BeautyCam", "美颜相机"),
        ("美颜相机", "美颜相机"),
        ("Faceu", "Faceu 激萌"),
        ("B612", "B612 咔叽"),
        ("Pixelmator Pro 3.5", "Pixelmator"),
        ("Affinity Photo 2 2.3.0", "Affinity Photo"),
        ("paint.net 4.2.13", "Paint.NET"),
        ("Microsoft Paint", "画图 Paint"),
        ("Windows Photo Editor 10.0.10011.16384", "Photo Editor"),
        ("CapCut", "剪映"),
    ],
)
def test_an_editing_program_that_names_itself_is_told(writer: str, name: str) -> None:
    for photo in (replace(PHONE, software=writer), replace(BARE, creator_tool=writer)):
        found = check(photo, REPORT)
        assert found["edited"] == {"hint": True, "by": name}
        assert found["notes"] == [f"文件由 {name} 写过"]


FIRMWARE = (
    "17.5.1",
    "11.2.2",
    "4.1",
    "HDR+ 1.0.621982163zd",
    "MediaTek Camera Application",
    "S918BXXU3BWK5",
    "S9180ZCU2BWD1",
    "OS1.0.7.0.UNCCNXM",
    "MIUI 14.0.12",
    "ALN-AL00 4.2.0.120(C00E120R4P3)",
    "HarmonyOS 4.0",
    "ColorOS 14",
    "PD2324_A_14.0.12.5.W10",
    "32.1.A.1.185_0_f500",
    "ILCE-7CM2 v2.01",
    "Ver.1.00",
    "fw 05.15 prm 07.53",
    "Nikon Transfer 1.1 W",
    "PMB Service Uploader",
    "Microsoft Windows Photo Viewer 10.0",
    "QuickTime 7.7.1",
    "PIL",
    "Xiaomi painting canvas",
)


@pytest.mark.parametrize("writer", FIRMWARE)
def test_a_phones_firmware_is_no_editing_program(writer: str) -> None:
    found = check(replace(PHONE, software=writer, creator_tool=writer), REPORT)
    assert (found["edited"], found["notes"]) == ({"hint": False, "by": None}, [])
    unnamed = check(replace(BARE, software=writer), REPORT)
    assert unnamed["edited"]["hint"] is None, "without a device nobody knows"


@pytest.mark.parametrize(
    ("remark", "name"),
    [
        ("Processed with VSCO with a6 preset", "VSCO"),
        ("File written by Adobe Photoshop. 4.0", "Adobe Photoshop"),
        ("Created with GIMP", "GIMP"),
        ("美图公园门口", None),
        ("paint on the river wall", None),
        ("Edited in Adobe Photoshop Lightroom Classic", "Adobe Lightroom"),
        ("made by the factory behind Canva street", None),
        ("", None),
    ],
)
def test_a_remark_counts_where_a_program_signs_it(remark: str, name: str | None) -> None:
    assert check(replace(PHONE, remark=remark), REPORT)["edited"]["by"] == name


@pytest.mark.parametrize(
    ("later", "assumed", "note"),
    [
        (timedelta(), False, None),
        (-3 * HOUR, False, None),
        (REWRITTEN, False, None),
        (REWRITTEN + MINUTE, False, "文件在拍摄 3 分钟后又写过一次，可能只是旋转或转存"),
        (3 * DAY, False, "文件在拍摄 3 天后又写过一次，可能只是旋转或转存"),
        (HOUR, False, "文件在拍摄 60 分钟后又写过一次，可能只是旋转或转存"),
        (HOUR, True, None),
        (HOUR - MINUTE, True, None),
        (5 * HOUR + 30 * MINUTE, True, None),
        (HOUR + 10 * MINUTE, True, "文件在拍摄 70 分钟后又写过一次，可能只是旋转或转存"),
        (3 * DAY, True, "文件在拍摄 3 天后又写过一次，可能只是旋转或转存"),
    ],
)
def test_a_file_written_again_is_said_but_is_no_edit(
    later: timedelta, assumed: bool, note: str | None
) -> None:
    shot = NOON - 2 * DAY
    photo = replace(PHONE, captured_at=shot, modified_at=shot + later, zone_assumed=assumed)
    found = check(photo, REPORT)
    assert found["edited"] == {"hint": None if note else False, "by": None}
    assert found["notes"] == ([note] if note else [])


# ---------------------------------------------------------------------------------- screenshot
@pytest.mark.parametrize(
    "file_name",
    [
        "Screenshot_20260301_120000_com.tencent.mm.jpg",
        "Screen_Shot 2026-03-01 at 12.00.00.png",
        "Screen Shot 2026-03-01.png",
        "screenshot-1.PNG",
        "截屏2026-03-01 12.00.00.png",
        "截图.jpg",
        "屏幕截图 2026-03-01 120000.png",
        "微信截图_20260301120000.png",
        "企业微信截图_1709.png",
        "屏幕快照 2026-03-01.png",
    ],
)
def test_a_file_named_as_a_screenshot_is_one(file_name: str) -> None:
    found = check(replace(PHONE, file_name=file_name), REPORT)
    assert (found["screenshot"], found["notes"]) == (True, ["文件名或备注写明是截屏"])


def test_what_an_iphone_remarks_of_a_screenshot_is_believed() -> None:
    assert check(replace(BARE, remark="Screenshot"), REPORT)["screenshot"] is True


@pytest.mark.parametrize(
    ("width", "height", "screen"),
    [
        (1080, 1920, True),
        (1170, 2532, True),
        (1080, 2400, True),
        (1644, 3840, True),
        (640, 1136, True),
        (2532, 1170, True),
        (1440, 1920, None),
        (1536, 2048, None),
        (1080, 2700, None),
        (1080, 1080, None),
        (90, 160, None),
        (0, 0, None),
    ],
)
def test_a_png_of_the_shape_of_a_phones_screen_may_be_one(
    width: int, height: int, screen: bool | None
) -> None:
    photo = replace(BARE, mime_type="image/png", width=width, height=height)
    found = check(photo, REPORT)
    assert found["screenshot"] is screen
    assert found["notes"] == (["PNG 文件，长宽比同手机屏幕，可能是截屏"] if screen else [])
    assert check(replace(photo, mime_type="image/jpeg"), REPORT)["screenshot"] is None
    assert check(replace(photo, make="Xiaomi"), REPORT)["screenshot"] is None


@pytest.mark.parametrize(
    ("mime_type", "screenshot"),
    [("image/jpeg", False), ("image/heic", False), ("image/heif", False), ("image/webp", None)],
)
def test_a_cameras_file_that_names_its_device_is_no_screenshot(
    mime_type: str, screenshot: bool | None
) -> None:
    assert check(replace(PHONE, mime_type=mime_type), REPORT)["screenshot"] is screenshot


# ---------------------------------------------------------------------------------- always
TEXTS = st.none() | st.text(min_size=1, max_size=64) | st.sampled_from((*FIRMWARE, "Snapseed 2.0"))
INSTANTS = st.integers(-2_208_988_800, 32_503_680_000).map(  # from 1900 to 3000
    lambda seconds: datetime.fromtimestamp(seconds, UTC)
)
PLACES = st.tuples(st.floats(-180, 180), st.floats(-90, 90)) | st.tuples(
    st.floats(116.4, 116.8), st.floats(35.2, 35.6)
)


@st.composite
def photos(draw: st.DrawFn) -> PhotoFacts:
    place = draw(st.none() | PLACES)
    return PhotoFacts(
        media="m",
        received_at=draw(INSTANTS),
        file_name=draw(st.text(max_size=40)),
        mime_type=draw(st.sampled_from(("image/jpeg", "image/png", "image/webp", "image/heic"))),
        width=draw(st.integers(1, 50_000)),
        height=draw(st.integers(1, 50_000)),
        captured_at=draw(st.none() | INSTANTS),
        zone_assumed=draw(st.booleans()),
        modified_at=draw(st.none() | INSTANTS),
        longitude=place and place[0],
        latitude=place and place[1],
        **{name: draw(TEXTS) for name in ("make", "model", "software", "creator_tool", "remark")},
    )


REPORTS = st.builds(
    ReportFacts,
    point=PLACES.map(lambda place: Point(*place)),
    submitted_at=INSTANTS,
    occurred_at=st.none() | INSTANTS,
    accuracy_m=st.none() | st.floats(0, 100_000),
    crs=st.sampled_from(Crs),
)


@given(photos(), REPORTS)
def test_every_answer_is_of_plain_words(photo: PhotoFacts, report: ReportFacts) -> None:
    found = check(photo, report)
    assert found["place"] in {"near", "far", "unknown"}
    assert found["time"] in {"plausible", "old", "future", "unknown"}
    assert (found["distance_m"] is None) == (photo.latitude is None)
    assert (found["time"] == "unknown") == (photo.captured_at is None)
    assert found["edited"]["by"] is None or found["edited"]["hint"] is True
    assert found["screenshot"] in {True, False, None}
    assert len(found["notes"]) <= 5
    assert all(note and note.isprintable() and len(note) < 80 for note in found["notes"])


@given(photos(), REPORTS)
def test_a_note_says_nothing_of_what_the_file_leaves_out(
    photo: PhotoFacts, report: ReportFacts
) -> None:
    """Take each claim away: what it gave is unknown, and no note appears that was not there."""
    names = {field.name for field in fields(PhotoFacts)} - {"media", "received_at"}
    plain: dict[str, Any] = {
        field.name: field.default for field in fields(PhotoFacts) if field.name in names
    }
    assert check(PhotoFacts("m", photo.received_at, **plain), report)["notes"] == []
    without_time = check(replace(photo, captured_at=None, modified_at=None), report)
    assert not [note for note in without_time["notes"] if "时间" in note or "又写过" in note]
    without_place = check(replace(photo, latitude=None, longitude=None), report)
    assert set(without_place["notes"]) <= set(check(photo, report)["notes"])
    assert not [note for note in without_place["notes"] if "上报点" in note or "坐标系" in note]


@given(PLACES, st.floats(0, 3 * LONGEST_SHIFT_M), st.floats(0, 360))
def test_a_place_between_near_and_a_shift_never_fits_one(
    where: tuple[float, float], metres: float, bearing: float
) -> None:
    """The note needs a photo where a wrong name would put it, whatever the distance alone says."""
    point = Point(116.4 + abs(where[0]) / 450, 35.2 + abs(where[1]) / 225)
    box = geo.box_around(point, metres)
    east = (box.east - point.longitude) * abs(bearing - 180) / 180
    photo = at(BARE, Point(point.longitude + east, box.south if bearing < 90 else box.north))
    found = check(photo, replace(REPORT, point=point))
    claimed = Point(photo.longitude or 0, photo.latitude or 0)
    shifted = [geo.to_wgs84(geo.from_wgs84(point, a), b) for a in Crs for b in Crs if a is not b]
    fits = min(geo.distance_m(claimed, one) for one in shifted) <= SHIFT_M
    told = any("坐标系" in note for note in found["notes"])
    assert told == (fits and geo.distance_m(claimed, point) > NEAR_M)


@given(st.text("ABCDEFGHKLMNPQRSTUWXYZ0123456789._-()+ ", max_size=40))
def test_no_version_in_capitals_and_digits_is_taken_for_an_editor(version: str) -> None:
    assert editors.named(f"V{version}") is None or "B612" in version or "DXO" in version
