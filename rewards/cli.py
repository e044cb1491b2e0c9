"""Commands of rewards: the proof of the books."""

import sys

import click
from flask import Flask
from flask.cli import AppGroup

from core.clock import now as present
from core.database import reading, writing
from rewards import proof, rulebook

ledger_commands = AppGroup("ledger", help="Points and vouchers.")


def init_app(app: Flask) -> None:
    """Register the commands."""
    app.cli.add_command(ledger_commands)


@ledger_commands.command("rules")
def ship_rules() -> None:
    """Put the default rule set in force where there is none; without one, awards wait."""
    with writing() as session:
        shipped = rulebook.ship(session, present())
    click.echo("default rules are in force" if shipped else "there are rules already")


@ledger_commands.command("check")
def check_ledger() -> None:
    """Prove the invariants of points and vouchers; exit 1 with every one that is broken."""
    broken = 0
    with reading() as session:
        for invariant in proof.INVARIANTS:
            findings = list(invariant.findings(session))
            broken += len(findings)
            for finding in findings:
                click.echo(f"{invariant.name}: {finding}")
        rows = proof.rows(session)
    if broken:
        click.echo(f"{broken} broken invariants in {rows} rows")
        sys.exit(1)
    click.echo(f"ledger holds: {rows} rows read, {len(proof.INVARIANTS)} invariants")
