"""Which store an application has.

Both bodies answer within seconds or raise StoreAway; what they acknowledged survives a power cut.
"""

from pathlib import Path
from typing import cast

from flask import Flask, current_app

from core.settings import Settings, SettingsError
from media.bucket import S3Store
from media.calls import AT_ONCE, Patience
from media.folder import LocalStore
from media.objects import PhotoStore


def open_store(
    settings: Settings, url: str | None = None, *, patience: Patience = AT_ONCE
) -> PhotoStore:
    """Return the store that a URL names, by default `MEDIA_URL`: `file:…` or `s3://bucket/prefix`.

    Raises:
        SettingsError: it names neither.
    """
    scheme, _, rest = (url or settings.media_url).partition(":")
    if scheme == "file" and rest:
        return LocalStore(Path(rest.removeprefix("//")))
    bucket, _, prefix = rest.removeprefix("//").partition("/")
    if scheme == "s3" and bucket:
        return S3Store(bucket, prefix, settings.s3_endpoint_url, settings.s3_region, patience)
    raise SettingsError("MEDIA_URL must be file:… or s3://bucket/prefix")


def init_app(app: Flask, settings: Settings) -> None:
    """Give the application its store."""
    app.extensions["photo_store"] = open_store(settings)


def store() -> PhotoStore:
    """Return the running application's store."""
    return cast("PhotoStore", current_app.extensions["photo_store"])
