"""The case list as CSV and XLSX: written aside, noted, and only then sent."""

from collections.abc import Iterator
from hashlib import sha256
from tempfile import SpooledTemporaryFile
from threading import BoundedSemaphore
from typing import IO
from urllib.parse import quote

from flask import Response
from werkzeug.datastructures import Headers

from core import audit
from core.api import Blueprint, query
from core.clock import now as present
from core.clock import shanghai
from core.database import reading
from core.errors import Invalid, Unavailable
from core.tokens import caller, may
from moderation import access
from moderation.cases import Asked
from moderation.exports import service, watermark
from moderation.exports.columns import Line, Reading
from moderation.exports.schemas import ExportQuery
from moderation.exports.service import ExportsBusy, TooManyCases
from moderation.exports.sheets import CSV, XLSX, Format
from moderation.exports.watermark import Watermark

ABOUT = "办件导出 Exports: the case list as a file"
IN_MEMORY = 1024 * 1024
CHUNK = 64 * 1024
AT_ONCE = BoundedSemaphore(2)  # files that a process writes; the other threads are for the others
routes = Blueprint("exports", __name__, description=ABOUT)


@routes.get("/cases.csv")
@routes.asks(ExportQuery)
@routes.gives(200, content_type=CSV.content_type)
@routes.fails(Invalid, TooManyCases, ExportsBusy, Unavailable)
@may("moderation.export")
def cases_csv() -> Response:
    """Export the case list as CSV, at most 50,000 cases; filters and order as listed."""
    return _export(CSV)


@routes.get("/cases.xlsx")
@routes.asks(ExportQuery)
@routes.gives(200, content_type=XLSX.content_type)
@routes.fails(Invalid, TooManyCases, ExportsBusy, Unavailable)
@may("moderation.export")
def cases_xlsx() -> Response:
    """Export the case list as a workbook, at most 50,000 cases; filters and order as listed."""
    return _export(XLSX)


def _export(wanted: Format) -> Response:
    """Export where it is this file's turn.

    Raises:
        ExportsBusy: others are being written. TooManyCases, Invalid, Unavailable: see `_written`.
    """
    if not AT_ONCE.acquire(blocking=False):
        raise ExportsBusy
    try:
        return _written(wanted)
    finally:
        AT_ONCE.release()


def _written(wanted: Format) -> Response:
    """Draw the list, write the file, note who takes it, and send it.

    Raises:
        TooManyCases, Invalid: the filter. Unavailable: no room for the file.
    """
    asked, now = query(ExportQuery), present()
    with reading() as session:
        by = service.reading_of(session, access.officer(session, caller()), asked, now)
        ids = service.drawn(session, asked, by)
        mark = watermark.made(session, asked, by)
    file = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115  closed when it was sent
    try:
        count = wanted.write(file, _lines(ids, asked, by), mark)
        size, digest = _weigh(file)
        facts = {"format": wanted.suffix, "count": count, "bytes": size, "sha256": digest}
        noted = {**facts, "filter": watermark.for_audit(asked)}
        audit.look("cases.exported", ("export", mark.number), noted)
    except OSError as error:
        file.close()
        raise Unavailable from error
    except BaseException:
        file.close()
        raise
    return _sent(file, wanted, mark, size)


def _lines(ids: service.Ids, asked: Asked, by: Reading) -> Iterator[Line]:
    """Give the rows page by page; no transaction is open while they are written."""
    for part in service.parts(ids):
        with reading() as session:
            page = service.lines(session, part, asked, by)
        yield from page


def _weigh(file: IO[bytes]) -> tuple[int, str]:
    """Return the length and the digest of a file, and go back to its beginning."""
    digest = sha256()
    file.seek(0)
    while chunk := file.read(CHUNK):
        digest.update(chunk)
    size = file.tell()
    file.seek(0)
    return size, digest.hexdigest()


def _sent(file: IO[bytes], wanted: Format, mark: Watermark, size: int) -> Response:
    stamp = shanghai(mark.taken_at).strftime("%Y%m%d-%H%M%S")
    headers = Headers([("Content-Length", str(size)), ("Cache-Control", "private, no-store")])
    headers["Content-Disposition"] = _attachment(
        f"cases-{stamp}.{wanted.suffix}", f"办件-{stamp}.{wanted.suffix}"
    )
    response = Response(_chunks(file), content_type=wanted.content_type, headers=headers)
    response.call_on_close(file.close)
    return response


def _attachment(plain: str, named: str) -> str:
    """Name a download twice, as RFC 6266 says: in ASCII, and in the reader's language."""
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(named, safe='')}"


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk
