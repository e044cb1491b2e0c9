"""What contract 1 asks of a step on a case before its body is read: JSON, and the version meant."""

from flask import request

from citizen.models import Report
from core.api import require_json
from core.errors import PreconditionRequired, Stale
from moderation import views


def check(report: Report, raw: bytes, *, versioned: bool = True) -> None:
    """Require JSON and `If-Match` with the present version of the locked case.

    Where a step is not `versioned`, no version need be named; one that is must be the present one.

    Raises:
        UnsupportedMedia, PreconditionRequired, Stale: in this order.
    """
    require_json(raw)
    sent = request.headers.get("If-Match")
    if sent is None and versioned:
        raise PreconditionRequired
    if sent is not None and not views.matches(report, sent):
        raise Stale
