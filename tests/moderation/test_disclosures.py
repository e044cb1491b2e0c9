"""Who reported is told once, to a second officer, with a reason; each step leaves a trace."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, text, true, update

from citizen.models import Report
from citizen.residents.disclosures import service
from citizen.residents.disclosures.models import Disclosure
from core import audit
from core.accounts import Identity
from core.audit import AuditEvent
from core.clock import now
from core.database import db, writing
from core.permissions import Role
from tests.moderation.office import OTHER, REPORTER, WHY, Office, problem
from tests.moderation.test_two_officers import at_once

HIDDEN = {"phone", "anonymous", "reporter", "asker", "decider", "username"}


def asked(office: Office, number: str, by: str = "dispatcher") -> dict[str, Any]:
    answer = office(by).post(f"/cases/{number}/disclosures", WHY)
    assert answer.status_code == 201, answer.get_data(as_text=True)
    made: dict[str, Any] = answer.get_json()
    return made


def decided(office: Office, request: dict[str, Any], how: str = "approve", by: str = "reviewer"):  # type: ignore[no-untyped-def]
    return office(by).post(f"/disclosures/{request['id']}/{how}", WHY if how == "refuse" else None)


def listed(office: Office, number: str, by: str = "auditor") -> list[dict[str, Any]]:
    answer = office(by).get(f"/cases/{number}/disclosures")
    assert answer.status_code == 200
    assert REPORTER not in answer.get_data(as_text=True)
    items: list[dict[str, Any]] = answer.get_json()["items"]
    return items


def changed(office: Office, statement: Any) -> None:
    with office.app.app_context(), writing() as session:
        session.execute(statement)


def test_a_phone_is_shown_once_to_the_second_officer(office: Office) -> None:
    number, noise = office.case(), office.case(reporter=OTHER)
    made, other = asked(office, number), asked(office, noise)
    assert (made["number"], made["state"], made["reason"]) == (number, "asked", WHY["reason"])
    assert not made.keys() & HIDDEN
    answer = decided(office, made)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    shown = answer.get_json()
    assert (shown["phone"], shown["state"]) == (REPORTER, "approved")
    for again in ("approve", "refuse"):
        closed = decided(office, made, again)
        assert problem(closed) == (409, "disclosure_closed")
        assert closed.get_json()["state"] == "approved"
        assert REPORTER not in closed.get_data(as_text=True)
    (item,) = listed(office, number)
    assert (item["state"], item["asked_role"], item["decided_role"]) == (
        "approved",
        "dispatcher",
        "reviewer",
    )
    assert not item.keys() & HIDDEN
    assert decided(office, other).get_json()["phone"] == OTHER


def test_a_key_brings_the_phone_no_second_time_and_nothing_keeps_it(office: Office) -> None:
    made = asked(office, office.case())
    path = f"/disclosures/{made['id']}/approve"
    assert office("reviewer").post(path, key="the-same").get_json()["phone"] == REPORTER
    assert problem(office("reviewer").post(path, key="the-same")) == (409, "disclosure_closed")
    with office.app.app_context(), writing() as session:
        for table in db.metadata.sorted_tables:
            rows = session.execute(text(f"SELECT * FROM {table.name}")).all()
            assert not [row for row in rows if REPORTER in str(row)], table.name
        keys = session.execute(text("SELECT route FROM idempotency_keys")).scalars().all()
    assert not [route for route in keys if "disclosures" in route]


def test_each_step_is_an_audit_row_without_the_phone(office: Office) -> None:
    number = office.case()
    decided(office, asked(office, number))
    decided(office, asked(office, number), "refuse")
    listed(office, number)
    rows = office.rows(AuditEvent.action, AuditEvent.actor_id, AuditEvent.subject_id)
    found = [row for row in rows if "disclosure" in row.action]
    asker, decider = office.account_id("dispatcher"), office.account_id("reviewer")
    assert [(row.action, row.actor_id) for row in found] == [
        ("disclosure.asked", asker),
        ("disclosure.approved", decider),
        ("disclosure.asked", asker),
        ("disclosure.refused", decider),
        ("case.disclosures", office.account_id("auditor")),
    ]
    assert {row.subject_id for row in found} == {number}


def test_an_approval_that_cannot_be_noted_shows_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = asked(office, office.case())

    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError("the audit trail is away")

    monkeypatch.setattr(audit, "record", fail)
    with pytest.raises(RuntimeError, match="away"):
        decided(office, made)
    monkeypatch.undo()
    assert decided(office, made).status_code == 200


@pytest.mark.parametrize("how", ["anonymous", "no phone", "gone"])
def test_who_asks_does_not_learn_that_there_is_no_phone(office: Office, how: str) -> None:
    number = office.case(anonymous=how == "anonymous")
    if how == "no phone":
        changed(office, delete(Identity).where(Identity.account_id == office.account_id(REPORTER)))
    if how == "gone":
        changed(office, update(Report).where(Report.number == number).values(reporter_id=None))
    plain, made = asked(office, office.case(reporter=OTHER)), asked(office, number)
    assert made.keys() == plain.keys()
    assert made["state"] == plain["state"]
    assert problem(decided(office, made)) == (409, "no_phone")
    assert [item["state"] for item in listed(office, number, "dispatcher")] == ["asked"]
    rows = office.rows(AuditEvent.action, AuditEvent.subject_id)
    assert ("disclosure.no_phone", made["id"]) in [tuple(row) for row in rows]
    assert decided(office, made, "refuse").get_json()["note"] == WHY["reason"]
    assert problem(decided(office, made)) == (409, "disclosure_closed")


def test_a_merged_report_is_that_of_who_sent_it(office: Office) -> None:
    primary = office.case(reporter=OTHER)
    number = office.case()
    assert office.act("dispatcher", number, "merge", {"into": primary}).status_code == 200
    assert decided(office, asked(office, number)).get_json()["phone"] == REPORTER
    assert decided(office, asked(office, primary)).get_json()["phone"] == OTHER


def test_a_request_that_nobody_answers_expires(office: Office) -> None:
    number = office.case()
    made, fresh = asked(office, number), asked(office, number)
    old = update(Disclosure).where(Disclosure.public_id == made["id"])
    changed(office, old.values(expires_at=now()))
    for how in ("approve", "refuse"):
        answer = decided(office, made, how)
        assert problem(answer) == (409, "disclosure_closed")
        assert answer.get_json()["state"] == "expired"
    assert [item["state"] for item in listed(office, number)] == ["asked", "expired"]
    refused = asked(office, number)
    decided(office, refused, "refuse")
    for state, ids in (
        ("asked", [fresh["id"]]),
        ("expired", [made["id"]]),
        ("refused", [refused["id"]]),
        ("approved", []),
    ):
        found = office("reviewer").get(f"/disclosures?state={state}").get_json()["items"]
        assert [item["id"] for item in found] == ids, state
    first = office("auditor").get("/disclosures?limit=2").get_json()
    assert [item["id"] for item in first["items"]] == [refused["id"], fresh["id"]]
    rest = office("auditor").get(f"/disclosures?cursor={first['next_cursor']}").get_json()
    assert [item["id"] for item in rest["items"]] == [made["id"]]


def test_each_step_has_its_role_and_a_case_that_exists(office: Office) -> None:
    number = office.case("accept", "dispatch")
    made = asked(office, number)
    for who in ("handler-epb", "reviewer", "auditor", "admin", "rewards", REPORTER, "bus"):
        assert problem(office(who).post(f"/cases/{number}/disclosures", WHY)) == (403, "forbidden")
    for who in ("dispatcher", "handler-epb", "auditor", "admin", "rewards", REPORTER):
        for how in ("approve", "refuse"):
            assert problem(decided(office, made, how, who)) == (403, "forbidden")
    for who in ("handler-epb", "admin", "rewards", REPORTER):
        assert office(who).get(f"/cases/{number}/disclosures").status_code == 403
    for who in ("dispatcher", "handler-epb", "admin"):
        assert office(who).get("/disclosures").status_code == 403
    nowhere = "/cases/3708-261125-000000-0/disclosures"
    assert office("dispatcher").post(nowhere, WHY).status_code == 404
    assert office("dispatcher").get(nowhere).status_code == 404
    assert office("reviewer").post("/disclosures/x/approve").status_code == 404
    for body in ({}, {"reason": " "}, {"reason": "长" * 2001}, {**WHY, "phone": REPORTER}):
        answer = office("dispatcher").post(f"/cases/{number}/disclosures", body)
        assert answer.status_code == 422, body
    assert (
        office("reviewer").post(f"/disclosures/{made['id']}/approve", {"x": 1}).status_code == 422
    )
    assert [item["state"] for item in listed(office, number)] == ["asked"]


def test_nobody_decides_on_their_own_request_or_in_their_own_case(office: Office) -> None:
    both = "dispatcher-and-reviewer"
    office.hire(both, Role.DISPATCHER, Role.REVIEWER)
    number = office.case()
    made = asked(office, number, both)
    assert problem(decided(office, made, by=both)) == (403, "own_request")
    assert decided(office, made).status_code == 200
    open_one = asked(office, number)
    office.lend_phone("dispatcher", REPORTER)
    office.lend_phone("reviewer", REPORTER)
    again = office("dispatcher").post(f"/cases/{number}/disclosures", WHY)
    assert problem(again) == (403, "not_for_you")
    for how in ("approve", "refuse"):
        assert problem(decided(office, open_one, how)) == (403, "not_for_you")
    assert decided(office, open_one, by=both).status_code == 200


@pytest.fixture
def second(office: Office) -> str:
    office.hire("reviewer-2", Role.REVIEWER)
    return "reviewer-2"


def test_two_approvals_at_once_show_the_phone_once(
    office: Office, second: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def both(request: dict[str, Any]) -> list[int]:
        path = f"/disclosures/{request['id']}/approve"
        clients = [office(who) for who in ("reviewer", second)]
        answers = at_once(*(lambda client=client: client.post(path) for client in clients))  # type: ignore[misc]
        return sorted(answer.status_code for answer in answers)

    number = office.case()
    assert both(asked(office, number)) == [200, 409]
    # The control: without the condition in the update, both would be shown it.
    monkeypatch.setattr(service, "undecided", lambda _now: true())
    assert both(asked(office, number)) == [200, 200]


def test_a_disclosure_leaves_no_phone_in_the_log(
    office: Office, capsys: pytest.CaptureFixture[str], app: Flask
) -> None:
    from core import logs

    logs.configure("DEBUG")
    made = asked(office, office.case())
    decided(office, made)
    decided(office, made)
    logs.configure("WARNING")
    printed = capsys.readouterr()
    assert "/disclosures/<public_id>/approve" in printed.out + printed.err
    assert REPORTER not in printed.out + printed.err
