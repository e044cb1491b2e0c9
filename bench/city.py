"""The real application over a scratch database, with the demo set and cases to measure among."""

import os
import random
from collections.abc import Sequence
from pathlib import Path

import structlog
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import select

from app import create_app
from bench import seeds
from core import tokens
from core.accounts import Account, Credential
from core.clock import now
from core.database import db, writing
from core.settings import from_environment

PROJECT = Path(__file__).resolve().parent.parent


class City:
    """An application that is ready to be asked; its log lines are written, and go nowhere."""

    def __init__(self, home: Path, database_url: str, cases: int) -> None:
        self.home, self.url = home, database_url
        self.chance = random.Random(cases)
        self.app = quietly(home, database_url)
        with self.app.app_context():
            upgrade(directory=str(PROJECT / "migrations"))
        self.app.test_cli_runner().invoke(args=["demo"], catch_exceptions=False)
        with self.app.app_context(), writing() as session:
            seeds.cases(session, cases, now(), self.chance)
            self.offer = seeds.plenty(session)
        self._analyse()
        self._people = 0

    def _analyse(self) -> None:
        """Let the planner see the rows, as it does in a database that runs for a while."""
        with self.app.app_context(), db.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.exec_driver_sql("ANALYZE")

    @property
    def environ(self) -> dict[str, str]:
        """Return the settings of processes that serve the same city."""
        return settings_for(self.home, self.url)

    def officer(self, name: str = "dispatcher") -> str:
        """Return a token of a member of staff or a partner."""
        named = select(Account).join(Credential, Credential.account_id == Account.id)
        with self.app.app_context(), writing() as session:
            account = session.scalars(named.where(Credential.username == name)).one()
            token: str = tokens.issue(session, account, now())["access_token"]
        return token

    def residents(self, count: int) -> list[tuple[int, str]]:
        """Enrol residents, and return the account and a token of each."""
        numbers = range(self._people, self._people + count)
        self._people += count
        with self.app.app_context(), writing() as session:
            return [
                (account.id, tokens.issue(session, account, now())["access_token"])
                for account in seeds.people(session, numbers, now())
            ]

    def photos(self, owners: Sequence[int]) -> list[str]:
        """Give each owner an unused photo, and return its public id."""
        with self.app.app_context(), writing() as session:
            return seeds.photos(session, owners, now())

    def close(self) -> None:
        """Let go of the database."""
        with self.app.app_context():
            db.engine.dispose()


def settings_for(home: Path, database_url: str) -> dict[str, str]:
    """Return the settings of every process of the bench: those of production, and no limits."""
    return {
        "FLASK_APP": "app",
        "INSTANCE_PATH": str(home),
        "DATABASE_URL": database_url,
        "LIMITS": "1000000",
        "DEMO_PASSWORD": "only-for-the-bench",
    }


def quietly(home: Path, database_url: str) -> Flask:
    """Build the application with its log lines going nowhere; they are paid for all the same."""
    made = create_app(from_environment(settings_for(home, database_url)))
    void = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  loggers keep it
    structlog.configure(logger_factory=structlog.WriteLoggerFactory(file=void))
    return made
