"""The door at which WeChat pushes its events: only what it signed comes in."""

from typing import Final

import structlog
from flask import Response, request

from core.api import Blueprint, received
from core.clock import now as present
from core.database import writing
from core.errors import TooLarge, UnsupportedMedia
from core.gateways import messagepush
from core.gateways.contentchecks import finding_of
from core.gateways.messagepush import PushRefused, PushUnreadable
from core.settings import settings
from core.tokens import public
from media import checking
from media.push.schemas import PushedSchema, PushQuerySchema

MOST_BYTES: Final = 64 * 1024

routes = Blueprint("push", __name__, description="微信消息推送 What WeChat tells us later")
log = structlog.get_logger()


@routes.get("/wechat/push")
@routes.asks(PushQuerySchema)
@routes.gives(200, content_type="text/plain")
@routes.fails(PushRefused)
@public
def prove() -> Response:
    """Prove to WeChat that the address is ours: what it sent comes back."""
    messagepush.check(messagepush.door(settings()), request.args, present())
    return _text(request.args.get("echostr", ""))


@routes.post("/wechat/push")
@routes.asks(PushQuerySchema)
@routes.takes(PushedSchema)
@routes.gives(200, content_type="text/plain")
@routes.fails(PushRefused, PushUnreadable, TooLarge, UnsupportedMedia)
@public
def take() -> Response:
    """Take an event; the same one again, or one that nobody waits for, is a success too."""
    raw, door = received(MOST_BYTES), messagepush.door(settings())
    event = messagepush.opened(
        door, request.args, raw, present(), content_type=request.mimetype or ""
    )
    finding = finding_of(event, door.app_id)
    if finding is None:
        log.info("push_passed_over")
    else:
        with writing():
            checking.answered(finding, present())
    return _text("success")


def _text(words: str) -> Response:
    return Response(words, content_type="text/plain; charset=utf-8")
