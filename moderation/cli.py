"""Commands about departments and rules."""

import json
from pathlib import Path

import click
from flask import Flask
from flask.cli import AppGroup

from core import passwords
from core.clock import now as present
from core.database import reading, writing
from core.errors import DomainError
from core.permissions import Role
from moderation import recounts, registry, staff
from moderation.staff import Post

SHORTEST_PASSWORD = 12

officers = AppGroup("staff", help="Officers of the city.")
rules = AppGroup("rules", help="Departments, routing and deadlines.")


def init_app(app: Flask) -> None:
    """Register the commands."""
    app.cli.add_command(rules)
    app.cli.add_command(officers)


@rules.command("ship")
def ship_rules() -> None:
    """Load the departments, routing and deadline rules that come with this version."""
    with writing() as session:
        loaded = registry.load_shipped(session)
    click.echo(f"loaded: {', '.join(loaded) or 'nothing new'}")


@rules.command("calendar")
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def load_calendar(path: Path) -> None:
    """Load the days of a decree, and count anew what was due by assumed ones.

    The file is like moderation/data/calendar.json: {"days": [{"day", "working", "note"}, …]}.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        with writing() as session:
            loaded = registry.load_calendar(session, document)
    except (ValueError, KeyError, TypeError) as error:
        raise click.ClickException(f"not a calendar: {error!r}") from error
    click.echo(f"loaded: {loaded} days")
    _recompute()


@rules.command("recompute")
def recompute_due_times() -> None:
    """Count provisional due times anew, once the working days of their year are published."""
    registry.forget()
    _recompute()


def _recompute() -> None:
    with reading() as session:
        numbers = recounts.provisional(session)
    changed = 0
    for number in numbers:
        with writing() as session:
            changed += recounts.recount(session, number, present())
    click.echo(f"recomputed: {changed} of {len(numbers)} provisional due times")


@officers.command("hire")
@click.argument("username")
@click.option("--role", type=click.Choice([role.value for role in Role]), multiple=True)
@click.option("--department", help="The code of the department; handlers need one.")
@click.password_option(help="Asked for where it is not given; 12 characters or more.")
def hire(username: str, role: tuple[str, ...], department: str | None, password: str) -> None:
    """Create a staff account: the first system administrator of a new installation, above all."""
    if len(password) < SHORTEST_PASSWORD:
        raise click.ClickException(f"a password has {SHORTEST_PASSWORD} characters or more")
    password_hash = passwords.hash_password(password)
    post = Post(frozenset(Role(name) for name in role), department)
    try:
        with writing() as session:
            staff.hire(session, username, password_hash, post, now=present())
    except DomainError as error:
        raise click.ClickException(f"{error.zh} {dict(error.errors or {})}") from error
    click.echo(f"{username} may sign in")
