"""What residents call about their reports; each route reads, asks the service, and answers."""

from flask import Response
from sqlalchemy import select

from citizen import places, service, views
from citizen.errors import (
    InvalidTransition,
    LocationInvalid,
    OutsideLakeArea,
    OutsideServiceArea,
    UnknownSite,
)
from citizen.models import Report
from citizen.schemas import (
    CategoryListSchema,
    CategoryQuery,
    CrsQuery,
    OwnReportItemSchema,
    OwnReportSchema,
    ReceiptSchema,
    ReportQuery,
    SiteSchema,
    SubmissionSchema,
    SupplementSchema,
)
from core import idempotency
from core.api import Blueprint, EmptySchema, answer, body, dump, query, received
from core.clock import now as present
from core.database import reading, writing
from core.errors import Invalid, NotFound
from core.paging import page
from core.schemas import page_of
from core.tokens import caller, may, public
from media.errors import MediaNotFound, MediaUsed

routes = Blueprint(
    "reports", __name__, description="举报 Reporting, and following what one reported"
)
OwnReportPageSchema = page_of(OwnReportItemSchema, "OwnReportPageSchema")


@routes.get("/categories")
@routes.asks(CategoryQuery)
@routes.gives(200, CategoryListSchema)
@routes.fails(Invalid)
@public
def categories() -> Response:
    """List what can be reported, of one channel or of all."""
    channel = query(CategoryQuery)["channel"]
    return answer(
        dump(CategoryListSchema, {"items": places.categories(channel), "next_cursor": None})
    )


@routes.get("/sites/<code>")
@routes.asks(CrsQuery)
@routes.gives(200, SiteSchema)
@routes.fails(UnknownSite, Invalid)
@public
def site(code: str) -> Response:
    """Tell what a scanned code fills in."""
    with reading() as session:
        found = places.site(session, code)
        if found is None:
            raise UnknownSite
        shown = places.prefill(found, query(CrsQuery)["crs"])
    return answer(dump(SiteSchema, shown))


@routes.post("/reports")
@routes.takes(SubmissionSchema)
@routes.needs("Idempotency-Key", example="6f1c2a54-report-1")
@routes.gives(201, ReceiptSchema)
@routes.fails(
    idempotency.KeyMissing,
    idempotency.KeyInFlight,
    idempotency.KeyReused,
    LocationInvalid,
    OutsideServiceArea,
    OutsideLakeArea,
    MediaNotFound,
    MediaUsed,
    Invalid,
)
@may("citizen.report")
def submit() -> Response:
    """Submit a report with its photos; the same key never makes a second one."""
    sent, now = body(SubmissionSchema), present()
    with idempotency.once(forever=True) as reply:
        report, photos, points = service.submit(reply.session, sent, caller(), now)
        reply.set(dump(ReceiptSchema, views.receipt(report, photos, points)), 201)
    return reply.response


@routes.get("/me/reports")
@routes.asks(ReportQuery)
@routes.gives(200, OwnReportPageSchema)
@routes.fails(Invalid)
@may("citizen.report")
def own_reports() -> Response:
    """List one's own reports, newest first."""
    asked = query(ReportQuery)
    statement = select(Report).where(Report.reporter_id == caller().account_id)
    if asked["status"] is not None:
        statement = statement.where(Report.status == asked["status"])
    keys = (Report.submitted_at, Report.id)
    with reading() as session:
        found = page(
            session,
            statement,
            keys=keys,
            limit=asked["limit"],
            cursor=asked["cursor"],
            descending=True,
        )
        shown = views.items(found.items, asked["crs"])
    return answer(dump(OwnReportPageSchema, {"items": shown, "next_cursor": found.next_cursor}))


@routes.get("/reports/<number>")
@routes.asks(CrsQuery)
@routes.gives(200, OwnReportSchema)
@routes.fails(NotFound, Invalid)
@may("citizen.report")
def own_report(number: str) -> Response:
    """Read one of one's own reports with its timeline."""
    with reading() as session:
        report = service.own_report(session, number, caller())
        crs = query(CrsQuery)["crs"]
        shown = dump(OwnReportSchema, views.whole(session, report, caller(), present(), crs))
    return answer(shown)


@routes.post("/reports/<number>/withdraw")
@routes.takes(EmptySchema)
@routes.gives(200, OwnReportSchema)
@routes.fails(NotFound, InvalidTransition)
@may("citizen.report")
def withdraw(number: str) -> Response:
    """Take a report back before it is accepted."""
    now = present()
    received()
    with writing() as session:
        report = service.own_report(session, number, caller(), lock=True)
        body(EmptySchema)
        service.withdraw(session, report, caller(), now)
        shown = dump(OwnReportSchema, views.whole(session, report, caller(), now))
    return answer(shown)


@routes.post("/reports/<number>/supplement")
@routes.takes(SupplementSchema)
@routes.gives(200, OwnReportSchema)
@routes.fails(NotFound, InvalidTransition, MediaNotFound, MediaUsed, Invalid)
@may("citizen.report")
def supplement(number: str) -> Response:
    """Answer a question about one's report."""
    now = present()
    received()
    with writing() as session:
        report = service.own_report(session, number, caller(), lock=True)
        sent = body(SupplementSchema)
        service.supplement(session, report, sent, caller(), now)
        shown = dump(OwnReportSchema, views.whole(session, report, caller(), now))
    return answer(shown)
