"""Commands about places, and about the life of a report."""

from pathlib import Path

import click
from flask import Flask
from flask.cli import AppGroup

from citizen import gazetteer, picture
from citizen.atlas import AreaKind
from citizen.geo import Crs
from citizen.outlines import OutlineInvalid
from core.database import writing
from core.settings import settings

areas = AppGroup("areas", help="Outlines of districts, zones, lakes and rivers.")
workflow = AppGroup("workflow", help="The table of what can be done to a case.")


def init_app(app: Flask) -> None:
    """Register the commands."""
    app.cli.add_command(areas)
    app.cli.add_command(workflow)


@workflow.command("picture")
def draw_workflow() -> None:
    """Print the README's picture of a report's life, drawn from the table (Mermaid)."""
    click.echo(picture.mermaid())


@areas.command("load")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--crs",
    type=click.Choice([Crs.WGS84.value, Crs.GCJ02.value]),
    required=True,
    help="Declared by you.",
)
@click.option(
    "--kind", type=click.Choice([kind.value for kind in AreaKind]), default=AreaKind.DISTRICT.value
)
@click.option("--source", required=True, help="Where the outlines are from.")
def load_areas(file: Path, crs: str, kind: str, source: str) -> None:
    """Load official outlines from a GeoJSON FILE in the place of the coarse ones (示意)."""
    try:
        with writing() as session:
            loaded = gazetteer.load_geojson(
                session,
                file,
                crs=Crs(crs),
                kind=AreaKind(kind),
                source=source,
                city=settings().city,
            )
    except OutlineInvalid as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"loaded {len(loaded.codes)} outlines; mended: {', '.join(loaded.mended) or 'none'}")


@areas.command("ship")
def ship_areas() -> None:
    """Load the categories, outlines and sites of this version; what operators changed stays."""
    with writing() as session:
        for name, loaded in gazetteer.load_places(session).items():
            click.echo(f"{name}: {len(loaded.codes)}")
