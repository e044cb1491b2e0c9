"""WeChat: who stands behind a mini-program's sign-in code (code2Session).

Errors come as HTTP 200 with `errcode`. The session key and the app's secret are neither kept,
logged nor shown: the key never leaves the reply, the secret never leaves the request.
"""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard

import structlog

from core.database import no_transaction
from core.errors import Forbidden, Invalid, TooMany, Unauthenticated, Unavailable
from core.later import later
from core.messages import say
from core.settings import Settings, WeChatApp

if TYPE_CHECKING:
    import httpx
else:
    httpx = later("httpx")

PATH = "/sns/jscode2session"
TIMEOUT, CONNECT_TIMEOUT = 5, 2  # seconds
ATTEMPTS = 3
PAUSE = 0.1  # seconds before the second attempt, twice that before the third
BUSY, QUOTA, BLOCKED = -1, 45011, 40226
SPENT_CODES = frozenset({40029, 40163})
CONSOLE_APPS = ("suishoupai", "huhutong")
LONGEST_ID = 128
log = structlog.get_logger()


class WeChatCodeInvalid(Unauthenticated):
    """The code is wrong, too old, or was used before: the app must ask for another one."""

    code, zh, en = "wechat_code_invalid", "微信登录已失效，请重新登录", "Sign in with WeChat again"


class WeChatBlocked(Forbidden):
    """WeChat takes the person for a high risk and gives no identity."""

    code, zh, en = "wechat_user_blocked", "微信限制了该用户登录", "WeChat blocks this user"


class WeChatBusy(TooMany):
    """WeChat's quota of 100 sign-ins a minute and person is used up."""

    code, zh, en = (
        "wechat_quota",
        "微信登录过于频繁，请稍后再试",
        "Too many WeChat sign-ins, try later",
    )


class WeChatUnavailable(Unavailable):
    """WeChat is away, busy, or its answer names nobody."""

    code, zh, en = "wechat_unavailable", "微信登录暂时不可用", "WeChat sign-in is away"


@dataclass(frozen=True)
class WeChatSession:
    """Who signed in: a person is known by app id and open id, across our apps by union id."""

    app_id: str
    open_id: str
    union_id: str | None = None


class WeChat(Protocol):
    """Exchanges a one-time sign-in code."""

    def code_to_session(self, app: str, code: str) -> WeChatSession:
        """Return who the code stands for; `app` is our name for the mini-program.

        Raises:
            Invalid: `app` is none of ours.
            WeChatCodeInvalid, WeChatBlocked, WeChatBusy, WeChatUnavailable: WeChat refuses.
        """
        ...


def wechat_body(settings: Settings) -> WeChat:
    """Return the body that the settings name: WeChat itself where apps are configured."""
    if settings.wechat_apps:
        return HttpWeChat(settings.wechat_url, settings.wechat_apps)
    return ConsoleWeChat()


def unknown_app(known: Mapping[str, Any] | tuple[str, ...]) -> Invalid:
    """Return the error for an app that is none of ours."""
    names = ", ".join(known)
    return Invalid(errors={"app": [say(f"应为以下之一：{names}", f"Must be one of: {names}")]})


class HttpWeChat:
    """WeChat's own server."""

    def __init__(self, url: str, apps: tuple[WeChatApp, ...]) -> None:
        self._apps = {app.name: app for app in apps}
        self._client = httpx.Client(
            base_url=url, timeout=httpx.Timeout(TIMEOUT, connect=CONNECT_TIMEOUT)
        )

    def code_to_session(self, app: str, code: str) -> WeChatSession:
        no_transaction()
        if app not in self._apps:
            raise unknown_app(self._apps)
        for attempt in range(ATTEMPTS):
            reply = self._ask(self._apps[app], code)
            if reply.get("errcode") != BUSY:
                return _session(self._apps[app].app_id, reply)
            time.sleep(PAUSE * attempt)
        raise WeChatUnavailable

    def _ask(self, app: WeChatApp, code: str) -> dict[str, Any]:
        """Ask once; a lost answer is not asked for again, for the code may be used up by then."""
        query = {
            "appid": app.app_id,
            "secret": app.secret,
            "js_code": code,
            "grant_type": "authorization_code",
        }
        try:
            reply = self._client.get(PATH, params=query).json()
        except (httpx.HTTPError, ValueError) as error:
            log.warning("wechat_away", error=type(error).__name__)
            raise WeChatUnavailable from None  # its text may hold the address with the secret
        if not isinstance(reply, dict):
            raise WeChatUnavailable
        return reply


def _session(app_id: str, reply: Mapping[str, Any]) -> WeChatSession:
    _refuse(reply.get("errcode", 0))
    open_id, union_id = reply.get("openid"), reply.get("unionid")
    if not _is_id(open_id):
        log.error("wechat_reply_without_openid")
        raise WeChatUnavailable
    return WeChatSession(app_id, open_id, union_id if _is_id(union_id) else None)


def _is_id(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_ID and value.isascii()


def _refuse(errcode: object) -> None:
    if errcode == 0:
        return
    if not isinstance(errcode, int):
        errcode = None  # no answer of WeChat's
    log.warning("wechat_refused", errcode=errcode)
    if errcode in SPENT_CODES:
        raise WeChatCodeInvalid
    if errcode == QUOTA:
        raise WeChatBusy
    if errcode == BLOCKED:
        raise WeChatBlocked
    raise WeChatUnavailable


class ConsoleWeChat:
    """Development double: every code opens an account, the same code the same one."""

    def code_to_session(self, app: str, code: str) -> WeChatSession:
        no_transaction()
        if app not in CONSOLE_APPS:
            raise unknown_app(CONSOLE_APPS)
        log.warning(
            "wechat_double", says="development double: any code signs in, WeChat was not asked"
        )
        open_id = hashlib.sha256(code.encode()).hexdigest()[:28]
        return WeChatSession(f"console-{app}", open_id)
