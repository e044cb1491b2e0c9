"""WeChat's access token: one for all processes of an app, kept sealed, renewed by one of them.

A token that is asked for twice may end the first one, so whoever finds it near its end takes a
lease on its row and asks; the others wait for what that one stores. The token is in no log, no
error and no representation: it stands in addresses, and so those stay out of them too.
"""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import structlog
from sqlalchemy import select, update

from core import crypto, limits
from core.clock import now as present
from core.database import no_transaction, reading, writing
from core.errors import TooMany, Unavailable
from core.gateways.models import AccessToken
from core.later import later
from core.settings import WeChatApp
from core.upsert import insert_into

if TYPE_CHECKING:
    import httpx
else:
    httpx = later("httpx")

PATH: Final = "/cgi-bin/stable_token"
TIMEOUT, CONNECT_TIMEOUT = 5, 2  # seconds
EARLY: Final = timedelta(minutes=5)  # WeChat gives the next token in the last five minutes only
LEASE: Final = timedelta(seconds=15)
PATIENCE: Final = 12.0  # seconds that the others wait: a little more than WeChat may take
PAUSE: Final = 0.1  # seconds between two looks
REMEMBERED: Final = timedelta(seconds=5)
FORCED_APART: Final = timedelta(seconds=30)  # WeChat's limit
MOST_FORCED: Final = 10  # a UTC day: WeChat allows 20 a Chinese day, which touches two of ours
NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
LONGEST: Final = 2048
REFUSALS: Final = frozenset({40001, 40014, 42001})  # this token is wrong, malformed, or past
log = structlog.get_logger()


class AccessTokenUnavailable(Unavailable):
    """WeChat gives no token, or none that it takes itself."""

    code, zh, en = "access_token_unavailable", "微信接口暂时不可用", "WeChat gives no access token"


@dataclass(frozen=True)
class Kept:
    """The row as it was read; `sealed` differs with every token, even with the same one again."""

    sealed: bytes | None = field(repr=False)
    expires_at: datetime
    lease_until: datetime
    forced_at: datetime | None

    def good(self, now: datetime) -> bool:
        """Say whether to use it: young, or renewed by somebody at this moment and still valid."""
        if self.sealed is None:
            return False
        early = timedelta(0) if self.lease_until > now else EARLY
        return self.expires_at - early > now


NOTHING: Final = Kept(None, NEVER, NEVER, None)


class AccessTokens:
    """The token of one app."""

    def __init__(self, url: str, app: WeChatApp) -> None:
        self._app = app
        self._remembered: tuple[str, datetime] = ("", NEVER)
        self._client = httpx.Client(
            base_url=url, timeout=httpx.Timeout(TIMEOUT, connect=CONNECT_TIMEOUT)
        )

    def current(self) -> str:
        """Return the token; no transaction may be open.

        Raises:
            AccessTokenUnavailable: WeChat is away, refuses us, or another process waits for it.
        """
        no_transaction()
        token, until = self._remembered
        return token if until > present() else self._found(None)

    def instead_of(self, refused: str) -> str:
        """Return another token than the one that WeChat just refused, by force if need be.

        Raises:
            AccessTokenUnavailable: as `current`, or it was forced a moment ago or too often today.
        """
        no_transaction()
        self._remembered = ("", NEVER)
        return self._found(refused)

    def _found(self, refused: str | None) -> str:
        """Read what is kept, take the lease to renew it, or wait for who has it."""
        patience = time.monotonic() + PATIENCE
        while time.monotonic() < patience:
            kept = self._kept()
            token = _opened(kept)
            if token is not None and token != refused and kept.good(present()):
                return self._remember(token, kept)
            force = refused is not None and token == refused
            if kept.lease_until <= present():
                self._renew(kept, force=force)
            else:
                time.sleep(PAUSE)
        raise AccessTokenUnavailable

    def _remember(self, token: str, kept: Kept) -> str:
        self._remembered = (token, min(present() + REMEMBERED, kept.expires_at))
        return token

    def _kept(self) -> Kept:
        wanted = (
            AccessToken.token,
            AccessToken.expires_at,
            AccessToken.lease_until,
            AccessToken.forced_at,
        )
        with reading() as session:
            row = session.execute(
                select(*wanted).where(AccessToken.app_id == self._app.app_id)
            ).one_or_none()
        return NOTHING if row is None else Kept(*row)

    def _renew(self, kept: Kept, *, force: bool) -> None:
        """Ask under a lease and store what comes; do nothing where another was first."""
        if force:
            self._check_force(kept, present())
        until = take_lease(self._app.app_id, kept, present())
        if until is None:
            return
        try:
            if force:
                self._count_force()
            token, seconds = self._ask(force=force)
        except BaseException:
            self._store({}, until)
            raise
        self._store(_renewed(token, seconds, present(), force=force), until)

    def _check_force(self, kept: Kept, now: datetime) -> None:
        if kept.forced_at is not None and kept.forced_at > now - FORCED_APART:
            log.error("wechat_token_refused_again", app=self._app.name)
            raise AccessTokenUnavailable

    def _count_force(self) -> None:
        try:
            limits.count("wechat.force_refresh", self._app.app_id, MOST_FORCED, 86400)
        except TooMany:
            pass
        else:
            return
        log.error("wechat_token_forced_too_often", app=self._app.name)
        raise AccessTokenUnavailable

    def _store(self, values: dict[str, Any], until: datetime) -> None:
        """End the lease with what came; a lease that was lost meanwhile changes nothing."""
        mine = AccessToken.app_id == self._app.app_id, AccessToken.lease_until == until
        with writing() as session:
            session.execute(
                update(AccessToken).where(*mine).values(**{"lease_until": present(), **values})
            )

    def _ask(self, *, force: bool) -> tuple[str, int]:
        no_transaction()
        body = {
            "grant_type": "client_credential",
            "appid": self._app.app_id,
            "secret": self._app.secret,
            "force_refresh": force,
        }
        try:
            reply = self._client.post(PATH, json=body).json()
        except (httpx.HTTPError, ValueError) as error:
            log.warning("wechat_token_away", error=type(error).__name__)
            raise AccessTokenUnavailable from None
        return _token_of(reply)


def take_lease(app_id: str, seen: Kept, now: datetime) -> datetime | None:
    """Take the right to ask for the next token; None where another has it, or has asked already.

    One conditional statement in a short transaction of its own decides between processes.
    """
    until = now + LEASE
    with writing() as session:
        first = insert_into(session, AccessToken).values(
            app_id=app_id, token=None, expires_at=NEVER, lease_until=until
        )
        taken = first.on_conflict_do_update(
            index_elements=["app_id"],
            set_={"lease_until": until},
            where=(AccessToken.lease_until <= now)
            & AccessToken.token.is_not_distinct_from(seen.sealed),
        )
        held = session.scalar(taken.returning(AccessToken.app_id)) is not None
    return until if held else None


def _renewed(token: str, seconds: int, now: datetime, *, force: bool) -> dict[str, Any]:
    """Return the row's new values.

    An answer that is as near its end as the one before is not asked for again for a minute.
    """
    expires_at = now + timedelta(seconds=seconds)
    values: dict[str, Any] = {
        "token": crypto.encrypt(token, "access_token"),
        "expires_at": expires_at,
    }
    if expires_at - EARLY <= now:
        values["lease_until"] = now + timedelta(minutes=1)
    if force:
        values["forced_at"] = now
    return values


def _token_of(reply: Any) -> tuple[str, int]:
    """Return token and seconds of an answer.

    Raises:
        AccessTokenUnavailable: it is a refusal, or nothing that WeChat would say.
    """
    found = reply if isinstance(reply, dict) else {}
    token, seconds = found.get("access_token"), found.get("expires_in")
    right = isinstance(token, str) and 0 < len(token) <= LONGEST and token.isascii()
    if not right or type(seconds) is not int or not 0 < seconds <= 86400:
        errcode = found.get("errcode")
        log.error("wechat_token_refused", errcode=errcode if isinstance(errcode, int) else None)
        raise AccessTokenUnavailable
    return str(token), seconds


def _opened(kept: Kept) -> str | None:
    """Return the token; None without one, or when the key that sealed it is gone."""
    if kept.sealed is None:
        return None
    try:
        return crypto.decrypt(kept.sealed, "access_token")
    except crypto.UnreadableSecret:
        log.warning("wechat_token_unreadable")
        return None
