"""What accounts read and change about themselves, and what they may bind."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text
from structlog.testing import capture_logs

from core.accounts import Identity
from core.audit import AuditEvent
from core.database import reading
from tests.clients import Api, account_named
from tests.doors import NEW, by_sms, by_wechat, call, proved, who
from tests.fakes import FakeSms, FakeWeChat

SignedIn = Callable[[str], Api]
RESIDENT, OTHER = "13800000001", "13800000002"


# ------------------------------------------------------------------------------ GET and PATCH /me
def test_a_resident_reads_their_own_account_with_a_masked_phone(api: SignedIn) -> None:
    found = api(RESIDENT).get("/me")
    assert found.status_code == 200
    assert found.headers["Cache-Control"] == "no-store"
    body = found.get_json()
    assert (body["kind"], body["roles"], body["nickname"]) == ("resident", [], None)
    assert (body["phone"], body["signs_in_with"]) == ("138****0001", ["phone"])
    assert body["created_at"].endswith("+08:00")
    assert RESIDENT not in found.get_data(as_text=True)
    assert set(body) == {
        "id",
        "kind",
        "roles",
        "created_at",
        "nickname",
        "phone",
        "signs_in_with",
    }


def test_staff_read_their_department_and_areas(api: SignedIn) -> None:
    body = api("handler-epb").get("/me").get_json()
    assert (body["kind"], body["roles"]) == ("staff", ["handler"])
    assert body["username"] == "handler-epb"
    assert body["department"]["name"] == "市生态环境局"
    assert (body["areas"], body["phone"]) == ([], None)
    assert api("dispatcher").get("/me").get_json()["department"] is None


def test_a_partner_reads_its_own_account(api: SignedIn) -> None:
    body = api("bus").get("/me").get_json()
    assert (body["kind"], body["username"], body["terminal"]) == ("partner", "bus", None)


def test_nobody_reads_an_account_without_a_token(api: SignedIn) -> None:
    for method, path in (
        ("GET", "/me"),
        ("PATCH", "/me"),
        ("POST", "/me/identities"),
        ("GET", "/me/consents"),
        ("POST", "/me/consents"),
        ("DELETE", "/me/consents"),
    ):
        assert api("").call(method, path, json={"x": 1}).status_code == 401, path


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("小湖", "小湖"),
        ("  湖边   的  人 ", "湖边 的 人"),
        ("e\u0301lan", "élan"),
        ("👨‍👩‍👧 一家", "👨‍👩‍👧 一家"),
        ("<b>x</b> & 'y'", "<b>x</b> & 'y'"),
        ("长" * 30, "长" * 30),
    ],
)
def test_a_nickname_is_kept_clean_and_encrypted(
    app: Flask, api: SignedIn, sent: str, kept: str
) -> None:
    me, other = api(RESIDENT), api(OTHER)
    assert me.patch("/me", {"nickname": sent}).get_json()["nickname"] == kept
    assert me.get("/me").get_json()["nickname"] == kept
    assert other.get("/me").get_json()["nickname"] is None
    with app.app_context(), reading() as session:
        blobs = session.scalars(text("SELECT nickname_ciphertext FROM resident_profiles")).all()
    (blob,) = [bytes(blob) for blob in blobs if blob is not None]
    assert kept.encode() not in blob
    assert me.patch("/me", {"nickname": None}).get_json()["nickname"] is None


def test_an_empty_change_changes_nothing(api: SignedIn) -> None:
    me = api(RESIDENT)
    me.patch("/me", {"nickname": "小湖"})
    assert me.patch("/me", {}).get_json()["nickname"] == "小湖"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"nickname": ""}, "nickname"),
        ({"nickname": "   "}, "nickname"),
        ({"nickname": "长" * 31}, "nickname"),
        ({"nickname": 7}, "nickname"),
        ({"nickname": "a\u202eb"}, "nickname"),
        ({"nickname": "a\u200bb"}, "nickname"),
        ({"nickname": "a\u0007b"}, "nickname"),
        ({"nickname": "\ue000"}, "nickname"),
        ({"roles": ["sysadmin"]}, "roles"),
        ({"kind": "staff"}, "kind"),
        ({"id": "x"}, "id"),
        ({"phone": "13800000002"}, "phone"),
        ({"status": "active"}, "status"),
        ({"token_epoch": 0}, "token_epoch"),
    ],
)
def test_nothing_but_a_sound_nickname_can_be_changed(
    api: SignedIn, body: dict[str, Any], field: str
) -> None:
    answer = api(RESIDENT).patch("/me", body)
    assert answer.status_code == 422
    assert list(answer.get_json()["errors"]) == [field]


@pytest.mark.parametrize("name", ["dispatcher", "admin", "bus"])
def test_only_residents_have_a_nickname_and_consents(api: SignedIn, name: str) -> None:
    caller = api(name)
    assert caller.patch("/me", {"nickname": "x"}).status_code == 403
    assert caller.get("/me/consents").status_code == 403
    consent = {"purpose": "points", "version": "1"}
    assert caller.post("/me/consents", consent).status_code == 403
    assert caller.delete("/me/consents", consent).status_code == 403


# ------------------------------------------------------------------------------ binding
def test_a_wechat_person_binds_a_phone_and_comes_in_through_both_doors(
    app: Flask, wechat: FakeWeChat, sms: FakeSms
) -> None:
    wechat.knows("suishoupai", "c1", "o-1")
    wechat.knows("suishoupai", "c2", "o-1")
    signed_in = by_wechat(app, "c1")
    me = Api(app, signed_in.get_json()["access_token"])
    bound = me.post("/me/identities", proved(app, sms, NEW))
    assert bound.status_code == 200
    assert bound.get_json()["phone"] == "139****0011"
    assert bound.get_json()["signs_in_with"] == ["phone", "wechat:wx-suishoupai"]
    assert who(by_sms(app, sms, NEW)) == who(signed_in) == who(by_wechat(app, "c2"))


def test_a_phone_person_binds_wechat_with_its_union_id(
    app: Flask, api: SignedIn, wechat: FakeWeChat
) -> None:
    wechat.knows("suishoupai", "c1", "o-1", "u-1")
    wechat.knows("huhutong", "c2", "o-9", "u-1")
    me = api(RESIDENT)
    assert me.post("/me/identities", {"app": "suishoupai", "code": "c1"}).status_code == 200
    assert who(by_wechat(app, "c2", "huhutong")) == me.get("/me").get_json()["id"]


def test_binding_what_is_bound_already_changes_nothing(
    app: Flask, api: SignedIn, sms: FakeSms
) -> None:
    me = api(RESIDENT)
    for _ in range(2):
        assert me.post("/me/identities", proved(app, sms, RESIDENT)).status_code == 200
    with app.app_context(), reading() as session:
        account = account_named(RESIDENT)
        held = session.scalars(select(Identity).where(Identity.account_id == account.id)).all()
        assert len(held) == 1


def test_what_another_resident_holds_is_409_and_stays_theirs(
    app: Flask, api: SignedIn, sms: FakeSms, wechat: FakeWeChat
) -> None:
    wechat.knows("suishoupai", "c1", "o-1")
    wechat.knows("suishoupai", "c2", "o-1")
    theirs = who(by_wechat(app, "c1"))
    me = api(RESIDENT)
    for body in (proved(app, sms, OTHER), {"app": "suishoupai", "code": "c2"}):
        answer = me.post("/me/identities", body)
        assert (answer.status_code, answer.get_json()["code"]) == (409, "identity_in_use")
    assert who(by_sms(app, sms, OTHER)) == api(OTHER).get("/me").get_json()["id"]
    assert who(by_sms(app, sms, RESIDENT)) == me.get("/me").get_json()["id"]
    assert theirs != me.get("/me").get_json()["id"]


def test_a_union_id_of_another_resident_binds_nothing_at_all(
    app: Flask, api: SignedIn, wechat: FakeWeChat
) -> None:
    wechat.knows("huhutong", "c1", "o-9", "u-1")
    wechat.knows("suishoupai", "c2", "o-1", "u-1")
    by_wechat(app, "c1", "huhutong")
    me = api(RESIDENT)
    assert me.post("/me/identities", {"app": "suishoupai", "code": "c2"}).status_code == 409
    assert me.get("/me").get_json()["signs_in_with"] == ["phone"]


def test_a_new_phone_takes_the_old_ones_place_which_is_free_again(
    app: Flask, api: SignedIn, sms: FakeSms
) -> None:
    me = api(RESIDENT)
    mine = me.get("/me").get_json()["id"]
    assert me.post("/me/identities", proved(app, sms, NEW)).get_json()["phone"] == "139****0011"
    assert who(by_sms(app, sms, NEW)) == mine
    assert who(by_sms(app, sms, RESIDENT)) != mine


def test_a_wrong_code_binds_nothing_and_a_right_one_is_used_up_by_a_refusal(
    app: Flask, api: SignedIn, sms: FakeSms
) -> None:
    body = proved(app, sms, OTHER)
    me = api(RESIDENT)
    wrong = {**body, "code": f"{(int(body['code']) + 1) % 1_000_000:06d}"}
    answer = me.post("/me/identities", wrong)
    assert (answer.status_code, answer.get_json()["code"]) == (401, "code_invalid")
    assert me.post("/me/identities", body).status_code == 409
    assert call(app, "sms/verify", body).status_code == 401


def test_of_two_who_bind_one_wechat_person_at_once_one_gets_it(
    app: Flask, api: SignedIn, wechat: FakeWeChat
) -> None:
    wechat.together = threading.Barrier(6)
    people, answers = [api(f"1380000000{n}") for n in range(1, 7)], []
    for number in range(6):
        wechat.knows("suishoupai", f"c{number}", "o-1")

    def bind(number: int) -> None:
        body = {"app": "suishoupai", "code": f"c{number}"}
        answers.append(people[number].post("/me/identities", body).status_code)

    threads = [threading.Thread(target=bind, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(answers) == [200] + [409] * 5


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "code"),
        ({"phone": NEW}, "code"),
        ({"code": "123456"}, "phone"),
        ({"phone": NEW, "app": "suishoupai", "code": "1"}, "phone"),
        ({"phone": "110", "code": "1"}, "phone"),
        ({"app": "taobao", "code": "1"}, "app"),
        ({"provider": "aishandong", "code": "1"}, "provider"),
    ],
)
def test_a_binding_of_another_form_is_422_by_its_path(
    api: SignedIn, body: dict[str, Any], field: str
) -> None:
    answer = api(RESIDENT).post("/me/identities", body)
    assert answer.status_code == 422
    assert field in answer.get_json()["errors"]


def test_partners_bind_nothing(api: SignedIn) -> None:
    assert api("bus").post("/me/identities", {"phone": NEW, "code": "1"}).status_code == 403


def test_binding_is_audited_without_saying_what(app: Flask, api: SignedIn, sms: FakeSms) -> None:
    me = api(RESIDENT)
    mine = me.get("/me").get_json()["id"]
    with capture_logs() as logged:
        me.post("/me/identities", proved(app, sms, NEW))
    with app.app_context(), reading() as session:
        bound = select(AuditEvent).where(AuditEvent.action == "identity.bound")
        (event,) = session.scalars(bound).all()
        assert event.subject_id == mine
        assert event.details == {"provider": "phone"}
    assert NEW not in repr(logged)
