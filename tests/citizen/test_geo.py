import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citizen.geo import (
    Box,
    Crs,
    Point,
    box_around,
    coarse,
    convert,
    distance_m,
    faults,
    from_wgs84,
    in_china,
    to_wgs84,
)

VECTORS = Path(__file__).resolve().parents[3] / "shared" / "data" / "coord_vectors.json"
PLACE = Point(116.587, 35.415)
PLACE_GCJ = Point(116.592291, 35.414552)
CENTIMETRE = 0.01
city_points = st.builds(Point, st.floats(115.8, 117.7), st.floats(34.4, 36.05))
china_points = st.builds(Point, st.floats(73.5, 135), st.floats(3.9, 53.5))
systems = st.sampled_from(list(Crs))


# -------- the three systems


def shared_vectors() -> list[dict[str, object]]:
    if not VECTORS.exists():
        return []
    found: list[dict[str, object]] = json.loads(VECTORS.read_text(encoding="utf-8"))["vectors"]
    return found


@pytest.mark.skipif(not VECTORS.exists(), reason="the shared coordinate vectors are not here")
@pytest.mark.parametrize("vector", shared_vectors(), ids=lambda vector: str(vector["name"]))
def test_the_shared_vectors_hold_within_a_centimetre_both_ways(
    vector: dict[str, list[float]],
) -> None:
    points = {system: Point(*vector[system.value]) for system in Crs}
    for source in Crs:
        for target in Crs:
            assert distance_m(convert(points[source], source, target), points[target]) < CENTIMETRE


@pytest.mark.parametrize(
    ("wgs84", "gcj02"),
    [
        (PLACE, PLACE_GCJ),  # B23, B24
        (Point(116.99, 35.6), Point(116.995683, 35.599841)),  # B24
        (Point(121.5272106, 31.1774276), Point(121.531541859215, 31.17530398364597)),
        (Point(113.912316, 22.543847), Point(113.9171764808363, 22.540796131694766)),
        (Point(116.377817, 39.911954), Point(116.38404722455657, 39.91334545536069)),
        (Point(116.404, 39.915), Point(116.41024449916938, 39.91640428150164)),
    ],
)
def test_known_pairs_of_wgs84_and_gcj02_hold_both_ways(wgs84: Point, gcj02: Point) -> None:
    assert distance_m(from_wgs84(wgs84, Crs.GCJ02), gcj02) < 0.1
    assert distance_m(to_wgs84(gcj02, Crs.GCJ02), wgs84) < 0.1


def test_a_known_pair_of_gcj02_and_bd09_holds_both_ways() -> None:
    gcj02, bd09 = Point(116.404, 39.915), Point(116.41036949371029, 39.92133699351021)
    assert distance_m(convert(gcj02, Crs.GCJ02, Crs.BD09), bd09) < CENTIMETRE
    assert distance_m(convert(bd09, Crs.BD09, Crs.GCJ02), gcj02) < CENTIMETRE


@given(china_points, systems)
def test_the_inverse_is_exact_to_a_centimetre_all_over_china(point: Point, system: Crs) -> None:
    assert distance_m(to_wgs84(from_wgs84(point, system), system), point) < CENTIMETRE


@given(city_points, systems, systems)
def test_ten_reads_and_saves_in_any_system_do_not_drift(point: Point, one: Crs, other: Crs) -> None:
    there = convert(point, one, other)
    for _ in range(10):
        there = convert(convert(there, other, one), one, other)
    assert distance_m(convert(there, other, one), point) < CENTIMETRE


@given(city_points)
def test_the_shift_inside_the_city_is_about_half_a_kilometre(point: Point) -> None:
    assert 470 < distance_m(point, from_wgs84(point, Crs.GCJ02)) < 575


@pytest.mark.parametrize("system", list(Crs))
@pytest.mark.parametrize(
    "point",
    [
        Point(2.35, 48.86),
        Point(-122.4, 37.8),
        Point(139.7, 35.7),
        Point(0.0, 0.0),
        Point(151.2, -33.9),
    ],
)
def test_a_point_outside_china_is_left_unchanged(point: Point, system: Crs) -> None:
    assert not in_china(point)
    assert from_wgs84(point, system) == to_wgs84(point, system) == point


def test_the_same_place_labelled_right_is_near_and_labelled_wrong_is_half_a_kilometre_off() -> None:
    assert distance_m(to_wgs84(PLACE_GCJ, Crs.GCJ02), PLACE) < 0.1  # B25
    assert distance_m(to_wgs84(PLACE, Crs.GCJ02), PLACE) == pytest.approx(482, abs=2)


def test_the_same_system_gives_back_the_very_same_numbers() -> None:
    for system in Crs:
        assert convert(PLACE, system, system) is PLACE


# -------- distance and boxes


def test_a_degree_of_latitude_is_111_kilometres() -> None:
    assert distance_m(Point(116, 35), Point(116, 36)) == pytest.approx(111_195, abs=1)


def test_antipodes_are_half_the_globe_apart() -> None:
    assert distance_m(Point(0, 0), Point(180, 0)) == pytest.approx(math.pi * 6_371_008.8)


@given(city_points, city_points)
def test_distance_is_the_same_both_ways_and_zero_to_itself(one: Point, other: Point) -> None:
    assert distance_m(one, other) == pytest.approx(distance_m(other, one), abs=1e-6)
    assert distance_m(one, one) == 0


@given(city_points, st.floats(1, 20_000), st.floats(0, 2 * math.pi))
def test_a_box_holds_every_point_within_its_metres(
    centre: Point, metres: float, bearing: float
) -> None:
    step = math.degrees(metres / 6_371_008.8)
    north = step * math.cos(bearing)
    east = step * math.sin(bearing) / math.cos(math.radians(centre.latitude))
    point = Point(centre.longitude + east, centre.latitude + north)
    if distance_m(centre, point) <= metres:
        west, south, right, top = box_around(centre, metres)
        assert west <= point.longitude <= right
        assert south <= point.latitude <= top


def test_a_box_near_the_pole_stays_finite() -> None:
    assert all(math.isfinite(edge) for edge in box_around(Point(0, 90), 1_000))
    assert isinstance(box_around(PLACE, 250), Box)


# -------- what may be told, what is refused


@given(city_points)
def test_a_coarse_position_has_three_decimals_and_lies_within_80_metres(point: Point) -> None:
    blurred = coarse(point)
    assert blurred == Point(round(blurred.longitude, 3), round(blurred.latitude, 3))
    assert distance_m(point, blurred) < 80


def test_a_place_in_the_city_has_no_faults() -> None:
    assert faults(*PLACE) == {}


@pytest.mark.parametrize(
    ("longitude", "latitude", "fields"),
    [
        (0.0, 0.0, {"location.longitude", "location.latitude"}),
        (-0.0, 35.4, {"location.longitude"}),
        (116.5, 0.0, {"location.latitude"}),
        (116.5, 1e-9, {"location.latitude"}),
        (math.nan, 35.4, {"location.longitude"}),
        (116.5, math.nan, {"location.latitude"}),
        (math.inf, -math.inf, {"location.longitude", "location.latitude"}),
        (180.1, 35.4, {"location.longitude"}),
        (116.5, -90.5, {"location.latitude"}),
        (1e308, 1e308, {"location.longitude", "location.latitude"}),
    ],
)
def test_what_is_no_position_is_refused_by_field(
    longitude: float, latitude: float, fields: set[str]
) -> None:
    assert set(faults(longitude, latitude)) == fields


def test_swapped_fields_name_the_latitude_and_say_what_probably_happened() -> None:
    found = faults(35.415, 116.587)
    assert set(found) == {"location.latitude"}
    assert "填反" in found["location.latitude"][0]
    assert "填反" not in faults(35.415, 190)["location.latitude"][0]


def test_the_path_of_a_fault_follows_the_caller() -> None:
    assert set(faults(0, 1, path="site")) == {"site.longitude"}
