"""Identity providers (爱山东): a one-time ticket for a subject.

No official description is public. What public code shows is ticket → token → person, form-encoded,
with a `retcode`; how requests are signed and `data` is sealed differs per deployment, so that is an
adapter.
"""

import hashlib
import importlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, cast

import structlog

from core.clock import now as present
from core.database import no_transaction
from core.errors import Invalid, Unauthenticated, Unavailable
from core.later import later
from core.messages import say
from core.settings import IdentityAccount, Settings, SettingsError

if TYPE_CHECKING:
    import httpx
else:
    httpx = later("httpx")

PROVIDERS = ("aishandong",)
TIMEOUT, CONNECT_TIMEOUT = 5, 2  # seconds
SUCCESS = "000000"
LONGEST_ID = 200
log = structlog.get_logger()


class TicketInvalid(Unauthenticated):
    """The ticket is wrong, too old, or was used before."""

    code, zh, en = (
        "ticket_invalid",
        "统一身份认证已失效，请重新登录",
        "Sign in with the provider again",
    )


class IdentityUnavailable(Unavailable):
    """The provider is away or its answer can't be read."""

    code, zh, en = "identity_unavailable", "统一身份认证暂时不可用", "The identity provider is away"


@dataclass(frozen=True)
class Proof:
    """Who the provider says it is; `phone` as the provider writes it, where it knows one."""

    subject: str
    phone: str | None = None


class IdentityProvider(Protocol):
    """Exchanges a one-time ticket."""

    def subject_of(self, provider: str, ticket: str) -> Proof:
        """Return who the ticket stands for.

        Raises:
            Invalid: no such provider.
            TicketInvalid, IdentityUnavailable: the provider refuses, or is away.
        """
        ...


class Adapter(Protocol):
    """What differs between deployments of one provider."""

    def request(
        self, service: str, fields: Mapping[str, str], now: datetime
    ) -> tuple[str, dict[str, str]]:
        """Return the path and the signed form for a service."""
        ...

    def open(self, data: Any) -> Mapping[str, Any]:
        """Return what a successful answer's `data` holds; ValueError or TypeError if unreadable."""
        ...


def identity_body(settings: Settings) -> IdentityProvider:
    """Return the body that IDENTITY_PROVIDER_URL names.

    Raises:
        SettingsError: IDENTITY_ADAPTER names no class that can be loaded.
    """
    if settings.identity_provider == "console":
        return ConsoleIdentity()
    return HttpIdentity(settings.identity_provider, load_adapter(settings.identity_account))


def load_adapter(account: IdentityAccount) -> Adapter:
    """Load `module:Class`, made by whoever runs the deployment; it is called with the account."""
    module, _, name = account.adapter.partition(":")
    try:
        made = getattr(importlib.import_module(module), name)(account)
    except (ImportError, AttributeError, ValueError) as error:
        raise SettingsError("IDENTITY_ADAPTER must name module:Class") from error
    return cast("Adapter", made)


def _known(provider: str) -> None:
    if provider not in PROVIDERS:
        names = ", ".join(PROVIDERS)
        raise Invalid(
            errors={"provider": [say(f"应为以下之一：{names}", f"Must be one of: {names}")]}
        )


class HttpIdentity:
    """A provider over HTTP: ticket → token → person, two calls."""

    def __init__(self, url: str, adapter: Adapter) -> None:
        self._adapter = adapter
        self._client = httpx.Client(
            base_url=url, timeout=httpx.Timeout(TIMEOUT, connect=CONNECT_TIMEOUT)
        )

    def subject_of(self, provider: str, ticket: str) -> Proof:
        no_transaction()
        _known(provider)
        token = self._ask("ticketValidate", {"ticket": ticket}).get("token")
        if not isinstance(token, str) or not token:
            raise IdentityUnavailable
        return _proof(self._ask("findOutsideUserByToken", {"token": token}))

    def _ask(self, service: str, fields: Mapping[str, str]) -> Mapping[str, Any]:
        path, form = self._adapter.request(service, fields, present())
        try:
            reply = self._client.post(path, data=form).json()
            retcode, data = str(reply["retcode"]), reply.get("data")
            if retcode == SUCCESS:
                return self._adapter.open(data)
        except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning("identity_away", service=service, error=type(error).__name__)
            raise IdentityUnavailable from None  # the request's form holds ticket and signature
        log.warning("identity_refused", service=service, retcode=retcode[:16])
        raise TicketInvalid


def _proof(person: Mapping[str, Any]) -> Proof:
    subject, phone = person.get("uuid"), person.get("mobile")
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_ID:
        log.error("identity_reply_without_subject")
        raise IdentityUnavailable
    return Proof(subject, phone if isinstance(phone, str) and phone else None)


class AppMark:
    """The signature that public code shows: MD5 over app mark, app word and time (milliseconds)."""

    def __init__(self, account: IdentityAccount) -> None:
        self._account = account

    def request(
        self, service: str, fields: Mapping[str, str], now: datetime
    ) -> tuple[str, dict[str, str]]:
        time = str(int(now.timestamp() * 1000))
        word = f"{self._account.app_id}{self._account.secret}{time}"
        sign = hashlib.md5(
            word.encode(), usedforsecurity=False
        ).hexdigest()  # theirs, not ours to choose
        return f"/{service}", {
            **fields,
            "appMark": self._account.app_id,
            "time": time,
            "sign": sign,
        }

    def open(self, data: Any) -> Mapping[str, Any]:
        """Read `data` as an object or JSON text; deployments that encrypt it bring an adapter."""
        opened = json.loads(data) if isinstance(data, str) else data
        if not isinstance(opened, dict):
            raise TypeError("not an object")
        return opened


class ConsoleIdentity:
    """Development double: a ticket is `subject` or `subject@phone`."""

    def subject_of(self, provider: str, ticket: str) -> Proof:
        no_transaction()
        _known(provider)
        log.warning(
            "identity_double", says="development double: any ticket signs in, nobody was asked"
        )
        subject, _, phone = ticket.partition("@")
        digest = hashlib.sha256(subject.encode()).hexdigest()[:32]
        return Proof(digest, phone if re.fullmatch(r"\+?[\d -]{11,20}", phone) else None)
