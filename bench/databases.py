"""Scratch databases: SQLite files, and a PostgreSQL server of our own that is taken away again."""

import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

KINDS = ("sqlite", "postgresql")


@dataclass(frozen=True)
class Databases:
    """One kind of database; `url` makes an empty one. `server` is the server's process."""

    kind: str
    home: Path
    server: int | None = None

    def url(self, name: str) -> str:
        """Return the address of a new, empty database."""
        if self.server is None:
            return f"sqlite:///{self.home / name}.sqlite3"
        with psycopg.connect(self.plain("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.plain(name).replace("postgresql://", "postgresql+psycopg://")

    def plain(self, name: str) -> str:
        """Return the address of a PostgreSQL database for the bare driver."""
        return f"postgresql://bench@/{name}?host={self.home}"

    def version(self) -> str:
        """Name the database with its version."""
        if self.server is None:
            return f"SQLite {sqlite3.sqlite_version}"
        with psycopg.connect(self.plain("postgres")) as connection:
            return f"PostgreSQL {connection.info.server_version // 10_000}." + str(
                connection.info.server_version % 10_000
            )


@contextmanager
def databases(kind: str) -> Iterator[Databases]:
    """Give a place for databases of one kind; all of it is gone afterwards."""
    home = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        if kind == "sqlite":
            yield Databases(kind, home)
        else:
            with _postgresql(home) as server:
                yield Databases(kind, home, server)
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def _postgresql(home: Path) -> Iterator[int]:
    """Run a server with its safe defaults; it refuses to run as root, who lends it to nobody."""
    initdb = _initdb()
    lent = os.geteuid() == 0
    if lent:
        shutil.chown(home, "nobody", "nogroup")

    def run(tool: str, *arguments: str) -> None:
        command = [str(initdb.parent / tool), "-D", str(home / "data"), *arguments]
        quiet = {"cwd": home, "stdout": subprocess.DEVNULL}
        if lent:
            quiet |= {"user": "nobody", "group": "nogroup", "extra_groups": []}
        subprocess.run(command, check=True, **quiet)  # type: ignore[call-overload]

    run("initdb", "-U", "bench", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
    run("pg_ctl", "-w", "-l", str(home / "log"), "-o", f"-k {home} -h ''", "start")
    try:
        yield int((home / "data" / "postmaster.pid").read_text().split()[0])
    finally:
        run("pg_ctl", "-m", "immediate", "stop")


def _initdb() -> Path:
    installed = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    found = max(map(str, installed), default=None) or shutil.which("initdb")
    if found is None:
        raise SystemExit("PostgreSQL is not installed; `make test` says how")
    return Path(found).resolve()
