"""The README shows the life of a report as the table has it."""

import re

from citizen import picture
from citizen.cli import workflow
from citizen.edges import TABLE
from tests.conftest import PROJECT

BLOCK = re.compile(r"```mermaid\n(stateDiagram-v2\n.*?)\n```", re.DOTALL)


def test_the_readmes_picture_is_the_one_drawn_from_the_table() -> None:
    (shown,) = BLOCK.findall((PROJECT / "README.md").read_text(encoding="utf-8"))
    assert shown == picture.mermaid(), "put what `flask workflow picture` prints into the README"


def test_the_command_prints_every_step_that_moves_a_case() -> None:
    from click.testing import CliRunner

    printed = CliRunner().invoke(workflow, ["picture"]).output
    assert printed.rstrip("\n") == picture.mermaid()
    for edge in TABLE:
        for source, targets in edge.moves.items():
            for target in targets - {source}:
                arrow = rf"^  {source} --> {target} : (.*, )?{edge.action}(, .*)?$"
                assert re.search(arrow, printed, re.MULTILINE), (source, target, edge.action)
