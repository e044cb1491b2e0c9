"""Pure: reports that are probably about the same thing, with reasons an officer can judge.

Same kind, near, and at about the same time is what makes a candidate; pictures and words rank it.
A case that was closed before the new report was received is a recurrence, hence a new case.
"""

import json
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from citizen.geo import Point, distance_m

Pieces = set[tuple[str, str]]
SHARED_WORDS = 0.3  # of the shorter text's two-character pieces


@dataclass(frozen=True)
class Limits:
    """How near counts: metres (by category, else the default) and time between two receipts."""

    distance_m: int = 250
    by_category: Mapping[str, int] = field(default_factory=dict)
    window: timedelta = timedelta(days=30)
    most: int = 10

    def reach_m(self, category: str) -> int:
        """Give the distance limit of a category in metres."""
        return self.by_category.get(category, self.distance_m)


def limits_from_json(text: str) -> Limits:
    """Read how near counts, as `data/duplicates.json` says it.

    Raises:
        KeyError, TypeError, ValueError: it is not that kind of file.
    """
    read = json.loads(text)
    by_category = {str(code): int(metres) for code, metres in read["by_category"].items()}
    window = timedelta(days=int(read["window_days"]))
    return Limits(int(read["distance_m"]), by_category, window, int(read["most"]))


@dataclass(frozen=True)
class Sighting:
    """A report as this comparison needs it; `pictured`: it shares a picture with the subject."""

    number: str
    category: str
    point: Point
    at: datetime
    description: str
    pictured: bool = False
    ended_at: datetime | None = None


@dataclass(frozen=True)
class Likeness:
    """A likely duplicate; `score` from 0 to 4 ranks, `reasons` say why in Chinese."""

    number: str
    distance_m: int
    shared_words: float
    score: float
    reasons: tuple[str, ...]


def rank(
    subject: Sighting, others: Iterable[Sighting], limits: Limits | None = None
) -> list[Likeness]:
    """Give the likely duplicates of a report, the likeliest first, ties by number."""
    bounds, pieces = limits or Limits(), _pieces(subject.description)
    compared = (other for other in others if other.number != subject.number)
    found = (_compare(subject, pieces, other, bounds) for other in compared)
    likely = [likeness for likeness in found if likeness]
    return sorted(likely, key=lambda likeness: (-likeness.score, likeness.number))[: bounds.most]


def shared_words(one: str, other: str) -> float:
    """Give the share of the shorter text's two-character pieces that the other has too, 0 to 1."""
    return _shared(_pieces(one), _pieces(other))


def _shared(pieces: Pieces, others: Pieces) -> float:
    shorter = min(len(pieces), len(others))
    return len(pieces & others) / shorter if shorter else 0.0


def _compare(subject: Sighting, pieces: Pieces, other: Sighting, limits: Limits) -> Likeness | None:
    if other.category != subject.category or abs(other.at - subject.at) > limits.window:
        return None
    if _over(other, subject.at) or _over(subject, other.at):
        return None
    reach, metres = limits.reach_m(subject.category), distance_m(subject.point, other.point)
    if metres > reach:
        return None
    apart, words = abs(other.at - subject.at), _shared(pieces, _pieces(other.description))
    score = (
        (1 - metres / (reach or 1))
        + (1 - apart / limits.window)
        + words
        + (1 if other.pictured else 0)
    )
    reasons = ["同一类别", f"相距 {round(metres)} 米", _time_words(apart)]
    reasons += ["照片相同或相似"] if other.pictured else []
    reasons += [f"描述重合 {words:.0%}"] if words >= SHARED_WORDS else []
    return Likeness(other.number, round(metres), words, score, tuple(reasons))


def _over(sighting: Sighting, at: datetime) -> bool:
    return sighting.ended_at is not None and sighting.ended_at <= at


def _time_words(apart: timedelta) -> str:
    hours = round(apart.total_seconds() / 3600)
    if hours < 1:
        return "相隔不到一小时"
    return f"相隔 {hours} 小时" if hours < 48 else f"相隔 {round(hours / 24)} 天"


def _pieces(text: str) -> Pieces:
    plain = unicodedata.normalize("NFKC", text).casefold()
    return set(pairwise(character for character in plain if character.isalnum()))
