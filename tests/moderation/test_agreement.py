"""How often two officers judge alike, by hand-worked tables."""

import pytest

from moderation.reviews.agreement import kappa, measured


def test_nothing_decided_says_nothing() -> None:
    found = measured(3, {})
    assert (found.drawn, found.open, found.agreed, found.rate, found.kappa) == (3, 3, 0, None, None)


def test_shares_are_of_what_was_decided() -> None:
    found = measured(1, {("true", "true"): 2, ("true", "false"): 1})
    assert (found.drawn, found.agreed, found.disagreed, found.rate) == (4, 2, 1, 0.6667)


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ({("y", "y"): 20, ("y", "n"): 5, ("n", "y"): 10, ("n", "n"): 15}, 0.4),  # the textbook's
        ({("y", "y"): 5, ("n", "n"): 5}, 1.0),
        ({("y", "n"): 5, ("n", "y"): 5}, -1.0),
        ({("y", "y"): 1, ("y", "n"): 1, ("n", "y"): 1, ("n", "n"): 1}, 0.0),
        ({("y", "y"): 7}, None),  # always the same answer: chance explains it all
    ],
)
def test_kappa(pairs: dict[tuple[str, str], int], expected: float | None) -> None:
    assert kappa(pairs) == expected
