"""Show every hostile file to the decoder, one process each, and print what came of it.

Columns: files of the family, verdicts, wrong ones, the longest time and the most memory that one
file took over what the process had before. Ends with 1 when a verdict was wrong.
"""

import json
import os
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.media.hostile import FAMILIES, flips
from tests.media.hostile.looking import complaints, verdict
from tests.media.hostile.verdicts import ACCEPTED, REFUSALS, Hostile

COLUMNS = (ACCEPTED, *sorted(REFUSALS))


@dataclass
class Tally:
    """What came of the files of one family."""

    family: str
    verdicts: Counter[str] = field(default_factory=Counter)
    wrong: dict[str, list[str]] = field(default_factory=dict)
    slowest: tuple[float, str] = (0.0, "")
    largest: tuple[float, str] = (0.0, "")

    def add(self, hostile: Hostile) -> None:
        seconds, found, wrong, growth = looked_at(hostile)
        self.verdicts[found] += 1
        if wrong:
            self.wrong[hostile.name] = wrong
        self.slowest = max(self.slowest, (seconds, hostile.name))
        self.largest = max(self.largest, (growth, hostile.name))

    def line(self) -> str:
        counts = " ".join(f"{self.verdicts[name]:>10}" for name in COLUMNS)
        worst = f"{self.slowest[0]:>6.2f} s {self.largest[0]:>5.0f} MiB"
        return f"{self.family:<13}{self.verdicts.total():>6} {counts} {len(self.wrong):>6} {worst}"


def looked_at(hostile: Hostile) -> tuple[float, str, list[str], float]:
    """Seconds, verdict, what is wrong with it, and MiB gained, in a process of its own."""
    reads, writes = os.pipe()
    began = time.monotonic()
    child = os.fork()
    if not child:
        os.write(writes, json.dumps(_seen(hostile)).encode())
        os._exit(0)
    os.close(writes)
    with open(reads, "rb") as told:  # noqa: PTH123, a descriptor has no path
        answer = told.read()
    os.waitpid(child, 0)
    seconds = time.monotonic() - began
    found, wrong, growth = json.loads(answer or '["crashed", ["it ended the process"], 0]')
    return seconds, found, wrong, growth


def _seen(hostile: Hostile) -> tuple[str, list[str], float]:
    before = _peak()
    try:
        found, _ = verdict(hostile.data)
        growth = _peak() - before
        return found, complaints(hostile), growth
    except BaseException as error:  # noqa: BLE001, whatever it is, it is what we look for
        return "raised", [repr(error)], _peak() - before


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def tally(family: str, files: Iterable[Hostile]) -> Tally:
    made = Tally(family)
    for hostile in files:
        made.add(hostile)
    return made


def show(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    head = " ".join(f"{name[:10]:>10}" for name in COLUMNS)
    show(f"{'family':<13}{'files':>6} {head} {'wrong':>6} {'worst':>8} {'memory':>9}")
    tallies = []
    for family, files in {**FAMILIES, "flips": flips}.items():
        tallies.append(tally(family, files()))
        show(tallies[-1].line())
    for made in tallies:
        for name, wrong in made.wrong.items():
            show(f"WRONG {made.family}/{name}: {'; '.join(wrong)}")
    slowest, largest = max(made.slowest for made in tallies), max(made.largest for made in tallies)
    show(f"longest {slowest[0]:.2f} s ({slowest[1]}), most {largest[0]:.0f} MiB ({largest[1]})")
    return int(any(made.wrong for made in tallies))


if __name__ == "__main__":
    sys.exit(main())
