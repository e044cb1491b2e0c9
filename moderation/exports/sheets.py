"""Two kinds of files, written row by row: neither ever holds all rows in memory."""

import csv
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from io import TextIOWrapper
from tempfile import TemporaryDirectory
from typing import IO, Any

from core.later import later
from moderation.exports.cells import Cell, neutral
from moderation.exports.columns import COLUMNS, Line
from moderation.exports.watermark import Watermark

xlsxwriter = later("xlsxwriter")

HEADINGS = [column.heading for column in COLUMNS]
SHEET, ABOUT = "办件", "导出说明"
NOTICE = "本文件含工作信息，仅限导出人履行职责使用，不得外传；导出已记入审计日志。"
SAFE = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
MOST_HEADER = 255  # characters; spreadsheets refuse a longer page header
Writer = Callable[[IO[bytes], Iterable[Line], Watermark], int]


@dataclass(frozen=True)
class Format:
    """A kind of file, and what writes it and returns the number of rows."""

    suffix: str
    content_type: str
    write: Writer


def write_csv(file: IO[bytes], lines: Iterable[Line], mark: Watermark) -> int:
    """Write UTF-8 with a byte-order mark, RFC 4180; the last columns of each row say who took it.

    A row that is copied out of the file keeps its watermark, and the first row stays the headings.
    """
    said = [neutral(text) for _, text in mark.facts]
    count = 0
    text = TextIOWrapper(file, encoding="utf-8-sig", newline="", write_through=True)
    try:
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow([*HEADINGS, *(heading for heading, _ in mark.facts)])
        for count, line in enumerate(lines, 1):  # noqa: B007  the count is the answer
            writer.writerow([*map(_written, line), *said])
    finally:
        text.detach()  # or it would close the file
    return count


def _written(cell: Cell) -> Cell:
    return neutral(cell) if isinstance(cell, str) else cell


def write_xlsx(file: IO[bytes], lines: Iterable[Line], mark: Watermark) -> int:
    """Write a workbook: the rows, a sheet about the export, and the watermark on every page."""
    with TemporaryDirectory() as folder:
        options = {"constant_memory": True, "tmpdir": folder, **SAFE}
        book = xlsxwriter.Workbook(file, options)
        sheet, about = book.add_worksheet(SHEET), book.add_worksheet(ABOUT)
        bold, plain = book.add_format({"bold": True}), book.add_format()
        count = 0
        try:
            _furnish(sheet, mark, bold)
            for count, line in enumerate(lines, 1):
                _write_row(sheet, count, line, plain)
            sheet.autofilter(0, 0, count, len(COLUMNS) - 1)
            _describe(book, about, mark, count, (bold, plain))
        finally:
            _close(book)
    return count


def _close(book: Any) -> None:
    """Put the workbook together.

    Raises:
        OSError: there is no room; the library has its own word for it.
    """
    try:
        book.close()
    except xlsxwriter.exceptions.FileCreateError as error:
        raise OSError(str(error)) from error


def _furnish(sheet: Any, mark: Watermark, bold: Any) -> None:
    """Write headings and widths, and what is printed on every page."""
    for at, column in enumerate(COLUMNS):
        sheet.set_column(at, at, column.width)
        sheet.write_string(0, at, column.heading, bold)
    sheet.freeze_panes(1, 1)
    sheet.set_landscape()
    sheet.repeat_rows(0)
    said = dict(mark.facts)
    who = f"{said['导出人']} {said['导出人部门']} {said['导出时间']}"
    sheet.set_header(f"&L{_literal(who)}&R{mark.number}")
    sheet.set_footer(f"&L{_literal(said['导出条件'])}&R第 &P 页，共 &N 页")


def _literal(text: str) -> str:
    """Return a text for a page header, where `&` begins a code and the length is limited."""
    return text[: MOST_HEADER // 2 - 40].replace("&", "&&").replace("\n", " ").replace("\r", " ")


def _write_row(sheet: Any, row: int, line: Line, plain: Any) -> None:
    for at, cell in enumerate(line):
        if isinstance(cell, str):
            _write_text(sheet, row, at, neutral(cell), plain)
        elif cell is not None:
            sheet.write_number(row, at, cell)


def _write_text(sheet: Any, row: int, at: int, text: str, style: Any) -> None:
    """Write a text as it stands; the library takes one in `<r>…</r>` for markup of its own.

    What would open its file as broken, or as a sender of reports wants, is written in two runs.
    """
    if text.startswith("<r>"):
        sheet.write_rich_string(row, at, text[:1], style, text[1:])
    else:
        sheet.write_string(row, at, text)


def _describe(book: Any, about: Any, mark: Watermark, count: int, styles: tuple[Any, Any]) -> None:
    """Write who took what, for who opens the file and for who asks its properties."""
    facts = (*mark.facts, ("排序", mark.order), ("件数", str(count)), ("说明", NOTICE))
    bold, plain = styles
    about.set_column(0, 0, 14)
    about.set_column(1, 1, 80)
    for row, (heading, text) in enumerate(facts):
        about.write_string(row, 0, heading, bold)
        _write_text(about, row, 1, neutral(text), plain)
    said = "；".join(f"{heading}：{text}" for heading, text in facts)
    title = {"title": "办件导出", "author": mark.viewer, "company": mark.department}
    book.set_properties({**title, "comments": said, "created": mark.taken_at})


CSV = Format("csv", "text/csv; charset=utf-8", write_csv)
XLSX = Format(
    "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", write_xlsx
)
