"""The triage list among few and many cases: what a page costs, and the plans of all filters."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

from bench.city import City
from bench.floors import caller
from bench.recording import recording
from bench.requests import PREFIX, Request, call, sound
from bench.timing import Cost, race
from core.clock import local_day, now
from core.database import db

DEEP = 48  # pages that are turned before the deep one; a thousand cases have fifty
SUSPICIOUS = {"Seq Scan on reports", "Sort", "Incremental Sort"}
FILTERS: dict[str, dict[str, str]] = {
    "status=submitted": {"status": "submitted"},
    "status=closed": {"status": "closed"},
    "department": {"department": "epb"},
    "department, status": {"department": "epb", "status": "handling"},
    "area": {"area": "370811"},
    "area, status": {"area": "370811", "status": "submitted"},
    "category": {"category": "WAT-OUT"},
    "category, status": {"category": "WAT-OUT", "status": "submitted"},
    "channel": {"channel": "huhutong"},
    "overdue=true": {"overdue": "true"},
    "overdue=true, by due time": {"overdue": "true", "sort": "due_at"},
    "overdue=false": {"overdue": "false"},
    "assignee": {"assignee": "handler-epb"},
    "q, often": {"q": "黑水"},
    "q, never": {"q": "没有这样的词"},
    "bbox, 1 km": {"bbox": "116.58,35.41,116.59,35.42"},
    "by due time": {"sort": "due_at"},
    "department, by due time": {"department": "epb", "sort": "due_at"},
    "status, by due time": {"status": "submitted", "sort": "due_at"},
}


@dataclass(frozen=True)
class Looked:
    """One list, among few cases and many; `plan` holds the lines that read or sort too much."""

    name: str
    small: Cost
    large: Cost
    plan: tuple[str, ...]

    @property
    def growth(self) -> float:
        return self.large.ratio(self.small, whole=True)


def look(small: City, large: City, *, batches: int, size: int, server: int | None) -> list[Looked]:
    """Measure pages and filters in both cities by turns."""
    pages = {"first page": {"limit": "20"}, "deep page": {"limit": "20", "cursor": "deep"}}
    day = local_day(now()) - timedelta(days=400)
    spans = {"submitted_from": day.isoformat(), "submitted_to": (day + timedelta(1)).isoformat()}
    filters = FILTERS | {"submitted_from/to, old": spans}
    found = [
        _look(name, asked, (small, large), (batches, size), server) for name, asked in pages.items()
    ]
    few = (max(2, batches // 3), max(2, size // 4))
    found += [_look(name, asked, (small, large), few, server) for name, asked in filters.items()]
    handler = {"limit": "20", "as": "handler-epb"}
    return [*found, _look("a handler's own", handler, (small, large), few, server)]


def _look(
    name: str,
    asked: dict[str, str],
    cities: tuple[City, City],
    sizes: tuple[int, int],
    server: int | None,
) -> Looked:
    requests = [_request(city, dict(asked)) for city in cities]
    contenders = {
        label: (lambda n, city=city, request=request: caller(city.app, [request] * n))
        for label, city, request in zip(("small", "large"), cities, requests, strict=True)
    }
    costs = race(contenders, batches=sizes[0], size=sizes[1], server=server)
    return Looked(name, costs["small"], costs["large"], _suspicious(plan(cities[1], requests[1])))


def _request(city: City, asked: dict[str, str]) -> Request:
    token = city.officer(asked.pop("as", "dispatcher"))
    if asked.get("cursor") == "deep":
        asked = {"limit": asked["limit"], **_deep(city, token)}
    return Request("GET", f"{PREFIX}/cases?{urlencode(asked)}", token)


def _deep(city: City, token: str) -> dict[str, str]:
    """Return the cursor of the last whole page of 20 within a thousand; none for a single page."""
    last = asked = {"limit": "20"}
    for _ in range(DEEP):
        path = f"{PREFIX}/cases?{urlencode(asked)}"
        found = sound([call(city.app, Request("GET", path, token).environ())])[0].json
        if found["next_cursor"] is None:
            break
        last, asked = asked, {"limit": "20", "cursor": found["next_cursor"]}
    return last


def plan(city: City, request: Request) -> list[str]:
    """Return the plan of a list, line by line; what narrows it down comes before it."""
    with recording(city.app) as found:
        sound([call(city.app, request.environ())])
    pairs = zip(found.statements, found.parameters, strict=True)
    listed = [pair for pair in pairs if "FROM reports" in pair[0] and "LIMIT" in pair[0]]
    with city.app.app_context(), db.engine.connect() as connection:
        explain = "EXPLAIN QUERY PLAN " if connection.dialect.name == "sqlite" else "EXPLAIN "
        rows = connection.exec_driver_sql(explain + listed[-1][0], listed[-1][1]).all()
    lines = [str(row[-1]).strip() for row in rows]
    return [line.lstrip("-> ").partition("  (")[0] for line in lines]


def _suspicious(lines: Sequence[str]) -> tuple[str, ...]:
    """Return the lines that read the whole table, or sort what they found."""
    return tuple(
        line
        for line in lines
        if line in SUSPICIOUS
        or "TEMP B-TREE" in line
        or (line.startswith("SCAN reports") and "INDEX" not in line)
    )
