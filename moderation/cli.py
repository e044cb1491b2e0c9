"""Commands about departments and rules."""

import click
from flask import Flask
from flask.cli import AppGroup

from core.database import writing
from moderation import registry

rules = AppGroup("rules", help="Departments, routing and deadlines.")


def init_app(app: Flask) -> None:
    """Register the commands."""
    app.cli.add_command(rules)


@rules.command("ship")
def ship_rules() -> None:
    """Load the departments, routing and deadline rules that come with this version."""
    with writing() as session:
        loaded = registry.load_shipped(session)
    click.echo(f"loaded: {', '.join(loaded) or 'nothing new'}")
