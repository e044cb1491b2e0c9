"""`make run` as a newcomer meets it: it starts, the walk works, and it ends when told to."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]


class Started:
    """`bin/run` in a process of its own, with an instance folder and a port of its own."""

    def __init__(self, home: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.log = home / f"run-{self.port}.log"
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        tools = str(Path(sys.executable).parent)
        self.env = kept | {
            "PATH": f"{tools}:{kept['PATH']}",
            "PORT": str(self.port),
            "INSTANCE_PATH": str(home / "instance"),
            "PYTHONUNBUFFERED": "1",
        }
        with self.log.open("wb") as log:
            command = [sys.executable, PROJECT / "bin" / "run"]
            self.process = subprocess.Popen(command, env=self.env, stdout=log, stderr=log, cwd=home)

    def wait(self) -> "Started":
        deadline = time.monotonic() + 90
        while "Stop   ctrl-C" not in self.said():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.1)
        return self

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=20) as answer:
            found: bytes = answer.read()
        return found

    def children(self) -> list[int]:
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(child) for child in listed.split()]

    def processor_seconds(self) -> float:
        """What the start script itself has used; it says the same on a busy machine."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)


def alive(process: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except FileNotFoundError:
        return False


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("newcomer")


@pytest.fixture(scope="module")
def started(home: Path) -> Iterator[Started]:
    running = Started(home).wait()
    yield running
    if running.process.poll() is None:
        running.end()


def walk() -> str:
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"<!-- walk:.*?-->\n```bash\n(.*?)```", readme, re.DOTALL)
    assert found
    return found[1]


def test_the_first_start_says_where_to_look_and_the_password_once(started: Started) -> None:
    said = started.said()
    assert f"http://127.0.0.1:{started.port}/api/v1" in said
    assert f"http://127.0.0.1:{started.port}/docs" in said
    assert "flask token resident 13800000001" in said
    assert said.count("shown once") == 1


def test_the_api_and_its_documentation_answer(started: Started) -> None:
    assert b'"ok"' in started.get("/readyz")
    assert b"suishoupai" in started.get("/api/v1/openapi.json")
    assert b"swagger" in started.get("/docs/").lower()


def test_the_walk_of_the_readme_ends_with_a_used_voucher(started: Started) -> None:
    command = ["bash", "-euo", "pipefail", "-c", walk()]
    result = subprocess.run(
        command,
        cwd=PROJECT,
        env=started.env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    lines = result.stdout.splitlines()
    assert [line for line in lines if line and not line.startswith("{")] == [
        *("已受理", "已受理", "已派单", "办理中", "待核查", "已办结"),
    ]
    assert '"available":20' in result.stdout.replace(" ", "")
    assert '"redemption"' in lines[-1]


def test_every_ledger_and_chain_holds_after_the_walk(started: Started) -> None:
    for group in ("ledger", "media", "audit"):
        command = [Path(sys.executable).with_name("flask"), "--app", "app", group, "check"]
        result = subprocess.run(
            command,
            cwd=PROJECT,
            env=started.env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert result.returncode == 0, f"{group}: {result.stdout}{result.stderr}"


def test_sigterm_ends_server_and_worker_and_the_next_start_only_starts(
    started: Started, home: Path
) -> None:
    processes = started.children()
    assert len(processes) == 2
    assert started.end() == 0
    assert not any(alive(process) for process in processes)
    with pytest.raises(urllib.error.URLError):
        started.get("/healthz")

    again = Started(home).wait()
    try:
        assert "demo set loaded" not in again.said()
        assert again.processor_seconds() < 1, "loading the application would cost more than that"
    finally:
        again.process.kill()
        again.process.wait()
    time.sleep(2)
    with pytest.raises(urllib.error.URLError):  # even a killed start script leaves no server behind
        again.get("/healthz")
