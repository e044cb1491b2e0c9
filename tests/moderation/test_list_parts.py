"""Lists of departments that lead or help: the same cases in the same order as counted by hand."""

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from citizen.models import AssistingDepartment, Report
from citizen.states import Status
from core.clock import now as present
from core.permissions import Role
from moderation import narrowing
from moderation.parts import shares
from tests.moderation.crowd import AREAS, DEPARTMENTS, crowd
from tests.moderation.office import Office

Row = dict[str, Any]
Filter = tuple[str, Callable[[Row], bool]]
PLACE = 116.55, 35.35, 116.65, 35.45


def filters(office: Office, chance: random.Random) -> list[Filter]:
    """Return each filter of the list with what it means of a row."""
    department, area = chance.choice(DEPARTMENTS), chance.choice(AREAS)
    status, account = chance.choice(("closed", "submitted", "handling")), "handler-epb"
    own, now = office.account_id(account), present()
    west, south, east, north = PLACE
    return [
        (f"department={department}", lambda row: belongs(row, department)),
        (f"area={area}", lambda row: bool(row["area"] == area)),
        (f"status={status}", lambda row: bool(row["status"] == status)),
        (f"assignee={account}", lambda row: bool(row["assignee_id"] == own)),
        ("category=AIR-DUST", lambda row: bool(row["category"] == "AIR-DUST")),
        ("channel=huhutong", lambda row: bool(row["channel"] == "huhutong")),
        ("overdue=true", lambda row: row["clock"] == "running" and row["due_at"] <= now),
        ("q=水", lambda row: "水" in row["description"] + "|" + (row["address"] or "")),
        (
            f"bbox={west},{south},{east},{north}",
            lambda row: (
                west <= round(row["longitude"], 7) <= east
                and south <= round(row["latitude"], 7) <= north
            ),
        ),
    ]


def belongs(row: Row, department: str) -> bool:
    return department == row["lead_department"] or department in row["helpers"]


def pages(office: Office, by: str, query: str) -> list[str]:
    """Read a list to its end, seven at a time."""
    found: list[str] = []
    cursor = ""
    while True:
        answer = office(by).get(f"/cases?limit=7&{query}{cursor}")
        assert answer.status_code == 200, answer.get_json()
        found += [item["number"] for item in answer.get_json()["items"]]
        if answer.get_json()["next_cursor"] is None:
            return found
        cursor = f"&cursor={answer.get_json()['next_cursor']}"


def test_every_list_holds_what_its_filters_say_in_order_and_counts_add_up(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, chance = crowd(office, 70), random.Random(11)
    first = office.rows(Report)[0][0]
    rows.append({name: getattr(first, name) for name in rows[0] if name != "helpers"})
    rows[-1]["helpers"] = []
    office.hire("local", Role.HANDLER, department="epb", areas=AREAS[:1])
    everyone: dict[str, Callable[[Row], bool]] = {
        "dispatcher": lambda _row: True,
        "handler-epb": lambda row: belongs(row, "epb"),
        "local": lambda row: belongs(row, "epb") and row["area"] == AREAS[0],
    }
    for turn in range(10):
        monkeypatch.setattr(narrowing, "FEW", chance.choice((5_000, 0)))
        by = list(everyone)[turn % 3]
        chosen = chance.sample(filters(office, chance), chance.choice((0, 1, 1, 2)))
        expected = [row for row in rows if everyone[by](row) and all(met(row) for _, met in chosen)]
        due = turn % 2 == 1 and not any(query.startswith("q=") for query, _ in chosen)
        if due:
            expected.sort(key=lambda row: (row["due_at"], row["id"]))
        else:
            expected.sort(key=lambda row: (row["submitted_at"], row["id"]), reverse=True)
        query = "&".join(query for query, _ in chosen)
        found = pages(office, by, query + ("&sort=due_at" if due else ""))
        assert found == [row["number"] for row in expected], (by, query)
        counted = office(by).get(f"/cases/counts?{query}").get_json()
        by_status = Counter(row["status"] for row in expected)
        shown = {item["status"]: item["count"] for item in counted["items"]}
        assert shown == {status.value: by_status[status] for status in Status}, (by, query)
        assert counted["total"] == len(found)


@pytest.mark.parametrize("departments", [(), ("epb",), ("epb", "water"), ("a", "b", "c")])
def test_shares_have_no_case_in_common_and_leave_none_out(departments: tuple[str, ...]) -> None:
    parted = shares(departments)
    cases = [(lead, helpers) for lead in (None, "epb", "a", "x") for helpers in SETS]
    for lead, helpers in cases:
        meant = all(code == lead or code in helpers for code in departments)
        holding = [
            share
            for share in parted
            if (share.lead in {lead, None})
            and set(share.helping) <= helpers
            and not (share.lead is None and lead in share.besides)
        ]
        assert len(holding) == meant, (lead, helpers)


SETS = [frozenset(), frozenset({"epb"}), frozenset({"water"}), frozenset({"epb", "water"})]


def test_helpers_are_listed_by_the_due_time_of_now(office: Office) -> None:
    number = office.case("accept")
    body = {"department": "epb", "assisting": ["water", "urban"]}
    office.act("dispatcher", number, "dispatch", body)

    def instants() -> tuple[Any, set[Any]]:
        [case] = office.rows(Report.due_at, Report.submitted_at)
        helped = office.rows(AssistingDepartment.due_at, AssistingDepartment.submitted_at)
        return tuple(case), {tuple(row) for row in helped}

    dispatched, helped = instants()
    assert helped == {dispatched}
    office.take(number, "sign", "extend", "grant")
    granted, helped = instants()
    assert granted > dispatched
    assert helped == {granted}
