"""Formulas, markup, code and forged log lines in every text field: kept as text (S11, S12)."""

import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import structlog
from flask import Flask

from core import logs
from moderation.models import PhotoDecisionFact, Rating, VerdictFact
from tests.clients import report_body
from tests.moderation.desk import Desk, submitted
from tests.moderation.office import CLOSED, FALSE, REPORTER, TRUE, Office, later
from tests.moderation.test_exports import NUMBER, TEXT, rows_of, sheet_of

ONE_DATABASE = pytest.mark.parametrize("world", ["sqlite"], indirect=True)
FORMULAS = [f"{sign}SUM(A1)|'/C calc'!A0" for sign in "=+-@＝＋－＠"]
MARKUP = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</textarea><!--",
    "'; DROP TABLE reports; --",
    '" OR ""="',
    "Robert'); DELETE FROM report_history;--",
    "{{7*7}}",
    "${7*7} <%= 7*7 %> #{7*7}",
    "%s %n %(x)s {0} {x.__class__}",
    "../../etc/passwd",
]
LINES = [
    'fine\n{"event": "forged", "level": "error"}',
    "fine\r\n2026-11-25 12:00:00 forged",
    "a line separator\u2028forged\u2029forged\x85forged",
    "he said \"so\", then, 'left'\n\n;and\ttabs",
    "\x9b31mred\u202eturned\ufeff",
    "''=quoted",
]
KEPT = [*FORMULAS, *MARKUP, *LINES]
REFUSED = ["a\0b", "\0", "\x1b[31mred\x1b[0m", "a\x07b", "\ud83d", "a\x7f"]
STARTS = "=+-@＝＋－＠"
TRIMMED = {"\t=1+1": "=1+1", "\r=1+1": "=1+1", "\n@x ": "@x", "\u3000+1": "+1"}
ENDS = r"[\n\r\x0b\x0c\x85\u2028\u2029]"
ALL = "\n".join(KEPT)  # one text of everything, for fields that no file shows


def noted(office: Office, number: str) -> str:
    return str(office.history(number)[-1]["note"])


def stored(column: Any) -> Callable[[Office, str], str]:
    return lambda office, _number: str(office.rows(column)[-1][0])


def result(name: str) -> Callable[[Office, str], str]:
    return lambda office, number: str(office.seen(number)["results"][-1][name])


def told_a_question(office: Office, number: str) -> str:
    return str(office.own(number)["question"])


def told_a_step(office: Office, number: str) -> str:
    return str(office.own(number)["timeline"][-1]["note"])


# action: the way there, who, the field, what goes beside it, and where the text is read again
STAFF: dict[str, tuple[tuple[str, ...], str, str, Any, tuple[Any, ...]]] = {
    "request_info": ((), "dispatcher", "question", {}, (noted, told_a_question, told_a_step)),
    "decline": ((), "dispatcher", "note", {"reason": "other"}, (noted, told_a_step)),
    "unmerge": (("merge",), "dispatcher", "reason", {}, (noted,)),
    "verify": (("accept",), "dispatcher", "note", TRUE, (noted, stored(VerdictFact.note))),
    "overturn": (("accept", "verify"), "reviewer", "reason", FALSE, (noted,)),
    "dispatch": (("accept",), "dispatcher", "reason", {"department": "urban"}, (noted,)),
    "return": (("accept", "dispatch"), "handler-epb", "reason", {}, (noted,)),
    "extend": (("accept", "dispatch"), "handler-epb", "reason", {"due_at": ""}, (noted,)),
    "refuse_extension": (
        ("accept", "dispatch", "sign", "extend"), "dispatcher", "reason", {}, (noted,),
    ),
    "park": (
        ("accept", "dispatch", "sign"), "dispatcher", "reason", {"review_on": "2199-01-01"},
        (noted,),
    ),
    "resolve": (
        ("accept", "dispatch", "sign"), "handler-epb", "finding", {"measures": ALL, "media": []},
        (noted, told_a_step, result("finding"), result("measures")),
    ),
    "rework": (
        ("accept", "dispatch", "sign", "resolve"), "dispatcher", "reason", {}, (noted,),
    ),
    "correct": ((), "dispatcher", "reason", {"address": "运河路"}, (noted,)),
    "grant_appeal": (("decline", "appeal"), "reviewer", "reason", {}, (noted,)),
    "reject_appeal": (("decline", "appeal"), "reviewer", "reason", {}, (noted,)),
}  # fmt: skip
RESIDENT: dict[str, tuple[tuple[str, ...], str, Any, tuple[Any, ...]]] = {
    "supplement": (("ask",), "text", {}, (noted, told_a_step)),
    "appeal": (("decline",), "reason", {}, (noted, told_a_step)),
    "rating": (
        CLOSED, "comment", {"satisfied": False, "score": 1},
        (noted, told_a_step, stored(Rating.comment)),
    ),
}  # fmt: skip
ELSEWHERE = {  # where the tests below send words, and names that only look something up
    "/reports": {"description", "address", "site"},
    "/cases/{number}/decline": {"competent"},
    "/cases/{number}/correct": {"address"},
    "/cases/{number}/resolve": {"measures"},
    "/cases/{number}/merge": {"into"},
    "/cases/{number}/reassign": {"username"},
    "/cases/{number}/media/{public_id}/decision": {"reason"},
    "/cases/{number}/second-review/disagree": {"reason"},
    "/cases/{number}/disclosures": {"reason"},
    "/disclosures/{public_id}/refuse": {"reason"},
    "/staff": {"display_name", "password"},
    "/staff/{username}": {"display_name", "password"},
    "/me": {"nickname"},  # of one line, with tests of its own
    "/me/identities": {"phone", "app", "code"},
    "/me/consents": {"version"},
}
ROOMS = ("/cases", "/reports", "/disclosures", "/staff", "/me", "/routing")


@pytest.fixture
def lines(app: Flask) -> Iterator[Callable[[], list[str]]]:
    """All lines that the logs have printed, whatever a reader of logs takes for the end of one."""
    sink = io.StringIO()
    logs.configure("DEBUG")
    structlog.configure(logger_factory=structlog.WriteLoggerFactory(file=sink))
    yield lambda: [line for line in re.split(ENDS, sink.getvalue()) if line]
    logs.configure("WARNING")
    assert app


def words_of(document: Any, schema: Any) -> set[str]:
    """Return the fields of a body that take any words, by the served document."""
    named = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]["properties"]
    tied = {"enum", "pattern", "format"}
    return {name for name, field in named.items()
            if "string" in str(field.get("type")) and not tied & field.keys()}  # fmt: skip


@ONE_DATABASE
def test_every_field_of_words_is_tried(office: Office) -> None:
    document = office("").get("/openapi.json").get_json()
    found: dict[str, set[str]] = {}
    for path, operations in document["paths"].items():
        short = path.removeprefix("/api/v1")
        for method in operations.keys() & {"post", "put", "patch", "delete"}:
            content = operations[method].get("requestBody", {}).get("content", {})
            if short.startswith(ROOMS) and "application/json" in content:
                words = words_of(document, content["application/json"]["schema"])
                found[short] = found.get(short, set()) | words
    tried = {path: set(names) for path, names in ELSEWHERE.items()}
    for action, row in STAFF.items():
        tried.setdefault(f"/cases/{{number}}/{action}", set()).add(row[2])
    for action, resident in RESIDENT.items():
        tried.setdefault(f"/reports/{{number}}/{action}", set()).add(resident[1])
    assert {path: words for path, words in found.items() if words} == tried


def body_of(office: Office, number: str, beside: Any) -> dict[str, Any]:
    """Return what goes beside the words."""
    body = dict(beside)
    if "due_at" in body:
        body["due_at"] = later(office.seen(number), days=1)
    if "media" in body:
        body["media"] = [office("handler-epb").upload()]
    return body


@ONE_DATABASE
@pytest.mark.parametrize("action", [*STAFF, *RESIDENT])
def test_a_step_keeps_its_words_exactly_or_refuses_them(office: Office, action: str) -> None:
    if action in STAFF:
        way, by, field, beside, readers = STAFF[action]
    else:
        (way, field, beside, readers), by = RESIDENT[action], REPORTER
    number = office.case(*way)
    path = f"/{'cases' if action in STAFF else 'reports'}/{number}/{action}"
    match = office("dispatcher").get(f"/cases/{number}").headers["ETag"]
    body = body_of(office, number, beside)
    for text in REFUSED:
        answer = office(by).post(path, {**body, field: text}, match=match)
        assert answer.status_code == 422, repr(text)
        assert list(answer.get_json()["errors"]) == [field]
    answer = office(by).post(path, {**body, field: ALL}, match=match)
    assert answer.status_code == 200, answer.get_json()
    for read in readers:
        assert read(office, number).removeprefix("其他。") == ALL


@ONE_DATABASE
def test_who_is_competent_and_why_a_photo_is_hidden_are_kept_too(office: Office) -> None:
    desk = Desk(office, *submitted(office, REPORTER))
    for text in REFUSED:
        assert list(desk.decide("hidden", reason=text).get_json()["errors"]) == ["reason"]
    assert desk.decide("hidden", reason=ALL).status_code == 200
    assert office.rows(PhotoDecisionFact.reason) == [(ALL,)]
    body = {"reason": "not_ours", "competent": ALL[:200].strip()}
    assert office.act("dispatcher", desk.number, "decline", body).status_code == 200
    assert told_a_step(office, desk.number) == f"非职责范围，应由{body['competent']}处理"


@ONE_DATABASE
def test_what_second_officers_say_is_kept_too(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    always = replace(office.app.extensions["settings"], second_review_percent=100)
    monkeypatch.setitem(office.app.extensions, "settings", always)
    number = office.case("accept", "verify")
    match = office("reviewer").get(f"/cases/{number}").headers["ETag"]
    ways: list[tuple[str, str, dict[str, Any]]] = [
        ("dispatcher", f"/cases/{number}/disclosures", {}),
        ("reviewer", f"/cases/{number}/second-review/disagree", FALSE),
    ]
    for by, path, beside in ways:
        for text in REFUSED:
            answer = office(by).post(path, {**beside, "reason": text}, match=match)
            assert list(answer.get_json()["errors"]) == ["reason"], (path, text)
        answer = office(by).post(path, {**beside, "reason": ALL}, match=match)
        assert answer.status_code in {200, 201}, answer.get_json()
        if by == "dispatcher":
            asked = answer.get_json()
            assert asked["reason"] == ALL
    assert noted(office, number) == ALL
    refused = office("reviewer").post(f"/disclosures/{asked['id']}/refuse", {"reason": ALL})
    assert refused.get_json()["note"] == ALL
    for text in (*FORMULAS, *MARKUP, *LINES):
        name = text[:64].strip()
        changed = office("admin").patch("/staff/handler-epb", {"display_name": name})
        assert changed.get_json()["display_name"] == name


@ONE_DATABASE
def test_what_files_show_is_inert_in_them_and_exact_elsewhere(office: Office) -> None:
    described = {}
    for text in (*FORMULAS, *LINES, "".join(MARKUP), *TRIMMED):
        made = office(REPORTER).report(description=text, address=text[:200])
        described[made["number"]] = TRIMMED.get(text, text)
    for text in REFUSED:
        for field in ("description", "address", "site"):
            body = report_body(media=["0" * 32], **{field: text})
            answer = office(REPORTER).post("/reports", body, key="refused")
            assert list(answer.get_json()["errors"]) == [field], repr(text)
    corrected = office.case()
    office.act("dispatcher", corrected, "correct", {"reason": "x", "address": "=1+1\n<b>"})
    described[corrected] = office.seen(corrected)["description"]
    for who, path in (("dispatcher", "/cases?limit=100"), (REPORTER, "/me/reports?limit=100")):
        listed = office(who).get(path).get_json()["items"]
        assert {item["number"]: item["description"] for item in listed} == described
    rows = {row[NUMBER]: row for row in rows_of(office("dispatcher").get("/cases.csv"))}
    headings, *cells = sheet_of(office("dispatcher").get("/cases.xlsx"))
    at = [heading for _, heading in headings].index(TEXT)
    book = {row[0][1]: row[at] for row in cells}
    assert rows.keys() == book.keys() == described.keys()
    assert rows[corrected]["地址"] == "'=1+1\n<b>"
    for number, text in described.items():
        safe = f"'{text}" if text.lstrip("'")[0] in STARTS else text
        assert rows[number][TEXT] == safe
        assert book[number] == ("inlineStr", safe)


@ONE_DATABASE
def test_each_request_is_one_log_line_whatever_it_says(
    office: Office, lines: Callable[[], list[str]]
) -> None:
    office("dispatcher"), office("admin"), office.case()
    for text in (*MARKUP, *LINES, "\x1b[31mred"):
        before = len(lines())
        plain = re.sub(r"[^ -~]", "?", text)
        headers = {"X-Request-Id": plain, "User-Agent": plain, "Accept-Language": plain}
        found = office("dispatcher").get("/cases", query_string={"q": text[:100]}, headers=headers)
        assert found.status_code == (422 if "\x1b" in text else 200)
        office("dispatcher").get("/cases", query_string={text: text})
        office("dispatcher").get(f"/cases/{text.replace('/', '').replace('?', '')}")
        office("admin").patch("/staff/handler-epb", {"display_name": text[:64]})
        office("").post("/auth/sms", {"phone": text})
        printed = [json.loads(line) for line in lines()[before:]]
        assert [line["event"] for line in printed] == ["request"] * 5, text
        assert not [line for line in printed if "forged" in str(line) or "7*7" in str(line)]
