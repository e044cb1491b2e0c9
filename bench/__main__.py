"""`python -m bench`: measures, prints the figures, and with `--write` puts them into the README."""

import argparse
import signal
import sys
from pathlib import Path

from bench import machine, photos, report
from bench.city import PROJECT
from bench.databases import KINDS, databases
from bench.survey import TINY, Sizes, Survey, survey


def main() -> int:
    """Measure and print; the exit status is 0, whatever the figures are: they are no test."""
    asked = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # takes its servers away first
    sizes = TINY if asked.tiny else Sizes()
    kinds = asked.database or KINDS
    found = [_survey(kind, sizes) for kind in kinds]
    pictured = photos.survey(kinds, photos.FEW if asked.tiny else photos.Amount(), _say)
    where = machine.named([one.database for one in found])
    print(report.text(found, pictured, where))
    if asked.write:
        report.put_into(asked.write, report.text(found, pictured, where, brief=True))
    return 0


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--database", action="append", choices=KINDS, help="one of both only")
    parser.add_argument("--tiny", action="store_true", help="a few requests, to see that it runs")
    parser.add_argument(
        "--write", nargs="?", type=Path, const=PROJECT / "README.md", help="put it into the README"
    )
    return parser.parse_args()


def _survey(kind: str, sizes: Sizes) -> Survey:
    with databases(kind) as found:
        return survey(found, sizes, _say)


if __name__ == "__main__":
    sys.exit(main())
