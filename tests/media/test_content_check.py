"""The content check: what is published waits for it, and whatever goes wrong stays closed (B66)."""

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import time_machine
from flask import Flask
from PIL import Image
from sqlalchemy import update
from structlog.testing import capture_logs

from core.clock import now as present
from core.database import writing
from core.outbox import OutboxMessage
from media.models import ContentCheck, ContentState, Photo, PhotoDecision
from tests.clients import Api
from tests.core.wechatstub import WeChatStub
from tests.media.checker import (
    RESIDENT,
    Desk,
)


def test_without_a_checker_what_is_published_is_public_at_once(
    app: Flask, api: Callable[[str], Api], stub: WeChatStub
) -> None:
    offline = Desk(app, stub, api)
    chosen = offline.publish()
    assert offline.state(chosen) is ContentState.PASSED
    assert offline.is_public(chosen)
    assert offline.count(OutboxMessage) == offline.count(ContentCheck) == 0


@pytest.mark.parametrize(
    "broken", [{"width": 0}, {"byte_size": 0}, {"mime_type": "image/gif"}, {"height": 50_000_000}]
)
def test_a_row_that_the_intake_would_not_write_is_refused_by_our_own_rules(
    app: Flask, api: Callable[[str], Api], stub: WeChatStub, broken: dict[str, Any]
) -> None:
    offline = Desk(app, stub, api)
    chosen = offline.reported()
    with app.app_context(), writing() as session:
        session.execute(update(Photo).where(Photo.public_id == chosen).values(**broken))
    offline.publish(chosen)
    assert offline.state(chosen) is ContentState.REFUSED
    assert not offline.is_public(chosen)


def test_what_is_published_waits_for_wechat_and_is_public_when_it_passed(desk: Desk) -> None:
    chosen, other = desk.publish(), desk.publish()
    assert desk.state(chosen) is ContentState.PENDING
    assert not desk.is_public(chosen)
    assert desk.deliver() == 2
    assert not desk.is_public(chosen)
    desk.finds("trace-1")
    assert desk.is_public(chosen)
    assert desk.state(other) is ContentState.PENDING
    assert not desk.is_public(other)


def test_wechat_gets_a_short_lived_link_to_a_stripped_copy_and_the_link_is_in_no_log(
    desk: Desk,
) -> None:
    image = Image.new("RGB", (640, 480), (9, 90, 9))
    exif = image.getexif()
    exif[0x010F] = "canary-make"
    file = io.BytesIO()
    image.save(file, "JPEG", exif=exif)
    resident = desk.api(RESIDENT)
    chosen = resident.upload(file.getvalue())
    resident.report(media=[chosen])
    with capture_logs() as logged:
        desk.publish(chosen)
        desk.deliver()
    (question,) = desk.stub.questions
    assert question["media_url"].startswith("https://city.example/api/v1/media/")
    address = urlsplit(question["media_url"])
    assert address.path.endswith(f"{chosen}/large")
    assert "signature" not in repr(logged)
    path = f"{address.path}?{address.query}"
    opened = desk.app.test_client().get(path, buffered=True)
    assert (opened.status_code, opened.content_type) == (200, "image/jpeg")
    assert b"canary" not in opened.data
    with time_machine.travel(present() + timedelta(seconds=301)):
        assert desk.app.test_client().get(path, buffered=True).status_code == 404


def test_of_a_redacted_photo_wechat_is_shown_the_version_that_the_public_would_see(
    desk: Desk,
) -> None:
    chosen = desk.reported()
    desk.redact(chosen)
    desk.redact(chosen)
    desk.publish(chosen)
    desk.deliver()
    assert desk.stub.questions[0]["media_url"].endswith("&version=2")


def test_a_photo_that_is_hidden_before_it_was_asked_about_is_not_shown_to_wechat(
    desk: Desk,
) -> None:
    chosen = desk.publish()
    desk.decide(chosen, PhotoDecision.HIDDEN)
    assert desk.deliver() == 1
    assert desk.stub.questions == []
    desk.publish(chosen)
    assert desk.deliver() == 1
    desk.finds("trace-1")
    assert desk.is_public(chosen)


def test_a_second_delivery_of_the_same_message_asks_nothing(desk: Desk) -> None:
    desk.publish()
    desk.deliver()
    with desk.app.app_context(), writing() as session:
        session.execute(update(OutboxMessage).values(sent_at=None, due_at=present()))
    assert desk.deliver() == 1
    assert len(desk.stub.questions) == 1
