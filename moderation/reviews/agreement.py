"""Pure: how often two officers judge alike, and how much more often than by chance."""

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass

Grade = Hashable
Pairs = Mapping[tuple[Grade, Grade], int]


@dataclass(frozen=True)
class Agreement:
    """Reviews drawn, open, agreed and disagreed; the shares are None where nothing says them."""

    drawn: int
    open: int
    agreed: int
    disagreed: int
    rate: float | None
    kappa: float | None


def measured(waiting: int, pairs: Pairs) -> Agreement:
    """Measure decided reviews, counted by what the first and the second officer said."""
    decided = sum(pairs.values())
    agreed = sum(count for (first, second), count in pairs.items() if first == second)
    return Agreement(
        drawn=waiting + decided,
        open=waiting,
        agreed=agreed,
        disagreed=decided - agreed,
        rate=round(agreed / decided, 4) if decided else None,
        kappa=kappa(pairs),
    )


def kappa(pairs: Pairs) -> float | None:
    """Return Cohen's kappa, -1 to 1; None where nothing was decided, or chance explains all."""
    total = sum(pairs.values())
    if not total:
        return None
    firsts: Counter[Grade] = Counter()
    seconds: Counter[Grade] = Counter()
    for (first, second), count in pairs.items():
        firsts[first] += count
        seconds[second] += count
    seen = sum(count for (first, second), count in pairs.items() if first == second) / total
    chance = sum(firsts[grade] * seconds[grade] for grade in firsts) / total**2
    return None if chance == 1 else round((seen - chance) / (1 - chance), 4)
