"""Routes that belong to no room: the life of a sign-in, and what operators ask a server."""

import hmac

from flask import Response, request
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    generate_latest,
    multiprocess,
)

from core import tokens
from core.api import Blueprint, EmptySchema, Schema, answer, body, dump
from core.clock import now as present
from core.database import writing
from core.errors import Forbidden, Unauthenticated, Unavailable
from core.fields import Text
from core.health import away, multiprocess_directory
from core.permissions import PERMISSIONS
from core.schemas import SignInSchema
from core.settings import settings
from core.tokens import caller, may, public

routes = Blueprint("sign_ins", __name__, description="登录状态 Refreshing and ending a sign-in")
operations = Blueprint("operations", __name__, description="运行状态 What operators ask")
LOOPBACK = frozenset({"127.0.0.1", "::1"})


class RefreshSchema(Schema):
    """A refresh token, good for one exchange."""

    refresh_token = Text(most=512, required=True)


class HealthSchema(Schema):
    """That all is well; what is not is a problem."""

    status = Text()


@routes.post("/auth/refresh")
@routes.takes(RefreshSchema)
@routes.gives(200, SignInSchema)
@routes.fails(Unauthenticated)
@public
def refresh() -> Response:
    """Exchange a refresh token for new tokens; one used twice ends its whole family."""
    sent = body(RefreshSchema)["refresh_token"]
    with writing() as session:
        made = tokens.rotate(session, sent, present())
    if made is None:
        raise Unauthenticated
    return answer(dump(SignInSchema, made))


@routes.post("/auth/logout")
@routes.gives(204)
@may("core.logout")
def logout() -> Response:
    """End this sign-in with all its tokens."""
    body(EmptySchema)
    with writing() as session:
        tokens.end(session, caller().sign_in_id, present())
    return Response(status=204)


@operations.get("/healthz")
@operations.gives(200, HealthSchema)
@public
def healthz() -> Response:
    """Say that the process answers."""
    return answer({"status": "ok"})


@operations.get("/readyz")
@operations.gives(200, HealthSchema)
@operations.fails(Unavailable)
@public
def readyz() -> Response:
    """Say whether work can be done, and what is away if not."""
    missing = away()
    if not missing:
        return answer({"status": "ok"})
    raise Unavailable(away=missing)


@operations.get("/metrics")
@operations.gives(200, content_type="text/plain")
@operations.fails(Unauthenticated, Forbidden)
@public
def metrics() -> Response:
    """Show Prometheus our figures: on loopback, with its token, or to staff who may see them."""
    _may_scrape()
    registry = REGISTRY
    if multiprocess_directory() is not None:
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _may_scrape() -> None:
    scraper = settings().metrics_token
    if request.remote_addr in LOOPBACK and not request.headers.get("X-Forwarded-For"):
        return
    sent = request.headers.get("Authorization", "")
    if scraper and hmac.compare_digest(sent.encode(), f"Bearer {scraper}".encode()):
        return
    who = tokens.authenticate()
    if not who.roles & PERMISSIONS["core.metrics"].roles:
        raise Forbidden
