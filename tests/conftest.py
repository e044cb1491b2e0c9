"""One suite, both databases: each test finds the demo set as it was, in a database of its own."""

import os
import re
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import event
from xdist.scheduler import LoadScopeScheduling

from app import create_app
from core.database import db
from core.settings import from_environment
from tests.clients import Api

pytest_plugins = ["tests.fakes"]
TOGETHER = {  # files whose tests share what is slow to start, so one process runs them all
    "tests/flows/test_fuzz.py": "fuzz",
    "tests/flows/test_journey.py": "journey",
    "tests/flows/test_kill.py": "kill",
    "tests/media/test_gateway.py": "gateway",
    "tests/media/test_migrate.py": "gateway",
    "tests/media/test_store_away.py": "store away",
}
PROJECT = Path(__file__).resolve().parent.parent
WRITES = re.compile(r"(?:INSERT INTO|UPDATE|DELETE FROM) \"?([a-z_]+)\"?(?=[\s(])")
HARMLESS = re.compile(
    r"\s*(SELECT|EXPLAIN|SHOW|SET|SAVEPOINT|RELEASE|ROLLBACK|LOCK TABLE|BEGIN|WITH)\b"
)
DEMO_PASSWORD = "demo-password-for-tests"


class _ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """Hands out single tests, but for files that stay together.

    The marks of `--dist loadgroup` travel in a name that pytest 9.2 does not read any more.
    """

    def _split_scope(self, nodeid: str) -> str:
        return TOGETHER.get(nodeid.split("::", 1)[0], nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    return _ByFile(config, log)


@pytest.fixture(scope="session", autouse=True)
def _no_power_cut() -> Iterator[None]:
    """Twelve calls of an upload that wait for the disk would only take time: no test cuts power."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _descriptor: None)
        yield


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A throw-away server. PostgreSQL refuses to run as root, so root lends it to nobody."""
    installed = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    found = max(map(str, installed), default=None) or shutil.which("initdb")
    if found is None:
        pytest.fail("PostgreSQL is not installed; make test says how")
    tools = Path(found).resolve().parent
    home = Path(tempfile.mkdtemp(prefix="pg-"))
    lent = os.geteuid() == 0
    if lent:
        shutil.chown(home, "nobody", "nogroup")

    def run(tool: str, *arguments: str) -> None:
        command = [str(tools / tool), "-D", str(home / "data"), *arguments]
        who = {"user": "nobody", "group": "nogroup", "extra_groups": []} if lent else {}
        subprocess.run(command, check=True, cwd=home, stdout=subprocess.DEVNULL, **who)  # type: ignore[call-overload]

    run("initdb", "-U", "test", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
    options = f"-k {home} -h '' -F -c full_page_writes=off -c max_connections=200"
    run("pg_ctl", "-w", "-l", str(home / "log"), "-o", options, "start")
    yield f"postgresql+psycopg://test@/postgres?host={home}"
    run("pg_ctl", "-m", "immediate", "stop")
    shutil.rmtree(home)


@pytest.fixture(scope="session")
def new_database(postgres_url: str) -> Callable[[str], str]:
    """`new_database("name")`: the URL of an empty database on the suite's own server."""

    def made(name: str) -> str:
        unique = f"{name}_{secrets.token_hex(4)}"
        with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {unique}")  # type: ignore[call-overload]
        return postgres_url.replace("/postgres?", f"/{unique}?")

    return made


class World:
    """An application on one kind of database, and the demo set to go back to."""

    def __init__(self, kind: str, home: Path, server: str | None) -> None:
        self.kind, self.home, self.server = kind, home, server
        self.dirty: set[str] = set()
        self.rebuilt = False
        self._line: psycopg.Connection[tuple[object, ...]] | None = None
        url = (
            server.replace("/postgres?", "/suite?")
            if server
            else f"sqlite:///{home / 'suite.sqlite3'}"
        )
        if server:
            self._admin("CREATE DATABASE suite")
        environ = {
            "INSTANCE_PATH": str(home),
            "DATABASE_URL": url,
            "DEMO_PASSWORD": DEMO_PASSWORD,
            "LOG_LEVEL": "WARNING",
        }
        self.app = create_app(from_environment(environ), testing=True)
        with self.app.app_context():
            upgrade(directory=str(PROJECT / "migrations"))
        result = self.app.test_cli_runner().invoke(args=["demo"])
        assert result.exit_code == 0, result.output
        self._keep()

    def _admin(self, statement: str) -> None:
        assert self.server is not None
        with psycopg.connect(self.server.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[call-overload]

    def _dispose(self) -> None:
        with self.app.app_context():
            db.engine.dispose()

    def _keep(self) -> None:
        self._dispose()
        if self.server:
            self._admin("ALTER DATABASE suite RENAME TO demo")
            self._admin("CREATE DATABASE suite TEMPLATE demo")
            with self.app.app_context():
                event.listen(db.engine, "before_cursor_execute", self._note)
            self._copy()
        else:
            shutil.copy(self.home / "suite.sqlite3", self.home / "demo.sqlite3")

    def restore(self) -> None:
        """Bring the demo set back, whatever was done to it; forget what the process remembers."""
        if self.server is None:
            self._dispose()
            for leftover in self.home.glob("suite.sqlite3*"):
                leftover.unlink()
            shutil.copy(self.home / "demo.sqlite3", self.home / "suite.sqlite3")
        elif self.rebuilt or not self._put_back():
            self._rebuild()
        shutil.rmtree(self.home / "media", ignore_errors=True)
        self.app.extensions["caches"].clear()

    # PostgreSQL takes half a second to make a database; putting back the rows of the tables that a
    # test wrote to takes some milliseconds. What is not a plain write makes the database anew.

    def _note(self, _connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        written = WRITES.findall(statement)
        self.dirty.update(written)
        if not written and not HARMLESS.match(statement):
            self.rebuilt = True

    @contextmanager
    def _own(self) -> "Iterator[psycopg.Connection[tuple[object, ...]]]":
        """One connection for all tests: a new one, and plans made anew, would cost 30 ms a test."""
        if self._line is None or self._line.closed:
            assert self.server is not None
            url = self.server.replace("+psycopg", "").replace("/postgres?", "/suite?")
            # Set in a transaction, the role of a replica would throw all plans away each time.
            options = "-c lock_timeout=2000 -c session_replication_role=replica"
            self._line = psycopg.connect(url, options=options, prepare_threshold=1)
        with self._line.transaction():
            yield self._line

    def _hang_up(self) -> None:
        self._dispose()
        if self._line is not None:
            self._line.close()

    def _rebuild(self) -> None:
        self._hang_up()
        self._admin("DROP DATABASE suite WITH (FORCE)")
        self._admin("CREATE DATABASE suite TEMPLATE demo")
        self._copy()

    def _copy(self) -> None:
        with self._own() as connection:
            connection.execute("CREATE SCHEMA kept")
            for name in db.metadata.tables:
                connection.execute(f"CREATE TABLE kept.{name} AS TABLE public.{name}")  # type: ignore[call-overload]
        self.dirty, self.rebuilt = set(), False

    def _put_back(self) -> bool:
        """Put the rows of dirty tables back, as the demo set had them; say whether that worked."""
        try:
            with self._own() as connection:
                for name in self.dirty | self._grown(connection):
                    self._put_table_back(connection, name)
        except psycopg.Error:
            return False
        self.dirty = set()
        return True

    @staticmethod
    def _grown(connection: "psycopg.Connection[tuple[object, ...]]") -> set[str]:
        """Return the tables whose number of rows changed: other processes may have written too."""
        count = "SELECT '{0}', (SELECT count(*) FROM {0}) = (SELECT count(*) FROM kept.{0})"
        counts = " UNION ALL ".join(count.format(name) for name in db.metadata.tables)
        return {str(name) for name, same in connection.execute(counts) if not same}  # type: ignore[call-overload]

    @staticmethod
    def _put_table_back(connection: "psycopg.Connection[tuple[object, ...]]", name: str) -> None:
        connection.execute(f"DELETE FROM {name}")  # type: ignore[call-overload]
        connection.execute(f"INSERT INTO {name} SELECT * FROM kept.{name}")  # type: ignore[call-overload]
        key = next(iter(db.metadata.tables[name].primary_key.columns))
        sequence = f"pg_get_serial_sequence('{name}', '{key.name}')"
        last = f"SELECT setval({sequence}, greatest(max({key.name}), 1)) FROM {name}"
        if key.autoincrement is not False and key.type.python_type is int:
            connection.execute(last)  # type: ignore[call-overload]


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """The application with the demo set on one kind of database."""
    kind = request.param
    server = request.getfixturevalue("postgres_url") if kind == "postgresql" else None
    made = World(kind, tmp_path_factory.mktemp(kind), server)
    yield made
    made._hang_up()
    if server:
        made._admin("DROP DATABASE suite WITH (FORCE)")
        made._admin("DROP DATABASE demo WITH (FORCE)")


@pytest.fixture
def app(world: World) -> Flask:
    """The application, fresh: the demo set and nothing else. No application context is open."""
    world.restore()
    return world.app


@pytest.fixture
def api(app: Flask) -> Callable[[str], Api]:
    """Sign in: `api("dispatcher")`, `api("13800000001")`, `api("bus")`; `api("")` is nobody."""

    def signed_in(name: str = "") -> Api:
        return Api.signed_in(app, name)

    return signed_in


class Statements:
    """The SQL statements that ran inside the block."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self.seen: list[str] = []

    def _note(self, _conn: object, _cursor: object, statement: str, *_rest: object) -> None:
        if not statement.upper().startswith(("BEGIN", "SAVEPOINT", "RELEASE", "PRAGMA", "COMMIT")):
            self.seen.append(statement)

    def __enter__(self) -> "Statements":
        with self._app.app_context():
            self._engine = db.engine
        event.listen(self._engine, "before_cursor_execute", self._note)
        return self

    def __exit__(self, *_exc: object) -> None:
        event.remove(self._engine, "before_cursor_execute", self._note)


@pytest.fixture
def statements(app: Flask) -> Callable[[], Statements]:
    """`with statements() as found: …` counts what goes to the database: `len(found.seen)`."""
    return lambda: Statements(app)
