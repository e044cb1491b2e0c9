"""What every request shares: its id, headers and log line, and the one place that maps errors."""

import re
import time
import uuid

import structlog
from flask import Flask, Response, current_app, g, request
from gunicorn.http.errors import ParseException  # type: ignore[import-untyped]
from prometheus_client import Counter, Histogram
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from core.api import problem_of
from core.errors import BadRequest, DomainError, NotFound, Unavailable, render, render_status
from core.idempotency import Replay
from core.settings import Settings

MAX_REQUEST = 21 * 1024 * 1024
REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
STRICT = "default-src 'none'; frame-ancestors 'none'"
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}
REQUESTS = Counter("http_requests_total", "Requests answered", ["method", "endpoint", "status"])
SECONDS = Histogram("http_request_seconds", "Seconds from request to answer", ["endpoint"])
log = structlog.get_logger()


def init_app(app: Flask, settings: Settings) -> None:
    """Install hooks and error handlers; forwarded headers count only behind configured proxies."""
    app.config["MAX_CONTENT_LENGTH"] = MAX_REQUEST
    app.config["MAX_FORM_PARTS"] = 20
    app.url_map.strict_slashes = False
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=0)  # type: ignore[method-assign]
    app.before_request(_begin)
    app.after_request(_finish)
    app.register_error_handler(DomainError, problem_of)
    app.register_error_handler(Replay, lambda replay: replay.response)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(ParseException, lambda _error: render(BadRequest()))
    app.register_error_handler(DBAPIError, _database_error)
    app.register_error_handler(PoolTimeout, lambda _error: render(Unavailable()))
    app.register_error_handler(Exception, _unexpected)


def _begin() -> None:
    sent = request.headers.get("X-Request-Id", "")
    g.request_id = sent if REQUEST_ID.fullmatch(sent) else uuid.uuid4().hex
    g.began = time.perf_counter()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)
    if "\0" in request.path:
        raise NotFound  # no name holds it, and PostgreSQL would not even compare it


def _finish(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Content-Security-Policy", STRICT)
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers["X-Request-Id"] = g.get("request_id", "-")
    took = time.perf_counter() - g.get("began", time.perf_counter())
    endpoint = request.endpoint or "unknown"
    REQUESTS.labels(request.method, endpoint, str(response.status_code)).inc()
    SECONDS.labels(endpoint).observe(took)
    rule = request.url_rule.rule if request.url_rule else "unknown"
    log.info(
        "request",
        method=request.method,
        rule=rule,
        status=response.status_code,
        ms=round(took * 1000, 1),
    )
    return response


def _http_error(error: HTTPException) -> Response:
    return render_status(error.code or 500, dict(error.get_headers()))


def _database_error(error: DBAPIError) -> Response:
    """Away, locked too long or cut off is 503, to be tried again; all else is a fault of ours."""
    if not passing(error):
        return _unexpected(error)
    log.warning("database_away", error=type(error.orig).__name__)
    return render(Unavailable())


def passing(error: DBAPIError) -> bool:
    """Say whether the same request may go through later."""
    if error.connection_invalidated:
        return True
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return str(state)[:2] in {"08", "40", "53", "57"} or state == "55P03"
    text = str(error.orig).lower()
    away = (
        "locked",
        "busy",
        "disk is full",
        "unable to open",
        "disk i/o",
        "readonly database",
        "connection",
    )
    return type(error).__name__ in {"OperationalError", "InterfaceError"} and any(
        word in text for word in away
    )


def _unexpected(error: Exception) -> Response:
    """Log a fault of ours and tell nothing of it; tests see it as it was raised."""
    if current_app.testing:
        raise error
    log.error("unexpected", exc_info=error)
    return render_status(500)
