"""The figures as text: tables in Markdown, read as well on a terminal, and what was aimed at."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from bench import gallery
from bench.photos import Photos
from bench.survey import Measured, Survey

HEADING = "## Figures"
PAGES, GROWS = 2, 2.0  # lists that begin the table are pages; filters that are shown in brief
WRITE_GOAL, PAGE_GOAL, GROWTH_GOAL, MEMORY_GOAL = 1.5, 2.0, 1.3, 120
STATEMENTS = {
    "submit": 12,
    "triage list, page of 20": 12,
    "transition (accept)": 12,
    "verdict (verify)": 20,
    "redeem": 20,
    "partner redeem": 20,
}
TO_FLOOR = ("submit", "transition (accept)", "redeem")
NOTES = """\
Each request is measured in turns with two floors. **D**: the same rows by the bare driver, in one
transaction. **F**: a POST to a minimal Flask application that checks the token's signature, loads
the same body and dumps the same answer with the same schemas, and writes the same rows through the
ORM in one transaction; for the list it reads 20 rows and dumps the same page. CPU is that of the
process, median of batches; `+` is what the PostgreSQL server used beside it. Requests a second are
those of gunicorn with two workers, asked by six threads on the same machine. Memory is resident,
after that load. Trust the ratios."""

LISTS = """\
The triage list, CPU of process and database together. Where few cases hold less than 20 that match,
the page is shorter there, and its growth says nothing. Filters that are not named grow less than
twofold; `make bench` prints all."""


def text(surveys: Sequence[Survey], photos: Photos, machine: str, *, brief: bool = False) -> str:
    """Return the section; a brief one leaves out the filters that cost what they should."""
    parts = [HEADING, f"`make bench` on {machine}.", NOTES]
    parts += ["\n".join(_operations(found)) for found in surveys]
    parts += ["\n".join(_goals(surveys))]
    parts += [gallery.text(photos)]
    parts += [LISTS, *("\n".join(_lists(found, brief=brief)) for found in surveys)]
    return "\n\n".join(parts) + "\n"


def _operations(found: Survey) -> Iterator[str]:
    yield f"| {found.database} | CPU ms | F | ×F | D | requests/s | F | ×F | statements | rows |"
    yield "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
    for one in found.operations:
        yield _operation(one)
    yield f"| authenticated hello | {found.greeting.ms:.2f} | | | | | | | | |"
    memory = f"server {found.server_mb:.0f} MB, `flask worker` {found.worker_mb:.0f} MB"
    yield f"| memory of a process | {memory} | | | | | | | | |"


def _operation(one: Measured) -> str:
    here = f"{one.real.ms:.1f}" + (f" + {one.real.server_ms:.1f}" if one.real.server_ms else "")
    bare = f"{one.bare.ms:.2f}" if one.bare else "–"
    cells = [
        one.name,
        here,
        f"{one.orm.ms:.1f}",
        f"{one.real.ratio(one.orm):.2f}",
        bare,
        f"{one.per_second:.0f}",
        f"{one.orm_per_second:.0f}",
        f"{one.live_ratio:.2f}",
        str(one.statements),
        "–" if one.reads else str(one.rows),
    ]
    return "| " + " | ".join(cells) + " |"


def _lists(found: Survey, *, brief: bool) -> Iterator[str]:
    """Show pages and filters, or of the filters only those that grow, scan or sort."""
    among = [f"ms, {count:,} cases" for count in (found.sizes.few, found.sizes.many)]
    heads = ("a page of 20", *among, "×", "the plan reads or sorts all that match")
    yield f"| {found.database}: {' | '.join(heads)} |"
    yield "|---|--:|--:|--:|---|"
    for at, one in enumerate(found.lists):
        if brief and at >= PAGES and not one.plan and one.growth < GROWS:
            continue
        small, large = (sum((cost.ms, cost.server_ms)) for cost in (one.small, one.large))
        plan = "; ".join(one.plan)
        yield f"| {one.name} | {small:.1f} | {large:.1f} | {one.growth:.2f} | {plan} |"


def _goals(surveys: Sequence[Survey]) -> Iterator[str]:
    yield "| goal | " + " | ".join(found.database for found in surveys) + " |"
    yield "|---|" + "---|" * len(surveys)
    rows = [list(_aims(found)) for found in surveys]
    for aims in zip(*rows, strict=True):
        yield f"| {aims[0][0]} | " + " | ".join(aim for _, aim in aims) + " |"


def _aims(found: Survey) -> Iterator[tuple[str, str]]:
    """Give each goal, and how it was met or missed."""
    for one in found.operations:
        if one.name in TO_FLOOR:
            yield f"{one.name} ≤ {WRITE_GOAL} × F", held(one.real.ratio(one.orm), WRITE_GOAL)
        if one.reads:
            yield f"{one.name} ≤ {PAGE_GOAL} × F", held(one.real.ratio(one.orm), PAGE_GOAL)
    for one in found.operations:
        most = STATEMENTS[one.name]
        yield f"{one.name} ≤ {most} statements", held(one.statements, most)
    for page in found.lists[:PAGES]:
        yield (
            f"{page.name}, among many to among few ≤ {GROWTH_GOAL}",
            held(page.growth, GROWTH_GOAL),
        )
    for name, size in (("server", found.server_mb), ("`flask worker`", found.worker_mb)):
        yield f"{name} ≤ {MEMORY_GOAL} MB", held(size, MEMORY_GOAL)


def held(value: float, most: float) -> str:
    """Show a figure, and whether it missed its goal."""
    digits = 0 if isinstance(value, int) else 1 if value > 10 else 2
    shown = f"{value:.{digits}f}"
    return shown if value <= most else f"**{shown} missed**"


def put_into(readme: Path, section: str, heading: str = HEADING) -> None:
    """Put the section into the README in the place of the one that stands there, or at its end."""
    before, found, after = readme.read_text(encoding="utf-8").partition(f"{heading}\n")
    _, _, rest = after.partition("\n## ")
    tail = f"\n## {rest}" if found and rest else ""
    readme.write_text(f"{before.rstrip()}\n\n{section}{tail}", encoding="utf-8")
