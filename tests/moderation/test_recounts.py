"""Due times beyond the published calendar, counted anew once it is loaded."""

import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine
from sqlalchemy import update

from citizen.models import Report
from core.audit import AuditEvent
from core.database import writing
from moderation.models import CalendarDay
from tests.moderation.office import HANDLING, OTHER, WHY, Office
from tests.moderation.test_commands import run

# The library knows no year after 2026, and Monday to Friday is assumed of all others.
ONE_DATABASE = pytest.mark.parametrize("world", ["sqlite"], indirect=True)
TUESDAY = "2031-12-30T10:00:00+08:00"
NEW_YEAR = [date(2032, 1, 1), date(2032, 1, 2)]
DECREED = [date(2031, 1, 1), date(2031, 10, 1), *NEW_YEAR, date(2032, 10, 1)]


def at(office: Office, moment: str) -> Any:
    office.people.clear()
    return time_machine.travel(datetime.fromisoformat(moment), tick=False)


def load(office: Office, folder: Path, **changed: Any) -> str:
    """Load the decree by the command, and return what it says."""
    days = [
        {"day": day.isoformat(), "working": False, "note": "元旦", **changed} for day in DECREED
    ]
    (folder / "decree.json").write_text(json.dumps({"days": days}), encoding="utf-8")
    _, words = run(office.app, "rules", "calendar", str(folder / "decree.json"))
    return words


def due(office: Office, number: str) -> tuple[str, bool]:
    case = office.seen(number)
    return case["due_at"][:16], case["due_provisional"]


def recompute(office: Office) -> str:
    status, words = run(office.app, "rules", "recompute")
    assert status == 0, words
    return words.strip().removeprefix("recomputed: ").removesuffix(" provisional due times")


def test_what_was_assumed_is_settled_once_and_nothing_else_moves(
    office: Office, tmp_path: Path
) -> None:
    with at(office, TUESDAY):
        desk, handled = office.case(), office.case(*HANDLING)
        chosen = office.case("accept", reporter=OTHER)
        office.case("withdraw")
        sent = {"department": "epb", "due_at": "2032-01-05T18:00:00+08:00"}
        office.act("dispatcher", chosen, "dispatch", sent)
        assert due(office, desk) == ("2032-01-02T00:00", True)
        assert due(office, handled) == ("2032-01-07T00:00", True)
        assert due(office, chosen) == ("2032-01-05T18:00", False)
        version, steps = office.seen(handled)["version"], len(office.history(handled))
        assert recompute(office) == "0 of 2"  # nothing is published yet
        words = load(office, tmp_path)
        assert words == "loaded: 5 days\nrecomputed: 2 of 2 provisional due times\n"
        assert recompute(office) == "0 of 0"
        assert due(office, desk) == ("2032-01-06T00:00", False)  # the 31st and Monday the 5th
        assert due(office, handled) == ("2032-01-09T00:00", False)
        assert due(office, chosen) == ("2032-01-05T18:00", False)
        assert office.seen(handled)["version"] == version + 1
        assert len(office.history(handled)) == steps
        stale = office("handler-epb").act(handled, "resolve", {}, match=f'"{version}-staff"')
        assert stale.status_code == 412
        office.take(handled, "resolve", "rework")
    told = [details for action, details in _audit(office) if action == "case.recounted"]
    assert [set(details) for details in told] == [{"due_at", "due_provisional"}] * 2
    assert office.rows(Report.due_provisional)[-1] == (True,)  # what was withdrawn stays as it was


def _audit(office: Office) -> list[Any]:
    return office.rows(AuditEvent.action, AuditEvent.details)


@ONE_DATABASE
def test_alarms_follow_and_pauses_stay_counted(office: Office, tmp_path: Path) -> None:
    with at(office, "2031-12-29T10:00:00+08:00"):
        held, asked = office.case(*HANDLING), office.case()
        office.take(held, "park")
        office.take(asked, "ask")
    with at(office, TUESDAY):
        office.take(held, "unpark")
        assert due(office, held) == ("2032-01-06T00:00", True)
        assert "recomputed: 2 of 2" in load(office, tmp_path)
        assert due(office, held) == ("2032-01-08T00:00", False)
        assert due(office, asked) == ("2032-01-01T00:00", False)
        (kept,) = [
            row for row in office.rows(Report.number, Report.next_alarm_at) if row[0] == held
        ]
        assert kept[1] == datetime.fromisoformat("2032-01-05T20:30:00+08:00")
    with at(office, "2032-01-05T09:00:00+08:00"):
        office.take(asked, "answer")
        assert due(office, asked) == ("2032-01-07T00:00", False)
        answer = office.act("dispatcher", asked, "correct", {**WHY, "category": "WAT-SEW"})
        assert answer.status_code == 200
        assert due(office, asked) == ("2032-01-07T00:00", False)


@ONE_DATABASE
def test_a_term_in_hours_rests_on_no_calendar(office: Office) -> None:
    with at(office, TUESDAY):
        number = office.case(*HANDLING, category="RAD")
        assert due(office, number) == ("2031-12-31T10:00", False)
        assert recompute(office) == "0 of 0"


@ONE_DATABASE
def test_a_file_that_is_no_calendar_loads_nothing(office: Office, tmp_path: Path) -> None:
    for changed in ({"working": "no"}, {"day": "2032-02-30"}, {"note": "很" * 201}, {"note": 7}):
        assert "Error: not a calendar" in load(office, tmp_path, **changed)
    (tmp_path / "list.json").write_text("[]", encoding="utf-8")
    assert run(office.app, "rules", "calendar", str(tmp_path / "list.json"))[0] == 1
    assert office.rows(CalendarDay.day) == []


def test_a_day_is_corrected_by_loading_it_again(office: Office, tmp_path: Path) -> None:
    load(office, tmp_path)
    assert "loaded: 5 days" in load(office, tmp_path, working=True, note="调休")
    found = office.rows(CalendarDay.day, CalendarDay.working, CalendarDay.note)
    assert found == [(day, True, "调休") for day in sorted(DECREED)]


@ONE_DATABASE
def test_a_row_of_the_release_before_stays_provisional_until_the_decree(
    office: Office, tmp_path: Path
) -> None:
    unsaid = dict.fromkeys(("due_from", "due_unit", "due_amount"))
    with at(office, "2031-12-29T10:00:00+08:00"):
        number = office.case()
        with office.app.app_context(), writing() as session:
            session.execute(update(Report).values(**unsaid))
        office.take(number, "ask")
    with at(office, TUESDAY):
        office.take(number, "answer")
        assert due(office, number) == ("2032-01-01T00:00", True)
        assert "recomputed: 1 of 1" in load(office, tmp_path)
        assert due(office, number) == ("2032-01-01T00:00", False)
