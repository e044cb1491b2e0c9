"""Commands of the ground floor: worker, tokens, the demo set, and the proof of the audit trail."""

import secrets
import sys
from collections.abc import Iterator

import click
from flask import Flask, current_app
from flask.cli import AppGroup, with_appcontext
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import audit, passwords, phones, tokens, worker
from core.accounts import Account, Credential, Subject, find
from core.clock import now as present
from core.database import reading, snapshot, writing
from core.permissions import Kind
from core.settings import settings

audit_commands = AppGroup("audit", help="The audit trail.")


def init_app(app: Flask) -> None:
    """Register the commands."""
    for command in (run_worker, print_token, fill_demo, audit_commands):
        app.cli.add_command(command)


@click.command("worker")
@with_appcontext
def run_worker() -> None:
    """Deliver what leaves the database and run what is due, until SIGTERM."""
    worker.run(current_app.extensions["jobs"])


@click.command("token")
@click.argument("kind", type=click.Choice([kind.value for kind in Kind]))
@click.argument("name")
@with_appcontext
def print_token(kind: str, name: str) -> None:
    """Print an access token for an existing account; NAME is a resident's phone or a username."""
    with writing() as session:
        digits = phones.normal(name) or name
        account = find(session, Subject("phone", digits)) if kind == Kind.RESIDENT else None
        if kind != Kind.RESIDENT:
            named = select(Account).join(Credential, Credential.account_id == Account.id)
            account = session.scalars(
                named.where(Credential.username == name, Account.kind == Kind(kind))
            ).first()
        if account is None:
            raise click.ClickException(f"no {kind} account of that name")
        token = tokens.issue(session, account, present())["access_token"]
    click.echo(token)


@click.command("demo")
@with_appcontext
def fill_demo() -> None:
    """Fill an empty database with the demo set of contract section 8."""
    if settings().production and "demo" not in settings().allow_embedded:
        raise click.ClickException("the demo set is not for production")
    with reading() as session:
        filled = session.scalar(select(Account.id).limit(1)) is not None
    if filled:
        click.echo("the database is not empty; the demo set was not loaded", err=True)
        return
    password = settings().demo_password or secrets.token_urlsafe(12)
    password_hash = passwords.hash_password(password)
    with writing() as session:  # all or nothing: a half demo set would be taken for a whole one
        for load in current_app.extensions["demo"]:
            load(session, present(), password_hash)
    click.echo("demo set loaded")
    if settings().demo_password is None:
        click.echo(f"password of all demo staff and partners (shown once): {password}")


@audit_commands.command("check")
@click.option("--head", "noted", help="A head that an earlier check printed; it must still stand.")
def check_audit(noted: str | None) -> None:
    """Prove the sealed chain, every row's code, and each case's steps; exit 1 with the findings."""
    broken = False
    with snapshot() as session:
        for finding in _findings(session, noted):
            click.echo(finding)
            broken = True
        events, seals = audit.counts(session)
        head = audit.head(session)
    if broken:
        sys.exit(1)
    click.echo(f"audit trail holds: {events} events, {seals} sealed, head {head}")


def _findings(session: Session, noted: str | None) -> Iterator[str]:
    yield from audit.check(session, present())
    for prove in current_app.extensions["proofs"]:
        yield from prove(session)
    if noted and not audit.holds(session, noted):
        yield "the head noted earlier is gone: the end of the chain was replaced"
