"""A short schemathesis run over the served document, for each kind of account (R15)."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.live import TOOLS, Live

WHOLE = "FUZZ_EXAMPLES" in os.environ  # `make fuzz`
EXAMPLES = os.environ.get("FUZZ_EXAMPLES", "2")
NAMES = ("13800000001", "dispatcher", "handler-epb", "reviewer", "rewards", "admin", "bus")
ACCOUNTS = [("sqlite", "dispatcher"), ("postgresql", "13800000001")]
if WHOLE:
    ACCOUNTS = [(database, name) for database in ("sqlite", "postgresql") for name in NAMES]
ENDING = ("/api/v1/auth/logout", "/api/v1/auth/refresh")


@pytest.fixture(scope="module")
def live(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Live]:
    """A live server whose limits don't stop the fuzzer."""
    home = tmp_path_factory.mktemp("fuzz")
    url = f"sqlite:///{home / 'live.sqlite3'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("new_database")("fuzz")
    server = Live(home, url, extra={"LIMITS": "1000"})
    server.prepare()
    server.start()
    yield server
    server.stop()


def _fuzz(live: Live, token: str, home: Path) -> "subprocess.CompletedProcess[str]":
    command = [
        str(TOOLS / "st"),
        f"--config-file={PROJECT / 'tests' / 'schemathesis.toml'}",
        "--no-color",
        "run",
        f"{live.url}/api/v1/openapi.json",
        "-H",
        f"Authorization: Bearer {token}",
        f"--max-examples={EXAMPLES}",
        "--phases=examples,coverage,fuzzing",
        "--generation-deterministic",
        *(f"--exclude-path={path}" for path in ENDING),
    ]
    return subprocess.run(
        command, cwd=home, capture_output=True, text=True, check=False, timeout=600
    )


@pytest.mark.parametrize(("live", "name"), ACCOUNTS, indirect=["live"], scope="module")
def test_no_answer_is_a_server_error_or_undocumented(live: Live, tmp_path: Path, name: str) -> None:
    done = _fuzz(live, live.token(name), tmp_path)
    assert done.returncode == 0, done.stdout[-6000:]
    assert live.process is not None
    assert live.process.poll() is None
