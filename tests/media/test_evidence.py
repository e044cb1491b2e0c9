"""What a file claims, read tag by tag from blocks that are sound, odd or hostile."""

import random
import struct
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image

from media.evidence import Claims, cleaned, read_claims
from tests.media.pictures import (
    ASCII,
    LONG,
    MAKE,
    MODEL,
    OFFSET,
    ORIENTATION,
    SHORT,
    SOFTWARE,
    TAKEN,
    angle,
    exif,
    place,
    rationals,
    short,
    text,
)

DESCRIPTION, CHANGED, CHANGED_OFFSET = 0x10E, 0x132, 0x9010
DIGITIZED, DIGITIZED_OFFSET, COMMENT = 0x9004, 0x9012, 0x9286
DIRECTORY, UNDEFINED, UTF8 = 13, 7, 129
JINING = (35.415, 116.587)
PHOTOS = Path(__file__).resolve().parents[3] / "shared" / "data" / "photos"
beside = pytest.mark.skipif(
    not PHOTOS.exists(), reason="the collection of real photos is not beside the project"
)
MORNING = datetime(2026, 2, 28, 23, 30, tzinfo=UTC)


def taken(stamp: str, offset: str | None = None) -> Claims:
    details = {TAKEN: text(stamp)} | ({OFFSET: text(offset)} if offset is not None else {})
    return read_claims(exif(details=details))


@pytest.mark.parametrize(
    ("offset", "instant", "assumed"),
    [
        (None, datetime(2026, 2, 28, 23, 30, tzinfo=UTC), True),
        ("+08:00", datetime(2026, 2, 28, 23, 30, tzinfo=UTC), False),
        ("+00:00", datetime(2026, 3, 1, 7, 30, tzinfo=UTC), False),
        ("Z", datetime(2026, 3, 1, 7, 30, tzinfo=UTC), False),
        ("-03:30", datetime(2026, 3, 1, 11, 0, tzinfo=UTC), False),
        ("+14:00", datetime(2026, 2, 28, 17, 30, tzinfo=UTC), False),
        ("+14:01", datetime(2026, 2, 28, 23, 30, tzinfo=UTC), True),
        ("+08:60", datetime(2026, 2, 28, 23, 30, tzinfo=UTC), True),
        ("   :  ", datetime(2026, 2, 28, 23, 30, tzinfo=UTC), True),
        ("beijing", datetime(2026, 2, 28, 23, 30, tzinfo=UTC), True),
    ],
)
def test_a_stamp_is_read_with_its_offset_and_else_as_local_time(
    offset: str | None, instant: datetime, assumed: bool
) -> None:
    claims = taken("2026:03:01 07:30:00", offset)
    assert (claims.captured_at, claims.zone_assumed) == (instant, assumed)


@pytest.mark.parametrize(
    "stamp",
    [
        "0000:00:00 00:00:00",
        "    :  :     :  :  ",
        "",
        "0005:06:07 08:09:10",
        "1899:12:31 23:59:59",
        "3000:01:01 00:00:00",
        "9999:12:31 23:59:59",
        "2026:02:30 10:00:00",
        "2026:13:01 10:00:00",
        "2026:03:01 25:00:00",
        "2026:03:01 10:00:60",
        "2026:03:01",
        "20260301100000",
        "２０２６:03:01 10:00:00",
    ],
)
def test_an_impossible_stamp_claims_no_time(stamp: str) -> None:
    assert taken(stamp) == Claims()


@pytest.mark.parametrize("stamp", ["2026-03-01 07:30:00", "2026/03/01T07:30:00.123"])
def test_stamps_with_other_separators_are_read(stamp: str) -> None:
    assert taken(stamp).captured_at == datetime(2026, 2, 28, 23, 30, tzinfo=UTC)


def test_the_time_of_the_last_change_is_not_when_it_was_taken() -> None:
    claims = read_claims(exif({CHANGED: text("2026:03:01 07:30:00")}))
    assert claims == Claims(modified_at=MORNING)


def xmp(**properties: str) -> bytes:
    written = " ".join(f'{name.replace("_", ":")}="{value}"' for name, value in properties.items())
    return f"<x:xmpmeta><rdf:RDF><rdf:Description {written}/></rdf:RDF></x:xmpmeta>".encode()


@pytest.mark.parametrize(
    ("own", "taken", "instant"),
    [
        (None, None, MORNING),
        ("+09:00", None, datetime(2026, 2, 28, 22, 30, tzinfo=UTC)),
        ("+09:00", "+00:00", datetime(2026, 2, 28, 22, 30, tzinfo=UTC)),
        (None, "+00:00", datetime(2026, 3, 1, 7, 30, tzinfo=UTC)),
    ],
)
def test_the_last_change_is_read_by_its_own_offset_or_that_of_the_shot(
    own: str | None, taken: str | None, instant: datetime
) -> None:
    offsets = {CHANGED_OFFSET: own, OFFSET: taken}
    details = {tag: text(value) for tag, value in offsets.items() if value}
    claims = read_claims(exif({CHANGED: text("2026:03:01 07:30:00")}, details))
    assert claims.modified_at == instant


def test_the_packet_says_when_it_was_changed_only_where_the_block_does_not() -> None:
    packet = xmp(xmp_ModifyDate="2026-03-01T07:30:00+08:00")
    assert read_claims(b"", packet) == Claims(modified_at=MORNING)
    block = exif({CHANGED: text("0000:00:00 00:00:00")})
    assert read_claims(block, packet).modified_at is None, "an impossible one is not replaced"


@pytest.mark.parametrize(
    ("details", "packet", "instant"),
    [
        ({DIGITIZED: text("2026:03:01 07:30:00")}, b"", MORNING),
        (
            {DIGITIZED: text("2026:03:01 07:30:00"), DIGITIZED_OFFSET: text("+00:00")},
            b"",
            datetime(2026, 3, 1, 7, 30, tzinfo=UTC),
        ),
        (
            {TAKEN: text("2026:03:01 07:30:00"), DIGITIZED: text("2020:01:01 00:00:00")},
            xmp(exif_DateTimeOriginal="2021-01-01T00:00:00Z"),
            MORNING,
        ),
        ({}, xmp(exif_DateTimeOriginal="2026-03-01T07:30:00.55+08:00"), MORNING),
        ({}, xmp(exif_DateTimeOriginal="2026-03-01T07:30"), MORNING),
        ({}, xmp(photoshop_DateCreated="2026-02-28T23:30:00Z"), MORNING),
        ({}, xmp(photoshop_DateCreated="2026-03-01"), None),
        ({}, xmp(xmp_CreateDate="2026-03-01T07:30:00+08:00"), None),
    ],
)
def test_other_stamps_of_the_shot_are_read_in_order(
    details: dict[int, tuple[int, bytes]], packet: bytes, instant: datetime | None
) -> None:
    assert read_claims(exif(details=details), packet).captured_at == instant


@pytest.mark.parametrize("stamp", ["0000:00:00 00:00:00", "2026:02:30 10:00:00", "    :  :   ", ""])
def test_b29_an_impossible_stamp_is_not_replaced_by_another(stamp: str) -> None:
    block = exif(details={TAKEN: text(stamp), DIGITIZED: text("2026:03:01 07:30:00")})
    packet = xmp(exif_DateTimeOriginal="2026-03-01T07:30:00+08:00")
    assert read_claims(block, packet) == Claims()


@pytest.mark.parametrize(
    ("packet", "assumed"),
    [
        (xmp(exif_DateTimeOriginal="2026-03-01T07:30:00"), True),
        (xmp(exif_DateTimeOriginal="2026-03-01T07:30:00+08:00"), False),
        (xmp(exif_DateTimeOriginal="2026-03-01T07:30:00+99:00"), True),
    ],
)
def test_b28_a_packet_without_a_zone_is_local_time_too(packet: bytes, assumed: bool) -> None:
    claims = read_claims(b"", packet)
    assert (claims.captured_at, claims.zone_assumed) == (MORNING, assumed)


@pytest.mark.parametrize(
    ("latitude", "longitude"),
    [
        ("35,24.9N", "116,35.22E"),
        ("35,24,54N", "116,35,13.2E"),
        ("35,24,54n", "116,35,13.2e"),
        ("35.415N", "116.587E"),
        ("35.415", "116.587"),
    ],
)
def test_the_packet_says_where_only_where_the_block_does_not(latitude: str, longitude: str) -> None:
    packet = xmp(exif_GPSLatitude=latitude, exif_GPSLongitude=longitude)
    claims = read_claims(b"", packet)
    assert claims.latitude == pytest.approx(JINING[0], abs=1e-8)
    assert claims.longitude == pytest.approx(JINING[1], abs=1e-8)
    elsewhere = read_claims(exif(position=place(-33.865, 151.209)), packet)
    assert elsewhere.latitude == pytest.approx(-33.865)
    broken = read_claims(exif(position={2: angle(JINING[0])}), packet)
    assert broken == Claims(), "half a place in the block is not completed by the packet"


@pytest.mark.parametrize(
    ("latitude", "longitude"), [("33,51.9S", "151,12.54W"), ("-33.865", "-151.209")]
)
def test_south_and_west_of_a_packet_lie_below_zero(latitude: str, longitude: str) -> None:
    claims = read_claims(b"", xmp(exif_GPSLatitude=latitude, exif_GPSLongitude=longitude))
    assert claims.latitude == pytest.approx(-33.865)
    assert claims.longitude == pytest.approx(-151.209)


def test_a_letter_of_its_own_beside_a_packets_number_is_heeded() -> None:
    packet = xmp(exif_GPSLatitude="33.865", exif_GPSLatitudeRef="S", exif_GPSLongitude="151.209")
    assert read_claims(b"", packet).latitude == pytest.approx(-33.865)


@pytest.mark.parametrize(
    "latitude",
    [
        "35,24.9",
        "35,24,54",
        "35,24.9E",
        "-35.415S",
        "-35,24.9",
        "35,75.0N",
        "35,24,61N",
        "91.0N",
        "90,0,1N",
        "35/1,24/1N",
        "N",
        "",
        "3" * 900 + "N",
        "nan",
        "1e1",
        "３５.415N",
    ],
)
def test_b19_an_angle_that_is_none_in_a_packet_claims_no_place(latitude: str) -> None:
    packet = xmp(exif_GPSLatitude=latitude, exif_GPSLongitude="116,35.22E")
    assert read_claims(b"", packet) == Claims()


def test_b21_null_island_in_a_packet_is_no_place() -> None:
    packet = xmp(exif_GPSLatitude="0,0.0N", exif_GPSLongitude="0,0.0E")
    assert read_claims(b"", packet) == Claims()


@pytest.mark.parametrize(
    ("value", "remark"),
    [
        ((UNDEFINED, b"ASCII\0\0\0Screenshot"), "Screenshot"),
        ((UNDEFINED, b"ASCII\0\0\0Screenshot\0\0rest"), "Screenshot"),
        ((UNDEFINED, b"UNICODE\0" + "截屏".encode("utf-16-le")), "截屏"),
        ((UNDEFINED, b"UNICODE\0" + "Screenshot".encode("utf-16-be")), "Screenshot"),
        ((UNDEFINED, b"UNICODE\0" + b"\xfe\xff" + "截屏".encode("utf-16-be")), "截屏"),
        ((UNDEFINED, b"UNICODE\0" + b"\xff\xfe" + "a截\0b".encode("utf-16-le") + b"x"), "a截"),
        ((UNDEFINED, b"JIS\0\0\0\0\0" + "写真".encode("iso2022_jp")), "写真"),
        ((UNDEFINED, b"\0" * 8 + "截图".encode()), "截图"),
        ((UNDEFINED, b"ASCII\0\0\0" + "截图".encode("gb18030")), "截图"),
        ((UNDEFINED, b"Screenshot without a prefix"), "Screenshot without a prefix"),
        ((UTF8, "ASCII\0\0\0截图".encode()), "截图"),
        ((UNDEFINED, b"ASCII\0\0\0line\r\n\xe2\x80\xaeline" + b"x" * 99), "line line" + "x" * 55),
    ],
)
def test_a_comment_is_read_by_the_character_set_it_names(
    value: tuple[int, bytes], remark: str
) -> None:
    assert read_claims(exif(details={COMMENT: value})) == Claims(remark=remark)


@pytest.mark.parametrize(
    "value",
    [
        (UNDEFINED, b"ASCII\0\0\0" + b"\0" * 56),
        (UNDEFINED, b"UNICODE\0"),
        (UNDEFINED, b"UNICODE\0" + b"\x01\xd8"),
        (UNDEFINED, b"ASC"),
        (LONG, struct.pack("<IIII", 1, 2, 3, 4)),
    ],
)
def test_a_blank_comment_leaves_the_word_to_the_description(value: tuple[int, bytes]) -> None:
    if value[1] == b"ASC":
        assert read_claims(exif(details={COMMENT: value})).remark == "ASC"
        return
    block = exif({DESCRIPTION: text("小区门口")}, {COMMENT: value})
    assert read_claims(block, xmp(exif_UserComment="Screenshot")).remark == "小区门口"


def test_the_packet_names_its_program_and_the_remark_that_the_block_lacks() -> None:
    packet = xmp(xmp_CreatorTool="Adobe &quot;Photoshop&quot; &#x0a;CC", exif_UserComment="截屏")
    claims = read_claims(exif({SOFTWARE: text("17.5.1")}), packet)
    assert (claims.software, claims.creator_tool) == ("17.5.1", 'Adobe "Photoshop" CC')
    assert claims.remark == "截屏"


@pytest.mark.parametrize("times", [0, 1, 2])
def test_a_block_is_found_behind_any_prefix_that_writers_put(times: int) -> None:
    block = b"Exif\0\0" * times + exif({MAKE: text("Xiaomi")}).removeprefix(b"Exif\0\0")
    assert read_claims(block).make == "Xiaomi"


def test_the_first_of_two_blocks_in_one_file_is_read() -> None:
    first, second = exif({MAKE: text("Xiaomi")}), exif({MAKE: text("Apple")}, position=place(1, 1))
    assert read_claims(first + second) == Claims(make="Xiaomi")


def test_text_and_pointers_of_the_third_edition_are_read() -> None:
    block = exif({MAKE: (UTF8, "小米".encode())}, {TAKEN: text("2026:03:01 07:30:00")})
    pointer = struct.pack("<HH", 0x8769, LONG)
    assert block.count(pointer) == 1
    block = block.replace(pointer, struct.pack("<HH", 0x8769, DIRECTORY))
    claims = read_claims(block)
    assert (claims.make, claims.captured_at) == ("小米", MORNING)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("where", [JINING, (-33.865, 151.209), (51.5, -0.1276), (0.0, 32.5)])
def test_a_place_is_read_in_every_hemisphere(order: str, where: tuple[float, float]) -> None:
    claims = read_claims(exif(position=place(*where, order), order=order))
    assert claims.latitude == pytest.approx(where[0], abs=1e-8)
    assert claims.longitude == pytest.approx(where[1], abs=1e-8)


@pytest.mark.parametrize("letter", [b"n", b"N\x00\x00", b" N\x00", b"n\x00"])
def test_small_and_padded_letters_name_a_hemisphere(letter: bytes) -> None:
    claims = read_claims(exif(position={**place(*JINING), 1: (ASCII, letter)}))
    assert claims.latitude == pytest.approx(JINING[0])


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        (1, None),
        (3, None),
        (2, None),
        (4, None),
        (1, (ASCII, b"\x00")),
        (1, text("E")),
        (3, text("N")),
        (1, text("North")),
        (1, short(78)),
        (2, rationals((35, 1), (24, 1))),
        (2, rationals((35, 1), (24, 1), (54, 1), (0, 1))),
        (2, rationals((35, 1), (75, 1), (54, 1))),
        (2, rationals((35, 1), (24, 1), (61, 1))),
        (2, rationals((91, 1), (0, 1), (0, 1))),
        (2, rationals((90, 1), (0, 1), (1, 1))),
        (4, rationals((180, 1), (0, 1), (1, 1))),
        (2, rationals((4294967295, 1), (0, 1), (0, 1))),
        (2, rationals((35, 0), (24, 1), (54, 1))),
        (2, rationals((0, 0), (0, 0), (0, 0))),
        (2, (10, struct.pack("<iiiiii", -35, 1, 24, 1, 54, 1))),
        (2, (12, struct.pack("<ddd", float("nan"), 0, 0))),
        (2, (ASCII, b"35,24,54")),
        (2, (SHORT, struct.pack("<HHH", 35, 24, 54))),
    ],
)
def test_a_broken_angle_or_letter_claims_no_place(
    tag: int, value: tuple[int, bytes] | None
) -> None:
    position = dict(place(*JINING))
    del position[tag]
    if value is not None:
        position[tag] = value
    claims = read_claims(exif({MAKE: text("Xiaomi")}, position=position))
    assert (claims.latitude, claims.longitude) == (None, None)
    assert claims.make == "Xiaomi", "the rest of the block survives"


def test_null_island_is_no_place() -> None:
    assert read_claims(exif(position=place(0, 0))) == Claims()


def test_the_poles_and_the_date_line_are_places() -> None:
    position = {**place(*JINING), 2: angle(90), 4: angle(180)}
    claims = read_claims(exif(position=position))
    assert (claims.latitude, claims.longitude) == (90.0, 180.0)


def test_device_and_software_are_short_printable_lines() -> None:
    block = exif(
        {
            MAKE: text("HUAWEI\n\u202eevil"),
            MODEL: (ASCII, "华为 P60".encode("gb18030") + b"\0"),
            SOFTWARE: text("美图秀秀 " + "x" * 200),
        }
    )
    claims = read_claims(block)
    assert (claims.make, claims.model) == ("HUAWEI evil", "华为 P60")
    assert claims.software is not None
    assert claims.software.startswith("美图秀秀 x")
    assert len(claims.software) == 64


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (short(6), 6),
        ((LONG, struct.pack("<I", 8)), 8),
        (short(0), 1),
        (short(9), 1),
        (short(65535), 1),
        (text("6"), 1),
    ],
)
def test_orientation_is_one_to_eight_and_else_upright(
    value: tuple[int, bytes], expected: int
) -> None:
    assert read_claims(exif({ORIENTATION: value})).orientation == expected


def test_claims_about_upright_pixels_keep_the_rest() -> None:
    claims = read_claims(exif({ORIENTATION: short(6), MAKE: text("Apple")}))
    assert (claims.upright().orientation, claims.upright().make) == (1, "Apple")


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"Exif\0\0",
        b"II*\0",
        b"MM\0*\xff\xff\xff\xff",
        b"Exif\0\0II*\0\x08\0\0\0",
        b"Exif\0\0II*\0\x08\0\0\0\xff\xff",
        b"Exif\0\0XX*\0\x08\0\0\0\x01\0",
        b"\x89PNG",
    ],
)
def test_a_block_that_is_none_claims_nothing(block: bytes) -> None:
    assert read_claims(block) == Claims()


def test_a_directory_that_points_at_itself_ends() -> None:
    block = bytearray(exif({MAKE: text("Apple")}, details={}))
    at = block.index(struct.pack("<H", 0x8769)) + 8
    block[at : at + 4] = struct.pack("<I", 8)
    assert read_claims(bytes(block)).make == "Apple"


def test_a_value_that_lies_outside_the_block_is_left_out() -> None:
    block = bytearray(exif({MAKE: text("Apple Inc"), MODEL: text("iPhone 15")}))
    at = block.index(struct.pack("<H", MAKE)) + 8
    block[at : at + 4] = struct.pack("<I", 0xFFFFFFF0)
    claims = read_claims(bytes(block))
    assert (claims.make, claims.model) == (None, "iPhone 15")


def test_a_directory_of_every_tag_does_not_fill_the_memory() -> None:
    """65,535 entries that share 4,096 bytes would be 268 MB, were each one kept."""
    count = 65_535
    entries = b"".join(
        struct.pack("<HHII", tag, ASCII, 4096, 10 + 12 * count) for tag in range(count)
    )
    block = b"II*\0\x08\0\0\0" + struct.pack("<H", count) + entries + b"x" * 4096
    tracemalloc.start()
    try:
        claims = read_claims(block)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert claims.make == "x" * 64
    assert peak < len(block) + 500_000


def test_a_huge_value_is_left_out() -> None:
    block = exif({MAKE: (ASCII, b"x" * 5000), MODEL: text("iPhone 15")})
    assert read_claims(block) == Claims(model="iPhone 15")


MAIN = {
    MAKE: text("Apple"),
    ORIENTATION: short(6),
    SOFTWARE: text("17.1"),
    CHANGED: text("2026:03:01 07:31:00"),
    DESCRIPTION: text("小区门口"),
}
SHOT = {
    TAKEN: text("2026:03:01 07:30:00"),
    OFFSET: text("+08:00"),
    COMMENT: (UNDEFINED, b"UNICODE\0" + "截屏".encode("utf-16-le")),
}
WHOLE = (
    exif(MAIN, SHOT, place(*JINING)),
    xmp(
        exif_DateTimeOriginal="2026-03-01T07:30:00+08:00",
        xmp_CreatorTool="Adobe Photoshop &#x4e2d;",
        exif_GPSLatitude="35,24,54N",
        exif_GPSLongitude="116,35.22E",
    ),
)


def believable(claims: Claims) -> None:
    """What holds of every answer, whatever was read."""
    assert 1 <= claims.orientation <= 8
    assert claims.latitude is None or -90 <= claims.latitude <= 90
    assert claims.longitude is None or -180 <= claims.longitude <= 180
    assert (claims.latitude is None) == (claims.longitude is None)
    texts = (claims.make, claims.model, claims.software, claims.creator_tool, claims.remark)
    assert all(text is None or (text.isprintable() and 0 < len(text) <= 64) for text in texts)
    for instant in (claims.captured_at, claims.modified_at):
        assert instant is None or (instant.tzinfo is UTC and 1899 <= instant.year <= 3000)


def mutilated(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randint(1, 12) if data else 0):
        changed[chance.randrange(len(changed))] = chance.choice(
            (chance.randrange(256), 0, 255, *b"<>\"':,")
        )
    return bytes(changed[: chance.randint(0, 2 * len(changed))])


def test_b17_no_bytes_make_the_reader_raise() -> None:
    """Two thousand seeded mutilations of a file that claims everything, and all its prefixes."""
    for end in range(len(WHOLE[0])):
        believable(read_claims(WHOLE[0][:end]))
    for end in range(len(WHOLE[1])):
        believable(read_claims(b"", WHOLE[1][:end]))
    chance = random.Random(20260301)
    for _ in range(2000):
        believable(read_claims(*(mutilated(part, chance) for part in WHOLE)))


def test_b17_sixty_four_random_bytes_claim_nothing() -> None:
    chance = random.Random(17)
    for _ in range(500):
        noise = chance.randbytes(64)
        assert read_claims(b"Exif\0\0" + noise, noise) == Claims()


def metadata(path: Path) -> tuple[bytes, bytes]:
    try:
        with Image.open(path, formats=["JPEG", "MPO", "PNG", "WEBP"]) as image:
            return image.info.get("exif", b""), image.info.get("xmp", b"")
    except Exception:  # noqa: BLE001 - what is no picture has no blocks to read
        return b"", b""


@beside
@pytest.mark.parametrize(
    ("name", "captured_at", "assumed", "tool"),
    [
        (
            "exif_gps_typeerror.jpg",
            datetime(2010, 7, 11, 11, 53, tzinfo=UTC),
            False,
            "Elements 5.0",
        ),
        ("30-type_error.jpg", datetime(2013, 7, 5, 3, 18, 27, tzinfo=UTC), False, "Elements 7.0"),
        ("issue_1918_poc1.jpg", datetime(2021, 8, 19, 10, 48, 53, tzinfo=UTC), True, None),
        ("Nokia Lumia 800.jpg", datetime(2012, 6, 9, 13, 23, 38, tzinfo=UTC), True, "Lightroom"),
        ("image01551.jpg", None, False, "Fireworks"),
        ("pil_sample_cmyk.jpg", None, False, "Photoshop"),
        ("invalid-exif.jpg", None, False, "Photoshop"),
        ("landscape_1.jpg", None, False, "Photoshop"),
    ],
)
def test_packets_of_real_photos_say_what_another_reader_found(
    name: str, captured_at: datetime | None, assumed: bool, tool: str | None
) -> None:
    claims = read_claims(*metadata(PHOTOS / name))
    assert (claims.captured_at, claims.zone_assumed) == (captured_at, assumed)
    assert (claims.creator_tool is None) == (tool is None)
    assert tool is None or tool in (claims.creator_tool or "")


@beside
def test_b17_real_blocks_may_be_cut_and_broken_anywhere() -> None:
    """A short run of what was run over every prefix and 20,000 changes."""
    found = [metadata(path) for path in sorted(PHOTOS.iterdir())]
    blocks = [pair for pair in found if any(pair)]
    assert len(blocks) >= 40
    chance = random.Random(98)
    for _ in range(1500):
        believable(read_claims(*(mutilated(part, chance) for part in chance.choice(blocks))))


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("污染照片.jpg", "污染照片.jpg"),
        ("../../etc/passwd", "../../etc/passwd"),
        ("a\r\nSet-Cookie: x=1.jpg", "a Set-Cookie: x=1.jpg"),
        ("photo\u202egpj.exe", "photogpj.exe"),
        ("a\x00b.jpg", "a b.jpg"),
        ("\ud800half.jpg", "half.jpg"),
        ("  \u3000 ", ""),
        ("😀.jpg", "😀.jpg"),
        ("x" * 300, "x" * 64),
    ],
)
def test_names_from_outside_become_one_printable_line(raw: str, clean: str) -> None:
    assert cleaned(raw) == clean
