"""Pure: which district, built-up area, zone, lake belt and river a point belongs to.

Outlines are WGS-84 polygons, questions are answered from memory. Distances are metres after a
transverse Mercator projection on the mean sphere; within 100 km of the middle it stretches by
less than 0.02 %.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from citizen.geo import EARTH_RADIUS_M
from core.later import later

np, shapely = later("numpy"), later("shapely")

# Half a centimetre and more: what the inverse of a coordinate system and the last digit may move.
EDGE_DEGREES = 1e-7
STRAIGHT_DEGREES = 0.01  # a longer edge is no straight line any more once projected
Geometry = Any  # shapely brings no types


class AreaKind(StrEnum):
    """What an outline stands for."""

    CITY = "city"
    DISTRICT = "district"
    ZONE = "zone"
    LAKE = "lake"
    RIVER = "river"
    BUILT_UP = "built_up"


class Label(NamedTuple):
    """An area as answers show it."""

    code: str
    name: str


@dataclass(frozen=True)
class Outline:
    """One area; `belt_m` is how far around it (metres) still counts as being at it."""

    code: str
    name: str
    kind: AreaKind
    geometry: Geometry
    belt_m: int = 0

    @property
    def label(self) -> Label:
        return Label(self.code, self.name)


@dataclass(frozen=True)
class Place:
    """Facts about a point; what follows from them is decided elsewhere.

    `built_up` is None where no built-up outline is known for the district: then somebody must say.
    `lake_distance_m` is 0 on the water and None without any lake; `near_lake` is true within a
    lake's belt or in an inflow river's area; `lake` is the smallest named water under the point.
    """

    in_city: bool
    area: Label | None
    built_up: bool | None
    lake_distance_m: float | None
    near_lake: bool
    lake: Label | None
    river: Label | None
    zones: tuple[Label, ...]

    @property
    def on_lake(self) -> bool:
        return self.lake is not None


class Atlas:
    """All outlines of one city, prepared for questions; immutable, so threads may share it."""

    def __init__(self, outlines: Iterable[Outline]) -> None:
        self._outlines = sorted(outlines, key=lambda outline: outline.code)
        geometries = [outline.geometry for outline in self._outlines]
        shapely.prepare(geometries)
        self._tree = shapely.STRtree(geometries)
        self._metres = _Metres(geometries)
        self._districts = self._of(AreaKind.DISTRICT)
        self._lakes = self._of(AreaKind.LAKE)
        self._shores = self._metres.project([lake.geometry for lake in self._lakes])
        self._known_built_up = self._districts_with_built_up()
        self._has_city = bool(self._of(AreaKind.CITY))

    def locate(self, longitude: float, latitude: float) -> Place:
        """Answer for a WGS-84 point.

        Every point of the city, its edge included, gets exactly one district and always the same:
        on a shared edge the lowest code, in a crack between two outlines the nearest district.
        """
        point = shapely.Point(longitude, latitude)
        hits = self._touched(point)
        in_city = bool(_of_kind(hits, AreaKind.CITY if self._has_city else AreaKind.DISTRICT))
        area = self._district(point, hits) if in_city else None
        away, in_belt = self._shore(point)
        rivers = _of_kind(hits, AreaKind.RIVER)
        waters = sorted(_of_kind(hits, AreaKind.LAKE), key=lambda lake: lake.geometry.area)
        return Place(
            in_city=in_city,
            area=area,
            built_up=self._built_up(area, hits),
            lake_distance_m=0.0 if waters else away,
            near_lake=bool(in_belt or waters or rivers),
            lake=waters[0].label if waters else None,
            river=rivers[0].label if rivers else None,
            zones=tuple(zone.label for zone in _of_kind(hits, AreaKind.ZONE)),
        )

    def _of(self, kind: AreaKind) -> list[Outline]:
        return _of_kind(self._outlines, kind)

    def _touched(self, point: Geometry) -> list[Outline]:
        """Return the outlines at the point, by code; the edge counts as inside."""
        found = self._tree.query(point, predicate="dwithin", distance=EDGE_DEGREES)
        return [self._outlines[index] for index in sorted(found)]

    def _district(self, point: Geometry, hits: Sequence[Outline]) -> Label | None:
        covering = _of_kind(hits, AreaKind.DISTRICT)
        if covering:
            return covering[0].label
        if not self._districts:
            return None
        return min(self._districts, key=lambda district: district.geometry.distance(point)).label

    def _shore(self, point: Geometry) -> tuple[float | None, bool]:
        if not self._lakes:
            return None, False
        distances = shapely.distance(self._shores, self._metres.project([point])[0])
        belts = np.array([lake.belt_m for lake in self._lakes])
        return float(distances.min()), bool((distances <= belts).any())

    def _districts_with_built_up(self) -> frozenset[str]:
        built_up = [outline.geometry for outline in self._of(AreaKind.BUILT_UP)]
        cores = shapely.union_all(built_up)
        return frozenset(
            district.code
            for district in self._districts
            if district.geometry.intersection(cores).area > 0
        )

    def _built_up(self, area: Label | None, hits: Sequence[Outline]) -> bool | None:
        if _of_kind(hits, AreaKind.BUILT_UP):
            return True
        return False if area and area.code in self._known_built_up else None


class _Metres:
    """Transverse Mercator on the mean sphere around the middle of what it is made for."""

    def __init__(self, geometries: Sequence[Geometry]) -> None:
        west, south, east, north = shapely.total_bounds(geometries) if geometries else (0, 0, 0, 0)
        self._meridian, self._parallel = np.radians([(west + east) / 2, (south + north) / 2])

    def project(self, geometries: Sequence[Geometry]) -> Any:
        edges = shapely.segmentize(np.array(geometries, dtype=object), STRAIGHT_DEGREES)
        return shapely.transform(edges, self._flatten)

    def _flatten(self, degrees: Any) -> Any:
        east, latitude = np.radians(degrees).T
        east = east - self._meridian
        across = np.arctanh(np.cos(latitude) * np.sin(east))
        along = np.arctan2(np.tan(latitude), np.cos(east)) - self._parallel
        return EARTH_RADIUS_M * np.column_stack((across, along))


def _of_kind(outlines: Iterable[Outline], kind: AreaKind) -> list[Outline]:
    return [outline for outline in outlines if outline.kind is kind]
