"""`python -m bench.million`: lists, counts and a step among a million cases, and their plans.

Prints the figures, and with `--write` puts them into the README. It takes some minutes, most of
them to fill two databases, and 2 GB for each while it runs.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import urlencode

from sqlalchemy import select

from bench import lists, machine, report
from bench.city import PROJECT, City
from bench.databases import KINDS, Databases, databases
from bench.floors import Floors
from bench.operations import Counter
from bench.requests import PREFIX, Request, call, sound
from bench.survey import Sizes, race_operation
from bench.timing import Cost
from citizen.models import Report
from core.database import reading
from core.paging import cursor_at

HEADING = "## Among a million cases"
FEW, MANY, PAGE, DEEP = 1_000, 1_000_000, 20, 10_000
GROWTH, LIST_MS, COUNT_MS, STEP = 1.3, 50, 100, 1.5
SCANS = ("SCAN reports", "Seq Scan on reports", "Parallel Seq Scan on reports")
EMPTY_BOX, TOWN_BOX = "116.00,35.40,116.01,35.41", "116.50,35.35,116.60,35.45"
LISTS: dict[str, dict[str, str]] = {
    **lists.FILTERS,
    "q, one letter": {"q": "黑"},
    "q, one letter, never": {"q": "龘"},
    "q, seldom": {"q": "沼气"},
    "q, seldom; status": {"q": "沼气", "status": "closed"},
    "q, often; status": {"q": "黑水", "status": "submitted"},
    "q, often; department": {"q": "黑水", "department": "epb"},
    "bbox, 10 km": {"bbox": TOWN_BOX},
    "bbox, 10 km; status": {"bbox": TOWN_BOX, "status": "submitted"},
    "bbox, the whole city": {"bbox": "116,34,118,36"},
    "bbox, where nothing is": {"bbox": EMPTY_BOX},
    "status=closed, by due time": {"status": "closed", "sort": "due_at"},
    "area, by due time": {"area": "370811", "sort": "due_at"},
    "a handler's own": {"as": "handler-epb"},
    "a handler's own, by due time": {"as": "handler-epb", "sort": "due_at"},
    "a handler's queue": {"as": "handler-epb", "assignee": "handler-epb", "status": "handling"},
}
COUNTS: dict[str, dict[str, str]] = {
    "all": {},
    "one status": {"status": "closed"},
    "department": {"department": "epb"},
    "area": {"area": "370811"},
    "category": {"category": "WAT-OUT"},
    "overdue": {"overdue": "true"},
    "a handler's own": {"as": "handler-epb"},
    "a handler's queue": {"as": "handler-epb", "assignee": "handler-epb"},
    "a day": {"submitted_from": "2026-03-05", "submitted_to": "2026-03-05"},
    "q, seldom": {"q": "沼气"},
    "bbox, 1 km": lists.FILTERS["bbox, 1 km"],
}
NOTES = """\
`make million` on {machine}.

CPU ms of process and database together, from the request to the answer, the audit row of the look
among it. The pages are the first and the 10,000th; among a thousand cases the last whole one takes
the latter's place. A step is one acceptance, in turns with its floor F, whose own table holds but a
thousand reports. `--plans` prints the plans of all lists. Counts that ask for a common word or a
large box are not among these: they read what they count."""


@dataclass(frozen=True)
class Taken:
    """What requests of one kind cost; `plan` has all lines."""

    name: str
    costs: Sequence[float]
    plan: Sequence[str] = ()

    @property
    def middle(self) -> float:
        return median(self.costs)

    @property
    def p95(self) -> float:
        return quantiles(self.costs, n=20, method="inclusive")[-1]

    @property
    def scans(self) -> bool:
        return any(line.startswith(SCANS) and "INDEX" not in line for line in self.plan)


@dataclass(frozen=True)
class Million:
    """The figures of one database."""

    database: str
    pages: Sequence[tuple[str, float, float]]
    lists: Sequence[Taken]
    counts: Sequence[Taken]
    step: Cost
    floor: Cost


def survey(found: Databases, many: int, times: int) -> Million:
    """Fill two databases of a kind, and measure."""
    small = City(found.home / "few", found.url("few"), min(FEW, many))
    large = City(found.home / "many", found.url("many"), many)
    counter = Counter(large)
    accept = next(one for one in counter.operations() if one.name == "transition (accept)")
    floors = Floors(large, found.url("floors"), [accept])
    try:
        raced = race_operation(accept, large, floors, Sizes(batches=5, batch=times), found.server)
        return Million(
            found.version(),
            [_page(name, small, large, times, found.server) for name in ("first", "deep")],
            [_list(large, name, asked, times, found.server) for name, asked in LISTS.items()],
            [_count(large, name, asked, times, found.server) for name, asked in COUNTS.items()],
            raced["real"],
            raced["F"],
        )
    finally:
        floors.close()
        small.close()
        large.close()


def _page(
    name: str, small: City, large: City, times: int, server: int | None
) -> tuple[str, float, float]:
    """Return the median cost of a page among few and many, asked by turns."""
    requests = [(city, _request(city, _place(city, name))) for city in (small, large)]
    costs: list[list[float]] = [[], []]
    for _ in range(times):
        for which, (city, request) in enumerate(requests):
            costs[which] += _costs(city, request, 3, server)[1:]
    return name, median(costs[0]), median(costs[1])


def _place(city: City, name: str) -> dict[str, str]:
    if name == "first":
        return {}
    keys = (Report.submitted_at, Report.id)
    newest = select(*keys).order_by(*(key.desc() for key in keys))
    with city.app.app_context(), reading() as session:
        count = session.query(Report).count()
        before = min((DEEP - 1) * PAGE, count - PAGE)
        row = session.execute(newest.offset(before - 1).limit(1)).one()
    return {"cursor": cursor_at(row)}


def _list(city: City, name: str, asked: dict[str, str], times: int, server: int | None) -> Taken:
    request = _request(city, asked)
    return Taken(name, _costs(city, request, times, server), lists.plan(city, request))


def _count(city: City, name: str, asked: dict[str, str], times: int, server: int | None) -> Taken:
    return Taken(name, _costs(city, _request(city, asked, "/counts"), times, server))


def _request(city: City, asked: dict[str, str], path: str = "") -> Request:
    token = city.officer(asked.get("as", "dispatcher"))
    query = urlencode({name: value for name, value in asked.items() if name != "as"})
    return Request("GET", f"{PREFIX}/cases{path}?{query}", token)


def _costs(city: City, request: Request, times: int, server: int | None) -> list[float]:
    """Return the CPU ms of each of some requests, here and in the server; the first two warm up."""
    found = []
    for _ in range(times + 2):
        environ, busy = request.environ(), machine.busy_ms(server)
        before = time.process_time()
        answer = call(city.app, environ)
        here = (time.process_time() - before) * 1000
        found.append(here + machine.busy_ms(server) - busy)
        sound([answer])
    return found[2:]


def text(found: Sequence[Million], where: str) -> str:
    """Return the section of the README."""
    parts = [HEADING, NOTES.format(machine=where), "\n".join(_goals(found))]
    kinds = (("list", LISTS), ("counts", COUNTS))
    return "\n\n".join([*parts, *("\n".join(_table(kind, found)) for kind, _ in kinds)]) + "\n"


def _goals(found: Sequence[Million]) -> Iterator[str]:
    yield "| goal | " + " | ".join(one.database for one in found) + " |"
    yield "|---|" + "---|" * len(found)
    for at, name in enumerate(("first page", "10,000th page")):
        grown = [one.pages[at][2] / one.pages[at][1] for one in found]
        yield _row(f"{name}, to that among 1,000 ≤ {GROWTH}", grown, GROWTH)
    yield _row(f"slowest list, p95 ≤ {LIST_MS} ms", [_worst(one.lists) for one in found], LIST_MS)
    slowest = [_worst(one.counts) for one in found]
    yield _row(f"slowest counts, p95 ≤ {COUNT_MS} ms", slowest, COUNT_MS)
    yield _row(f"a step ≤ {STEP} × F", [one.step.ratio(one.floor) for one in found], STEP)
    scans = [sum(taken.scans for taken in one.lists) for one in found]
    yield _row("lists that read the whole table", scans, 0)


def _worst(taken: Sequence[Taken]) -> float:
    return max(one.p95 for one in taken)


def _row(name: str, values: Sequence[float], most: float) -> str:
    return f"| {name} | " + " | ".join(report.held(value, most) for value in values) + " |"


def _table(kind: str, found: Sequence[Million]) -> Iterator[str]:
    heads = [f"{one.database}: median | p95" for one in found]
    yield f"| {kind}, CPU ms | " + " | ".join(heads) + " |"
    yield "|---|" + "--:|--:|" * len(found)
    if kind == "list":
        for at, (name, _, _) in enumerate(found[0].pages):
            cells = [f"{one.pages[at][2]:.1f} | " for one in found]
            yield f"| {name} page | " + " | ".join(cells) + " |"
    rows = [one.lists if kind == "list" else one.counts for one in found]
    for several in zip(*rows, strict=True):
        cells = [f"{one.middle:.1f} | {one.p95:.1f}" for one in several]
        yield f"| {several[0].name} | " + " | ".join(cells) + " |"


def main() -> int:
    """Measure and print; the exit status is 0, whatever the figures are."""
    parser = argparse.ArgumentParser(prog="python -m bench.million", description=__doc__)
    parser.add_argument("--database", action="append", choices=KINDS, help="one of both only")
    parser.add_argument("--cases", type=int, default=MANY)
    parser.add_argument("--times", type=int, default=40, help="requests of each kind")
    parser.add_argument("--plans", action="store_true", help="print the plan of each list")
    parser.add_argument("--write", action="store_true", help="put it into the README")
    asked = parser.parse_args()
    found = []
    for kind in asked.database or KINDS:
        with databases(kind) as made:
            found.append(survey(made, asked.cases, asked.times))
    section = text(found, machine.named([one.database for one in found]))
    print(section)
    for one in found if asked.plans else ():
        for taken in one.lists:
            print(f"{one.database}, {taken.name}:\n  " + "\n  ".join(taken.plan))
    if asked.write:
        report.put_into(Path(PROJECT / "README.md"), section, HEADING)
    return 0


if __name__ == "__main__":
    sys.exit(main())
