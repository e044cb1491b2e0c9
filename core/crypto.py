"""Encryption at rest, blind indexes and signing keys; the first key of a set writes, all read.

No key is derived from another. A blob is `key id, NUL, nonce (12 bytes), AES-256-GCM ciphertext`,
bound to its purpose, so that a phone's ciphertext can't be moved into another column.
"""

import hashlib
import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.settings import DIGESTS, Key, settings

NONCE = 12


class UnreadableSecret(RuntimeError):
    """A blob was written with a key that is gone, or was changed; operators must see it."""


def encrypt(text: str, purpose: str) -> bytes:
    """Encrypt with the writing key of DATA_KEYS."""
    key = settings().data_keys[0]
    nonce = secrets.token_bytes(NONCE)
    sealed = AESGCM(key.secret).encrypt(nonce, text.encode(), purpose.encode())
    return key.id.encode() + b"\0" + nonce + sealed


def decrypt(blob: bytes, purpose: str) -> str:
    """Decrypt with the key that the blob names.

    Raises:
        UnreadableSecret: no such key, another purpose, or changed bytes.
    """
    identifier, _, rest = bytes(blob).partition(b"\0")
    for key in settings().data_keys:
        if key.id.encode() == identifier:
            return _open(key, rest, purpose)
    raise UnreadableSecret(f"no data key for a {purpose}")


def _open(key: Key, rest: bytes, purpose: str) -> str:
    try:
        return AESGCM(key.secret).decrypt(rest[:NONCE], rest[NONCE:], purpose.encode()).decode()
    except (InvalidTag, ValueError) as error:
        raise UnreadableSecret(f"a {purpose} was changed") from error


def blind_index(value: str, purpose: str) -> str:
    """Return a value's index under the writing key: equal values meet, nothing else is told."""
    return _index(settings().index_keys[0], value, purpose)


def blind_indexes(value: str, purpose: str) -> list[str]:
    """Return the value's indexes under every key, for look-ups while a key rotates."""
    return [_index(key, value, purpose) for key in settings().index_keys]


def _index(key: Key, value: str, purpose: str) -> str:
    digest = hmac.new(key.secret, f"{purpose}\0{value}".encode(), hashlib.sha256)
    return f"{key.id}:{digest.hexdigest()}"


def voucher_keys() -> list[tuple[str, Ed25519PrivateKey]]:
    """Return the Ed25519 keys by id; the first signs, all verify."""
    return [
        (key.id, Ed25519PrivateKey.from_private_bytes(key.secret))
        for key in settings().voucher_keys
    ]


def mac(data: bytes) -> str:
    """Return the audit row's authentication code, `key id:hex`, under the first AUDIT_KEY."""
    return _mac(settings().audit_keys[0], data, settings().digest)


def mac_holds(data: bytes, code: str) -> bool:
    """Say whether the code is right under the key that it names, by whichever digest."""
    named = code.partition(":")[0]
    return any(
        hmac.compare_digest(_mac(key, data, digest).encode(), code.encode())
        for key in settings().audit_keys
        for digest in DIGESTS
        if key.id == named
    )


def _mac(key: Key, data: bytes, digest: str) -> str:
    return f"{key.id}:{hmac.new(key.secret, data, digest).hexdigest()}"


def seal(data: bytes) -> str:
    """Return a link of the audit chain: keyed as `mac` is, without the key's id, 64 hex digits."""
    return mac(data).partition(":")[2]


def seal_holds(data: bytes, link: str) -> bool:
    """Say whether the link is right under any AUDIT_KEY."""
    return any(mac_holds(data, f"{key.id}:{link}") for key in settings().audit_keys)
