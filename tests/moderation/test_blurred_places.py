"""What an answer to a department tells of an insider's place is what three decimals tell.

The cases are moved within their thousandths of a degree: no answer to a department may change.
"""

from typing import Any

import pytest
from sqlalchemy import update

from citizen.models import Report
from core.database import writing
from media.models import Photo
from moderation.exports.columns import COLUMNS
from tests.clients import picture
from tests.moderation.office import REPORTER, Office

# Each pair of places lies within one thousandth of a degree; between the cases it is more or less
# than the 250 m that make a likely duplicate, and from the photo more or less than 200 m.
FIRST, FIRST_MOVED = (117.2026, 34.6206), (117.2034, 34.6214)
SECOND, SECOND_MOVED = (117.2054, 34.6224), (117.2046, 34.6216)
TAKEN, TAKEN_MOVED = (117.2009, 34.6209), (117.2014, 34.6214)
COLUMNS_OF_MAP = [f"{half / 2000},34,{(half + 1) / 2000},35" for half in range(234404, 234412)]
ROWS_OF_MAP = [f"117,{half / 2000},118,{(half + 1) / 2000}" for half in range(69240, 69246)]
BOXES = [*COLUMNS_OF_MAP, *ROWS_OF_MAP]


def at(place: tuple[float, float]) -> dict[str, Any]:
    return {"longitude": place[0], "latitude": place[1], "crs": "wgs84", "accuracy_m": 5}


def settled(value: Any) -> Any:
    """Return an answer without what changes from one moment to the next."""
    if isinstance(value, dict):
        return {key: settled(inner) for key, inner in value.items() if key != "variants"}
    return [settled(inner) for inner in value] if isinstance(value, list) else value


def told(office: Office, who: str, *numbers: str) -> dict[str, Any]:
    """Return all that an officer is told of cases, by address."""
    client = office(who)
    paths = ["/cases", "/cases?crs=gcj02", "/cases?crs=bd09", "/cases?sort=due_at"]
    for number in numbers:
        paths += [f"/cases/{number}", f"/cases/{number}?crs=gcj02", f"/cases/{number}/history"]
    paths += [f"/cases/{number}/similar" for number in numbers]
    paths += [f"/cases/counts?bbox={box}" for box in BOXES]
    paths += ["/stats/handling", "/stats/handling/cases?measure=received"]
    paths += [f"/cases?bbox={box}" for box in BOXES]
    found = {path: settled(client.get(path).get_json()) for path in paths}
    found["/stats/handling"].pop("at")
    lines = client.get("/cases.csv").get_data(as_text=True).splitlines()
    cells = [line.split(",")[: len(COLUMNS)] for line in lines]  # behind them is the viewer's mark
    return {**found, "csv": cells}


@pytest.fixture
def pair(office: Office) -> tuple[str, str]:
    """Two cases of an insider with one picture, and a photo whose file claims a place."""
    data = picture()
    numbers = [
        office.case(
            "accept",
            "dispatch",
            category="WAT-IND",
            location=at(place),
            media=[office(REPORTER).upload(data)],
        )
        for place in (FIRST, SECOND)
    ]
    move(office, numbers, FIRST, SECOND, TAKEN)
    return numbers[0], numbers[1]


def move(office: Office, numbers: Any, *places: tuple[float, float]) -> None:
    """Put both cases, and the place that their photos claim, elsewhere."""
    *spots, taken = places
    with office.app.app_context(), writing() as session:
        for number, (longitude, latitude) in zip(numbers, spots, strict=True):
            here = {"longitude": longitude, "latitude": latitude}
            declared = {f"declared_{name}": value for name, value in here.items()}
            moved = update(Report).where(Report.number == number)
            session.execute(moved.values({**here, **declared}))
        session.execute(update(Photo).values(longitude=taken[0], latitude=taken[1]))


def test_a_departments_answers_do_not_change_with_what_three_decimals_hide(
    office: Office, pair: tuple[str, str]
) -> None:
    before = told(office, "handler-epb", *pair)
    exact = told(office, "dispatcher", *pair)
    move(office, pair, FIRST_MOVED, SECOND_MOVED, TAKEN_MOVED)
    after = told(office, "handler-epb", *pair)
    for path, answer in before.items():
        assert answer == after[path], path
    # The control: who may know the place is told otherwise by each kind of answer.
    moved = told(office, "dispatcher", *pair)
    changed = {path for path, answer in exact.items() if answer != moved[path]}
    assert {"/cases", f"/cases/{pair[0]}", "csv"} <= changed
    assert len([path for path in changed if "/cases?bbox" in path]) == 8
    assert len([path for path in changed if "/cases/counts" in path]) == 8
    one, other = (found[f"/cases/{pair[1]}"] for found in (exact, moved))
    assert (len(one["similar"]), len(other["similar"])) == (0, 1)
    assert [seen["possible_fraud"] for seen in one["checks"]["seen_before"]] == [True]
    assert [seen["possible_fraud"] for seen in other["checks"]["seen_before"]] == [False]
    assert one["checks"]["photos"] != other["checks"]["photos"]


def test_a_department_is_told_of_likely_duplicates_all_the_same(
    office: Office, pair: tuple[str, str]
) -> None:
    (found,) = office.seen(pair[0], "handler-epb")["similar"]
    assert (found["number"], found["distance_m"]) == (pair[1], 214)
    (check,) = office.seen(pair[0], "handler-epb")["checks"]["photos"]
    assert (check["distance_m"], check["place"]) == (184, "near")
