"""Voucher codes as people type them, and the signed QR token that a gate checks offline: pure.

A code is 15 random characters and a check character of a 31-character alphabet without 0, O, 1, I
and L: 31^15 is 2^74. The gate refuses an account its 601st unknown code of a minute, and one last
batch may bring 500 more, so a hundred dishonest terminals that guess for a year make 2^36 guesses;
against 2^20 live vouchers of one partner that finds one with a chance of 2^(36 + 20 - 74), one in a
quarter of a million. The database keeps codes as a keyed index (HMAC) and as ciphertext for their
owner, so a stolen database opens none either.

31 is prime: the check character, a weighted sum modulo 31, catches every single wrong character
and every swap of two neighbours, so a gate without a network can tell a typing error from a code.
"""

import base64
import binascii
import json
import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
LENGTH = 16
GROUP = 4
QR_LIFE = timedelta(seconds=60)
QR_TYPE = "voucher+jws"


class UnreadableQr(ValueError):
    """No token of ours: malformed, or its signature does not hold."""


@dataclass(frozen=True)
class QrToken:
    """What a QR says: which voucher, and between which instants the picture is good."""

    voucher: str
    issued_at: datetime
    expires_at: datetime


def new_code() -> str:
    """Return a fresh code in its plain form, without hyphens."""
    body = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH - 1))
    return body + check_character(body)


def check_character(body: str) -> str:
    """Return the character that makes a code whole."""
    weighted = sum(weight * ALPHABET.index(letter) for weight, letter in enumerate(body, start=2))
    return ALPHABET[weighted % len(ALPHABET)]


def whole(code: str) -> bool:
    """Say whether a normalised code has its length, its alphabet and its check character."""
    known = len(code) == LENGTH and all(letter in ALPHABET for letter in code)
    return known and check_character(code[:-1]) == code[-1]


def normalise(typed: str) -> str:
    """Read a code as people type and scan it: case, blanks, hyphens and full width fall away."""
    plain = unicodedata.normalize("NFKC", typed).upper()
    return "".join(letter for letter in plain if unicodedata.category(letter)[0] not in "ZCP")


def grouped(code: str) -> str:
    """Write a code in groups of four, as residents read it."""
    return "-".join(code[start : start + GROUP] for start in range(0, len(code), GROUP))


def sign_qr(
    voucher: str, claims: Mapping[str, Any], now: datetime, key: tuple[str, Ed25519PrivateKey]
) -> str:
    """Return a compact JWS (EdDSA) of a voucher, good for 60 seconds; it never says who or why."""
    key_id, private = key
    header = {"alg": "EdDSA", "kid": key_id, "typ": QR_TYPE}
    issued = int(now.timestamp())
    life = int(QR_LIFE.total_seconds())
    payload = {**claims, "sub": voucher, "iat": issued, "exp": issued + life}
    signed = f"{_packed(header)}.{_packed(payload)}"
    return f"{signed}.{_encode(private.sign(signed.encode()))}"


def read_qr(token: str, keys: Mapping[str, Ed25519PublicKey]) -> QrToken:
    """Check a token's signature and say what it holds; its age is the caller's question.

    Raises:
        UnreadableQr: not of our making.
    """
    try:
        head, body, signature = token.strip().split(".")
        header = json.loads(_decode(head))
        if header["alg"] != "EdDSA" or header["typ"] != QR_TYPE:
            raise UnreadableQr
        keys[header["kid"]].verify(_decode(signature), f"{head}.{body}".encode())
        payload = json.loads(_decode(body))
        return QrToken(str(payload["sub"]), _instant(payload["iat"]), _instant(payload["exp"]))
    except (ValueError, KeyError, TypeError, RecursionError, InvalidSignature) as error:
        raise UnreadableQr from error


def public_jwk(key_id: str, public: Ed25519PublicKey) -> dict[str, str]:
    """Return a verifying key in the JSON form that gates' libraries read (RFC 8037)."""
    kind = {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA"}
    return {**kind, "kid": key_id, "x": _encode(public.public_bytes_raw())}


def _instant(seconds: Any) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)


def _packed(value: Mapping[str, Any]) -> str:
    return _encode(json.dumps(value, separators=(",", ":")).encode())


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise UnreadableQr from error
