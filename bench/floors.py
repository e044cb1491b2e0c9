"""The floors of a city's operations: what each can't do without, recorded from the real one."""

import pickle
from collections.abc import Callable, Sequence
from pathlib import Path

from flask import Flask

from bench import minimal, scratch
from bench.bare import Bare
from bench.city import City, settings_for
from bench.minimal import Plan
from bench.operations import Operation
from bench.recording import Recording, recording
from bench.requests import Request, call, call_all, sound


class Floors:
    """Scratch tables in a database of their own, and the two floors on them."""

    def __init__(self, city: City, url: str, operations: Sequence[Operation]) -> None:
        self.city, self.url = city, url
        self.recorded = {operation.name: record(city, operation) for operation in operations}
        self.app = minimal.create({}, settings_for(city.home, url))
        pools = self._copy_tables()
        self.plans = {_slug(name): _plan(found, pools) for name, found in self.recorded.items()}
        self.app = minimal.create(self.plans, settings_for(city.home, url))
        self.bare = Bare(minimal.engine_of(self.app))

    def _copy_tables(self) -> dict[str, list[scratch.Key]]:
        names = {"reports"}.union(*(found.rows for found in self.recorded.values()))
        real, copies = minimal.engine_of(self.city.app), minimal.engine_of(self.app)
        with real.connect() as source, copies.begin() as target:
            scratch.create(target, sorted(names))
            pools = scratch.fill(source, target, sorted(names))
        with copies.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.exec_driver_sql("ANALYZE")
        copies.dispose()
        return pools

    def aimed(self, operation: Operation, requests: Sequence[Request]) -> list[Request]:
        """Return the same requests to the floor F."""
        return [request.aimed_at(f"/floor/{_slug(operation.name)}") for request in requests]

    def write_plans(self, path: Path) -> dict[str, str]:
        """Write down what a server's process needs, and return its settings."""
        path.write_bytes(pickle.dumps(self.plans))
        return settings_for(self.city.home, self.url) | {minimal.PLANS: str(path)}

    def reads(self, operation: Operation) -> bool:
        """Say whether an operation only reads, and has no floor D."""
        return self.plans[_slug(operation.name)].page

    def prepare(self, requests: Sequence[Request]) -> Callable[[], None]:
        """Prepare requests to the minimal application."""
        return caller(self.app, requests)

    def prepare_orm(self, operation: Operation, requests: Sequence[Request]) -> Callable[[], None]:
        """Prepare the same requests to the floor F."""
        return caller(self.app, self.aimed(operation, requests))

    def prepare_bare(self, operation: Operation, count: int) -> Callable[[], None]:
        """Prepare transactions of the floor D."""
        return self.bare.prepare(self.plans[_slug(operation.name)].work, count)

    def close(self) -> None:
        """Let go of the databases."""
        self.bare.close()
        minimal.engine_of(self.app).dispose()


def record(city: City, operation: Operation) -> Recording:
    """Run an operation a few times, and note what the last one does."""
    for count in (3, 1):
        requests = operation.make(count)
        with recording(city.app) as found:
            answers = call_all(city.app, requests)
        operation.took(requests, answers)
    return found


def _plan(found: Recording, pools: dict[str, list[scratch.Key]]) -> Plan:
    """Lists write an audit row; their floor does not, for it stands for reading alone."""
    reads = not any(statement.startswith("UPDATE") for statement in found.statements) and (
        set(found.rows) <= {"audit_events"}
    )
    return Plan(found.loads, found.dumps, scratch.Work(found, pools), page=reads)


def _slug(name: str) -> str:
    return name.split(" ", maxsplit=1)[0].strip(",") + ("-gate" if "partner" in name else "")


def caller(app: Flask, requests: Sequence[Request]) -> Callable[[], None]:
    """Prepare requests; what is returned hands them to the application."""
    environs = [request.environ() for request in requests]

    def run() -> None:
        sound([call(app, environ) for environ in environs])

    return run
