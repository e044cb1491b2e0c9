"""CPU of requests in this process, in batches that take turns, so that drift meets all alike."""

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.machine import busy_ms

Prepared = Callable[[], object]
Contender = Callable[[int], Prepared]


@dataclass(frozen=True)
class Cost:
    """CPU ms of one request: here, and in the database's server; one figure for each batch."""

    here: Sequence[float]
    server: Sequence[float]

    @property
    def ms(self) -> float:
        return median(self.here)

    @property
    def server_ms(self) -> float:
        return median(self.server)

    def ratio(self, floor: "Cost", *, whole: bool = False) -> float:
        """Return the median over the batches of this cost to a floor's beside it."""
        mine, other = (self.sums(), floor.sums()) if whole else (self.here, floor.here)
        return median(a / b for a, b in zip(mine, other, strict=True))

    def sums(self) -> list[float]:
        """Return what a request costs here and in the server."""
        return [here + server for here, server in zip(self.here, self.server, strict=True)]


def race(
    contenders: Mapping[str, Contender], *, batches: int, size: int, server: int | None
) -> dict[str, Cost]:
    """Run the contenders in turns; each prepares a batch outside what is measured.

    The first batch warms up and does not count. What was there before is kept from the collector,
    which would else walk through two applications at the cost of a few requests.
    """
    gc.freeze()
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
    for _ in range(batches + 1):
        for name, contender in contenders.items():
            run = contender(size)
            before = busy_ms(server), time.process_time()
            run()
            here = (time.process_time() - before[1]) * 1000
            found[name].append((here / size, (busy_ms(server) - before[0]) / size))
    return {name: _cost(pairs[1:]) for name, pairs in found.items()}


def _cost(pairs: Sequence[tuple[float, float]]) -> Cost:
    return Cost([here for here, _ in pairs], [server for _, server in pairs])
