"""Pure: a coarse grid, so that whoever asks again and again learns no place finer than a cell.

A cell is 0.01° of latitude and longitude, about 1.1 km by 0.9 km in Jining. Distances are between
cells, never between points: a question anywhere in a cell has the same answer.
"""

import math
from datetime import timedelta
from typing import NamedTuple

from citizen.geo import Point

PER_DEGREE = 100
NEAR_CELLS = 1  # the asker's own cell, and those that touch it
WITHIN_KM = (1, 3)
WITHIN_DAYS = (3, 7, 30)


class Cell(NamedTuple):
    """One square of the grid."""

    east: int
    north: int


class Box(NamedTuple):
    """Degrees, the outer edges included."""

    west: float
    south: float
    east: float
    north: float


def cell_of(point: Point) -> Cell:
    """Return the cell that a WGS-84 point lies in."""
    east, north = point.longitude * PER_DEGREE, point.latitude * PER_DEGREE
    return Cell(math.floor(east), math.floor(north))


def around(cell: Cell) -> Box:
    """Return the box of a cell and those that touch it."""
    return Box(
        (cell.east - NEAR_CELLS) / PER_DEGREE,
        (cell.north - NEAR_CELLS) / PER_DEGREE,
        (cell.east + NEAR_CELLS + 1) / PER_DEGREE,
        (cell.north + NEAR_CELLS + 1) / PER_DEGREE,
    )


def within_km(one: Cell, other: Cell) -> int | None:
    """Say roughly how far two cells are apart; None where they do not touch."""
    steps = max(abs(one.east - other.east), abs(one.north - other.north))
    return WITHIN_KM[steps] if steps <= NEAR_CELLS else None


def within_days(passed: timedelta) -> int | None:
    """Say roughly how many days ago something was; None beyond what is told of."""
    return next((days for days in WITHIN_DAYS if passed <= timedelta(days=days)), None)
