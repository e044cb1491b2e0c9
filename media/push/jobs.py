"""Asking the content checker from the outbox, and following up what it does not answer."""

from datetime import datetime
from typing import Any, Final

from core import gateways
from core.clock import now as present
from core.database import reading, writing
from core.gateways import ContentCheckRefused
from core.worker import Job
from media import checking


def ask(payload: dict[str, Any], _message_id: str) -> None:
    """Ask about one version of a photo; a second delivery finds that it was asked.

    Raises:
        ContentCheckUnavailable, AccessTokenUnavailable: the message waits and is delivered again.
    """
    check_id = payload["check"]
    with writing():
        question = checking.question(check_id, present())
    if question is None:
        return
    try:
        trace_id = gateways.content().submit(question.url)
    except ContentCheckRefused:
        with writing():
            checking.unanswered(check_id, present())
        return
    with writing():
        checking.asked(check_id, trace_id, present())


def follow_up(now: datetime) -> int:
    """Ask again, or give up, where no answer came in time; forget answers without a question."""
    with reading():
        late = checking.overdue(now)
    for check_id in late:
        with writing():
            checking.lapse(check_id, now)
    with writing():
        checking.forget(now)
    return len(late)


JOBS: Final = (Job("follow_up_content_checks", 300, follow_up),)
