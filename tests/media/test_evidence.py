"""What a file claims, read tag by tag from blocks that are sound, odd or hostile."""

import random
import struct
from datetime import UTC, datetime

import pytest

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

JINING = (35.415, 116.587)


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
    assert read_claims(exif({0x132: text("2026:03:01 07:30:00")})).captured_at is None


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


def test_a_huge_value_is_left_out() -> None:
    block = exif({MAKE: (ASCII, b"x" * 5000), MODEL: text("iPhone 15")})
    assert read_claims(block) == Claims(model="iPhone 15")


def test_no_bytes_make_the_reader_raise() -> None:
    """Two thousand seeded mutilations of a block that holds everything."""
    whole = exif(
        {MAKE: text("Apple"), ORIENTATION: short(6), SOFTWARE: text("17.1")},
        {TAKEN: text("2026:03:01 07:30:00"), OFFSET: text("+08:00")},
        place(*JINING),
    )
    chance = random.Random(20260301)
    for _ in range(2000):
        block = bytearray(whole)
        for _ in range(chance.randint(1, 12)):
            block[chance.randrange(6, len(block))] = chance.randrange(256)
        claims = read_claims(bytes(block[: chance.randint(0, len(block))]))
        assert 1 <= claims.orientation <= 8
        assert claims.latitude is None or -90 <= claims.latitude <= 90
        assert (claims.latitude is None) == (claims.longitude is None)


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
