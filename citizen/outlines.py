"""Pure: read areas from GeoJSON, mend what can be mended, refuse the rest in words.

Operators bring official outlines in GCJ-02 (as most public map services give them) or WGS-84; the
file does not say which, so they must.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from citizen.atlas import AreaKind, Geometry, Outline
from citizen.geo import Crs, Point, to_wgs84
from core.later import later

np, shapely = later("numpy"), later("shapely")

CODE_FIELDS = ("code", "adcode", "id")
LARGEST_BYTES = 64 * 1024 * 1024
UNREADABLE = (ValueError, TypeError, AttributeError, LookupError, RecursionError)
CRACK_DEGREES = 0.0002  # about 20 m: cracks that conversion and digitising leave between districts


class OutlineInvalid(ValueError):
    """The file can't be used; the message says which feature and why, in Chinese."""


@dataclass(frozen=True)
class Read:
    """What a file held, in WGS-84, and the codes of the outlines that had to be mended."""

    outlines: tuple[Outline, ...]
    mended: tuple[str, ...]


def read_geojson(
    path: Path, *, crs: Crs, kind: AreaKind | None, renamed: Mapping[str, str] | None = None
) -> Read:
    """Read a FeatureCollection, a Feature or a bare list of features.

    Without a `kind` each feature names its own. `renamed` maps former codes to present ones;
    features with the same code are joined.

    Raises:
        OutlineInvalid: unreadable, empty, or a feature is no polygon or has no code or name.
    """
    found: dict[str, Outline] = {}
    mended: list[str] = []
    for position, feature in enumerate(_features(path), start=1):
        outline, was_mended = _outline(feature, f"第 {position} 个要素", crs, kind, renamed or {})
        found[outline.code] = _joined(found.get(outline.code), outline)
        if was_mended:
            mended.append(outline.code)
    return Read(tuple(found.values()), tuple(mended))


def outline_of(districts: Sequence[Outline]) -> Geometry:
    """Give the city's outline: its districts joined, cracks of up to 20 m between them closed."""
    joined = shapely.union_all([district.geometry for district in districts])
    if joined.geom_type == "Polygon" and not joined.interiors:
        return joined
    grown = joined.buffer(CRACK_DEGREES, join_style="mitre")
    closed = grown.buffer(-CRACK_DEGREES, join_style="mitre")
    return _polygons(shapely.union_all([joined, closed]))


def _features(path: Path) -> list[Any]:
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise OutlineInvalid(f"文件超过 {LARGEST_BYTES // 1024 // 1024} MiB")
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        if isinstance(error, OutlineInvalid):
            raise
        raise OutlineInvalid("文件无法读取，或不是 UTF-8 的 JSON") from error
    features = _as_list(document)
    if not features:
        raise OutlineInvalid("文件中没有要素")
    return features


def _as_list(document: object) -> list[Any]:
    if isinstance(document, list):
        return document
    if isinstance(document, dict) and document.get("type") == "Feature":
        return [document]
    if isinstance(document, dict) and isinstance(document.get("features"), list):
        return list(document["features"])
    raise OutlineInvalid("不是 GeoJSON 的 FeatureCollection、Feature 或要素数组")


def _outline(
    feature: Any, which: str, crs: Crs, kind: AreaKind | None, renamed: Mapping[str, str]
) -> tuple[Outline, bool]:
    if not isinstance(feature, dict) or not isinstance(feature.get("properties"), dict):
        raise OutlineInvalid(f"{which}缺少 properties")
    properties = feature["properties"]
    code = next((str(properties[name]) for name in CODE_FIELDS if properties.get(name)), "").strip()
    name = str(properties.get("name") or "").strip()
    if not code or not name:
        raise OutlineInvalid(f"{which}缺少编码（code 或 adcode）或名称（name）")
    geometry, was_mended = _geometry(feature.get("geometry"), f"{which}（{code} {name}）", crs)
    code = renamed.get(code, code)
    kind = kind or _kind(properties, which)
    return Outline(code, name, kind, geometry, _belt(properties, which)), was_mended


def _kind(properties: Mapping[str, Any], which: str) -> AreaKind:
    try:
        return AreaKind(properties.get("kind", ""))
    except ValueError as error:
        raise OutlineInvalid(f"{which}没有说明是哪一类区域（kind）") from error


def _belt(properties: Mapping[str, Any], which: str) -> int:
    belt = properties.get("belt_m", 0)
    if isinstance(belt, bool) or not isinstance(belt, int) or not 0 <= belt <= 50_000:
        raise OutlineInvalid(f"{which}的 belt_m 必须是 0 到 50000 的整数（米）")
    return belt


def _geometry(raw: Any, which: str, crs: Crs) -> tuple[Geometry, bool]:
    try:
        drawn = shapely.force_2d(shapely.geometry.shape(raw))
    except (shapely.errors.ShapelyError, *UNREADABLE) as error:
        raise OutlineInvalid(f"{which}的几何无法读取") from error
    if drawn.geom_type not in {"Polygon", "MultiPolygon"} or drawn.is_empty:
        raise OutlineInvalid(f"{which}不是面（Polygon 或 MultiPolygon）")
    _require_degrees(drawn, which)
    sound = drawn if drawn.is_valid else _polygons(shapely.make_valid(drawn))
    if sound.is_empty or sound.area == 0:
        raise OutlineInvalid(f"{which}没有面积，无法修复")
    moved = shapely.transform(sound, lambda points: _moved(points, crs))
    return moved if moved.is_valid else _polygons(shapely.make_valid(moved)), not drawn.is_valid


def _require_degrees(drawn: Geometry, which: str) -> None:
    west, south, east, north = drawn.bounds
    if west < -180 or east > 180 or south < -90 or north > 90:
        raise OutlineInvalid(f"{which}的坐标不是经纬度（经度在前，单位为度）")


def _moved(points: Any, crs: Crs) -> Any:
    return np.array([to_wgs84(Point(x, y), crs) for x, y in points.tolist()]).reshape(-1, 2)


def _polygons(geometry: Geometry) -> Geometry:
    """Keep the faces of a geometry; lines and points are what mending leaves behind."""
    parts = shapely.get_parts(shapely.get_parts(geometry))
    return shapely.union_all([part for part in parts if part.geom_type == "Polygon"])


def _joined(earlier: Outline | None, outline: Outline) -> Outline:
    if earlier is None:
        return outline
    both = shapely.union_all([earlier.geometry, outline.geometry])
    return Outline(outline.code, outline.name, outline.kind, both, outline.belt_m)
