"""The trouble that others had with photo bytes, B01 to B18, each sent as a client sends it.

Where a case was tested before this file, it is tested there alone:
B02 half a JPEG: test_uploads.test_every_refusal_has_its_code_and_keeps_nothing, and here the retry;
B10, B11 Chinese names: test_uploads.NAMES, test_two_names_that_look_alike_stay_two_photos;
B13 text in place of a file: test_uploads.test_a_text_in_the_place_of_the_file_is_told_so and next;
B14, B15 photos a report can't have: tests/citizen/test_reports_submission
.test_photos_are_ones_own_unused_and_named_once; the store that fails is here.
Every format, mode and turn of B04 to B08 beyond the one input is in tests/media/hostile.
"""

import io
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

import pytest
from flask import Flask
from PIL import Image, ImageDraw
from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

from core.database import reading, writing
from media.errors import StoreAway
from media.folder import LocalStore
from media.models import Photo, PhotoDecision
from media.states import ContentState
from tests.clients import HERE, Api, report_body
from tests.media import canaries, forgery
from tests.media.hostile.looking import has_magenta
from tests.media.pictures import (
    ORIENTATION,
    corner_colours,
    exif,
    heic,
    jpeg,
    mpo,
    noise,
    opened,
    png,
    png_of,
    quarters,
    short,
    webp,
    with_segment,
)

Signed = Callable[[str], Api]
RESIDENT, OTHER = "13800000001", "13800000002"
RED, BLUE, MAGENTA = (220, 20, 20), (20, 20, 220), (255, 0, 255)


def send(api: Api, data: bytes, name: str = "photo.jpg", kind: str = "image/jpeg") -> TestResponse:
    form = {"file": (io.BytesIO(data), name, kind)}
    return api.call("POST", "/media", data=form)


def taken(api: Api, data: bytes, name: str = "photo.jpg") -> dict[str, Any]:
    answer = send(api, data, name)
    assert answer.status_code == 201, answer.get_data(as_text=True)
    body: dict[str, Any] = answer.get_json()
    return body


def copies(api: Api, body: Mapping[str, Any]) -> list[Image.Image]:
    """Thumb and large as anybody with the links opens them."""
    found = [Api(api.app).get(body["variants"][variant]) for variant in ("thumb", "large")]
    assert [answer.status_code for answer in found] == [200, 200]
    images = [opened(answer.get_data()) for answer in found]
    assert all((image.format, image.mode) == ("JPEG", "RGB") for image in images)
    return images


def kept(app: Flask) -> tuple[int, int]:
    """How many rows and objects there are."""
    with app.app_context(), reading() as session:
        rows = session.scalar(select(func.count()).select_from(Photo)) or 0
        return rows, len(list(app.extensions["photo_store"].objects()))


def test_b01_a_phones_two_frame_jpeg_is_an_ordinary_photo(api: Signed) -> None:
    data = mpo([quarters(), Image.new("RGB", (640, 480), MAGENTA)])
    assert opened(data).format == "MPO"
    body = taken(api(RESIDENT), data)
    assert body["mime_type"] == "image/jpeg"
    for copy in copies(api(RESIDENT), body):
        assert getattr(copy, "n_frames", 1) == 1
        assert corner_colours(copy) == ["red", "green", "blue", "white"]
        assert not has_magenta(copy)


def test_b02_after_half_a_photo_the_whole_one_goes_through_at_once(app: Flask, api: Signed) -> None:
    whole = jpeg(noise((320, 240)))
    half = send(api(RESIDENT), whole[: len(whole) // 2])
    assert (half.status_code, half.get_json()["code"]) == (422, "damaged_image")
    assert kept(app) == (0, 0)
    assert send(api(RESIDENT), whole).status_code == 201
    assert kept(app) == (1, 3)


def test_b02_half_of_a_tiled_phone_heic_is_damaged_too(app: Flask, api: Signed) -> None:
    """Its reader leaves tiles that are missing empty, without a word."""
    tile = forgery.coded(noise((64, 64)))
    whole = forgery.grid(tile, 4, 3, (256, 192)).made()
    for share in (0.5, 0.9, 0.99):
        answer = send(api(RESIDENT), whole[: int(len(whole) * share)])
        assert (answer.status_code, answer.get_json()["code"]) == (422, "damaged_image")
    assert kept(app) == (0, 0)
    assert send(api(RESIDENT), whole).status_code == 201


def test_b03_a_photo_without_its_end_mark_is_refused_by_name(app: Flask, api: Signed) -> None:
    """Our policy: what is missing at its end may have lost more than its end."""
    answer = send(api(RESIDENT), jpeg()[:-2])
    assert (answer.status_code, answer.get_json()["code"]) == (422, "damaged_image")
    assert kept(app) == (0, 0)


@pytest.mark.parametrize("side", [12_000, 20_000])
def test_b04_an_enormous_picture_in_a_small_file_is_refused(
    app: Flask, api: Signed, side: int
) -> None:
    bomb = png_of(side, side, data=b"\0" * ((side // 8 + 1) * side))
    assert len(bomb) < 60_000
    answer = send(api(RESIDENT), bomb, "photo.png", "image/png")
    assert (answer.status_code, answer.get_json()["code"]) == (413, "too_many_pixels")
    assert kept(app) == (0, 0)


def test_b05_sixteen_bits_of_grey_stay_a_ramp(api: Signed) -> None:
    row = b"".join((x * 256).to_bytes(2, "little") for x in range(256))
    body = taken(api(RESIDENT), png(Image.frombytes("I;16", (256, 64), row * 64)), "ramp.png")
    for copy in copies(api(RESIDENT), body):
        shades = [copy.convert("L").getpixel((x, 32)) for x in (2, 64, 128, 192, 253)]
        assert shades == sorted(shades)
        assert 100 <= shades[2] <= 156
        assert shades[0] < 20
        assert shades[-1] > 235


def see_through(mode: str) -> bytes:
    image = Image.new("RGBA", (64, 64), (200, 0, 0, 128))
    if mode == "P":
        palette = Image.new("P", (64, 64), 1)
        palette.putpalette([0, 0, 0, 200, 0, 0])
        return png(palette, transparency=0)
    return png(image.convert(mode))


@pytest.mark.parametrize("mode", ["CMYK", "RGBA", "LA", "P"])
def test_b06_inks_and_see_through_pictures_become_three_channels(api: Signed, mode: str) -> None:
    inks = jpeg(Image.new("CMYK", (64, 64), (20, 220, 220, 10)))
    body = taken(api(RESIDENT), inks if mode == "CMYK" else see_through(mode))
    for copy in copies(api(RESIDENT), body):
        red, green, blue = copy.getpixel((32, 32))
        assert mode == "LA" or (red > green and red > blue)


REDS_SIDE = {1: "left", 2: "right", 3: "right", 4: "left", 5: "top", 6: "top", 7: "bottom"}
REDS_SIDE |= {8: "bottom", 0: "left", 9: "left"}


def sides(image: Image.Image) -> str:
    """The side where red is, of a picture that is red on one side and blue on the other."""
    width, height = image.size
    middle = {"left": (width // 8, height // 2), "right": (width * 7 // 8, height // 2)}
    middle |= {"top": (width // 2, height // 8), "bottom": (width // 2, height * 7 // 8)}
    wanted = ("top", "bottom") if height > width else ("left", "right")
    found = {side: image.getpixel(middle[side]) for side in wanted}
    return max(found, key=lambda side: found[side][0] - found[side][2])


def halves() -> Image.Image:
    image = Image.new("RGB", (640, 480), BLUE)
    image.paste(RED, (0, 0, 320, 480))
    return image


@pytest.mark.parametrize("number", range(10))
def test_b07_a_portrait_stands_upright_after_its_metadata_is_gone(api: Signed, number: int) -> None:
    body = taken(api(RESIDENT), jpeg(halves(), exif=exif({ORIENTATION: short(number)})))
    size = (480, 640) if 5 <= number <= 8 else (640, 480)
    assert (body["width"], body["height"]) == size
    thumb, large = copies(api(RESIDENT), body)
    assert large.size == size
    for copy in (thumb, large):
        assert sides(copy) == REDS_SIDE[number]
        assert copy.getexif().get(ORIENTATION, 1) == 1


def test_b08_a_heic_under_the_name_of_a_jpeg_is_turned_once(api: Signed) -> None:
    data = heic(halves(), exif=exif({ORIENTATION: short(6)}))
    body = taken(api(RESIDENT), data, "IMG_0001.jpg")
    assert (body["mime_type"], body["width"], body["height"]) == ("image/heic", 480, 640)
    assert [sides(copy) for copy in copies(api(RESIDENT), body)] == ["top", "top"]


@pytest.mark.parametrize("made", [pytest.param(m, id=m.name) for m in canaries.all_dressed()])
def test_b09_a_published_copy_knows_no_place_no_time_and_no_device(
    app: Flask, api: Signed, made: canaries.Dressed
) -> None:
    body = taken(api(RESIDENT), made.data)
    number = api(RESIDENT).report(media=[body["id"]])["number"]
    shown = {"decision": PhotoDecision.PUBLISHED, "content": ContentState.PASSED}
    with app.app_context(), writing() as session:
        session.execute(update(Photo).where(Photo.public_id == body["id"]).values(**shown))
    for variant in ("thumb", "large"):
        answer = api("").get(f"/media/{body['id']}/{variant}")
        assert answer.status_code == 200
        assert canaries.leaks(answer.get_data()) == []
        assert b"2026:03:01" not in answer.get_data()
    (check,) = api("dispatcher").get(f"/cases/{number}").get_json()["checks"]["photos"]
    assert check["distance_m"] > 1_000_000, "staff learn where it claims to be from"


KINDS = {
    b"": "empty_file",
    png()[:20]: "damaged_image",
    b"<!doctype html><script>alert(1)</script>": "unsupported_format",
    b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>": "unsupported_format",
}


def test_b12_what_is_no_photo_is_told_why_in_words(app: Flask, api: Signed) -> None:
    told = {}
    for data, code in KINDS.items():
        for language in ("zh", "en"):
            resident = api(RESIDENT)
            resident.headers["Accept-Language"] = language
            answer = send(resident, data, "a.jpg").get_json()
            assert answer["code"] == code
            told.setdefault((code, language), set()).add(answer["title"])
    assert all(len(titles) == 1 for titles in told.values())
    assert len(set.union(*told.values())) == 6, "three reasons in two languages"
    assert kept(app) == (0, 0)


class Failing(LocalStore):
    """A store that fails at the second photo."""

    taken = 0

    def put(self, objects: Mapping[str, BinaryIO]) -> None:
        self.taken += 1
        if self.taken == 2:
            raise StoreAway
        super().put(objects)


def test_b14_a_photo_that_could_not_be_kept_is_said_to_be_and_no_report_has_it(
    app: Flask, api: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    resident = api(RESIDENT)
    store = app.extensions["photo_store"]
    monkeypatch.setitem(app.extensions, "photo_store", Failing(store.root))
    first = taken(resident, jpeg())["id"]
    lost = send(resident, png())
    assert (lost.status_code, lost.get_json()["code"]) == (503, "media_store_unavailable")
    unsupported = send(resident, b"GIF89a")
    assert unsupported.status_code == 415
    assert kept(app) == (1, 3)
    without = resident.post("/reports", report_body(media=["0" * 32]), key="a")
    assert without.status_code == 422
    both = resident.post("/reports", report_body(media=[first, "0" * 32]), key="b")
    assert (both.status_code, list(both.get_json()["errors"])) == (422, ["media.1"])
    assert [photo["id"] for photo in resident.report(media=[first])["media"]] == [first]


def test_b16_a_photo_that_claims_nothing_is_compared_with_nothing(api: Signed) -> None:
    body = taken(api(RESIDENT), jpeg())
    assert (body["captured_at"], body["location"]) == (None, None)
    number = api(RESIDENT).report(media=[body["id"]], location=dict(HERE))["number"]
    case = api("dispatcher").get(f"/cases/{number}").get_json()
    (check,) = case["checks"]["photos"]
    assert check["distance_m"] is None
    assert case["location"]["latitude"] == pytest.approx(HERE["latitude"])


BROKEN = {
    "random": with_segment(jpeg(), 0xE1, b"Exif\0\0" + bytes(range(7, 71))),
    "past-its-end": with_segment(
        jpeg(), 0xE1, exif({0x10F: (2, b"Apple Inc\0")}).replace(b"\x0a\0\0\0", b"\xff\xff\xff\x7f")
    ),
    "segment-past-its-end": with_segment(jpeg(), 0xE1, b"Exif\0\0MM\0*\0\0\xff\xff"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_b17_a_broken_block_of_claims_is_no_fault_of_the_picture(api: Signed, name: str) -> None:
    body = taken(api(RESIDENT), BROKEN[name])
    assert (body["captured_at"], body["location"]) == (None, None)
    for copy in copies(api(RESIDENT), body):
        assert corner_colours(copy) == ["red", "green", "blue", "white"]


THREE_KM_AWAY = {**HERE, "latitude": HERE["latitude"] + 0.027}  # type: ignore[operator]


def night(seed: int) -> Image.Image:
    """Almost nothing but dark, with a little noise of its own."""
    grain = noise((80, 60), seed=seed).point(lambda value: value // 40)
    return grain.resize((640, 480))


def water(top: int) -> Image.Image:
    """A smooth surface under a smooth sky."""
    image = Image.new("RGB", (640, 480))
    draw = ImageDraw.Draw(image)
    for row in range(480):
        shade = top - row // 8
        draw.line((0, row, 640, row), fill=(shade, shade + 10, shade + 20))
    return image


FLAT = {
    "black-and-white": (Image.new("RGB", (640, 480)), Image.new("RGB", (640, 480), "white")),
    "black-and-grey": (Image.new("RGB", (640, 480)), Image.new("RGB", (640, 480), (90, 90, 90))),
    "two-nights": (night(1), night(2)),
}


@pytest.mark.parametrize("name", FLAT)
def test_b18_dark_and_flat_photos_are_no_copies_of_one_another(api: Signed, name: str) -> None:
    first, second = FLAT[name]
    earlier = api(RESIDENT).report(media=[api(RESIDENT).upload(jpeg(first))])["number"]
    later = api(OTHER).report(
        media=[api(OTHER).upload(jpeg(second))], location=dict(THREE_KM_AWAY)
    )["number"]
    for number in (earlier, later):
        case = api("dispatcher").get(f"/cases/{number}").get_json()
        assert case["checks"]["seen_before"] == []
        assert case["status"] == "submitted"


@pytest.mark.parametrize("name", ["black", "night", "water"])
def test_b18_the_same_bytes_from_another_account_are_seen_however_dark(
    api: Signed, name: str
) -> None:
    picture = {"black": Image.new("RGB", (640, 480)), "night": night(1), "water": water(200)}[name]
    data = jpeg(picture)
    earlier = api(RESIDENT).report(media=[api(RESIDENT).upload(data)])["number"]
    later = api(OTHER).report(media=[api(OTHER).upload(data)], location=dict(THREE_KM_AWAY))
    case = api("dispatcher").get(f"/cases/{later['number']}").get_json()
    assert [seen["number"] for seen in case["checks"]["seen_before"]] == [earlier]
    assert case["status"] == "submitted"


MAKERS = {"jpeg": jpeg, "png": png, "webp": webp, "heic": heic}


def test_every_format_is_taken_for_what_it_is_under_any_name(api: Signed) -> None:
    """B08 and B10 together, as pickers name things."""
    for kind, make in MAKERS.items():
        for name in ("图片", "照片.HEIC", "IMG_0001.JPG", "a.png"):
            data = make(noise((32, 24), seed=len(kind + name)))
            assert taken(api(RESIDENT), data, name)["mime_type"] == f"image/{kind}"
