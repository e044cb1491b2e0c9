"""Pure geometry of a point: valid or not, three coordinate systems, distance, what may be told.

Longitudes and latitudes are degrees, distances metres on the mean sphere (within 0.6 % of the
ellipsoid). GCJ-02 and BD-09 follow the published open formulas (Krasovsky ellipsoid); their
inverses are iterated to double precision.
"""

import math
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

EARTH_RADIUS_M = 6_371_008.8
KRASOVSKY_A = 6_378_245.0
KRASOVSKY_EE = 0.00669342162296594323
BAIDU_X = math.pi * 3000 / 180
BAIDU_SHIFT = (0.0065, 0.006)
COARSE_DECIMALS = 3  # about 100 m: what departments see of a whistle-blower's place
ROUNDS = (
    6  # each is a hundred times closer: 3 m, 1.4 cm, 0.06 mm; from the fifth on double precision
)
NO_FIX_DEGREES = 1e-6  # phones without a fix send 0; a tenth of a metre around it is the same


class Crs(StrEnum):
    """The coordinate systems that clients declare."""

    WGS84 = "wgs84"
    GCJ02 = "gcj02"
    BD09 = "bd09"


class Point(NamedTuple):
    """A position in degrees, in whichever system its owner says."""

    longitude: float
    latitude: float


class Box(NamedTuple):
    """A rectangle in degrees, all four edges included."""

    west: float
    south: float
    east: float
    north: float


Errors = dict[str, list[str]]


def faults(longitude: float, latitude: float, *, path: str = "location") -> Errors:
    """Say what makes a position impossible, by field path; empty when it is a position at all.

    For the error `location_invalid`. Whether the position lies in the city is another question,
    so a point that the swap of two fields explains is told apart here only when out of range.
    """
    found: Errors = {}
    swapped = not _within(latitude, 90) and _within(latitude, 180) and _within(longitude, 90)
    for name, value, limit in (("longitude", longitude, 180), ("latitude", latitude, 90)):
        message = _fault(value, limit)
        if message:
            found[f"{path}.{name}"] = [message + ("，经纬度可能填反了" if swapped else "")]
    return found


def _within(value: float, limit: float) -> bool:
    return math.isfinite(value) and abs(value) <= limit


def _fault(value: float, limit: int) -> str | None:
    if not math.isfinite(value):
        return "必须是有限的数值"
    if abs(value) > limit:
        return f"必须在 -{limit} 到 {limit} 之间"
    if abs(value) < NO_FIX_DEGREES:
        return "为 0，设备没有取得定位"
    return None


def convert(point: Point, source: Crs, target: Crs) -> Point:
    """Carry a point from one system to another; the same system gives the same numbers."""
    if source is target:
        return point
    return from_wgs84(to_wgs84(point, source), target)


def to_wgs84(point: Point, source: Crs) -> Point:
    """Give the WGS-84 position of a point declared in `source`."""
    if source is Crs.BD09:
        point = _inverse(_baidu, point)
    return point if source is Crs.WGS84 else _inverse(_mars, point)


def from_wgs84(point: Point, target: Crs) -> Point:
    """Give a WGS-84 position in `target`."""
    if target is Crs.WGS84 or not in_china(point):
        return point
    shifted = _mars(point)
    return _baidu(shifted) if target is Crs.BD09 else shifted


def in_china(point: Point) -> bool:
    """Whether the open formula shifts here: a rectangle, which holds parts of neighbours too."""
    return 72.004 < point.longitude < 137.8347 and 0.8293 < point.latitude < 55.8271


def distance_m(one: Point, other: Point) -> float:
    """Great-circle distance in metres between two points of the same system (haversine)."""
    south, north = math.radians(one.latitude), math.radians(other.latitude)
    rise = math.sin((north - south) / 2) ** 2
    run = math.sin(math.radians(other.longitude - one.longitude) / 2) ** 2
    share = rise + math.cos(south) * math.cos(north) * run
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(min(1.0, share)))


def box_around(point: Point, metres: float) -> Box:
    """Give a rectangle that holds every point within `metres`, to search by index first."""
    tall = math.degrees(metres / EARTH_RADIUS_M) * (1 + 1e-9)
    top = min(89.0, abs(point.latitude) + tall)
    wide = tall / math.cos(math.radians(top))
    longitude, latitude = point
    return Box(longitude - wide, latitude - tall, longitude + wide, latitude + tall)


def coarse(point: Point) -> Point:
    """Blur a position to three decimals, about 100 m."""
    return Point(round(point.longitude, COARSE_DECIMALS), round(point.latitude, COARSE_DECIMALS))


def _inverse(forward: Callable[[Point], Point], target: Point) -> Point:
    """Find the point that `forward` carries to `target`; outside China nothing moves."""
    if not in_china(target):
        return target
    guess = target
    for _ in range(ROUNDS):
        reached = forward(guess)
        guess = Point(
            guess.longitude + target.longitude - reached.longitude,
            guess.latitude + target.latitude - reached.latitude,
        )
    return guess


def _mars(point: Point) -> Point:
    """WGS-84 to GCJ-02, without asking where the point lies."""
    x, y = point.longitude - 105.0, point.latitude - 35.0
    radians = math.radians(point.latitude)
    magic = 1 - KRASOVSKY_EE * math.sin(radians) ** 2
    meridian = KRASOVSKY_A * (1 - KRASOVSKY_EE) / magic**1.5
    parallel = KRASOVSKY_A / math.sqrt(magic) * math.cos(radians)
    return Point(
        point.longitude + math.degrees(_east_m(x, y) / parallel),
        point.latitude + math.degrees(_north_m(x, y) / meridian),
    )


def _wave(value: float, *terms: tuple[float, float]) -> float:
    return sum(height * math.sin(value * pi_share * math.pi) for height, pi_share in terms) * 2 / 3


def _east_m(x: float, y: float) -> float:
    flat = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * math.sqrt(abs(x))
    short = _wave(x, (20, 6), (20, 2))
    return flat + short + _wave(x, (20, 1), (40, 1 / 3)) + _wave(x, (150, 1 / 12), (300, 1 / 30))


def _north_m(x: float, y: float) -> float:
    flat = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * math.sqrt(abs(x))
    short = _wave(x, (20, 6), (20, 2))
    return flat + short + _wave(y, (20, 1), (40, 1 / 3)) + _wave(y, (160, 1 / 12), (320, 1 / 30))


def _baidu(point: Point) -> Point:
    """GCJ-02 to BD-09."""
    x, y = point
    radius = math.hypot(x, y) + 0.00002 * math.sin(y * BAIDU_X)
    angle = math.atan2(y, x) + 0.000003 * math.cos(x * BAIDU_X)
    east, north = BAIDU_SHIFT
    return Point(radius * math.cos(angle) + east, radius * math.sin(angle) + north)
