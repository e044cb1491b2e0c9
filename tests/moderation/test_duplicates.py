import json
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citizen.geo import Point
from moderation.duplicates import Limits, Sighting, limits_from_json, rank, shared_words
from tests.conftest import PROJECT

NOON = datetime(2026, 11, 25, 4, tzinfo=UTC)
PLACE = Point(116.587, 35.415)
METRE = 1 / 111_195
REPORT = Sighting("new", "WAT-OUT", PLACE, NOON, "排污口夜间排放黑水，气味刺鼻")


def other(number: str = "old", metres: float = 50, hours: float = 2, **chosen: object) -> Sighting:
    point = Point(PLACE.longitude, PLACE.latitude + metres * METRE)
    found = Sighting(number, "WAT-OUT", point, NOON - timedelta(hours=hours), "河边垃圾堆积")
    return replace(found, **chosen)  # type: ignore[arg-type]


def numbers(*others: Sighting, limits: Limits | None = None) -> list[str]:
    return [likeness.number for likeness in rank(REPORT, others, limits)]


def test_a_near_report_of_the_same_kind_is_likely_and_says_why() -> None:
    (found,) = rank(REPORT, [other()])
    assert found.number == "old"
    assert found.distance_m == 50
    assert found.reasons == ("同一类别", "相距 50 米", "相隔 2 小时")


@pytest.mark.parametrize(
    ("changed", "likely"),
    [
        ({"metres": 249}, True),
        ({"metres": 251}, False),
        ({"category": "WAT-SHIP"}, False),
        ({"hours": 30 * 24}, True),
        ({"hours": 30 * 24 + 1}, False),
        ({"hours": -3}, True),
        ({"ended_at": NOON - timedelta(hours=1)}, False),  # a recurrence is a new case
        ({"ended_at": NOON + timedelta(hours=1)}, True),
        ({"number": "new"}, False),
    ],
)
def test_the_bounds_of_a_likely_duplicate(changed: dict[str, object], likely: bool) -> None:
    assert bool(rank(REPORT, [other(**changed)])) is likely  # type: ignore[arg-type]


def test_a_category_may_have_a_reach_of_its_own() -> None:
    wide = Limits(by_category={"WAT-OUT": 500})
    assert numbers(other(metres=400), limits=wide) == ["old"]
    assert numbers(other(metres=400), limits=Limits(by_category={"WAT-SHIP": 500})) == []


def test_likeness_of_pictures_and_words_goes_before_nearness() -> None:
    told = other("told", metres=200, description="排污口夜间排放黑水")
    seen = other("seen", metres=200, pictured=True)
    both = other("both", metres=200, description="排污口夜间排放黑水", pictured=True)
    assert numbers(other("near", metres=1), seen, told, both)[0] == "both"
    reasons = rank(REPORT, [both])[0].reasons
    assert "照片相同或相似" in reasons
    assert "描述重合 100%" in reasons


def test_nearer_and_later_reports_rank_higher_and_ties_by_number() -> None:
    assert numbers(other("far", metres=200), other("near", metres=10)) == ["near", "far"]
    assert numbers(other("early", hours=500), other("late", hours=1)) == ["late", "early"]
    assert numbers(other("b"), other("a")) == ["a", "b"]


def test_no_more_than_asked_for_are_given() -> None:
    crowd = [other(f"n{position:02}", metres=position) for position in range(30)]
    assert numbers(*crowd) == [f"n{position:02}" for position in range(10)]


def test_without_the_same_picture_pictures_are_no_reason() -> None:
    (found,) = rank(REPORT, [other()])
    assert not any("照片" in reason for reason in found.reasons)


@pytest.mark.parametrize(
    ("hours", "words"), [(0.2, "相隔不到一小时"), (47, "相隔 47 小时"), (72, "相隔 3 天")]
)
def test_time_apart_is_said_in_words(hours: float, words: str) -> None:
    assert words in rank(REPORT, [other(hours=hours)])[0].reasons


def test_a_reach_of_zero_still_takes_the_very_same_point() -> None:
    assert numbers(other(metres=0), limits=Limits(distance_m=0)) == ["old"]


@pytest.mark.parametrize(
    ("one", "another", "share"),
    [
        ("排放黑水", "夜间排放黑水", 1.0),
        ("排放黑水", "排放 黑水！", 1.0),
        ("ＡＢＣ公司", "abc公司", 1.0),
        ("排放黑水", "河边垃圾", 0.0),
        ("", "排放黑水", 0.0),
        ("水", "水", 0.0),
        ("排放黑水", "排放白水", 1 / 3),
    ],
)
def test_words_are_compared_by_pieces_of_two_characters(
    one: str, another: str, share: float
) -> None:
    assert shared_words(one, another) == pytest.approx(share)
    assert shared_words(another, one) == pytest.approx(share)


@given(st.floats(0, 2 * math.pi), st.floats(0, 600), st.floats(-1_000, 1_000))
def test_whatever_is_likely_lies_within_the_limits(
    bearing: float, metres: float, hours: float
) -> None:
    east = metres * METRE * math.sin(bearing) / math.cos(math.radians(PLACE.latitude))
    north = metres * METRE * math.cos(bearing)
    point = Point(PLACE.longitude + east, PLACE.latitude + north)
    for found in rank(REPORT, [other(hours=hours, point=point)]):
        assert found.distance_m <= 250
        assert abs(hours) <= 30 * 24
        assert 0 <= found.score <= 4


def test_the_limits_that_are_shipped_name_categories_that_there_are() -> None:
    limits = limits_from_json((PROJECT / "moderation/data/duplicates.json").read_text("utf-8"))
    shipped = json.loads((PROJECT / "citizen/data/categories.json").read_text("utf-8"))
    assert set(limits.by_category) <= {each["code"] for each in shipped["categories"]}
    assert (limits.distance_m, limits.window) == (250, timedelta(days=30))
    assert limits.reach_m("NOI-LIFE") < limits.reach_m("WAT-OUT") < limits.reach_m("AIR-ODOR")
    with pytest.raises(KeyError):
        limits_from_json("{}")
