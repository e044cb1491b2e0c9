"""Structured logs, one JSON line an event: what happened, never who, whence or where."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from structlog.typing import Processor

PHONE = re.compile(r"(?<!\d)(?:\+86|0086|86)?[- ]?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?!\d)")
SECRET_NAMES = frozenset(
    {
        "phone",
        "password",
        "code",
        "token",
        "openid",
        "session_key",
        "secret",
        "longitude",
        "latitude",
        "address",
        "qr",
    }
)


def configure(level: str) -> None:
    """Send our events and the libraries' warnings through one processor chain to standard error."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
    ]
    final: list[Processor] = [
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        redact,
        structlog.processors.JSONRenderer(),
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, *final],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping().get(level, logging.INFO)
        ),
        # Asked each time: whoever runs a command in this process lends it another for a while.
        logger_factory=lambda *_names: structlog.WriteLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
    # it logs whole addresses, secrets in the query included
    logging.getLogger("httpx").setLevel(logging.WARNING)


def redact(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Blank what is personal by its name, and phone numbers wherever they stand."""
    for name, value in event.items():
        if name in SECRET_NAMES:
            event[name] = "…"
        elif isinstance(value, str):
            event[name] = PHONE.sub("…", value)
    return event
