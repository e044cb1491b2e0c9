"""The only reader of the environment: frozen, typed, and loud when production lacks a secret."""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from flask import current_app

from core.keys import Key, Secrets, SettingsError

__all__ = ["DIGESTS", "Key", "Settings", "SettingsError", "from_environment", "settings"]

PROJECT = Path(__file__).resolve().parent.parent
DIGESTS = ("sha256", "sm3")
LEVELS = ("INFO", "DEBUG", "WARNING", "ERROR", "CRITICAL")


@dataclass(frozen=True)
class WeChatApp:
    """A mini-program that residents sign in from; app id and open id together are a person."""

    name: str
    app_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True)
class SmsAccount:
    """How the SMS gateway knows us; `templates` are pairs of our name and the gateway's id."""

    app_id: str
    key_id: str
    key_secret: str = field(repr=False)
    sign: str
    templates: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class ContentAccount:
    """Who checks what is to be published: nobody but our own rules, or WeChat for one of our apps.

    `open_id` is a person of the office, never a reporter; `push_key` is the 43 characters with
    which WeChat seals what it pushes, empty for the plain form.
    """

    checker: str
    app: str
    open_id: str = field(repr=False)
    push_token: str = field(repr=False)
    push_key: str = field(repr=False)


@dataclass(frozen=True)
class IdentityAccount:
    """How the identity provider knows us; `adapter`, a `module:Class`, signs and unseals."""

    app_id: str
    secret: str = field(repr=False)
    adapter: str


@dataclass(frozen=True)
class Settings:
    """All that the environment decides; sizes in bytes, times in seconds."""

    app_env: str
    instance: Path
    database_url: str = field(repr=False)
    secret_key: str = field(repr=False)
    jwt_secret_key: str = field(repr=False)
    data_keys: tuple[Key, ...]
    index_keys: tuple[Key, ...]
    voucher_keys: tuple[Key, ...]
    audit_keys: tuple[Key, ...]
    media_url: str
    s3_endpoint_url: str | None
    s3_region: str
    redis_url: str | None = field(repr=False)
    trusted_proxies: int
    limits_factor: float
    city: str
    case_prefix: str
    demo_password: str | None = field(repr=False)
    digest: str
    evidence_digest: str
    public_url: str
    content_check: ContentAccount
    wechat_url: str
    wechat_apps: tuple[WeChatApp, ...]
    sms_gateway: str
    sms_account: SmsAccount
    identity_provider: str
    identity_account: IdentityAccount
    log_level: str
    allow_embedded: frozenset[str]
    metrics_token: str | None = field(repr=False)
    info_days: int
    second_review_percent: int
    disclosure_days: int

    @property
    def production(self) -> bool:
        """Say whether missing secrets and development doubles are refused."""
        return self.app_env == "production"


def settings() -> Settings:
    """Return the running application's settings."""
    found: Settings = current_app.extensions["settings"]
    return found


def from_environment(environ: Mapping[str, str] | None = None) -> Settings:
    """Read every variable of contract section 9.

    Raises:
        SettingsError: a value can't be read, or production misses a secret or would use an embedded
            double that `ALLOW_EMBEDDED` does not name.
    """
    env = {
        key: value for key, value in (os.environ if environ is None else environ).items() if value
    }
    app_env = env.get("APP_ENV", "development")
    if app_env not in {"development", "production"}:
        raise SettingsError("APP_ENV must be development or production")
    instance = Path(env.get("INSTANCE_PATH", PROJECT / "instance"))
    kept = Secrets(env, instance, production=app_env == "production")
    made = Settings(
        app_env=app_env,
        instance=instance,
        database_url=_database_url(env, instance),
        secret_key=kept.text("SECRET_KEY"),
        jwt_secret_key=kept.text("JWT_SECRET_KEY"),
        data_keys=kept.keys("DATA_KEYS"),
        index_keys=kept.keys("INDEX_KEYS"),
        voucher_keys=kept.keys("VOUCHER_KEYS"),
        audit_keys=kept.keys("AUDIT_KEY"),
        media_url=env.get("MEDIA_URL", f"file:{instance / 'media'}"),
        s3_endpoint_url=env.get("S3_ENDPOINT_URL"),
        s3_region=env.get("AWS_REGION", env.get("AWS_DEFAULT_REGION", "us-east-1")),
        redis_url=_redis_url(env),
        trusted_proxies=_whole(env, "TRUSTED_PROXIES", 0),
        limits_factor=_factor(env, app_env),
        city=env.get("CITY", "370800"),
        case_prefix=env.get("CASE_PREFIX", "3708"),
        demo_password=env.get("DEMO_PASSWORD"),
        digest=_one_of(env, "AUDIT_DIGEST", DIGESTS),
        evidence_digest=_one_of(env, "EVIDENCE_DIGEST", DIGESTS),
        public_url=_public_url(env),
        content_check=_content_account(env),
        wechat_url=env.get("WECHAT_URL", "https://api.weixin.qq.com"),
        wechat_apps=_wechat_apps(env.get("WECHAT_APPS", "")),
        sms_gateway=_one_of(env, "SMS_GATEWAY", ("console", "tencent", "alibaba")),
        sms_account=_sms_account(env),
        identity_provider=env.get("IDENTITY_PROVIDER_URL", "console"),
        identity_account=_identity_account(env),
        log_level=_one_of(env, "LOG_LEVEL", LEVELS),
        allow_embedded=frozenset(part.strip() for part in env.get("ALLOW_EMBEDDED", "").split(",")),
        metrics_token=env.get("METRICS_TOKEN"),
        info_days=_whole(env, "INFO_DAYS", 7),
        second_review_percent=_percent(env, "SECOND_REVIEW_PERCENT"),
        disclosure_days=_whole(env, "DISCLOSURE_DAYS", 7),
    )
    if made.production:
        refuse_embedded(made)
    return made


def refuse_embedded(made: Settings) -> None:
    """Stop a production start on anything that only development may use (contract 9)."""
    embedded = {
        "database": made.database_url.startswith("sqlite"),
        "media": made.media_url.startswith("file:"),
        "wechat": not made.wechat_apps,
        "sms": made.sms_gateway == "console",
        "identity": made.identity_provider == "console",
    }
    refused = sorted(
        name for name, used in embedded.items() if used and name not in made.allow_embedded
    )
    if refused:
        raise SettingsError(
            f"production would use embedded: {', '.join(refused)}; name them in ALLOW_EMBEDDED"
        )


def _database_url(env: Mapping[str, str], instance: Path) -> str:
    url = env.get("DATABASE_URL", f"sqlite:///{instance / 'citizen.sqlite3'}")
    for old in ("postgres://", "postgresql://"):
        if url.startswith(old):
            return "postgresql+psycopg://" + url.removeprefix(old)
    if not url.startswith(("postgresql+psycopg://", "sqlite:///")):
        raise SettingsError("DATABASE_URL must name PostgreSQL or a SQLite file")
    return url


def _redis_url(env: Mapping[str, str]) -> str | None:
    url = env.get("REDIS_URL")
    if url is not None and not url.startswith(("redis://", "rediss://", "unix://")):
        raise SettingsError("REDIS_URL must begin with redis://, rediss:// or unix://")
    return url


def _whole(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name, str(default))
    if not text.isdecimal():
        raise SettingsError(f"{name} must be a whole number")
    return int(text)


def _percent(env: Mapping[str, str], name: str) -> int:
    share = _whole(env, name, 0)
    if share > 100:
        raise SettingsError(f"{name} must be a whole number from 0 to 100")
    return share


def _factor(env: Mapping[str, str], app_env: str) -> float:
    try:
        factor = float(env.get("LIMITS", "1"))
    except ValueError as error:
        raise SettingsError("LIMITS must be a number") from error
    if not (math.isfinite(factor) and factor > 0):
        raise SettingsError("LIMITS must be above 0")
    if app_env == "production" and factor != 1:
        raise SettingsError("LIMITS is for load tests in development only")
    return factor


def _one_of(env: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    value = env.get(name, allowed[0])
    if value not in allowed:
        raise SettingsError(f"{name} must be one of {', '.join(allowed)}")
    return value


def _wechat_apps(text: str) -> tuple[WeChatApp, ...]:
    """Read `name:appid:secret,…`; without any, development answers sign-ins by itself."""
    parts = [part.strip().split(":") for part in text.split(",") if part.strip()]
    if any(len(part) != 3 for part in parts):
        raise SettingsError("WECHAT_APPS needs entries of the form name:appid:secret")
    return tuple(WeChatApp(*part) for part in parts)


def _public_url(env: Mapping[str, str]) -> str:
    """Return the address by which the outside reaches us, without a slash at its end."""
    url = env.get("PUBLIC_URL", "http://127.0.0.1:8000").rstrip("/")
    if not url.startswith(("http://", "https://")):
        raise SettingsError("PUBLIC_URL must begin with http:// or https://")
    return url


def _content_account(env: Mapping[str, str]) -> ContentAccount:
    """Read what a content check by WeChat needs, and refuse half of it."""
    checker = _one_of(env, "CONTENT_CHECK", ("offline", "wechat"))
    names = ("CONTENT_CHECK_APP", "CONTENT_CHECK_OPENID", "WECHAT_PUSH_TOKEN")
    app, open_id, push_token = (env.get(name, "") for name in names)
    if checker == "wechat":
        missing = [name for name in (*names, "PUBLIC_URL") if name not in env]
        if missing:
            raise SettingsError(f"CONTENT_CHECK=wechat needs {', '.join(missing)}")
        if app not in {known.name for known in _wechat_apps(env.get("WECHAT_APPS", ""))}:
            raise SettingsError("CONTENT_CHECK_APP must be one of WECHAT_APPS")
    push_key = env.get("WECHAT_PUSH_KEY", "")
    if push_key and len(push_key) != 43:
        raise SettingsError("WECHAT_PUSH_KEY must have 43 characters")
    return ContentAccount(checker, app, open_id, push_token, push_key)


def _sms_account(env: Mapping[str, str]) -> SmsAccount:
    """Read what a real gateway needs; SMS_TEMPLATES is `name:id,…` and must hold `code`."""
    names = ("SMS_KEY_ID", "SMS_KEY_SECRET", "SMS_SIGN", "SMS_TEMPLATES")
    missing = [name for name in names if name not in env]
    if env.get("SMS_GATEWAY", "console") != "console" and missing:
        raise SettingsError(f"SMS_GATEWAY needs {', '.join(missing)}")
    templates = [
        part.strip().split(":") for part in env.get("SMS_TEMPLATES", "").split(",") if part.strip()
    ]
    if any(len(part) != 2 for part in templates) or (templates and "code" not in dict(templates)):
        raise SettingsError(
            "SMS_TEMPLATES needs entries of the form name:id, one of them named code"
        )
    return SmsAccount(
        app_id=env.get("SMS_APP_ID", ""),
        key_id=env.get("SMS_KEY_ID", ""),
        key_secret=env.get("SMS_KEY_SECRET", ""),
        sign=env.get("SMS_SIGN", ""),
        templates=tuple((name, identifier) for name, identifier in templates),
    )


def _identity_account(env: Mapping[str, str]) -> IdentityAccount:
    adapter = env.get("IDENTITY_ADAPTER", "core.gateways.providers:AppMark")
    return IdentityAccount(env.get("IDENTITY_APP_ID", ""), env.get("IDENTITY_SECRET", ""), adapter)
