"""Links that open one copy of one photo for a few minutes, without a token."""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from typing import Final

from media.models import Photo, Variant

LIFETIME: Final = 300  # seconds, contract 3
COPIES: Final = (Variant.THUMB, Variant.LARGE)  # the original never has a link


def signed_link(
    secret: str, photo: Photo, variant: Variant, *, now: float, version: int | None = None
) -> str:
    """Return a link that works for `LIFETIME` seconds, or until the photo's links end.

    Without a `version` it opens the copy as it was taken, with one the redaction of that number.
    """
    expires = int(now) + LIFETIME
    numbered = None if version is None else str(version)
    signature = _signature(secret, photo, variant, expires, numbered)
    query = f"expires={expires}&signature={signature}"
    if numbered is not None:
        query += f"&version={numbered}"
    return f"/api/v1/media/{photo.public_id}/{variant.value}?{query}"


def opens(
    secret: str,
    photo: Photo,
    variant: Variant,
    *,
    expires: str,
    signature: str,
    now: float,
    version: str | None = None,
) -> bool:
    """Say whether a link's query is ours, for this copy and version, and still young enough."""
    if variant not in COPIES or not _decimal(expires, 12):
        return False
    if version is not None and not _decimal(version, 6):
        return False
    if not now < int(expires) <= now + LIFETIME:
        return False
    wanted = _signature(secret, photo, variant, int(expires), version)
    return hmac.compare_digest(wanted.encode(), signature.encode("utf-8", "replace"))


def _decimal(text: str, most: int) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= most


def _signature(
    secret: str, photo: Photo, variant: Variant, expires: int, version: str | None
) -> str:
    """Return a MAC under a key that signs nothing but these links."""
    key = hmac.digest(secret.encode(), b"photo links, 1", hashlib.sha256)
    message = f"{photo.public_id}/{variant.value}/{photo.links}/{expires}"
    if version is not None:
        message += f"/{version}"
    mac = hmac.digest(key, message.encode(), hashlib.sha256)
    return urlsafe_b64encode(mac).rstrip(b"=").decode()
