"""The servers that we ask: WeChat, the SMS gateway, the identity provider, a content checker.

Each is a protocol with a body for production and a double for development. Nobody is asked while a
transaction is open: rows would stay locked for as long as a stranger takes to answer.
"""

from dataclasses import dataclass, field
from typing import cast

from flask import Flask, current_app

from core.database import no_transaction
from core.gateways.contentchecks import (
    ContentChecker,
    ContentCheckRefused,
    ContentCheckUnavailable,
    OfflineChecker,
    content_body,
)
from core.gateways.miniprograms import WeChat, WeChatSession, wechat_body
from core.gateways.models import AccessToken
from core.gateways.providers import IdentityProvider, Proof, identity_body
from core.gateways.textmessages import SmsGateway, SmsUnavailable, sms_body
from core.settings import Settings

__all__ = [
    "AccessToken",
    "ContentCheckRefused",
    "ContentCheckUnavailable",
    "ContentChecker",
    "Gateways",
    "IdentityProvider",
    "Proof",
    "SmsGateway",
    "SmsUnavailable",
    "WeChat",
    "WeChatSession",
    "content",
    "content_asks",
    "identity",
    "init_app",
    "sms",
    "wechat",
]


@dataclass
class Gateways:
    """The bodies in use; tests put fakes in their place."""

    wechat: WeChat
    sms: SmsGateway
    identity: IdentityProvider
    content: ContentChecker = field(default_factory=OfflineChecker)


def init_app(app: Flask, settings: Settings) -> None:
    """Choose the bodies that the settings name; a missing client library stops the start."""
    app.extensions["gateways"] = Gateways(
        wechat=wechat_body(settings),
        sms=sms_body(settings),
        identity=identity_body(settings),
        content=content_body(settings),
    )


def wechat() -> WeChat:
    """Return WeChat; no transaction may be open."""
    return _found().wechat


def sms() -> SmsGateway:
    """Return the SMS gateway; no transaction may be open."""
    return _found().sms


def identity() -> IdentityProvider:
    """Return the identity provider; no transaction may be open."""
    return _found().identity


def content() -> ContentChecker:
    """Return the content checker; no transaction may be open."""
    return _found().content


def content_asks() -> bool:
    """Say whether somebody else is asked before a picture is public; a transaction may be open."""
    return _installed().content.asks


def _found() -> Gateways:
    no_transaction()
    return _installed()


def _installed() -> Gateways:
    return cast("Gateways", current_app.extensions["gateways"])
