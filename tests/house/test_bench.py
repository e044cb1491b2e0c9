"""The bench runs, and its section of the README is whole; what it finds is no matter of a test."""

import subprocess
import sys
from pathlib import Path

from bench import report
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
