"""Exports: the list as a file, by whom it may be seen, inert, and noted before it leaves."""

import csv
import hashlib
import io
import re
import zipfile
from typing import Any
from xml.etree import ElementTree as Xml

import pytest
from flask import Flask
from sqlalchemy import update
from werkzeug.test import TestResponse

from citizen.models import Report
from core.audit import AuditEvent
from core.database import db, writing
from core.permissions import Role
from moderation.exports import service, sheets
from moderation.exports.cells import neutral
from moderation.exports.columns import COLUMNS
from moderation.exports.routes import AT_ONCE
from tests.clients import ON_THE_LAKE
from tests.moderation.office import CLOSED, OTHER, REPORTER, Office, problem

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
NUMBER, TEXT = COLUMNS[0].heading, "问题描述"
DANGEROUS = (
    "=1+1",
    "+8613800001234",
    "-2+3",
    "@SUM(A1)",
    '=HYPERLINK("http://x","y")',
    "＝1+1",
    "'=1",
    "''@x",
)
HARMLESS = (
    '他说"臭"，\n第二行\r\n第三行',
    "<r><t>1</t></r>",
    "<r></r><evil>&</r>",
    "http://example.org/=1",
    "'引号开头",
    "1-2=3 😀",
    "_x000D_ 与 &amp;",
    "{=1+1}",
)


def rows_of(answer: TestResponse) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.get_data(as_text=True)
    text = answer.get_data().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def sheet_of(answer: TestResponse, number: int = 1) -> list[list[tuple[str | None, str]]]:
    """Return the rows of a sheet: of each cell its type and its text."""
    assert answer.status_code == 200, answer.get_data(as_text=True)
    with zipfile.ZipFile(io.BytesIO(answer.get_data())) as book:
        root = Xml.fromstring(book.read(f"xl/worksheets/sheet{number}.xml"))
    assert not list(root.iter(f"{MAIN}f"))  # no formula anywhere
    return [[_cell(cell) for cell in row] for row in root.iter(f"{MAIN}row")]


def _cell(cell: Any) -> tuple[str | None, str]:
    text = "".join(part.text or "" for part in cell.iter() if part.tag in {f"{MAIN}t", f"{MAIN}v"})
    return cell.get("t"), re.sub("_x([0-9A-F]{4})_", lambda found: chr(int(found[1], 16)), text)


def numbers(answer: TestResponse) -> list[str]:
    return [row[NUMBER] for row in rows_of(answer)]


def listed(office: Office, query: str, by: str) -> list[str]:
    items = office(by).get(f"/cases?limit=100&{query}").get_json()["items"]
    return [item["number"] for item in items]


def spoil(app: Flask, number: str, description: str) -> None:
    """Set a description below the schema, as an import or an older release may have left it."""
    with app.app_context(), writing() as session:
        session.execute(
            update(Report).where(Report.number == number).values(description=description)
        )


def events(office: Office) -> list[Any]:
    wanted = (AuditEvent.subject_id, AuditEvent.details, AuditEvent.actor_role)
    return [
        row for row in office.rows(AuditEvent.action, *wanted) if row.action == "cases.exported"
    ]


def test_a_file_holds_what_the_list_holds_in_its_order(office: Office) -> None:
    """B73, B74."""
    lake = office.case(channel="huhutong", category="WAT-FLOAT", location=ON_THE_LAKE)
    dust = office.case("accept", category="AIR-DUST", reporter=OTHER)
    office.act("dispatcher", dust, "dispatch", {"department": "urban", "assisting": ["water"]})
    office.case(*CLOSED)
    office.case("accept", "dispatch")
    for by in ("dispatcher", "auditor", "handler-urban", "handler-water", "handler-epb"):
        for query in (
            "", "status=closed", "department=water", "area=370826", "category=AIR-DUST",
            "channel=huhutong", "overdue=false", "overdue=true", "assignee=handler-epb", "q=排污",
            "sort=due_at", "submitted_to=2026-01-01", "bbox=116.5,35.4,116.6,35.5",
        ):  # fmt: skip
            expected = listed(office, query, by)
            assert numbers(office(by).get(f"/cases.csv?{query}")) == expected, (by, query)
            _, *rows = sheet_of(office(by).get(f"/cases.xlsx?{query}"))
            assert [row[0] for row in rows] == [("inlineStr", number) for number in expected]
    answer = office("dispatcher").get("/cases.csv")
    assert answer.get_data()[:3] == b"\xef\xbb\xbf"
    assert answer.get_data().count(b"\n") == answer.get_data().count(b"\r\n")
    row = next(row for row in rows_of(answer) if row[NUMBER] == lake)
    seen = office.seen(lake)
    assert (row["提交时间"], row["办理期限"]) == (seen["submitted_at"], seen["due_at"])
    assert row["提交时间"].endswith("+08:00")
    assert (row["状态"], row["区域"]) == ("待受理", seen["area"]["name"])
    place = (float(row["经度"]), float(row["纬度"]))
    assert place == (seen["location"]["longitude"], seen["location"]["latitude"])
    helped = next(row for row in rows_of(answer) if row[NUMBER] == dust)
    assert (helped["主办部门"], helped["协办部门"]) == ("市城市管理局", "市城乡水务局")


def test_nobody_reads_in_a_file_what_the_list_does_not_show(office: Office) -> None:
    own, other = office.case("accept", "dispatch"), office.case("accept")
    office.act("dispatcher", other, "dispatch", {"department": "urban"})
    office.hire("elsewhere", Role.HANDLER, department="epb", areas=["370826"])
    assert numbers(office("handler-epb").get("/cases.csv")) == [own]
    assert numbers(office("elsewhere").get("/cases.csv")) == []
    assert numbers(office("handler-agri").get("/cases.csv")) == []
    for name in ("rewards", "admin", REPORTER, "bus"):
        for path in ("/cases.csv", "/cases.xlsx"):
            assert problem(office(name).get(path)) == (403, "forbidden"), name
    assert office("").get("/cases.csv").status_code == 401


def test_departments_read_a_blurred_place_of_insiders_cases_and_never_who_reported(
    office: Office,
) -> None:
    number = office.case("accept", "dispatch", category="AIR-IND")
    (blurred,) = rows_of(office("handler-epb").get("/cases.csv"))
    (exact,) = rows_of(office("dispatcher").get("/cases.csv"))
    shown = office.seen(number, by="handler-epb")["location"]
    assert (blurred["经度"], blurred["纬度"]) == (str(shown["longitude"]), str(shown["latitude"]))
    assert blurred["定位精度（米）"] == ""
    assert len(blurred["经度"].split(".")[1]) <= 3
    office.case("accept", "dispatch", location={**ON_THE_LAKE})
    for path in ("/cases.csv", "/cases.xlsx"):
        whole = office("dispatcher").get(path).get_data()
        assert REPORTER.encode() not in whole
        assert office.public_id(REPORTER).encode() not in whole
    assert exact[NUMBER] == number


def test_texts_are_inert_and_otherwise_come_back_as_they_were(app: Flask, office: Office) -> None:
    """B72, S11."""
    texts = {}
    for text in (*DANGEROUS, *HARMLESS, "\t=1", "\r=1", "\n=1", "a\tb\rc"):
        texts[office.case(address=f"{text.strip()[:50]}")] = text
        spoil(app, list(texts)[-1], text)
    found = {row[NUMBER]: row for row in rows_of(office("dispatcher").get("/cases.csv"))}
    headings, *rows = sheet_of(office("dispatcher").get("/cases.xlsx"))
    at = [heading for _, heading in headings].index(TEXT)
    cells = {row[0][1]: row[at] for row in rows}
    assert found.keys() == cells.keys() == texts.keys()
    for number, text in texts.items():
        safe = f"'{text}" if text not in HARMLESS and text != "a\tb\rc" else text
        assert found[number][TEXT] == safe
        assert cells[number] == ("inlineStr", safe)
        assert found[number]["地址"] == neutral(text.strip()[:50])
    row = next(iter(found.values()))
    assert not row["经度"].startswith("'")
    longitude = [heading for _, heading in headings].index("经度")
    assert {row[longitude][0] for row in rows} <= {None, "n"}


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\0", "＝", "＋", "－", "＠"])
def test_what_begins_a_formula_gets_an_apostrophe_that_can_be_taken_away(first: str) -> None:
    assert neutral(f"{first}x") == f"'{first}x"
    assert neutral(f"'{first}x")[1:] == f"'{first}x"
    assert neutral(f"x{first}") == f"x{first}"


def test_a_file_says_who_took_it_when_and_of_what(office: Office) -> None:
    office.case("accept", "dispatch", category="AIR-DUST")
    answer = office("handler-epb").get("/cases.csv?category=AIR-DUST&q=%E6%8E%92&status=dispatched")
    (row,) = rows_of(answer)
    assert row["导出人"] == "市生态环境局办理人员（handler-epb）"
    assert row["导出人部门"] == "市生态环境局"
    assert row["导出时间"].endswith("+08:00")
    assert row["导出条件"].startswith("状态：已派单；类别：")
    assert row["导出条件"].endswith("；搜索：排")
    (event,) = events(office)
    assert event.subject_id == row["导出编号"]
    book = office("handler-epb").get("/cases.xlsx")
    about = {name: text for (_, name), (_, text) in sheet_of(book, 2)}
    assert about["导出人"] == row["导出人"]
    assert (about["导出条件"], about["件数"]) == ("全部办件", "1")
    with zipfile.ZipFile(io.BytesIO(book.get_data())) as parts:
        assert "handler-epb" in parts.read("docProps/core.xml").decode()
        printed = parts.read("xl/worksheets/sheet1.xml").decode()
    assert re.search(r"<oddHeader>.*handler-epb.*</oddHeader>", printed)
    assert about["导出编号"] in printed


def test_a_search_in_the_watermark_is_inert_too(office: Office) -> None:
    office.case(description="=1&R+1")
    (row,) = rows_of(office("dispatcher").get("/cases.csv?q=%3D1%26R"))
    assert row["导出条件"] == "搜索：=1&R"
    book = office("dispatcher").get("/cases.xlsx?q=%3D1%26R")
    with zipfile.ZipFile(io.BytesIO(book.get_data())) as parts:
        printed = parts.read("xl/worksheets/sheet1.xml").decode()
    assert "搜索：=1&amp;&amp;R" in printed  # in a page footer a lone & would begin a code


def test_one_audit_row_with_filter_count_and_digest_stands_before_the_bytes_leave(
    app: Flask, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.case()
    for kind in ("csv", "xlsx"):
        answer = office("auditor").get(f"/cases.{kind}?status=submitted&q=排污口")
        *_, event = events(office)
        sha256 = hashlib.sha256(answer.get_data()).hexdigest()
        assert event.actor_role == "auditor"
        told = event.details
        assert (told["format"], told["count"], told["sha256"]) == (kind, 1, sha256)
        assert told["bytes"] == len(answer.get_data()) == answer.content_length
        assert told["filter"]["status"] == "submitted"
        assert "排污口" not in str(told)  # words may name a person; the trail can't forget
    assert len(events(office)) == 2

    def refuse(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError("the trail is away")

    monkeypatch.setattr("moderation.exports.routes.audit.record", refuse)
    with pytest.raises(RuntimeError, match="the trail is away"):
        office("auditor").get("/cases.csv")


def test_a_file_is_private_and_named_twice(office: Office) -> None:
    for kind, content_type in (
        ("csv", "text/csv; charset=utf-8"),
        ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ):
        answer = office("dispatcher").get(f"/cases.{kind}")
        assert answer.content_type == content_type
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert re.fullmatch(
            rf'attachment; filename="cases-\d{{8}}-\d{{6}}\.{kind}"; '
            rf"filename\*=UTF-8''%E5%8A%9E%E4%BB%B6-\d{{8}}-\d{{6}}\.{kind}",
            answer.headers["Content-Disposition"],
        )


def test_more_cases_than_a_file_takes_are_refused_with_what_helps(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MOST", 2)
    monkeypatch.setattr(service, "PAGE", 1)
    made = [office.case() for _ in range(2)]
    assert numbers(office("dispatcher").get("/cases.csv")) == made[::-1]  # two pages, each once
    office.case("accept")
    assert problem(office("dispatcher").get("/cases.xlsx")) == (422, "too_many_cases")
    assert "缩小筛选范围" in office("dispatcher").get("/cases.csv").get_json()["title"]
    assert numbers(office("dispatcher").get("/cases.csv?status=submitted")) == made[::-1]
    assert len(events(office)) == 2


def test_a_third_file_at_once_waits_for_its_turn(office: Office) -> None:
    with AT_ONCE:
        assert office("dispatcher").get("/cases.csv").status_code == 200
        with AT_ONCE:
            refused = office("dispatcher").get("/cases.csv")
            assert problem(refused) == (429, "exports_busy")
            assert refused.headers["Retry-After"] == "10"
    assert office("dispatcher").get("/cases.csv?limit=1").status_code == 422
    with AT_ONCE, AT_ONCE:  # what was refused holds no place
        assert problem(office("dispatcher").get("/cases.csv")) == (429, "exports_busy")


@pytest.mark.parametrize("query", ["limit=1", "cursor=x", "status=open", "sort=due_at&q=x", "a=b"])
def test_what_the_list_refuses_a_file_refuses_and_pages_too(office: Office, query: str) -> None:
    answer = office("dispatcher").get(f"/cases.csv?{query}")
    assert answer.status_code == 422
    assert set(answer.get_json()["errors"]) <= {"limit", "cursor", "status", "sort", "a"}


def test_no_transaction_is_open_while_the_file_is_written(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.case()
    states: list[bool] = []
    write = sheets._written

    def watched(cell: Any) -> Any:
        states.append(db.session().in_transaction())
        return write(cell)

    monkeypatch.setattr(sheets, "_written", watched)
    office("dispatcher").get("/cases.csv")
    assert states
    assert not any(states)


def test_a_full_disk_is_503_and_leaves_no_audit_row(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: object, **_kwargs: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("moderation.exports.routes._weigh", full)
    for kind in ("csv", "xlsx"):
        assert problem(office("dispatcher").get(f"/cases.{kind}")) == (503, "unavailable")
    assert events(office) == []
