"""Links that open one copy of one photo for a few minutes, without a token."""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from typing import Final

from media.models import Photo, Variant

LIFETIME: Final = 300  # seconds, contract 3
COPIES: Final = (Variant.THUMB, Variant.LARGE)  # the original never has a link


def signed_link(secret: str, photo: Photo, variant: Variant, *, now: float) -> str:
    """Return a link that works for `LIFETIME` seconds, or until the photo's links end."""
    expires = int(now) + LIFETIME
    signature = _signature(secret, photo, variant, expires)
    return (
        f"/api/v1/media/{photo.public_id}/{variant.value}?expires={expires}&signature={signature}"
    )


def opens(
    secret: str, photo: Photo, variant: Variant, *, expires: str, signature: str, now: float
) -> bool:
    """Say whether a link's query is ours, for this copy, and still young enough."""
    if (
        variant not in COPIES
        or not (expires.isascii() and expires.isdecimal())
        or len(expires) > 12
    ):
        return False
    if not now < int(expires) <= now + LIFETIME:
        return False
    wanted = _signature(secret, photo, variant, int(expires))
    return hmac.compare_digest(wanted.encode(), signature.encode("utf-8", "replace"))


def _signature(secret: str, photo: Photo, variant: Variant, expires: int) -> str:
    """Return a MAC under a key that signs nothing but these links."""
    key = hmac.digest(secret.encode(), b"photo links, 1", hashlib.sha256)
    message = f"{photo.public_id}/{variant.value}/{photo.links}/{expires}"
    mac = hmac.digest(key, message.encode(), hashlib.sha256)
    return urlsafe_b64encode(mac).rstrip(b"=").decode()
