import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import shapely
from flask import Flask
from sqlalchemy.orm import Session

from citizen.areas import Area, Category, Origin
from citizen.atlas import AreaKind, Label
from citizen.gazetteer import DATA, load_geojson, load_places
from citizen.geo import Crs, Point, from_wgs84
from citizen.outlines import OutlineInvalid
from citizen.places import locate
from core.database import reading, writing

CENTRE = Point(116.587, 35.415)
RENCHENG = Label("370811", "任城区")


def square(code: str, name: str, west: float, south: float, crs: Crs = Crs.WGS84) -> dict[str, Any]:
    corners = [(west, south), (west + 0.1, south), (west + 0.1, south + 0.1), (west, south + 0.1)]
    ring = [list(from_wgs84(Point(*corner), crs)) for corner in [*corners, corners[0]]]
    geometry = {"type": "Polygon", "coordinates": [ring]}
    return {
        "type": "Feature",
        "properties": {"adcode": int(code), "name": name},
        "geometry": geometry,
    }


def written(path: Path, *features: dict[str, Any]) -> Path:
    path.write_text(
        json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8"
    )
    return path


def officials(session: Session, path: Path, **chosen: Any) -> Any:
    options = {"crs": Crs.WGS84, "kind": AreaKind.DISTRICT, "source": "官方", "city": "370800"}
    return load_geojson(session, path, **{**options, **chosen})


def test_a_newer_file_updates_shipped_rows_and_leaves_the_citys_own(
    filled: Flask, tmp_path: Path
) -> None:
    newer = shutil.copytree(DATA, tmp_path / "newer")
    document = json.loads((newer / "categories.json").read_text(encoding="utf-8"))
    document["version"] = 2
    kept = [row for row in document["categories"] if row["code"] != "RAD"]
    for row in kept:
        row["name"] = f"新{row['name']}"
    (newer / "categories.json").write_text(
        json.dumps({**document, "categories": kept}), encoding="utf-8"
    )
    with writing() as session:
        own = session.get_one(Category, "SOIL")
        own.name, own.origin = "本市自定", Origin.OPERATOR
        session.add(Category(code="OWN", name="自设", group="其他", channels=[], kinds=[]))
    with writing() as session:
        load_places(session, newer)
    with reading() as session:
        assert session.get_one(Category, "OTH").name == "新其他"
        assert session.get_one(Category, "OTH").version == 2
        assert session.get_one(Category, "SOIL").name == "本市自定"
        assert session.get_one(Category, "OWN").active
        assert not session.get_one(Category, "RAD").active


def test_an_area_that_a_newer_file_no_longer_has_is_removed_unless_it_is_the_citys_own(
    filled: Flask, tmp_path: Path
) -> None:
    newer = shutil.copytree(DATA, tmp_path / "newer")
    document = json.loads((newer / "areas.geojson").read_text(encoding="utf-8"))
    kept = [row for row in document["features"] if row["properties"]["kind"] != "zone"]
    text = json.dumps({**document, "features": kept})
    (newer / "areas.geojson").write_text(text, encoding="utf-8")
    with writing() as session:
        session.get_one(Area, "370800-TBH").origin = Origin.OPERATOR
    with writing() as session:
        load_places(session, newer)
    with reading() as session:
        assert session.get(Area, "370800-JKQ") is None
        assert session.get(Area, "370800-TBH") is not None
        assert session.get(Area, "370800") is not None


# -------- official outlines


def test_official_districts_replace_the_indicative_ones_and_redraw_the_city(
    filled: Flask, tmp_path: Path
) -> None:
    far = written(tmp_path / "d.json", square("370811", "任城区", 116.5, 35.4))
    with writing() as session:
        assert officials(session, far).codes == ("370811",)
    with reading() as session:
        area = session.get_one(Area, "370811")
        assert (area.indicative, area.origin, area.source) == (False, Origin.OPERATOR, "官方")
        assert session.get_one(Area, "370800").indicative  # ten others still are
        assert locate(CENTRE).area == RENCHENG
        assert not locate(Point(116.62, 35.36)).in_city
        assert locate(Point(116.62, 35.36)).area is None


def test_official_outlines_survive_a_newer_shipped_file(filled: Flask, tmp_path: Path) -> None:
    newer = shutil.copytree(DATA, tmp_path / "newer")
    text = (newer / "areas.geojson").read_text(encoding="utf-8")
    (newer / "areas.geojson").write_text(text + "\n", encoding="utf-8")
    with writing() as session:
        officials(session, written(tmp_path / "d.json", square("370811", "任城区", 116.5, 35.4)))
        before = session.get_one(Area, "370811").geometry
    with writing() as session:
        assert load_places(session, newer)["areas"].codes
    with reading() as session:
        assert session.get_one(Area, "370811").geometry == before


def test_outlines_in_gcj02_land_where_wgs84_has_them(filled: Flask, tmp_path: Path) -> None:
    shifted = written(tmp_path / "g.json", square("370811", "任城区", 116.5, 35.4, Crs.GCJ02))
    with writing() as session:
        officials(session, shifted, crs=Crs.GCJ02)
    with reading() as session:
        stored = shapely.from_geojson(session.get_one(Area, "370811").geometry)
    assert stored.hausdorff_distance(shapely.box(116.5, 35.4, 116.6, 35.5)) < 1e-7


def test_former_codes_are_joined_to_the_present_district(filled: Flask, tmp_path: Path) -> None:
    halves = (square("370802", "市中区", 116.5, 35.4), square("370811", "任城区", 116.6, 35.4))
    with writing() as session:
        assert officials(session, written(tmp_path / "o.json", *halves)).codes == ("370811",)
    with reading() as session:
        assert locate(Point(116.55, 35.45)).area == RENCHENG
        assert locate(Point(116.65, 35.45)).area == RENCHENG


def test_a_belt_stays_when_an_official_lake_names_none(filled: Flask, tmp_path: Path) -> None:
    lake = square("1", "南四湖", 116.7, 35.1)
    lake["properties"] = {"code": "NANSI", "name": "南四湖"}
    with writing() as session:
        officials(session, written(tmp_path / "l.json", lake), kind=AreaKind.LAKE)
    with reading() as session:
        assert session.get_one(Area, "NANSI").belt_m == 2000


def test_a_crossed_outline_is_mended_and_named(filled: Flask, tmp_path: Path) -> None:
    crossed = square("370811", "任城区", 116.5, 35.4)
    ring = [[116.5, 35.4], [116.6, 35.5], [116.6, 35.4], [116.5, 35.5], [116.5, 35.4]]
    crossed["geometry"]["coordinates"] = [ring]
    with writing() as session:
        assert officials(session, written(tmp_path / "x.json", crossed)).mended == ("370811",)
    with reading() as session:
        assert shapely.from_geojson(session.get_one(Area, "370811").geometry).is_valid


@pytest.mark.parametrize(
    ("feature", "chosen", "said"),
    [
        (square("320322", "沛县", 116.9, 34.7), {}, "不属于本市"),
        (square("370811", "任城区", 116.5, 35.4), {"kind": AreaKind.ZONE}, "另一类区域"),
    ],
)
def test_a_refused_file_changes_nothing(
    filled: Flask, tmp_path: Path, feature: dict[str, Any], chosen: dict[str, Any], said: str
) -> None:
    good = square("370812", "兖州区", 116.7, 35.5)
    with pytest.raises(OutlineInvalid, match=said), writing() as session:
        officials(session, written(tmp_path / "b.json", good, feature), **chosen)
    with reading() as session:
        assert session.get_one(Area, "370812").indicative
