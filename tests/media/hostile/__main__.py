"""Show every hostile file to the decoder program, and print what came of it.

Columns: files of the family, verdicts, wrong ones, the longest time, and the most memory that one
file took in a process without limits. Takes names of families; without any, shows all.
Ends with 1 when a verdict was wrong, or a file took more time or memory than it may.
"""

import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.media.hostile import BESIDE, FAMILIES
from tests.media.hostile.looking import growth, verdict, wrong_about
from tests.media.hostile.verdicts import ACCEPTED, PIXELS, REFUSALS, Hostile

COLUMNS = (ACCEPTED, *sorted(REFUSALS))
LONGEST, MOST_TAKEN, MOST_BOMB = 10.0, 400.0, 50.0  # seconds; MiB of any file, of a bomb


@dataclass
class Tally:
    """What came of the files of one family."""

    family: str
    verdicts: Counter[str] = field(default_factory=Counter)
    wrong: dict[str, list[str]] = field(default_factory=dict)
    slowest: tuple[float, str] = (0.0, "")
    largest: tuple[float, str] = (0.0, "")

    def add(self, hostile: Hostile) -> None:
        began, picture = time.monotonic(), None
        try:
            found, picture = verdict(hostile.data)
        except Exception as error:  # noqa: BLE001, whatever it is, it is what we look for
            found = type(error).__name__
        seconds, memory = time.monotonic() - began, growth(hostile.data)
        wrong = [*wrong_about(hostile, found, picture), *excesses(found, seconds, memory)]
        self.verdicts[found] += 1
        if wrong:
            self.wrong[hostile.name] = wrong
        self.slowest = max(self.slowest, (seconds, hostile.name))
        self.largest = max(self.largest, (memory, hostile.name))

    def line(self) -> str:
        counts = " ".join(f"{self.verdicts[name]:>10}" for name in COLUMNS)
        worst = f"{self.slowest[0]:>6.2f} s {self.largest[0]:>5.0f} MiB"
        return f"{self.family:<13}{self.verdicts.total():>6} {counts} {len(self.wrong):>6} {worst}"


def excesses(found: str, seconds: float, memory: float) -> list[str]:
    most = MOST_BOMB if found == PIXELS else MOST_TAKEN
    told = [f"{seconds:.1f} s"] if seconds > LONGEST else []
    return [*told, f"{memory:.0f} MiB"] if memory > most else told


def tally(family: str, files: Iterable[Hostile]) -> Tally:
    made = Tally(family)
    for hostile in files:
        made.add(hostile)
    return made


def show(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(wanted: list[str]) -> int:
    head = " ".join(f"{name[:10]:>10}" for name in COLUMNS)
    show(f"{'family':<13}{'files':>6} {head} {'wrong':>6} {'worst':>8} {'memory':>9}")
    tallies = []
    for family, files in {**FAMILIES, **BESIDE}.items():
        if not wanted or family in wanted:
            tallies.append(tally(family, files()))
            show(tallies[-1].line())
    for made in tallies:
        for name, wrong in made.wrong.items():
            show(f"WRONG {made.family}/{name}: {'; '.join(wrong)}")
    slowest, largest = max(made.slowest for made in tallies), max(made.largest for made in tallies)
    show(f"longest {slowest[0]:.2f} s ({slowest[1]}), most {largest[0]:.0f} MiB ({largest[1]})")
    return int(any(made.wrong for made in tallies))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
