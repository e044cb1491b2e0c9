"""The bench runs, and its section of the README is whole; what it finds is no matter of a test."""

import subprocess
import sys
from pathlib import Path

from bench import million, report, timing
from bench.operations import Counter
from tests.conftest import PROJECT

ROWS = (
    *report.STATEMENTS,
    "authenticated hello",
    "memory of a process",
    "first page",
    "deep page",
    "submit ≤ 1.5 × F",
    "12 Mpx JPEG, × that",
    "50 Mpx HEIC",
    "sqlite: search by index, median ms",
)


def test_a_tiny_bench_prints_every_row(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("# Title\n\n## Figures\n\nold ones\n\n## After\n\nstays\n")
    command = [sys.executable, "-m", "bench", "--tiny", "--database", "sqlite", "--write", readme]
    ran = subprocess.run(
        command, cwd=PROJECT, capture_output=True, text=True, timeout=300, check=False
    )
    assert ran.returncode == 0, ran.stderr
    written = readme.read_text()
    for row in ROWS:
        assert f"| {row} |" in written, row
    assert "| a handler's own |" in ran.stdout
    assert "old ones" not in written
    assert written.startswith("# Title\n")
    assert written.endswith("\n## After\n\nstays\n")


def test_every_operation_of_the_bench_has_its_goal() -> None:
    made = Counter.__new__(Counter)
    assert [operation.name for operation in made.operations()] == list(report.STATEMENTS)


def test_the_figures_among_a_million_say_what_missed_its_goal() -> None:
    walked = ["Limit", "Seq Scan on reports"]
    slow = [million.Taken(name, [9.0, 60.0], walked) for name in million.LISTS]
    fast = [million.Taken(name, [1.0, 2.0]) for name in million.COUNTS]
    cost = timing.Cost([3.0], [1.0])
    pages = [("first", 2.0, 2.2), ("deep", 2.0, 3.0)]
    shown = million.text([million.Million("X 1", pages, slow, fast, cost, cost)], "a machine")
    for row in (*million.LISTS, *million.COUNTS):
        assert f"| {row} |" in shown, row
    assert "| first page, to that among 1,000 ≤ 1.3 | 1.10 |" in shown
    assert "| 10,000th page, to that among 1,000 ≤ 1.3 | **1.50 missed** |" in shown
    assert f"| lists that read the whole table | **{len(slow)} missed** |" in shown
    assert "| slowest counts, p95 ≤ 100 ms | 1.95 |" in shown
