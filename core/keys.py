"""Secrets and key sets: from the environment, or random ones that development keeps, mode 600."""

import base64
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


class SettingsError(RuntimeError):
    """The environment can't be run with; the message names the variable and never a value."""


@dataclass(frozen=True)
class Key:
    """One secret of a key set, 32 bytes long, known by its id."""

    id: str
    secret: bytes = field(repr=False)


class Secrets:
    """Reads secrets from the environment; development keeps random ones in the instance folder."""

    def __init__(self, env: Mapping[str, str], instance: Path, *, production: bool) -> None:
        self._env, self._instance, self._production = env, instance, production

    def text(self, name: str) -> str:
        value = self._env.get(name) or self._kept(name, lambda: secrets.token_urlsafe(48))
        if len(value) < 32:
            raise SettingsError(f"{name} must have at least 32 characters")
        return value

    def keys(self, name: str) -> tuple[Key, ...]:
        def fresh() -> str:
            return f"k1:{base64.b64encode(secrets.token_bytes(32)).decode()}"

        return parse_keys(name, self._env.get(name) or self._kept(name, fresh))

    def _kept(self, name: str, fresh: Callable[[], str]) -> str:
        if self._production:
            raise SettingsError(f"{name} is missing; production takes no random secret")
        path = self._instance / name.lower()
        if not path.exists():
            _write_secret(path, fresh())
        return path.read_text().strip()


def _write_secret(path: Path, value: str) -> None:
    """Write once, whole, readable by the owner only; of two that start at once the first wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(value)
        file.flush()
        os.fsync(file.fileno())  # what it encrypts may reach the disk first
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink()


def parse_keys(name: str, text: str) -> tuple[Key, ...]:
    """Read `id:base64,id:base64`; the first key writes, the others only read.

    Raises:
        SettingsError: an entry is not of that form, an id is used twice, or a key is not 32 bytes.
    """
    keys = tuple(
        _parse_key(name, part) for part in text.replace("\n", ",").split(",") if part.strip()
    )
    if not keys or len({key.id for key in keys}) != len(keys):
        raise SettingsError(f"{name} needs at least one key, each id once")
    return keys


def _parse_key(name: str, part: str) -> Key:
    identifier, _, encoded = part.strip().partition(":")
    try:
        secret = base64.b64decode(encoded, validate=True)
    except ValueError as error:
        raise SettingsError(f"{name} holds a key that is not base64") from error
    if not identifier.isalnum() or len(secret) != 32:
        raise SettingsError(f"{name} needs entries of the form id:base64 of 32 bytes")
    return Key(identifier, secret)
