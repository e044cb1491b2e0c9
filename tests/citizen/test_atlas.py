import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from citizen.atlas import AreaKind, Atlas, Label, Outline
from citizen.geo import Crs, Point, distance_m
from citizen.outlines import outline_of, read_geojson

DATA = Path(__file__).resolve().parents[2] / "citizen" / "data"
PLACES = Path(__file__).resolve().parents[3] / "shared" / "data" / "jining_places.json"
SHIPPED = read_geojson(DATA / "areas.geojson", crs=Crs.WGS84, kind=None).outlines
DISTRICTS = [outline for outline in SHIPPED if outline.kind is AreaKind.DISTRICT]
CITY = Outline("370800", "济宁市", AreaKind.CITY, outline_of(DISTRICTS))
JINING = Atlas([*SHIPPED, CITY])
METRE = 1 / 111_195
LAKE_SHORE = (116.87, 34.92)


def box(west: float, south: float, east: float, north: float) -> Any:
    return shapely.box(west, south, east, north)


def drawn(code: str, kind: AreaKind, geometry: Any, belt_m: int = 0) -> Outline:
    return Outline(code, f"名{code}", kind, geometry, belt_m)


def two_districts() -> Atlas:
    """Two squares that share the meridian 116.5; `b` comes first in the list."""
    left, right = box(116.4, 35.3, 116.5, 35.4), box(116.5, 35.3, 116.6, 35.4)
    return Atlas([drawn("b", AreaKind.DISTRICT, right), drawn("a", AreaKind.DISTRICT, left)])


# -------- the shipped outlines


def test_the_shipped_districts_are_sound_and_tile_the_city_without_gap_or_overlap() -> None:
    assert len(DISTRICTS) == 11
    assert all(district.geometry.is_valid for district in DISTRICTS)
    assert CITY.geometry.geom_type == "Polygon"
    assert not CITY.geometry.interiors
    total = sum(district.geometry.area for district in DISTRICTS)
    assert total == pytest.approx(CITY.geometry.area, rel=1e-12)


def test_the_shipped_codes_are_unique_and_every_kind_is_there() -> None:
    assert len({outline.code for outline in SHIPPED}) == len(SHIPPED)
    assert {outline.kind for outline in SHIPPED} == set(AreaKind) - {AreaKind.CITY}


def test_the_file_says_that_its_outlines_are_indicative() -> None:
    document = json.loads((DATA / "areas.geojson").read_text(encoding="utf-8"))
    assert "示意" in document["source"]
    assert document["crs"] == "wgs84"


def test_the_lake_lies_in_weishan_county_and_has_four_parts() -> None:
    lakes = [outline for outline in SHIPPED if outline.kind is AreaKind.LAKE]
    weishan = next(district for district in DISTRICTS if district.code == "370826").geometry
    assert all(weishan.covers(lake.geometry) for lake in lakes)
    assert {lake.name for lake in lakes} == {"南四湖", "南阳湖", "独山湖", "昭阳湖", "微山湖"}
    assert {lake.belt_m for lake in lakes} == {2000}


@pytest.mark.skipif(not PLACES.exists(), reason="the shared list of known places is not here")
def test_every_known_place_falls_in_its_county() -> None:
    known = json.loads(PLACES.read_text(encoding="utf-8"))["places"]
    found = {place["name"]: JINING.locate(place["lng"], place["lat"]).area for place in known}
    assert len(found) == 27
    assert {name: label and label.code for name, label in found.items()} == {
        place["name"]: place["adcode"] for place in known
    }


def test_the_city_centre_is_built_up_and_away_from_the_lake() -> None:
    place = JINING.locate(116.587, 35.415)
    assert place.area == Label("370811", "任城区")
    assert place.built_up is True
    assert not place.near_lake
    assert not place.on_lake
    assert place.lake_distance_m is not None
    assert 5_000 < place.lake_distance_m < 15_000


@pytest.mark.parametrize(
    ("longitude", "latitude"),
    [
        (117.18, 34.26),  # 徐州
        (115.48, 35.23),  # 菏泽
        (117.56, 34.86),  # 枣庄
        (117.09, 36.20),  # 泰安
        (116.94, 34.73),  # 沛县, across the lake
        (117.165, 35.08),  # 滕州
        (119.5, 36.6),  # 300 km away
        (35.415, 116.587 - 90),
        (0.0, 0.0),
    ],
)
def test_neighbouring_cities_are_outside(longitude: float, latitude: float) -> None:
    place = JINING.locate(longitude, latitude)
    assert not place.in_city
    assert place.area is None


def test_an_islet_town_in_the_lake_is_on_the_lake_and_in_the_smallest_named_water() -> None:
    place = JINING.locate(116.683, 35.115)
    assert place.lake == Label("NANSI-NANYANG", "南阳湖")
    assert place.lake_distance_m == 0
    assert place.near_lake
    assert place.area == Label("370826", "微山县")


def test_an_inflow_river_counts_as_near_the_lake_far_from_its_shore() -> None:
    place = JINING.locate(117.28, 35.67)
    assert place.river == Label("RIVER-SIHE", "泗河")
    assert place.near_lake
    assert place.lake_distance_m is not None
    assert place.lake_distance_m > 50_000


def test_a_functional_zone_lies_over_its_district() -> None:
    place = JINING.locate(116.6, 35.35)
    assert place.zones == (Label("370800-TBH", "太白湖新区"),)
    assert place.area == Label("370811", "任城区")


# -------- one district for every point


edge_points = st.sampled_from(
    [
        (one, other)
        for district in DISTRICTS
        for one, other in pairwise(shapely.get_coordinates(district.geometry).tolist())
    ]
)


@given(edge_points, st.floats(0, 1))
@settings(max_examples=300)
def test_every_point_of_every_edge_is_in_the_city_and_has_one_lasting_district(
    edge: tuple[list[float], list[float]], share: float
) -> None:
    (west, south), (east, north) = edge
    point = (west + share * (east - west), south + share * (north - south))
    place = JINING.locate(*point)
    assert place.in_city
    assert place.area is not None
    assert JINING.locate(*point) == place
    touching = [d.code for d in DISTRICTS if d.geometry.distance(shapely.Point(point)) < 1e-7]
    assert place.area.code == min(touching)


@given(st.floats(115.8, 117.7), st.floats(34.4, 36.05))
@settings(max_examples=300)
def test_a_point_has_a_district_exactly_when_it_is_in_the_city(
    longitude: float, latitude: float
) -> None:
    place = JINING.locate(longitude, latitude)
    assert (place.area is not None) == place.in_city
    assert place.in_city == CITY.geometry.dwithin(shapely.Point(longitude, latitude), 1e-7)


def test_a_shared_edge_belongs_to_the_lowest_code_and_a_metre_aside_decides() -> None:
    atlas, east = two_districts(), METRE / math.cos(math.radians(35.35))
    named = [atlas.locate(116.5 + side * east, 35.35).area for side in (-1, 0, 1)]
    assert [label and label.code for label in named] == ["a", "a", "b"]


def test_the_outer_edge_counts_as_inside_and_a_metre_further_does_not() -> None:
    atlas = two_districts()
    assert atlas.locate(116.45, 35.4).in_city
    assert atlas.locate(116.4, 35.3).in_city
    assert not atlas.locate(116.45, 35.4 + METRE).in_city


def test_a_point_in_a_crack_between_official_outlines_gets_the_nearest_district() -> None:
    left, right = box(116.4, 35.3, 116.5, 35.4), box(116.5001, 35.3, 116.6, 35.4)
    districts = [drawn("a", AreaKind.DISTRICT, left), drawn("b", AreaKind.DISTRICT, right)]
    city = drawn("c", AreaKind.CITY, outline_of(districts))
    atlas = Atlas([*districts, city])
    crack = [atlas.locate(longitude, 35.35).area for longitude in (116.50002, 116.50008)]
    assert [label and label.code for label in crack] == ["a", "b"]


def test_an_enclave_of_another_city_stays_outside() -> None:
    ring = box(116.4, 35.3, 116.6, 35.5).difference(box(116.45, 35.35, 116.55, 35.45))
    districts = [drawn("a", AreaKind.DISTRICT, ring)]
    atlas = Atlas([*districts, drawn("c", AreaKind.CITY, outline_of(districts))])
    assert not atlas.locate(116.5, 35.4).in_city


# -------- shore, built-up, nothing known


@given(st.floats(0, 2 * math.pi), st.floats(0, 60_000))
def test_distance_to_a_shore_agrees_with_the_great_circle(bearing: float, metres: float) -> None:
    centre = Point(116.7, 35.2)
    dot = drawn("lake", AreaKind.LAKE, shapely.Point(centre).buffer(1e-9))
    frame = drawn("frame", AreaKind.ZONE, box(115.8, 34.4, 117.6, 36))
    north = metres * METRE * math.cos(bearing)
    east = metres * METRE * math.sin(bearing) / math.cos(math.radians(35.2))
    point = Point(centre.longitude + east, centre.latitude + north)
    away = Atlas([dot, frame]).locate(*point).lake_distance_m
    assert away == pytest.approx(distance_m(centre, point), rel=1e-4, abs=0.05)


@pytest.mark.parametrize(("metres", "near"), [(0, True), (1_990, True), (2_010, False)])
def test_the_belt_reaches_as_far_as_its_data_says(metres: int, near: bool) -> None:
    lake = drawn("lake", AreaKind.LAKE, box(116.4, 35.3, 116.5, 35.4), belt_m=2_000)
    frame = drawn("frame", AreaKind.ZONE, box(116, 35, 117, 36))
    place = Atlas([lake, frame]).locate(116.45, 35.4 + metres * METRE)
    assert place.near_lake is near
    assert place.lake_distance_m == pytest.approx(metres, abs=1)


def test_built_up_is_unknown_where_no_built_up_outline_was_drawn() -> None:
    core = drawn("core", AreaKind.BUILT_UP, box(116.41, 35.31, 116.45, 35.35))
    atlas = Atlas([*two_districts()._outlines, core])
    answers = [atlas.locate(longitude, 35.33).built_up for longitude in (116.43, 116.48, 116.55)]
    assert answers == [True, False, None]


def test_a_map_without_any_outline_knows_nothing_and_does_not_fail() -> None:
    place = Atlas([]).locate(116.587, 35.415)
    assert not place.in_city
    assert place.area is None
    assert place.lake_distance_m is None
    assert not place.near_lake


def test_a_city_without_districts_still_says_what_is_inside() -> None:
    place = Atlas([drawn("c", AreaKind.CITY, box(116, 35, 117, 36))]).locate(116.5, 35.5)
    assert place.in_city
    assert place.area is None
