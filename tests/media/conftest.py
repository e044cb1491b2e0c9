"""The gateway that the tests of distant stores share, and processes beside the application."""

import os
from collections.abc import Iterator

import pytest
from flask import Flask

from tests.media import gateway as module
from tests.media.checker import desk, stub
from tests.media.gateway import Gateway

__all__ = ["desk", "stub"]  # fixtures of all that WeChat looks at


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A real S3 gateway; who uses it is in the group `gateway`, so only one worker starts it."""
    with module.running(tmp_path_factory.mktemp("gateway")) as made:
        yield made


@pytest.fixture
def environ(app: Flask) -> dict[str, str]:
    """The environment of another process on the application's own database and folder."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
    made = app.extensions["settings"]
    return {
        **kept,
        "FLASK_APP": "app",
        "INSTANCE_PATH": str(made.instance),
        "DATABASE_URL": made.database_url,
        "MEDIA_URL": made.media_url,
        "LOG_LEVEL": "WARNING",
    }
