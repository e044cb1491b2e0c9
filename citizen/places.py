"""Where a point lies, and what can be reported there: answered from memory.

Nothing about the city is code: channels, categories and outlines are rows. Each process keeps them
and asks the database at most every 30 s whether they changed. Questions use the open transaction,
or a short read of their own.
"""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from flask import current_app
from sqlalchemy import select
from sqlalchemy.orm import Session

from citizen import areas
from citizen.areas import PlaceStamp, Site
from citizen.atlas import Atlas, Geometry, Label, Outline, Place
from citizen.geo import Crs, Point, from_wgs84
from core.database import db, public_id, reading
from core.later import later

shapely = later("shapely")

CHECK_SECONDS = 30
STAMP = "places"


@dataclass(frozen=True)
class Channel:
    """A door for reports, as kept in memory."""

    code: str
    name: str
    lake_only: bool


@dataclass(frozen=True)
class Category:
    """What can be reported, as kept in memory; `whistle` blurs its place for departments."""

    code: str
    name: str
    group: str
    description: str | None
    channels: tuple[str, ...]
    kinds: tuple[Label, ...]
    whistle: bool


@dataclass(frozen=True)
class _Kept:
    """All of it, drawn from the rows of one stamp."""

    stamp: str | None
    atlas: Atlas
    areas: Mapping[str, Label]
    channels: Mapping[str, Channel]
    categories: Mapping[str, Category]


def locate(point: Point) -> Place:
    """Say where a WGS-84 point lies; see `citizen.atlas.Place`."""
    return _kept().atlas.locate(*point)


def area_named(code: str) -> Label:
    """Give an area by its code; one that was removed since is named by its code."""
    return _kept().areas.get(code) or Label(code, code)


def channels() -> Mapping[str, Channel]:
    """Give the open channels by code."""
    return _kept().channels


def category(code: str) -> Category | None:
    """Give an open category, or None."""
    return _kept().categories.get(code)


def categories(channel: str | None = None) -> list[Category]:
    """List the open categories of one channel or of all, in the order to show them."""
    every = _kept().categories.values()
    return [found for found in every if channel is None or channel in found.channels]


def site(session: Session, code: str) -> Site | None:
    """Find an open site by the code that was scanned, in whatever case it was typed."""
    found = session.get(Site, code.strip().upper())
    return found if found and found.active else None


def prefill(found: Site, crs: Crs) -> dict[str, Any]:
    """Give what a scanned site fills in, its position in the system asked for."""
    point = Point(found.longitude, found.latitude)
    shown = from_wgs84(point, crs)
    return {
        "code": found.code,
        "name": found.name,
        "channel": found.channel,
        "category": found.category,
        "location": {**shown._asdict(), "crs": crs.value, "accuracy_m": None},
        "address": found.address,
        "area": locate(point).area,
    }


def changed(session: Session, name: str = STAMP, stamp: str | None = None) -> None:
    """Say that rows changed; whoever edits one calls this in the same unit of work."""
    session.merge(PlaceStamp(name=name, stamp=stamp or public_id()))
    session.flush()
    invalidate()


def invalidate() -> None:
    """Forget what this process keeps; the next question reads the database."""
    _caches().pop(STAMP, None)


def outline(area: areas.Area) -> Outline:
    """Give a stored area as the pure map wants it."""
    return Outline(area.code, area.name, area.kind, _drawn(area.geometry), area.belt_m)


def as_geojson(geometry: Geometry) -> str:
    """Write a geometry as it is stored."""
    return str(shapely.to_geojson(geometry))


def _drawn(text: str) -> Geometry:
    document: Mapping[str, Any] = json.loads(text)
    return shapely.geometry.shape(document)


def _kept() -> _Kept:
    found: tuple[_Kept | None, float] = _caches().get(STAMP, (None, 0.0))
    kept, check_at = found
    if kept is None or time.monotonic() >= check_at:
        with _session() as session:
            kept = _fresh(session, kept)
        _caches()[STAMP] = (kept, time.monotonic() + CHECK_SECONDS)
    return kept


def _fresh(session: Session, kept: _Kept | None) -> _Kept:
    stamp = session.scalar(select(PlaceStamp.stamp).where(PlaceStamp.name == STAMP))
    return kept if kept and kept.stamp == stamp else _read(session, stamp)


def _read(session: Session, stamp: str | None) -> _Kept:
    drawn = [outline(area) for area in session.scalars(select(areas.Area))]
    return _Kept(
        stamp=stamp,
        atlas=Atlas(drawn),
        areas={found.code: found.label for found in drawn},
        channels={
            row.code: Channel(row.code, row.name, row.lake_only)
            for row in session.scalars(_open(areas.Channel))
        },
        categories={row.code: _plain(row) for row in session.scalars(_open(areas.Category))},
    )


def _open(model: Any) -> Any:
    return select(model).where(model.active).order_by(model.position, model.code)


def _plain(row: areas.Category) -> Category:
    kinds = tuple(Label(kind["code"], kind["name"]) for kind in row.kinds)
    given = (row.code, row.name, row.group, row.description, tuple(row.channels), kinds)
    return Category(*given, whistle=row.whistle)


@contextmanager
def _session() -> Iterator[Session]:
    session = db.session()
    if session.in_transaction():
        yield session
    else:
        with reading() as short:
            yield short


def _caches() -> dict[str, Any]:
    found: dict[str, Any] = current_app.extensions["caches"]
    return found
