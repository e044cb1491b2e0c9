"""Consents: separate, versioned, a record that only grows; and what a report earns by them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError

from citizen import residents
from citizen.residents import Purpose
from citizen.residents.consents import NOTICES, digest_of
from citizen.residents.models import Consent
from citizen.states import Earning
from core.database import reading, writing
from tests.clients import Api, account_named

SignedIn = Callable[[str], Api]
RESIDENT, OTHER = "13800000001", "13800000002"
POINTS = {"purpose": "points", "version": "2026-11"}
START = datetime(2027, 1, 4, 2, 0, tzinfo=UTC)


def by_purpose(me: Api) -> dict[str, dict[str, Any]]:
    answer = me.get("/me/consents")
    assert answer.status_code == 200
    assert answer.get_json()["next_cursor"] is None
    return {item["purpose"]: item for item in answer.get_json()["items"]}


def record(app: Flask, phone: str, purpose: str = "points") -> list[tuple[str, str]]:
    """Return the steps of the record in order."""
    with app.app_context(), reading() as session:
        mine = (Consent.account_id == account_named(phone).id, Consent.purpose == purpose)
        rows = session.scalars(select(Consent).where(*mine).order_by(Consent.id))
        return [(row.step.value, row.version) for row in rows]


def earns(app: Flask, phone: str, *, anonymous: bool = False) -> Earning:
    with app.app_context():
        account = account_named(phone)
        with reading() as session:
            values = {"account": account.id, "unnamed": anonymous}
            return Earning(session.execute(select(residents.EARNING), values).scalar_one())


def test_the_demo_set_has_given_both_consents(api: SignedIn) -> None:
    found = by_purpose(api(RESIDENT))
    assert set(found) == {"privacy", "points"}
    for item in found.values():
        assert item["withdrawn_at"] is None
        assert item["given_at"].endswith("+08:00")


def test_withdrawing_and_giving_again_is_written_down_and_nothing_is_changed(
    app: Flask, api: SignedIn
) -> None:
    me = api(RESIDENT)
    before = record(app, RESIDENT)
    with time_machine.travel(START, tick=False) as clock:
        me = api(RESIDENT)
        assert me.delete("/me/consents", POINTS).status_code == 204
        assert by_purpose(me)["points"]["withdrawn_at"] == "2027-01-04T10:00:00+08:00"
        assert by_purpose(me)["privacy"]["withdrawn_at"] is None
        clock.shift(timedelta(minutes=1))
        given = me.post("/me/consents", POINTS)
        assert given.status_code == 201
        assert given.get_json()["given_at"] == "2027-01-04T10:01:00+08:00"
        assert given.get_json()["withdrawn_at"] is None
    version = before[-1][1]
    assert record(app, RESIDENT) == [*before, ("withdrawn", version), ("given", "2026-11")]


def test_giving_what_stands_and_withdrawing_what_does_not_adds_nothing(
    app: Flask, api: SignedIn
) -> None:
    me = api(RESIDENT)
    me.post("/me/consents", POINTS)
    before = record(app, RESIDENT)
    assert me.post("/me/consents", POINTS).status_code == 200
    assert record(app, RESIDENT) == before
    for _ in range(2):
        assert me.delete("/me/consents", {"purpose": "points"}).status_code == 204
    assert len(record(app, RESIDENT)) == len(before) + 1


def test_a_new_version_is_a_new_agreement(app: Flask, api: SignedIn) -> None:
    me = api(RESIDENT)
    me.post("/me/consents", POINTS)
    assert me.post("/me/consents", {**POINTS, "version": "2027-06"}).status_code == 201
    assert by_purpose(me)["points"]["version"] == "2027-06"
    me.delete("/me/consents", POINTS)
    assert record(app, RESIDENT)[-1] == ("withdrawn", "2027-06")


def test_the_hash_of_the_text_is_kept_where_the_text_is_known(api: SignedIn) -> None:
    me = api(RESIDENT)
    me.delete("/me/consents", POINTS)
    known = me.post("/me/consents", POINTS).get_json()
    assert known["document_digest"] == digest_of(Purpose.POINTS, "2026-11")
    assert len(known["document_digest"]) == 64
    unknown = me.post("/me/consents", {**POINTS, "version": "9"}).get_json()
    assert unknown["document_digest"] is None
    assert digest_of(Purpose.PRIVACY, "../points-2026-11") is None


def test_every_current_version_has_its_text() -> None:
    for purpose, version in residents.CURRENT.items():
        assert (NOTICES / f"{purpose}-{version}.md").is_file()
        assert digest_of(purpose, version)


def test_without_the_consent_points_a_report_earns_nothing_and_others_still_do(
    app: Flask, api: SignedIn
) -> None:
    assert earns(app, RESIDENT) is Earning.YES
    api(RESIDENT).delete("/me/consents", POINTS)
    assert earns(app, RESIDENT) is Earning.NO_CONSENT
    assert earns(app, OTHER) is Earning.YES
    assert earns(app, OTHER, anonymous=True) is Earning.ANONYMOUS
    api(OTHER).delete("/me/consents", {"purpose": "privacy"})
    assert earns(app, OTHER) is Earning.YES
    api(RESIDENT).post("/me/consents", POINTS)
    assert earns(app, RESIDENT) is Earning.YES


def test_somebody_who_was_never_asked_earns_nothing(app: Flask, api: SignedIn) -> None:
    with app.app_context():
        with writing() as session:
            account = residents.enrol(session, "13900000011", START)
        values = {"account": account.id, "unnamed": False}
        with reading() as session:
            said = session.execute(select(residents.EARNING), values).scalar_one()
        assert said == Earning.NO_CONSENT
    assert by_purpose(api("13900000011")) == {}


@pytest.mark.parametrize("statement", ["DELETE FROM consents", "UPDATE consents SET version = 'x'"])
def test_the_database_refuses_to_change_the_record(app: Flask, statement: str) -> None:
    with app.app_context(), pytest.raises(DatabaseError), writing() as session:
        session.execute(text(statement))


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "purpose"),
        ({"purpose": "points"}, "version"),
        ({"version": "1"}, "purpose"),
        ({"purpose": "marketing", "version": "1"}, "purpose"),
        ({"purpose": ["points"], "version": "1"}, "purpose"),
        ({"purpose": "points", "version": 1}, "version"),
        ({"purpose": "points", "version": ""}, "version"),
        ({"purpose": "points", "version": "../x"}, "version"),
        ({"purpose": "points", "version": "1" * 33}, "version"),
        ({"purpose": "points", "version": "1", "given_at": "2020"}, "given_at"),
        ({"purpose": "points", "version": "1", "account_id": 1}, "account_id"),
    ],
)
def test_a_consent_of_another_form_is_422_by_its_path(
    api: SignedIn, body: dict[str, Any], field: str
) -> None:
    answer = api(RESIDENT).post("/me/consents", body)
    assert answer.status_code == 422
    assert field in answer.get_json()["errors"]
