import json
from pathlib import Path
from typing import Any

import pytest
import shapely

from citizen.atlas import AreaKind, Outline
from citizen.geo import Crs
from citizen.outlines import OutlineInvalid, outline_of, read_geojson

RING = [[116.5, 35.4], [116.6, 35.4], [116.6, 35.5], [116.5, 35.5], [116.5, 35.4]]
POLYGON = {"type": "Polygon", "coordinates": [RING]}


def feature(geometry: Any = POLYGON, **properties: Any) -> dict[str, Any]:
    named = {"code": "370811", "name": "任城区", **properties}
    return {"type": "Feature", "properties": named, "geometry": geometry}


def read(path: Path, document: Any, **chosen: Any) -> Any:
    text = document if isinstance(document, str) else json.dumps(document)
    path.write_text(text, encoding="utf-8")
    return read_geojson(path, **{"crs": Crs.WGS84, "kind": AreaKind.DISTRICT, **chosen})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "areas.json"


@pytest.mark.parametrize(
    "document",
    [feature(), [feature()], {"type": "FeatureCollection", "features": [feature()]}],
    ids=["feature", "bare list", "collection"],
)
def test_the_three_shapes_of_a_file_are_read(file: Path, document: Any) -> None:
    (outline,) = read(file, document).outlines
    assert (outline.code, outline.name, outline.kind) == ("370811", "任城区", AreaKind.DISTRICT)
    assert outline.geometry.equals(shapely.box(116.5, 35.4, 116.6, 35.5))


def test_a_byte_order_mark_and_heights_do_not_matter(file: Path) -> None:
    high = {"type": "Polygon", "coordinates": [[[*corner, 38.5] for corner in RING]]}
    (outline,) = read(file, "\ufeff" + json.dumps([feature(high)])).outlines
    assert not outline.geometry.has_z


def test_features_of_one_code_are_joined(file: Path) -> None:
    east = {"type": "Polygon", "coordinates": [[[x + 0.1, y] for x, y in RING]]}
    (outline,) = read(file, [feature(), feature(east)]).outlines
    assert outline.geometry.symmetric_difference(shapely.box(116.5, 35.4, 116.7, 35.5)).area < 1e-12


def test_without_a_chosen_kind_each_feature_names_its_own(file: Path) -> None:
    (outline,) = read(file, [feature(kind="lake", belt_m=2000)], kind=None).outlines
    assert (outline.kind, outline.belt_m) == (AreaKind.LAKE, 2000)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("", "JSON"),
        ("{", "JSON"),
        ("[" * 200_000, "JSON"),
        ("[]", "没有要素"),
        ("7", "不是 GeoJSON"),
        ({"type": "Topology"}, "不是 GeoJSON"),
        ([7], "properties"),
        ([{"type": "Feature", "geometry": POLYGON}], "properties"),
        ([feature(code="")], "编码"),
        ([feature(name=None)], "编码"),
        ([feature(belt_m=-1)], "belt_m"),
        ([feature(belt_m=True)], "belt_m"),
        ([feature(None)], "无法读取"),
        ([feature("面")], "无法读取"),
        ([feature({"type": "Polygon", "coordinates": "x"})], "无法读取"),
        ([feature({"type": "Polygon", "coordinates": [[[1, 2], [3, 4]]]})], "无法读取"),
        ([feature({"type": "Polygon", "coordinates": []})], "不是面"),
        ([feature({"type": "Point", "coordinates": [116.5, 35.4]})], "不是面"),
        ([feature({"type": "LineString", "coordinates": RING})], "不是面"),
        (
            [feature({"type": "Polygon", "coordinates": [[[1, 1], [2, 2], [1, 1], [1, 1]]]})],
            "没有面积",
        ),
        (
            [
                feature(
                    {
                        "type": "Polygon",
                        "coordinates": [[[5e5, 4e6], [6e5, 4e6], [6e5, 5e6], [5e5, 4e6]]],
                    }
                )
            ],
            "不是经纬度",
        ),
        (
            '[{"type":"Feature","properties":{"code":"a","name":"b"},"geometry":{"type":"Polygon","coordinates":[[[NaN,1],[2,1],[2,2],[NaN,1]]]}}]',
            "无法读取",
        ),
    ],
)
def test_what_is_no_area_is_refused_in_words(file: Path, document: Any, said: str) -> None:
    with pytest.raises(OutlineInvalid, match=said):
        read(file, document)


def test_a_feature_without_kind_is_refused_where_it_must_name_one(file: Path) -> None:
    with pytest.raises(OutlineInvalid, match="kind"):
        read(file, [feature()], kind=None)


def test_a_missing_file_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(OutlineInvalid, match="无法读取"):
        read_geojson(tmp_path / "none.json", crs=Crs.WGS84, kind=AreaKind.ZONE)


def test_a_file_beyond_the_size_limit_is_refused(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("citizen.outlines.LARGEST_BYTES", 10)
    with pytest.raises(OutlineInvalid, match="超过"):
        read(file, [feature()])


def test_the_city_closes_cracks_between_its_districts_and_keeps_the_outer_edge() -> None:
    left, right = shapely.box(116.4, 35.3, 116.5, 35.4), shapely.box(116.5001, 35.3, 116.6, 35.4)
    districts = [Outline(c, c, AreaKind.DISTRICT, g) for c, g in (("a", left), ("b", right))]
    city = outline_of(districts)
    assert city.covers(shapely.Point(116.50005, 35.35))
    assert city.symmetric_difference(shapely.box(116.4, 35.3, 116.6, 35.4)).area < 1e-9
