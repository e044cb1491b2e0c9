"""What WeChat pushes to us: whether it is WeChat, and what it says. Knows no web and no database.

Plain form: the address is signed, the body is not, so it is only as private as the connection.
With an EncodingAESKey the body is sealed and its signature covers it, and nothing else counts.
"""

import hashlib
import hmac
import json
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from core.errors import BadRequest, Unauthenticated, UnsupportedMedia
from core.settings import Settings

OLDEST: Final = timedelta(minutes=10)  # WeChat tries again within seconds
AHEAD: Final = timedelta(seconds=60)  # how far its clock may be before ours
BLOCK: Final = 32  # bytes to which a sealed text is padded; the cipher's own are 16
NONCE: Final = 16  # random bytes at the beginning of a sealed text
KEY_LETTERS: Final = 43
XML: Final = frozenset({"text/xml", "application/xml"})


class PushRefused(Unauthenticated):
    """It is not signed as WeChat would sign it, or not now."""

    code, zh, en = "push_refused", "消息签名无效", "The message is not signed by WeChat"


class PushUnreadable(BadRequest):
    """It is signed, and no JSON object."""

    code, zh, en = "push_unreadable", "消息无法解析", "The message can't be read"


@dataclass(frozen=True)
class Door:
    """What WeChat and we agreed on; without a `token` the door stays shut."""

    app_id: str
    token: str = field(repr=False)
    key: bytes | None = field(repr=False)


def door(settings: Settings) -> Door:
    """Return the door of the app whose content checks are pushed to us."""
    account = settings.content_check
    ids = [app.app_id for app in settings.wechat_apps if app.name == account.app]
    return Door("".join(ids[:1]), account.push_token, cipher_key(account.push_key))


def cipher_key(letters: str) -> bytes | None:
    """Return the key of an EncodingAESKey; None for an empty one.

    Raises:
        ValueError: it is none.
    """
    if not letters:
        return None
    key = b64decode(letters + "=", validate=True)
    if len(letters) != KEY_LETTERS or len(key) != 32:
        raise ValueError("an EncodingAESKey has 43 characters")
    return key


def signature(*parts: str) -> str:
    """Return WeChat's signature of a token, a timestamp, a nonce and what else is covered."""
    return hashlib.sha1("".join(sorted(parts)).encode()).hexdigest()  # noqa: S324  WeChat's choice


def check(agreed: Door, query: Mapping[str, str], now: datetime) -> None:
    """Check the signature of an address.

    Raises:
        PushRefused: it is not right, or not from these minutes.
    """
    _check(agreed, query, now, "signature")


def opened(
    door: Door, query: Mapping[str, str], raw: bytes, now: datetime, *, content_type: str = ""
) -> Mapping[str, Any]:
    """Return the event that a body holds.

    Raises:
        PushRefused: it is not signed, not sealed where a key was agreed on, or for another app.
        UnsupportedMedia: XML; the message push must be set to JSON.
        PushUnreadable: signed, and no JSON object.
    """
    xml = content_type in XML or raw.lstrip()[:1] == b"<"
    if xml or door.key is None:
        check(door, query, now)
    if xml:
        raise UnsupportedMedia
    if door.key is None:
        return _object(raw)
    return _unsealed(door, door.key, query, raw, now)


def _check(
    door: Door, query: Mapping[str, str], now: datetime, name: str, covered: tuple[str, ...] = ()
) -> None:
    timestamp, nonce, sent = (query.get(part, "") for part in ("timestamp", "nonce", name))
    right = signature(door.token, timestamp, nonce, *covered)
    same = hmac.compare_digest(right.encode(), sent.encode("utf-8", "replace"))
    if not (same and door.token and _fresh(timestamp, now)):
        raise PushRefused


def _fresh(timestamp: str, now: datetime) -> bool:
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 12):
        return False
    age = now.timestamp() - int(timestamp)
    return -AHEAD.total_seconds() <= age <= OLDEST.total_seconds()


def _object(raw: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(raw.decode())
    except (ValueError, RecursionError) as error:
        raise PushUnreadable from error
    if not isinstance(found, dict):
        raise PushUnreadable
    return found


def _unsealed(
    door: Door, key: bytes, query: Mapping[str, str], raw: bytes, now: datetime
) -> Mapping[str, Any]:
    """Check the signature over the sealed text first: nobody else learns what would unseal."""
    try:
        sealed = _object(raw).get("Encrypt")
    except PushUnreadable:
        sealed = None
    if not (isinstance(sealed, str) and sealed.isascii()):
        raise PushRefused
    _check(door, query, now, "msg_signature", (sealed,))
    try:
        text, app_id = _plain(key, sealed)
    except ValueError as error:
        raise PushUnreadable from error
    if app_id != door.app_id.encode():
        raise PushRefused
    return _object(text)


def _plain(key: bytes, sealed: str) -> tuple[bytes, bytes]:
    """Return text and app id: 16 random bytes, 4 of the text's length, text, app id, padding.

    Raises:
        ValueError: it is not built so.
    """
    data = b64decode(sealed, validate=True)
    opening = Cipher(AES(key), CBC(key[:16])).decryptor()
    padded = opening.update(data) + opening.finalize()
    padding = padded[-1] if padded else 0
    if not 1 <= padding <= BLOCK or padded[-padding:] != bytes([padding]) * padding:
        raise ValueError("wrong padding")
    body = padded[NONCE:-padding]
    length = int.from_bytes(body[:4], "big")
    if len(body) < 4 + length:
        raise ValueError("wrong length")
    return body[4 : 4 + length], body[4 + length :]
