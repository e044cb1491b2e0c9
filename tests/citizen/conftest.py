"""The tables of places and nothing else, without the rest of the application."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from citizen.areas import Area, Category, Channel, PlaceStamp, Site
from citizen.gazetteer import load_places
from core import database
from core.database import db, writing
from core.settings import from_environment


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Flask]:
    """An application with the tables of places and nothing else."""
    made = from_environment(
        {"INSTANCE_PATH": str(tmp_path), "DATABASE_URL": f"sqlite:///{tmp_path}/p.db"}
    )
    app = Flask(__name__)
    app.extensions.update(settings=made, caches={})
    database.init_app(app, made)
    tables = [model.__table__ for model in (Channel, Category, Area, Site, PlaceStamp)]
    with app.app_context():
        db.metadata.create_all(db.engine, tables=tables)  # type: ignore[arg-type]
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def filled(room: Flask) -> Flask:
    with writing() as session:
        load_places(session)
    return room
