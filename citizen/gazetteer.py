"""Load places: the files that ship with the project, and the official outlines an operator has."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from citizen.areas import Area, Category, Channel, Origin, PlaceStamp, Site
from citizen.atlas import AreaKind, Outline
from citizen.geo import Crs
from citizen.outlines import OutlineInvalid, outline_of, read_geojson
from citizen.places import as_geojson, changed, outline

DATA = Path(__file__).resolve().parent / "data"
SOURCE_LENGTH = 200


@dataclass(frozen=True)
class Loaded:
    """What a load did: the codes it wrote, and those whose outline had to be mended."""

    codes: tuple[str, ...]
    mended: tuple[str, ...] = ()


def load_places(session: Session, folder: Path = DATA) -> Mapping[str, Loaded]:
    """Bring the shipped files into the database; a second call does nothing.

    Rows of the city's own people stay as they are; shipped rows that a newer file no longer has
    are closed, areas removed.
    """
    return {
        "channels": _if_new(session, folder / "channels.json", "channels", Channel),
        "categories": _if_new(session, folder / "categories.json", "categories", Category),
        "areas": _if_new(session, folder / "areas.geojson", "areas", Area),
        "sites": _if_new(session, folder / "sites.json", "sites", Site),
    }


def load_geojson(
    session: Session,
    path: Path,
    *,
    crs: Crs,
    kind: AreaKind,
    source: str,
    city: str,
    folder: Path = DATA,
) -> Loaded:
    """Load official outlines of one kind; they replace those of the same code and are no 示意.

    The city's outline follows its districts. `city` is its adcode: districts of other cities are
    refused. `source` says where the outlines are from (at most 200 characters).

    Raises:
        OutlineInvalid: the file can't be used; nothing was changed.
    """
    document = _document(folder / "areas.geojson")
    read = read_geojson(path, crs=crs, kind=kind, renamed=document["former_codes"])
    for drawn in read.outlines:
        _require_ours(session, drawn, city)
    for drawn in read.outlines:
        _put_area(session, drawn, source=source[:SOURCE_LENGTH], indicative=False)
    if kind is AreaKind.DISTRICT:
        _redraw_city(session, document["city"])
    changed(session)
    return Loaded(tuple(drawn.code for drawn in read.outlines), read.mended)


def _require_ours(session: Session, drawn: Outline, city: str) -> None:
    if drawn.kind is AreaKind.DISTRICT and drawn.code[:4] != city[:4]:
        raise OutlineInvalid(f"{drawn.code} {drawn.name} 不属于本市（{city}）")
    there = session.get(Area, drawn.code)
    if there and there.kind is not drawn.kind:
        raise OutlineInvalid(f"{drawn.code} 已是另一类区域（{there.kind.value}）")


def _if_new(session: Session, path: Path, name: str, model: Any) -> Loaded:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    known = session.get(PlaceStamp, f"shipped-{name}")
    if known and known.stamp == digest:
        return Loaded(())
    codes = _load_areas(session, path) if model is Area else _load_rows(session, path, name, model)
    changed(session, f"shipped-{name}", digest)
    changed(session)
    return Loaded(codes)


def _load_rows(session: Session, path: Path, name: str, model: Any) -> tuple[str, ...]:
    document = _document(path)
    there = {row.code: row for row in session.scalars(select(model))}
    for values in document[name]:
        row = there.pop(values["code"], None)
        if row is None:
            row = model(origin=Origin.SHIPPED)
            session.add(row)
        if row.origin is Origin.SHIPPED:
            _set(row, {**values, "version": document["version"]})
    for row in there.values():
        row.active = row.active and row.origin is not Origin.SHIPPED
    session.flush()
    return tuple(values["code"] for values in document[name])


def _load_areas(session: Session, path: Path) -> tuple[str, ...]:
    document = _document(path)
    drawn = read_geojson(path, crs=Crs.WGS84, kind=None).outlines
    there = {area.code: area for area in session.scalars(select(Area))}
    for found in drawn:
        area = there.pop(found.code, None)
        if area is None or area.origin is Origin.SHIPPED:
            _put_area(session, found, source=document["source"], indicative=True)
    for area in there.values():
        if area.origin is Origin.SHIPPED and area.kind is not AreaKind.CITY:
            session.delete(area)
    session.flush()
    _redraw_city(session, document["city"])
    return tuple(found.code for found in drawn)


def _redraw_city(session: Session, city: Mapping[str, str]) -> None:
    """Draw the city around its districts, so that the two can never disagree."""
    districts = session.scalars(select(Area).where(Area.kind == AreaKind.DISTRICT)).all()
    joined = outline_of([outline(district) for district in districts])
    drawn = Outline(city["code"], city["name"], AreaKind.CITY, joined)
    indicative = any(district.indicative for district in districts)
    _put_area(session, drawn, source="由各县（市、区）轮廓合并", indicative=indicative)


def _put_area(session: Session, drawn: Outline, *, source: str, indicative: bool) -> None:
    area = session.get(Area, drawn.code)
    if area is None:
        area = Area(code=drawn.code, version=0, belt_m=drawn.belt_m)
        session.add(area)
    _set(
        area,
        {
            "name": drawn.name,
            "kind": drawn.kind,
            "geometry": as_geojson(drawn.geometry),
            "belt_m": drawn.belt_m or area.belt_m,
            "source": source,
            "indicative": indicative,
            "origin": Origin.SHIPPED if indicative else Origin.OPERATOR,
            "version": area.version + 1,
        },
    )
    session.flush()


def _set(row: object, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(row, name, value)


def _document(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found
