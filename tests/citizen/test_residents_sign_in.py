"""Signing in as a resident: tickets, and who may not."""

from collections.abc import Callable
from datetime import UTC, datetime

from flask import Flask
from sqlalchemy import select

from citizen import residents
from core.accounts import Account, AccountStatus
from core.database import reading, writing
from core.gateways import Proof
from tests.clients import Api, account_named
from tests.doors import NEW, by_sms, by_ticket, by_wechat, call, who
from tests.fakes import FakeIdentity, FakeSms, FakeWeChat

SignedIn = Callable[[str], Api]
START = datetime(2027, 1, 4, 2, 0, tzinfo=UTC)


def test_a_ticket_opens_an_account_once_per_ticket_and_finds_it_again(
    app: Flask, identity: FakeIdentity
) -> None:
    identity.people = {"t1": Proof("s-1"), "t2": Proof("s-1"), "t3": Proof("s-2")}
    first = who(by_ticket(app, "t1"))
    assert who(by_ticket(app, "t2")) == first
    assert who(by_ticket(app, "t3")) != first
    refused = by_ticket(app, "t1")
    assert (refused.status_code, refused.get_json()["code"]) == (401, "ticket_invalid")


def test_a_phone_that_the_provider_confirmed_leads_to_the_phones_account(
    app: Flask, identity: FakeIdentity, sms: FakeSms
) -> None:
    by_phone = who(by_sms(app, sms, NEW))
    identity.people = {
        "t1": Proof("s-1", f"+86 {NEW}"),
        "t2": Proof("s-1"),
        "t3": Proof("s-2", "110"),
    }
    assert who(by_ticket(app, "t1")) == by_phone
    assert who(by_ticket(app, "t2")) == by_phone
    assert who(by_ticket(app, "t3")) != by_phone


def test_a_new_phone_at_the_provider_does_not_take_the_accounts_own_away(
    app: Flask, identity: FakeIdentity, sms: FakeSms
) -> None:
    identity.people = {"t1": Proof("s-1", NEW), "t2": Proof("s-1", "13900000022")}
    first = who(by_ticket(app, "t1"))
    assert who(by_ticket(app, "t2")) == first
    assert who(by_sms(app, sms, NEW)) == first
    assert who(by_sms(app, sms, "13900000022")) != first


def test_a_disabled_resident_is_refused_at_every_door(
    app: Flask, wechat: FakeWeChat, sms: FakeSms, identity: FakeIdentity
) -> None:
    wechat.lasting = True
    wechat.knows("suishoupai", "c1", "o-1")
    identity.people = {"t": Proof("s-1", "13800000001")}
    account_id = who(by_wechat(app, "c1"))
    with app.app_context():
        phone_account = account_named("13800000001")
        with writing() as session:
            for of in (Account.public_id == account_id, Account.id == phone_account.id):
                found = session.scalars(select(Account).where(of)).one()
                found.status = AccountStatus.DISABLED
    for answer in (by_wechat(app, "c1"), by_sms(app, sms, "13800000001"), by_ticket(app, "t")):
        assert (answer.status_code, answer.get_json()["code"]) == (403, "account_disabled")


def test_a_staff_phone_is_no_way_to_sign_in(app: Flask, sms: FakeSms, api: SignedIn) -> None:
    call(app, "sms", {"phone": NEW})
    confirmed = api("dispatcher").post("/me/identities", {"phone": NEW, "code": sms.code(NEW)})
    assert confirmed.status_code == 200
    resident = by_sms(app, sms, NEW)
    assert who(resident) != confirmed.get_json()["id"]


def test_a_resident_is_found_by_phone_in_any_form(app: Flask) -> None:
    with app.app_context(), reading() as session:
        expected = residents.by_phone(session, "13800000001")
        assert expected is not None
        assert residents.by_phone(session, "+86 138-0000-0001") is expected
        assert residents.by_phone(session, NEW) is None
        assert residents.by_phone(session, "dispatcher") is None


def test_flask_token_prints_one_that_works_for_a_phone_in_any_form(app: Flask) -> None:
    for name in ("13800000001", "138 0000 0001"):
        result = app.test_cli_runner().invoke(args=["token", "resident", name])
        assert result.exit_code == 0, result.output
        header = {"Authorization": f"Bearer {result.output.strip()}"}
        assert app.test_client().get("/api/v1/me", headers=header).status_code == 200
    missing = app.test_cli_runner().invoke(args=["token", "resident", NEW])
    assert missing.exit_code != 0
