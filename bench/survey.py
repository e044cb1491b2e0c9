"""One database surveyed: operations against their floors, in process and live; lists; memory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from bench import lists, load
from bench.city import City
from bench.databases import Databases
from bench.floors import Floors
from bench.load import Served, per_second
from bench.operations import Counter, Operation
from bench.requests import Request, call, sound
from bench.timing import Contender, Cost, Prepared, race


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    batches: int = 9
    batch: int = 20
    live_batches: int = 4
    live_batch: int = 60
    few: int = 1_000
    many: int = 100_000
    worker_seconds: float = 20


TINY = Sizes(batches=1, batch=2, live_batches=1, live_batch=6, few=60, many=120, worker_seconds=4)


@dataclass(frozen=True)
class Measured:
    """One operation: CPU and requests a second of it and its floors, its statements and rows."""

    name: str
    reads: bool
    real: Cost
    orm: Cost
    bare: Cost | None
    per_second: float
    orm_per_second: float
    live_ratio: float
    statements: int
    rows: int


@dataclass(frozen=True)
class Survey:
    """All figures of one database; `greeting` is the CPU of an authenticated hello."""

    database: str
    sizes: Sizes
    greeting: Cost
    operations: Sequence[Measured]
    lists: Sequence[lists.Looked]
    server_mb: float
    worker_mb: float


def survey(found: Databases, sizes: Sizes, say: Callable[[str], None]) -> Survey:
    """Measure everything on one kind of database."""
    version = found.version()
    say(f"{version}: demo set, {sizes.few:,} and {sizes.many:,} cases")
    city = City(found.home / "few", found.url("few"), sizes.few)
    large = City(found.home / "many", found.url("many"), sizes.many)
    counter = Counter(city)
    operations = counter.operations()
    floors = Floors(city, found.url("floors"), operations)
    try:
        say(f"{version}: CPU of the operations, in turns with their floors")
        costs = {o.name: race_operation(o, city, floors, sizes, found.server) for o in operations}
        greeting = _greeting(floors, counter, sizes, found.server)
        say(f"{version}: lists")
        looked = lists.look(
            city, large, batches=sizes.batches, size=sizes.batch, server=found.server
        )
        say(f"{version}: requests a second of live servers")
        lively, server_mb = _live(operations, city, floors, sizes)
        say(f"{version}: memory")
        worker = load.worker_mb(city.environ, sizes.worker_seconds)
    finally:
        floors.close()
        city.close()
        large.close()
    measured = [_measured(o.name, floors, costs[o.name], lively[o.name]) for o in operations]
    return Survey(version, sizes, greeting, measured, looked, server_mb, worker)


def race_operation(
    operation: Operation, city: City, floors: Floors, sizes: Sizes, server: int | None
) -> dict[str, Cost]:
    """Let an operation and its floors take turns."""
    sent: list[Request] = []

    def real(count: int) -> Prepared:
        sent[:] = operation.make(count)
        environs = [request.environ() for request in sent]

        def run() -> None:
            answers = sound([call(city.app, environ) for environ in environs])
            operation.took(sent, answers)

        return run

    def orm(_count: int) -> Prepared:
        return floors.prepare_orm(operation, sent)

    contenders: dict[str, Contender] = {"real": real, "F": orm}
    if not floors.reads(operation):
        contenders["D"] = lambda count: floors.prepare_bare(operation, count)
    return race(contenders, batches=sizes.batches, size=sizes.batch, server=server)


def _greeting(floors: Floors, counter: Counter, sizes: Sizes, server: int | None) -> Cost:
    requests = [Request("GET", "/hello", counter.dispatcher)]
    contender = {"hello": lambda count: floors.prepare(requests * count)}
    return race(contender, batches=sizes.batches, size=sizes.batch * 5, server=server)["hello"]


def _live(
    operations: Sequence[Operation], city: City, floors: Floors, sizes: Sizes
) -> tuple[dict[str, list[tuple[float, float]]], float]:
    """Let both servers take turns; return pairs of requests a second, and the real one's memory."""
    settings = floors.write_plans(city.home / "plans")
    found: dict[str, list[tuple[float, float]]] = {}
    with Served(city.environ) as real, Served(settings, "bench.minimal:serve()") as orm:
        for operation in operations:
            pairs = []
            for _ in range(sizes.live_batches + 1):
                requests = operation.make(sizes.live_batch)
                mine, answers = per_second(real.port, requests)
                operation.took(requests, answers)
                pairs.append((mine, per_second(orm.port, floors.aimed(operation, requests))[0]))
            found[operation.name] = pairs[1:]  # the first one warms up
        return found, real.resident_mb()


def _measured(
    name: str, floors: Floors, costs: dict[str, Cost], lively: Sequence[tuple[float, float]]
) -> Measured:
    recorded = floors.recorded[name]
    return Measured(
        name=name,
        reads="D" not in costs,
        real=costs["real"],
        orm=costs["F"],
        bare=costs.get("D"),
        per_second=median(mine for mine, _ in lively),
        orm_per_second=median(floor for _, floor in lively),
        live_ratio=median(floor / mine for mine, floor in lively),
        statements=len(recorded.statements),
        rows=sum(recorded.rows.values()),
    )
