"""Channels, categories, areas and scanned sites: what the city edits instead of code."""

from enum import StrEnum

from sqlalchemy import JSON, CheckConstraint, Float, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from citizen.atlas import AreaKind
from core.database import Model, choice


class Origin(StrEnum):
    """Who a row is from: the files of this project, or the city's own people."""

    SHIPPED = "shipped"
    OPERATOR = "operator"


class Channel(Model):
    """A door for reports; one that is `lake_only` takes what lies at the lake or its rivers."""

    __tablename__ = "channels"
    code: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    lake_only: Mapped[bool] = mapped_column(default=False)
    position: Mapped[int] = mapped_column(default=0)
    active: Mapped[bool] = mapped_column(default=True)
    origin: Mapped[Origin] = mapped_column(choice(Origin), default=Origin.OPERATOR)
    version: Mapped[int] = mapped_column(default=1)


class Category(Model):
    """What is reported. `whistle`: insiders report it, so departments see a blurred place only.

    `kinds` are sub-kinds as `[{"code", "name"}]`: answers that routing may ask for.
    """

    __tablename__ = "categories"
    code: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    group: Mapped[str] = mapped_column("group_name", String(32))
    description: Mapped[str | None] = mapped_column(Text)
    channels: Mapped[list[str]] = mapped_column(JSON)
    kinds: Mapped[list[dict[str, str]]] = mapped_column(JSON)
    whistle: Mapped[bool] = mapped_column(default=False)
    position: Mapped[int] = mapped_column(default=0)
    active: Mapped[bool] = mapped_column(default=True)
    origin: Mapped[Origin] = mapped_column(choice(Origin), default=Origin.OPERATOR)
    version: Mapped[int] = mapped_column(default=1)


class Area(Model):
    """An outline in WGS-84 as GeoJSON text; `indicative` (示意) until an official one is loaded.

    `belt_m`: metres around it that count as being at it (the lake's belt).
    """

    __tablename__ = "areas"
    __table_args__ = (CheckConstraint("belt_m >= 0", name="belt"),)
    code: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    kind: Mapped[AreaKind] = mapped_column(choice(AreaKind))
    geometry: Mapped[str] = mapped_column(Text)
    belt_m: Mapped[int] = mapped_column(default=0)
    source: Mapped[str] = mapped_column(String(200))
    indicative: Mapped[bool] = mapped_column(default=True)
    origin: Mapped[Origin] = mapped_column(choice(Origin), default=Origin.OPERATOR)
    version: Mapped[int] = mapped_column(default=1)


class Site(Model):
    """A printed code at a place: what a scan fills in. Degrees are WGS-84."""

    __tablename__ = "sites"
    __table_args__ = (
        CheckConstraint("longitude BETWEEN -180 AND 180", name="longitude"),
        CheckConstraint("latitude BETWEEN -90 AND 90", name="latitude"),
    )
    code: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    category: Mapped[str | None] = mapped_column(ForeignKey("categories.code"))
    longitude: Mapped[float] = mapped_column(Float(53))
    latitude: Mapped[float] = mapped_column(Float(53))
    address: Mapped[str | None] = mapped_column(String(200))
    channel: Mapped[str | None] = mapped_column(ForeignKey("channels.code"))
    active: Mapped[bool] = mapped_column(default=True)
    origin: Mapped[Origin] = mapped_column(choice(Origin), default=Origin.OPERATOR)
    version: Mapped[int] = mapped_column(default=1)


class PlaceStamp(Model):
    """What was last loaded; a new stamp tells every process to read again.

    A random stamp, not a count: a rolled-back change could otherwise share its number with the
    next one.
    """

    __tablename__ = "place_stamps"
    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    stamp: Mapped[str] = mapped_column(String(64))
