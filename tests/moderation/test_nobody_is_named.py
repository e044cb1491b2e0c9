"""Who reported an anonymous case stands nowhere (B44), and logs know nothing personal (S10)."""

import io
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from flask import Flask
from sqlalchemy import text
from werkzeug.test import TestResponse

from core import logs
from core.crypto import blind_index
from core.database import db
from tests.clients import Api, picture, report_body
from tests.fakes import FakeSms, FakeWeChat
from tests.moderation.office import FALSE, OTHER, REPORTER, TRUE, WHY, Office
from tests.rewards.steps import give, redeem, use

pytestmark = pytest.mark.parametrize("world", ["sqlite"], indirect=True)
NICKNAME, OPEN_ID = "运河边的老张", "o-canary-open-id"
WORDS, ADDRESS = "canary-words", "canary-street 7"
PLACE = {"longitude": 116.5871234, "latitude": 35.4154321, "crs": "wgs84"}
PLACES = ("116.5871", "35.4154")
PASSWORD = "canary password of an officer"
STAFF = ("dispatcher", "reviewer", "auditor", "handler-epb")
Lines = Callable[[], str]


@pytest.fixture
def lines(app: Flask) -> Iterator[Lines]:
    """All that the logs have printed, down to the last detail."""
    sink = io.StringIO()
    logs.configure("DEBUG")
    structlog.configure(logger_factory=structlog.WriteLoggerFactory(file=sink))
    yield sink.getvalue
    logs.configure("WARNING")
    assert app


@pytest.fixture
def person(office: Office, wechat: FakeWeChat, lines: Lines) -> set[str]:
    """All that names the reporter, who has a phone, a nickname and a WeChat account."""
    wechat.knows("suishoupai", "canary-code", OPEN_ID)
    bound = {"app": "suishoupai", "code": "canary-code"}
    assert office(REPORTER).post("/me/identities", bound).status_code == 200
    assert office(REPORTER).patch("/me", {"nickname": NICKNAME}).status_code == 200
    with office.app.app_context():
        index = blind_index(REPORTER, "phone")
    masked = f"{REPORTER[:3]}****{REPORTER[-4:]}"
    return {REPORTER, masked, NICKNAME, OPEN_ID, index, office.public_id(REPORTER)}


def whole_life(office: Office, **report: Any) -> tuple[str, str]:
    """Take a report through most of what may happen, beside one that was merged into it."""
    photo = office(REPORTER).upload(picture(), name=f"{REPORTER}.jpg")
    number = office.case(
        description=WORDS, address=ADDRESS, location=PLACE, media=[photo], **report
    )
    office.take(number, "ask", "answer", "accept", "verify", "dispatch", "sign", "extend", "grant")
    follower = office.case(reporter=OTHER, location=PLACE)
    assert office.act("dispatcher", follower, "merge", {"into": number}).status_code == 200
    office.take(number, "resolve", "rework", "resolve", "verify")
    rated = {"satisfied": False, "score": 1, "comment": WORDS}
    assert office(REPORTER).post(f"/reports/{number}/rating", rated).status_code == 200
    assert office.act("reviewer", number, "overturn", {**FALSE, **WHY}).status_code == 200
    office.hire("reviewer-2", "reviewer")  # type: ignore[arg-type]
    assert office.act("reviewer-2", number, "reject_appeal", WHY).status_code == 200
    return number, follower


def refusals(office: Office, number: str) -> Iterator[TestResponse]:
    """Yield the errors that people meet around a case."""
    noise = office.case(reporter=OTHER, location=PLACE)
    office.lend_phone("dispatcher", REPORTER)
    yield office.act("dispatcher", number, "correct", WHY)
    yield office("dispatcher").act(office.case(), "accept")  # not for you
    yield office("reviewer").act(number, "verify", TRUE)
    yield office("dispatcher").post(f"/cases/{number}/accept", match='"99-staff"')
    yield office.act("dispatcher", noise, "merge", {"into": number})
    yield office(OTHER).get(f"/reports/{number}")
    yield office(OTHER).post(f"/reports/{number}/appeal", WHY)
    yield office(REPORTER).post(f"/reports/{number}/withdraw")
    place = {**PLACE, "latitude": 95.4154321}
    yield office(REPORTER).post("/reports", report_body(location=place, media=["x"]), key="k")
    sent = report_body(description=f"{WORDS}\0", address=ADDRESS, location=PLACE, media=["x"])
    yield office(REPORTER).post("/reports", sent, key="k")
    for path in (f"/cases/{number}", f"/cases/{number}/history", "/cases.csv"):
        yield office("").get(path)
        yield office("bus").get(path)
        yield office(OTHER).get(path)


def files(answer: TestResponse) -> str:
    """Return all text of an answer, of a workbook that of its parts."""
    data = answer.get_data()
    if not data.startswith(b"PK"):
        return data.decode()
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        return "".join(book.read(name).decode() for name in book.namelist())


def audited(app: Flask) -> str:
    """Return the trail but for what accounts did to themselves, which names them by their ids."""
    rest = "FROM audit_events WHERE subject_kind <> 'account'"
    with app.app_context():
        rows = db.session.execute(text(f"SELECT action, subject_id, details {rest}"))
        return "\n".join(map(str, rows))


def test_nobody_reads_who_sent_an_anonymous_report(
    office: Office, person: set[str], lines: Lines
) -> None:
    """B44: lists, cases, history, files, statistics, errors, audit and logs."""
    number, follower = whole_life(office, anonymous=True)
    near = office.case("accept", "dispatch", reporter="13800000003", location=PLACE)
    told = {}
    for who in STAFF:
        for path in (
            "/cases", f"/cases?q={WORDS}", f"/cases/{number}", f"/cases/{number}/history",
            f"/cases/{near}", "/cases.csv", "/cases.xlsx", "/stats/handling",
            "/stats/handling/cases?measure=closed",
        ):  # fmt: skip
            answer = office(who).get(path)
            assert answer.status_code == 200, (who, path)
            told[who, path] = files(answer)
    for path in (f"/cases/{follower}", f"/cases/{follower}/history"):
        told["dispatcher", path] = files(office("dispatcher").get(path))
    told["follower", "own"] = files(office(OTHER).get(f"/reports/{follower}"))
    for answer in refusals(office, number):
        assert answer.status_code >= 400
        told["error", str(len(told))] = files(answer)
    told["log", ""], told["audit", ""] = lines(), audited(office.app)
    seen = {key: name for key, words in told.items() for name in person if name in words}
    assert seen == {}
    assert WORDS in told["dispatcher", f"/cases/{number}"]  # what is looked for would be found


def test_a_partner_reads_neither_person_nor_report(
    office: Office, person: set[str], api: Callable[[str], Api]
) -> None:
    """B44."""
    number = office.case(description=WORDS, address=ADDRESS, location=PLACE)
    give(api, REPORTER, 20)
    (offer,) = [each for each in office(REPORTER).get("/offers").get_json()["items"]
                if each["points_price"] == 20]  # fmt: skip
    voucher = redeem(office(REPORTER), offer["id"]).get_json()
    sold = voucher["id"]
    code = office(REPORTER).get(f"/me/vouchers/{sold}").get_json()["code"]
    gate = office("bus")
    checked = gate.post("/partner/vouchers/check", {"code": code})
    told = [checked, use(gate, code), use(gate, code), gate.get("/me"),
            gate.get("/partner/settlement?month=2026-11")]  # fmt: skip
    assert [answer.status_code for answer in told] == [200, 200, 409, 200, 200]
    for answer in told:
        for name in {*person, number, WORDS, ADDRESS, *PLACES}:
            assert name not in files(answer), name


def test_logs_audit_and_errors_know_neither_people_nor_places_nor_secrets(
    office: Office, person: set[str], sms: FakeSms, lines: Lines
) -> None:
    """S10, over a case's whole life, sign-ins and what goes wrong."""
    number, _ = whole_life(office)
    secrets = {PASSWORD, WORDS, ADDRESS, *PLACES, "canary-code", f"{REPORTER}.jpg"}
    office("").post("/auth/sms", {"phone": REPORTER})
    code = sms.code(REPORTER)
    wrong = {"phone": REPORTER, "code": "000000"}
    signed_in = office("").post("/auth/sms/verify", {"phone": REPORTER, "code": code}).get_json()
    secrets |= {signed_in["access_token"], signed_in["refresh_token"]}
    body = {"username": "dispatcher", "password": PASSWORD}
    refused = [
        office("").post("/auth/sms/verify", wrong),
        office("").post("/auth/staff", body),
        office("").post("/auth/refresh", {"refresh_token": signed_in["access_token"]}),
        *refusals(office, number),
    ]
    bodies = "\n".join(files(answer) for answer in refused)
    counted = files(office("admin").get("/metrics"))
    assert '"event": "request"' in lines()
    assert "case.accept" in audited(office.app)
    for name in secrets | person:
        for where in (lines(), audited(office.app), bodies, counted):
            assert name not in where, name
    assert f'"{code}"' not in lines()
    link = office(REPORTER).get(f"/reports/{number}").get_json()["media"][0]["variants"]["thumb"]
    assert office("").get(link).status_code == 200
    assert link.split("?")[1] not in lines()
