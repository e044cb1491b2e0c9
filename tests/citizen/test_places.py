"""What is kept in memory of places, and what ships; on a database of their own."""

import time

import pytest
from flask import Flask
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from citizen import places
from citizen.areas import Area, Category, Site
from citizen.atlas import AreaKind, Label
from citizen.gazetteer import load_places
from citizen.geo import Crs, Point, from_wgs84
from citizen.places import (
    area_named,
    categories,
    category,
    changed,
    channels,
    locate,
    prefill,
    site,
)
from core import database
from core.database import db, reading, writing

CENTRE = Point(116.587, 35.415)
RENCHENG = Label("370811", "任城区")
CHANNELS = {"suishoupai", "huhutong"}


def codes(session: Session, kind: AreaKind) -> set[str]:
    return set(session.scalars(select(Area.code).where(Area.kind == kind)))


# -------- what ships


def test_the_shipped_files_fill_an_empty_database(filled: Flask) -> None:
    with reading() as session:
        assert len(codes(session, AreaKind.DISTRICT)) == 11
        assert codes(session, AreaKind.CITY) == {"370800"}
        assert session.scalar(select(func.count()).select_from(Category)) == 25
        assert all(area.indicative for area in session.scalars(select(Area)))
        assert locate(CENTRE).area == RENCHENG


def test_loading_twice_writes_nothing(filled: Flask) -> None:
    seen = watched()
    with writing() as session:
        done = load_places(session)
    assert [statement for statement in seen if not statement.startswith("SELECT")] == [
        "BEGIN IMMEDIATE"
    ]
    assert {loaded.codes for loaded in done.values()} == {()}


def test_the_lake_channel_has_the_categories_of_the_contract(filled: Flask) -> None:
    with reading() as session:
        rows = session.scalars(select(Category)).all()
    lake = {row.code for row in rows if "huhutong" in row.channels}
    assert lake >= {"WAT-OUT", "WAT-SHIP", "WAT-FARM", "WAT-FLOAT", "ECO-WET", "ECO-WILD"}
    assert {row.code for row in rows if row.whistle} == {"AIR-IND", "WAT-IND"}
    assert all(set(row.channels) <= CHANNELS and "suishoupai" in row.channels for row in rows)


def test_every_shipped_site_lies_in_the_city_and_names_a_category_of_its_channel(
    filled: Flask,
) -> None:
    with reading() as session:
        sites = session.scalars(select(Site)).all()
        assert len(sites) == 7
        for site in sites:
            place = locate(Point(site.longitude, site.latitude))
            assert place.in_city
            assert place.near_lake or site.channel != "huhutong"
            category = site.category and session.get(Category, site.category)
            assert not category or site.channel in category.channels


# -------- what is kept in memory


def selects(seen: list[str]) -> int:
    return len([statement for statement in seen if statement.startswith("SELECT")])


def watched() -> list[str]:
    seen: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *given: seen.append(given[2]))
    return seen


def later(monkeypatch: pytest.MonkeyPatch) -> None:
    late = time.monotonic() + places.CHECK_SECONDS + 1
    monkeypatch.setattr(places.time, "monotonic", lambda: late)


def test_questions_read_the_database_once_and_need_no_open_transaction(filled: Flask) -> None:
    seen = watched()
    for _ in range(100):
        locate(CENTRE)
        category("WAT-OUT")
    assert selects(seen) == 4  # the stamp, areas, channels, categories
    database.no_transaction()


def test_questions_inside_a_unit_of_work_use_it(filled: Flask) -> None:
    with writing() as session:
        session.get_one(Category, "RAD").name = "改名"
        changed(session)
        found = category("RAD")
        assert found
        assert found.name == "改名"


def test_after_half_a_minute_only_the_stamp_is_read(
    filled: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    locate(CENTRE)
    later(monkeypatch)
    seen = watched()
    locate(CENTRE)
    locate(CENTRE)
    assert selects(seen) == 1


def test_a_change_is_seen_at_once_here_and_within_half_a_minute_elsewhere(
    filled: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    locate(CENTRE)
    elsewhere = filled.extensions["caches"]["places"]
    with writing() as session:
        session.delete(session.get_one(Area, "370811"))
        changed(session)
    assert locate(CENTRE).area != RENCHENG
    filled.extensions["caches"]["places"] = elsewhere
    assert locate(CENTRE).area == RENCHENG
    later(monkeypatch)
    assert locate(CENTRE).area != RENCHENG


def test_a_change_that_was_rolled_back_is_not_kept(filled: Flask) -> None:
    def broken() -> None:
        with writing() as session:
            session.delete(session.get_one(Area, "370811"))
            changed(session)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()
    assert locate(CENTRE).area == RENCHENG


def test_categories_are_listed_by_channel_and_closed_ones_are_not(filled: Flask) -> None:
    with writing() as session:
        session.get_one(Category, "WAT-SHIP").active = False
        changed(session)
    lake = [found.code for found in categories("huhutong")]
    assert "WAT-SHIP" not in lake
    assert "WAT-OUT" in lake
    assert "NOI-CON" not in lake
    assert len(categories()) == 24
    assert category("WAT-SHIP") is None
    assert category("nothing") is None


def test_the_lake_channel_says_that_it_takes_the_lake_only(filled: Flask) -> None:
    assert {code: channel.lake_only for code, channel in channels().items()} == {
        "suishoupai": False,
        "huhutong": True,
    }


def test_an_area_is_named_by_its_code_even_after_it_is_gone(filled: Flask) -> None:
    assert area_named("370811") == RENCHENG
    assert area_named("370899") == Label("370899", "370899")


def test_a_scanned_site_fills_in_its_place_in_the_system_asked_for(filled: Flask) -> None:
    with reading() as session:
        found = site(session, " tbh-01 ")
        assert found
        filled_in = prefill(found, Crs.GCJ02)
    shown = from_wgs84(Point(116.6, 35.35), Crs.GCJ02)
    assert filled_in["area"] == RENCHENG
    assert filled_in["location"] == {
        "longitude": shown.longitude,
        "latitude": shown.latitude,
        "crs": "gcj02",
        "accuracy_m": None,
    }


def test_a_closed_or_unknown_site_is_not_found(filled: Flask) -> None:
    with writing() as session:
        session.get_one(Site, "TBH-01").active = False
    with reading() as session:
        assert site(session, "TBH-01") is None
        assert site(session, "NONE-1") is None
