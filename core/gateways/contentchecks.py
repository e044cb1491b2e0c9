"""Who checks a picture before the public sees it: our own rules alone, or WeChat as well.

WeChat takes an address, fetches the picture by itself, and pushes what it found later, within 30
minutes (`mediaCheckAsync`, version 2). The address opens a stripped copy for five minutes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import structlog

from core.database import no_transaction
from core.errors import Unavailable
from core.gateways import messagepush
from core.gateways.accesstokens import REFUSALS, AccessTokens
from core.later import later
from core.settings import Settings, SettingsError, WeChatApp

if TYPE_CHECKING:
    import httpx
else:
    httpx = later("httpx")

PATH: Final = "/wxa/media_check_async"
TIMEOUT, CONNECT_TIMEOUT = 5, 2  # seconds
IMAGE: Final = 2
VERSION: Final = 2
FORUM: Final = 3  # of profile, comment, forum, social log: what is published, anybody may read
PASSING: Final = frozenset({-1, 45009, 45011})  # busy, the day's or the minute's quota: ask later
LONGEST_TRACE: Final = 128
LONGEST_LABEL: Final = 32
log = structlog.get_logger()


class ContentCheckUnavailable(Unavailable):
    """The checker is away, busy, or gives no answer that can be read: nothing was asked."""

    code, zh, en = "content_check_unavailable", "内容检测暂时不可用", "The content check is away"


class ContentCheckRefused(Exception):
    """The checker does not take the question; the same again would not help."""

    def __init__(self, errcode: int) -> None:
        super().__init__(f"errcode {errcode}")
        self.errcode = errcode


@dataclass(frozen=True)
class Finding:
    """What a checker says later; `suggest` is pass, review or risky, `errcode` 0 without fault."""

    trace_id: str
    errcode: int
    suggest: str
    label: str | None


class ContentChecker(Protocol):
    """Says later whether a picture may be shown; `asks` False: our own rules alone decide."""

    asks: bool

    def submit(self, url: str) -> str:
        """Ask about the picture at an address and return the question's trace id.

        Raises:
            ContentCheckUnavailable, AccessTokenUnavailable: nothing was asked, try later.
            ContentCheckRefused: this question is not taken.
        """
        ...


def content_body(settings: Settings) -> ContentChecker:
    """Return the body that CONTENT_CHECK names.

    Raises:
        SettingsError: WECHAT_PUSH_KEY is none.
    """
    account = settings.content_check
    try:
        messagepush.cipher_key(account.push_key)
    except ValueError as error:
        raise SettingsError("WECHAT_PUSH_KEY must be 43 characters of base64") from error
    if account.checker == "offline":
        return OfflineChecker()
    app = next(app for app in settings.wechat_apps if app.name == account.app)
    return WeChatChecker(settings.wechat_url, app, account.open_id)


class OfflineChecker:
    """Asks nobody: the default, where a dispatcher's decision and our own rules are enough."""

    asks = False

    def submit(self, url: str) -> str:  # noqa: ARG002  nobody asks whom nobody should ask
        raise ContentCheckUnavailable


class WeChatChecker:
    """WeChat's own server."""

    asks = True

    def __init__(self, url: str, app: WeChatApp, open_id: str) -> None:
        self._open_id = open_id
        self._tokens = AccessTokens(url, app)
        self._client = httpx.Client(
            base_url=url, timeout=httpx.Timeout(TIMEOUT, connect=CONNECT_TIMEOUT)
        )

    def submit(self, url: str) -> str:
        no_transaction()
        token = self._tokens.current()
        reply = self._ask(token, url)
        if reply.get("errcode") in REFUSALS:  # once; who is refused again gives up
            reply = self._ask(self._tokens.instead_of(token), url)
        return _trace_of(reply)

    def _ask(self, token: str, url: str) -> Mapping[str, Any]:
        body = {
            "media_url": url,
            "media_type": IMAGE,
            "version": VERSION,
            "openid": self._open_id,
            "scene": FORUM,
        }
        try:
            reply = self._client.post(PATH, params={"access_token": token}, json=body).json()
        except (httpx.HTTPError, ValueError) as error:
            log.warning("content_check_away", error=type(error).__name__)
            raise ContentCheckUnavailable from None  # its text may hold the address with the token
        if not isinstance(reply, dict):
            raise ContentCheckUnavailable
        return reply


def _trace_of(reply: Mapping[str, Any]) -> str:
    errcode, trace_id = reply.get("errcode", 0), reply.get("trace_id")
    if type(errcode) is not int or errcode in PASSING:
        log.warning("content_check_busy", errcode=errcode if type(errcode) is int else None)
        raise ContentCheckUnavailable
    if errcode != 0:
        log.error("content_check_refused", errcode=errcode)
        raise ContentCheckRefused(errcode)
    if not _is_trace(trace_id):
        log.error("content_check_without_trace")
        raise ContentCheckUnavailable
    return str(trace_id)


def _is_trace(value: object) -> bool:
    return (
        isinstance(value, str)
        and 0 < len(value) <= LONGEST_TRACE
        and value.isascii()
        and value.isprintable()
    )


def finding_of(event: Mapping[str, Any], app_id: str) -> Finding | None:
    """Return what a pushed event says about a picture; None for every other event or app."""
    if event.get("MsgType") != "event" or event.get("Event") != "wxa_media_check":
        return None
    trace_id, errcode, result = event.get("trace_id"), event.get("errcode", 0), event.get("result")
    if not _is_trace(trace_id) or event.get("appid", app_id) != app_id:
        log.warning("content_finding_unreadable")
        return None
    said = result if isinstance(result, dict) else {}
    return Finding(
        str(trace_id),
        errcode if type(errcode) is int else -1,
        suggest if isinstance(suggest := said.get("suggest"), str) else "",
        str(label)[:LONGEST_LABEL] if type(label := said.get("label")) is int else None,
    )
