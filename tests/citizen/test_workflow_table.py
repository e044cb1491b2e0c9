"""The table itself: every edge can be walked, every pause ends, every effect has its word."""

import pytest

from citizen.edges import EDGES, OPEN, TABLE, edge_of
from citizen.errors import InvalidTransition
from citizen.states import (
    ACTION_LABELS,
    STATUS_LABELS,
    VERDICT_LABELS,
    Action,
    Clock,
    PointsEffect,
    Status,
    Verdict,
)

ENDS = {Status.CLOSED, Status.DECLINED, Status.MERGED, Status.WITHDRAWN}


def targets(action: Action) -> set[Status]:
    """Return where an action may lead."""
    edge = EDGES[action]
    if edge.back:
        return {Status.SUBMITTED, Status.ACCEPTED}
    return set(edge.targets) or ({edge.target} if edge.target else set(edge.sources))


def test_every_action_stands_in_the_table_once() -> None:
    assert len(TABLE) == len(EDGES) == len(set(Action) - {Action.SUBMIT})


def test_every_word_has_a_label() -> None:
    assert set(ACTION_LABELS) == set(Action)
    assert set(STATUS_LABELS) == set(Status)
    assert set(VERDICT_LABELS) == set(Verdict)


def test_every_status_can_be_reached_and_open_ones_can_be_left() -> None:
    """B39."""
    reached, grown = {Status.SUBMITTED}, True
    while grown:
        before = set(reached)
        for edge in TABLE:
            if edge.sources & reached:
                reached |= targets(edge.action)
        grown = reached != before
    assert reached == set(Status)
    for status in OPEN:
        assert any(status in edge.sources and targets(edge.action) - {status} for edge in TABLE)
    assert set(Status) == OPEN | ENDS


def test_what_is_paused_runs_or_stops_again() -> None:
    paused = {
        status for edge in TABLE if edge.clock is Clock.PAUSED for status in targets(edge.action)
    }
    assert paused == {Status.INFO_REQUESTED, Status.PARKED}
    for status in paused:
        leaving = [
            edge
            for edge in TABLE
            if status in edge.sources and targets(edge.action) - {status} and len(edge.sources) < 11
        ]
        assert leaving
        assert all(edge.clock in {Clock.RUNNING, Clock.STOPPED} for edge in leaving)


def test_what_ends_a_case_stops_its_clock_and_what_opens_it_starts_it() -> None:
    for edge in TABLE:
        reached = targets(edge.action)
        if reached <= ENDS and not edge.sources & ENDS:
            assert edge.clock is Clock.STOPPED, edge.action
        if edge.sources <= ENDS and reached <= OPEN:
            assert edge.clock is Clock.RUNNING, edge.action


def test_declining_and_withdrawing_void_points_and_verdicts_settle_them() -> None:
    effects = {edge.action: edge.points for edge in TABLE if edge.points is not PointsEffect.NONE}
    assert effects == {
        Action.DECLINE: PointsEffect.VOID,
        Action.LAPSE: PointsEffect.VOID,
        Action.WITHDRAW: PointsEffect.VOID,
        Action.VERIFY: PointsEffect.SETTLE,
        Action.OVERTURN: PointsEffect.SETTLE,
        Action.GRANT_APPEAL: PointsEffect.PENDING,
    }


@pytest.mark.parametrize("status", Status)
def test_an_edge_that_is_not_there_says_status_and_action(status: Status) -> None:
    for action in Action:
        edge = EDGES.get(action)
        if edge is not None and status in edge.sources:
            assert edge_of(action, status) is edge
            continue
        with pytest.raises(InvalidTransition) as caught:
            edge_of(action, status)
        assert caught.value.members == {"status": status.value, "action": action.value}
