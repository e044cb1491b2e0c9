"""The table itself: every edge can be walked, every pause ends, every effect has its word."""

import pytest

from citizen.edges import EDGES, FINAL, LEAVING, OPEN, RESIDENT, SYSTEM, TABLE, edge_of
from citizen.errors import InvalidTransition
from citizen.guards import GUARD_LABELS, Guard
from citizen.states import (
    ACTION_LABELS,
    STATUS_LABELS,
    TOLD_LABELS,
    VERDICT_LABELS,
    Action,
    Clock,
    PointsEffect,
    Status,
    Told,
    Verdict,
)
from core.permissions import Role

ENDS = {Status.CLOSED, Status.DECLINED, Status.MERGED, Status.WITHDRAWN}


def test_every_action_stands_in_the_table_once() -> None:
    assert len(TABLE) == len(EDGES) == len(set(Action) - {Action.SUBMIT})


def test_every_word_has_a_label() -> None:
    assert set(ACTION_LABELS) == set(Action)
    assert set(STATUS_LABELS) == set(Status)
    assert set(VERDICT_LABELS) == set(Verdict)
    assert set(GUARD_LABELS) == set(Guard)
    assert set(TOLD_LABELS) == set(Told)


def reached_from(start: Status) -> set[Status]:
    """Return every status that some row of the table leads to, sooner or later."""
    reached, grown = {start}, True
    while grown:
        before = set(reached)
        for edge in TABLE:
            reached |= {to for source in edge.sources & reached for to in edge.moves[source]}
        grown = reached != before
    return reached


def test_every_status_can_be_reached() -> None:
    assert reached_from(Status.SUBMITTED) == set(Status)


@pytest.mark.parametrize("status", Status)
def test_every_status_can_be_left_unless_it_is_named_as_final(status: Status) -> None:
    """B39: an open case always finds an end; what has ended may be opened again, or is final."""
    leaving = {to for edge in LEAVING[status] for to in edge.moves[status]} - {status}
    assert bool(leaving) == (status not in FINAL)
    if status in OPEN:
        assert {Status.CLOSED, Status.DECLINED} <= reached_from(status)
    assert set(Status) == OPEN | ENDS
    assert not OPEN & ENDS


@pytest.mark.parametrize("status", sorted(OPEN))
def test_staff_or_the_worker_can_move_every_open_case_on(status: Status) -> None:
    """The city never waits for a resident alone."""
    assert any(edge.moves[status] - {status} for edge in LEAVING[status] if edge.who != RESIDENT)


def test_every_pause_has_an_end_by_the_clock_and_by_hand() -> None:
    """B39: a pause begins with the day that ends it, and each way out of it runs or stops."""
    pauses = {edge.action: edge.targets for edge in TABLE if edge.clock is Clock.PAUSED}
    assert pauses == {
        Action.REQUEST_INFO: {Status.INFO_REQUESTED},
        Action.PARK: {Status.PARKED},
    }
    assert "review_on" in EDGES[Action.PARK].needs
    assert Guard.REVIEW_LATER in EDGES[Action.PARK].guards
    assert EDGES[Action.LAPSE].who == SYSTEM
    for status in {to for targets in pauses.values() for to in targets}:
        leaving = [edge for edge in LEAVING[status] if edge.moves[status] - {status}]
        assert leaving
        assert all(edge.clock in {Clock.RUNNING, Clock.STOPPED} for edge in leaving)


def test_what_ends_a_case_stops_its_clock_and_what_opens_it_starts_it() -> None:
    for edge in TABLE:
        for source, targets in edge.moves.items():
            if source in OPEN and targets & ENDS:
                assert edge.clock is Clock.STOPPED, edge.action
            if source in ENDS and targets <= OPEN:
                assert edge.clock is Clock.RUNNING, edge.action


def test_a_step_back_leads_to_a_status_that_the_case_may_have_come_from() -> None:
    for edge in TABLE:
        for source, targets in edge.moves.items():
            if edge.back:
                came_from = {
                    one for into in TABLE for one in into.sources if source in into.moves[one]
                }
                assert targets == came_from - {source}


def test_whoever_is_to_be_told_of_a_step_is_named() -> None:
    for edge in TABLE:
        assert edge.tells, edge.action
        assert len(set(edge.tells)) == len(edge.tells)
        if edge.points is not PointsEffect.NONE and edge.who != RESIDENT:
            assert Told.REPORTER in edge.tells, edge.action
        if Told.FOLLOWERS in edge.tells:
            assert Told.REPORTER in edge.tells, edge.action


def test_staff_see_the_present_version_of_a_case_that_is_not_theirs() -> None:
    for edge in TABLE:
        by_staff = edge.who not in {RESIDENT, SYSTEM}
        assert (set(edge.checked) >= {Guard.CURRENT_VERSION, Guard.NOT_A_PARTY}) == by_staff
        by_department = edge.who == Role.HANDLER.value
        assert (Guard.OWN_DEPARTMENT in edge.guards) == by_department, edge.action
        by_another = edge.who == Role.REVIEWER.value
        assert (Guard.NEVER_DECIDED in edge.guards) == by_another, edge.action


def test_every_guard_is_used_by_a_step() -> None:
    assert {guard for edge in TABLE for guard in edge.checked} == set(Guard)


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
