"""Photos that nobody here made, against what others read in them."""

import csv
import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat

from media.errors import DamagedImage, EmptyFile, TooManyPixels, UnsupportedFormat
from media.files import Picture, weigh
from media.images import examine
from tests.media.pictures import opened

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data" / "photos"
INDEX = FOLDER / "INDEX.tsv"
WITHOUT_PLACE = {"exif_gps.jpg", "Samsung GT-I9000 (Galaxy S).jpg"}
FROM_XMP = {"exif_gps_typeerror.jpg", "30-type_error.jpg", "issue_1918_poc1.jpg"}

pytestmark = pytest.mark.skipif(
    not INDEX.exists(), reason="the collection of real photos is not beside the project"
)


def _rows() -> list[dict[str, str]]:
    if not INDEX.exists():
        return []
    with INDEX.open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def _named(*names: str) -> list[dict[str, str]]:
    return [row for row in _rows() if row["file"] in names]


def seen(name: str) -> Picture:
    with (FOLDER / name).open("rb") as file:
        weigh(file)
        return examine(file)


def verdict(name: str) -> tuple[str, Picture | None]:
    try:
        return "accept", seen(name)
    except (DamagedImage, EmptyFile, TooManyPixels, UnsupportedFormat):
        return "reject", None


@pytest.mark.parametrize("row", _rows(), ids=lambda row: row["file"])
def test_every_file_is_judged_as_its_index_says(row: dict[str, str]) -> None:
    found, picture = verdict(row["file"])
    assert row["expected"] in {found, "either"}
    if picture is not None:
        for copy, limit in ((picture.thumb, 400), (picture.large, 1600)):
            image = opened(copy)
            assert (image.format, image.mode) == ("JPEG", "RGB")
            assert max(image.size) <= limit
            assert not image.getexif()
            assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi"}


@pytest.mark.parametrize("row", _rows(), ids=lambda row: row["file"])
def test_places_times_and_devices_are_those_that_another_reader_found(row: dict[str, str]) -> None:
    _, picture = verdict(row["file"])
    if picture is None:
        return
    claims = picture.claims
    if row["gps_lat"] and row["file"] not in WITHOUT_PLACE:
        assert claims.latitude == pytest.approx(float(row["gps_lat"]), abs=1e-5)
        assert claims.longitude == pytest.approx(float(row["gps_lon"]), abs=1e-5)
    else:
        assert claims.latitude is None
    if row["file"] not in FROM_XMP:
        assert claims.captured_at == _instant(row["datetime_original"], row["offset"])
        assert claims.zone_assumed == bool(row["datetime_original"] and not row["offset"])
    assert (claims.make or "") == row["make"].strip()


def _instant(stamp: str, offset: str) -> datetime | None:
    if not stamp:
        return None
    zone = timezone(timedelta(hours=8))
    if offset:
        hours, minutes = re.fullmatch(r"([+-]\d\d):(\d\d)", offset).groups()  # type: ignore[union-attr]
        zone = timezone(timedelta(hours=int(hours), minutes=int(minutes)))
    local = datetime.strptime(stamp, "%Y:%m:%d %H:%M:%S").replace(tzinfo=zone)
    return local.astimezone(UTC)


@pytest.mark.parametrize("number", range(2, 9))
def test_all_eight_orientations_show_the_same_landscape(number: int) -> None:
    first, other = (opened(seen(f"landscape_{at}.jpg").large) for at in (1, number))
    assert other.size == first.size
    assert _difference(first, other) <= 0.10


def _difference(one: Image.Image, other: Image.Image) -> float:
    """Root mean square of the difference, of full scale."""
    squares = ImageStat.Stat(ImageChops.difference(one, other)).sum2
    return float((sum(squares) / (3 * one.width * one.height)) ** 0.5 / 255)


def test_a_real_heic_of_a_camera_stands_upright() -> None:
    assert seen("issue_9292_sony_6_right_top.HIF").height == 7008
    assert seen("issue_9292_sony_3_bottom_right.HIF").width == 7008


def test_a_real_stereo_picture_is_one_jpeg_of_its_first_frame() -> None:
    picture = seen("sugarshack.mpo")
    with Image.open(FOLDER / "sugarshack.mpo") as frames:
        first = frames.convert("RGB")
    assert picture.mime_type == "image/jpeg"
    assert _difference(first, opened(picture.large)) <= 0.05


def test_sound_of_another_kind_behind_the_picture_does_not_leave() -> None:
    picture = seen("pVG.jpg")
    whole = (FOLDER / "pVG.jpg").read_bytes()
    assert b"LAME" in whole or b"ID3" in whole or len(whole) > len(picture.large)
    for copy in (picture.large, picture.thumb):
        assert b"LAME" not in copy
        assert b"ID3" not in copy
