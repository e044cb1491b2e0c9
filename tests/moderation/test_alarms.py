"""Alarms as officers see them and as the worker rings them: each once, none in a pause."""

import threading
from typing import Any

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from citizen import service as reports
from citizen.models import HistoryEntry, Report
from core import audit
from core.audit import AuditEvent
from core.database import db
from core.outbox import OutboxMessage
from moderation import alarms, jobs
from moderation.models import AlarmFact
from tests.moderation.office import HANDLING, OTHER, WHY, Office, on, shanghai
from tests.moderation.test_two_officers import at_once

WEDNESDAY = "03-04 10:00"  # five working days end on the next Wednesday
NOTICE, YELLOW, RED = "03-10 02:30", "03-11 00:00", "03-12 00:00"
ONE_DATABASE = pytest.mark.parametrize("world", ["sqlite"], indirect=True)
FIRST, SECOND, LAST = "03-13 00:00", "03-17 00:00", "03-21 00:00"


def sweep(office: Office, moment: str) -> int:
    """Let a worker come by at a moment, and return how many alarms rang."""
    with office.app.app_context():
        return jobs.ring_alarms(shanghai(moment))


def rung(office: Office) -> list[tuple[str, str | None]]:
    """Return the alarms that were written down, each with its row in the audit trail."""
    found = [(row.level, row.target) for row in office.rows(AlarmFact.level, AlarmFact.target)]
    told = office.rows(AuditEvent.action, AuditEvent.details)
    audited = [(d["level"], d["to"]) for action, d in told if action == "case.alarm"]
    assert found == audited
    left = [topic for (topic,) in office.rows(OutboxMessage.topic) if topic == alarms.RANG]
    assert len(left) == len(found)  # one word of each, for the messages to come
    return found


def shown(office: Office, number: str) -> tuple[str | None, str | None]:
    case = office.seen(number)
    listed = office("dispatcher").get("/cases?limit=100").get_json()["items"]
    (item,) = [item for item in listed if item["number"] == number]
    assert (item["alarm"], item["alarm_label"]) == (case["alarm"], case["alarm_label"])
    return case["alarm"], case["alarm_label"]


@pytest.fixture
def number(office: Office) -> str:
    """A case in hand since Wednesday."""
    with on(office, WEDNESDAY):
        return office.case(*HANDLING)


def test_a_case_is_warned_of_carded_and_taken_up_each_once(office: Office, number: str) -> None:
    with on(office, WEDNESDAY):
        office.case("withdraw", reporter=OTHER)
    steps = len(office.rows(HistoryEntry.id))
    expected = [
        (NOTICE, "notice", "时限已过四分之三"),
        (YELLOW, "yellow", "黄牌"),
        (RED, "red", "红牌"),
        (FIRST, "escalated", "升级督办：责任单位负责人"),
        (SECOND, "escalated", "升级督办：市生态环境局"),
    ]
    assert sweep(office, "03-10 02:29") == 0
    for moment, level, label in expected:
        with on(office, moment):
            assert [sweep(office, moment) for _ in range(3)] == [1, 0, 0]
            assert shown(office, number) == (level, label)
    assert [sweep(office, at) for at in ("03-19 00:00", LAST, "06-01 00:00")] == [1, 1, 0]
    assert [level for level, _ in rung(office)] == [
        *("notice", "yellow", "red", "escalated"),
        *("escalated_2", "escalated_3", "escalated_4"),
    ]
    assert {to for _, to in rung(office)} == {None, "责任单位负责人", "市生态环境局"}
    with on(office, LAST):
        told = office("auditor").get(f"/cases/{number}/history").get_json()["alarms"]
    assert [row["alarm"] for row in told] == ["notice", "yellow", "red", *["escalated"] * 4]
    assert told[4] == {
        "at": "2026-03-17T00:00:00+08:00",
        "alarm": "escalated",
        "alarm_label": "升级督办：市生态环境局",
        "due_at": "2026-03-12T00:00:00+08:00",
    }
    version, following = office.rows(Report.version, Report.next_alarm_at)[0]
    assert (version, following) == (4, None)  # nothing rings for ever, and no version is new
    assert len(office.rows(HistoryEntry.id)) == steps


@ONE_DATABASE
def test_what_is_over_is_red_before_the_worker_came_by(office: Office, number: str) -> None:
    with on(office, "03-11 23:59"):
        assert shown(office, number) == (None, None)
    with on(office, RED):
        assert shown(office, number) == ("red", "红牌")


@ONE_DATABASE
def test_after_a_worker_was_away_only_the_gravest_rings(office: Office, number: str) -> None:
    assert sweep(office, "03-14 12:00") == 1
    assert rung(office) == [("escalated", "责任单位负责人")]
    assert sweep(office, "03-16 23:59") == 0
    assert sweep(office, SECOND) == 1


def test_no_alarm_rings_in_a_pause_and_the_rest_follow_it(office: Office, number: str) -> None:
    assert sweep(office, NOTICE) == 1
    with on(office, "03-10 10:00"):
        office.take(number, "park")
        assert shown(office, number) == (None, None)
    assert sweep(office, "05-20 00:00") == 0
    with on(office, "03-17 10:00"):  # Tuesday and Wednesday were left
        office.take(number, "unpark")
        assert office.seen(number)["due_at"] == "2026-03-19T00:00:00+08:00"
        assert shown(office, number) == (None, None)
    assert [sweep(office, at) for at in ("03-17 23:59", "03-18 00:00", "03-19 00:00")] == [0, 1, 1]
    assert [level for level, _ in rung(office)] == ["notice", "yellow", "red"]


@ONE_DATABASE
def test_what_was_put_aside_asks_for_its_review_from_the_day_on(
    office: Office, number: str
) -> None:
    with on(office, "03-09 10:00"):
        office.act("dispatcher", number, "park", {**WHY, "review_on": "2026-03-20"})
    for moment, expected in (
        ("03-19 23:59", (None, None)),
        ("03-20 00:00", ("review", "挂账到期待复查")),
    ):
        with on(office, moment):
            assert sweep(office, moment) == 0
            assert shown(office, number) == expected


@ONE_DATABASE
def test_a_pause_within_a_day_takes_no_alarm_back(office: Office, number: str) -> None:
    assert sweep(office, YELLOW) == 1
    with on(office, "03-11 10:00"):
        office.take(number, "park")
    with on(office, "03-11 15:00"):
        office.take(number, "unpark")
        assert shown(office, number) == ("yellow", "黄牌")
    assert [sweep(office, at) for at in ("03-11 15:00", "03-11 23:59", RED)] == [0, 0, 1]


@ONE_DATABASE
def test_an_alarm_of_a_pause_rings_as_it_ends(office: Office) -> None:
    with on(office, WEDNESDAY):
        number = office.case("accept")
        sent = {"department": "epb", "due_at": "2026-03-12T15:00:00+08:00"}
        office.act("dispatcher", number, "dispatch", sent)
        office.take(number, "sign")
    assert sweep(office, "03-11 12:00") == 1  # the notice
    with on(office, "03-11 14:00"):
        office.take(number, "park")
    assert sweep(office, "03-11 15:30") == 0
    with on(office, "03-11 16:00"):
        office.take(number, "unpark")
    assert sweep(office, "03-11 16:00") == 1
    assert rung(office)[-1] == ("yellow", None)


def test_more_time_takes_the_card_back_and_warns_anew(office: Office, number: str) -> None:
    assert sweep(office, YELLOW) == 1
    with on(office, "03-11 10:00"):
        sent = {**WHY, "due_at": "2026-03-18T00:00:00+08:00"}
        office.act("handler-epb", number, "extend", sent)
        assert shown(office, number) == ("yellow", "黄牌")
        office.take(number, "grant")
        assert shown(office, number) == (None, None)
    assert sweep(office, RED) == 0
    assert [sweep(office, at) for at in ("03-14 14:30", "03-17 00:00", "03-18 00:00")] == [1] * 3
    assert [level for level, _ in rung(office)] == ["yellow", "notice", "yellow", "red"]


@ONE_DATABASE
def test_more_time_that_is_refused_changes_no_alarm(office: Office, number: str) -> None:
    with on(office, WEDNESDAY):
        office.take(number, "extend")
        before = office.rows(Report.next_alarm_at, Report.due_at)
        office.act("dispatcher", number, "refuse_extension", WHY)
        assert office.rows(Report.next_alarm_at, Report.due_at) == before


@ONE_DATABASE
def test_what_ends_between_the_look_and_the_lock_is_left_alone(
    office: Office, number: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alarms, "waiting", lambda *_args, **_limit: [number])
    with on(office, "03-09 10:00"):
        office.take(number, "resolve", "verify")
    assert sweep(office, RED) == 0
    assert rung(office) == []


# -------- once


@ONE_DATABASE
def test_a_clock_that_jumps_back_rings_nothing_twice(office: Office, number: str) -> None:
    assert sweep(office, YELLOW) == 1
    for moment in ("03-10 23:00", YELLOW, "03-10 02:00", NOTICE, "03-11 01:00"):
        assert sweep(office, moment) == 0
    with on(office, "03-10 22:00"):
        assert shown(office, number) == ("yellow", "黄牌")
        office.take(number, "park")
    with on(office, "03-10 21:00"):  # a pause that ends before it began never was
        office.take(number, "unpark")
        assert office.seen(number)["due_at"] == "2026-03-12T00:00:00+08:00"
    assert sweep(office, "03-11 02:00") == 0
    assert rung(office) == [("yellow", None)]


def both(office: Office) -> int:
    """Let two workers come by at once."""
    return sum(at_once(*[lambda: sweep(office, RED)] * 2))  # type: ignore[arg-type]


def test_two_workers_at_once_ring_each_case_once(office: Office, number: str) -> None:
    with on(office, WEDNESDAY):
        for _ in range(3):
            office.case(*HANDLING, reporter=OTHER)
    assert both(office) == 4
    assert rung(office) == [("red", None)] * 4


@pytest.mark.parametrize(("key", "rings"), [(True, 1), (False, 2)])
@pytest.mark.parametrize("world", ["postgresql"], indirect=True)
def test_without_the_lock_the_key_is_the_last_guard_and_without_it_both_ring(
    office: Office, number: str, monkeypatch: pytest.MonkeyPatch, *, key: bool, rings: int
) -> None:
    """The control: it is these guards that decide above. On SQLite the unit of work is the lock."""
    met = threading.Barrier(2)

    def read_together(session: Any, wanted: str) -> Report:
        found = session.scalars(select(Report).where(Report.number == wanted)).one()
        met.wait(timeout=10)
        return found

    monkeypatch.setattr(reports, "locked_report", read_together)
    if not key:
        monkeypatch.setattr(alarms, "put_once", lambda *_row: 1)
    assert both(office) == rings
    told = [action for (action,) in office.rows(AuditEvent.action) if action == "case.alarm"]
    assert len(told) == rings


def test_a_worker_that_dies_leaves_nothing_half_and_holds_up_nobody(
    office: Office, number: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with on(office, WEDNESDAY):
        other = office.case(*HANDLING, reporter=OTHER)
    record = audit.record

    def dies(action: str, **kwargs: Any) -> None:
        if kwargs["subject"][1] == number:
            raise MemoryError
        record(action, **kwargs)

    monkeypatch.setattr(audit, "record", dies)
    assert sweep(office, RED) == 1
    kept = [name for (name,) in office.rows(Report.number) if name in {number, other}]
    assert len(kept) == 2
    assert rung(office) == [("red", None)]
    monkeypatch.undo()
    assert sweep(office, RED) == 1
    assert rung(office) == [("red", None)] * 2


def test_what_is_due_is_found_by_its_index(office: Office) -> None:
    asked: list[tuple[str, Any]] = []

    def note(_conn: object, _cursor: object, statement: str, given: Any, *_rest: object) -> None:
        if statement.startswith("SELECT"):
            asked.append((statement, given))

    with office.app.app_context(), db.engine.connect() as connection:
        event.listen(connection, "before_cursor_execute", note)
        with Session(connection) as session:
            alarms.waiting(session, shanghai(RED), limit=10)
        ((statement, given),) = asked
        explain = "EXPLAIN QUERY PLAN" if connection.dialect.name == "sqlite" else "EXPLAIN"
        if explain == "EXPLAIN":
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        plan = str(connection.exec_driver_sql(f"{explain} {statement}", given).all())
    assert "ix_reports_alarm" in plan
    assert "B-TREE" not in plan
    assert "Sort" not in plan
