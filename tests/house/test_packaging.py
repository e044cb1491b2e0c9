"""What a stranger gets: locks, make targets, image and start, and no trace of where it was made."""

import ast
import json
import logging
import os
import re
import shutil
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock")
# In two parts each, or this file would find itself.
TRACES = [
    *(
        "/wo" + "rk/",
        "/ro" + "ot/",
        "/opt/" + "wheels",
        "/opt/" + "pypi",
        "/tmp/" + "team",
        "bash_" + "jobs",
    ),
    *(
        "pypi" + ".org",
        "python" + "hosted",
        "npm" + "js",
        "deb.debian" + ".org",
        "farm" + "-",
        ".lib" + "rary",
    ),
]


def read(name: str) -> str:
    return (PROJECT / name).read_text(encoding="utf-8")


def requirements(name: str) -> list[str]:
    """One string a package, its continuation lines joined."""
    joined = read(name).replace("\\\n", " ")
    return [
        line for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")
    ]


# ------------------------------------------------------------------------------------- lock files
@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_package_is_pinned_and_has_a_hash(name: str) -> None:
    found = requirements(name)
    assert len(found) > 40
    for line in found:
        assert re.match(r"[a-z0-9-]+(\[[a-z,-]+\])?==[^ ]+ ", line), line
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", line), line


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_file_names_no_place_to_install_from(name: str) -> None:
    assert not re.search(r"://|--(extra-)?index|--find-links|--trusted-host| @ ", read(name))


@pytest.mark.parametrize(("name", "extra"), [(LOCKS[0], None), (LOCKS[1], "dev")])
def test_a_lock_file_agrees_with_the_project_file(name: str, extra: str | None) -> None:
    project = tomllib.loads(read("pyproject.toml"))["project"]
    wanted = [*project["dependencies"], *(project["optional-dependencies"][extra] if extra else [])]
    locked = {line.split(" ")[0].split("[")[0].split("==")[0]: line for line in requirements(name)}
    for pin in wanted:
        package, version = pin.split("==")
        assert f"=={version} " in locked[package.split("[")[0]], pin


def test_the_runtime_lock_holds_no_developer_tool() -> None:
    names = {line.split("==")[0] for line in requirements(LOCKS[0])}
    assert not names & {"pytest", "mypy", "ruff", "hypothesis", "uv", "import-linter"}


def test_both_lock_files_pin_the_same_runtime() -> None:
    runtime, everything = (set(requirements(name)) for name in LOCKS)
    assert runtime <= everything


# ------------------------------------------------------------------------------------- make
def test_make_help_lists_every_target() -> None:
    phony = re.search(r"^\.PHONY: (.+)$", read("Makefile"), re.MULTILINE)
    assert phony
    command = ["make", "--no-print-directory", "help"]  # the suite itself runs under make
    shown = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    listed = [line.split()[0] for line in shown.stdout.splitlines()]
    assert sorted(listed) == sorted(phony[1].split())
    assert {"run", "test", "lint", "help"} <= set(listed)


def test_documents_name_only_targets_that_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))
    for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        assert set(re.findall(r"`(?:PORT=\S+ )?make ([a-z]+)", read(name))) <= targets, name


def test_ci_runs_the_command_of_the_readme() -> None:
    script = PROJECT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert "exec make test" in script.read_text()
    assert "set -euo pipefail" in script.read_text()
    assert "make test" in read("README.md")


def test_without_root_the_missing_packages_are_named(tmp_path: Path) -> None:
    for name, body in {"id": "echo 1000", "ls": "exit 1"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "sh").symlink_to("/bin/sh")
    command = ["/bin/sh", PROJECT / "bin" / "system-packages", "test"]
    bare = {"PATH": str(tmp_path), "PYTHON": "no-python"}
    result = subprocess.run(command, env=bare, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    for package in ("postgresql", "redis-server", "libimage-exiftool-perl", "python3-venv", "make"):
        assert package in result.stderr


# ------------------------------------------------------------------------------------- image
def instructions(name: str) -> list[str]:
    joined = re.sub(r"\\\n\s*", " ", re.sub(r"^#.*\n", "", read(name), flags=re.MULTILINE))
    return [line for line in joined.splitlines() if line.strip()]


def last(lines: list[str], word: str) -> str:
    return [line for line in lines if line.startswith(word + " ")][-1].removeprefix(word + " ")


def test_the_image_is_built_from_the_lock_in_two_stages() -> None:
    lines = instructions("Dockerfile")
    assert lines[0].startswith("ARG BASE=python:3.11")
    assert sum(line.startswith("FROM ${BASE}") for line in lines) == 2
    assert any("--require-hashes -r" in line for line in lines)


def test_the_image_runs_as_nobody_and_says_how_it_is() -> None:
    lines = instructions("Dockerfile")
    assert last(lines, "USER").split(":")[0].isdigit()
    assert int(last(lines, "USER").split(":")[0]) >= 10_000
    assert "/healthz" in last(lines, "HEALTHCHECK")


def test_the_image_hands_sigterm_to_the_server_itself() -> None:
    assert json.loads(last(instructions("Dockerfile"), "CMD"))[0] == "gunicorn"


def test_the_image_holds_what_the_server_needs_and_nothing_else() -> None:
    lines = read(".dockerignore").splitlines()
    kept = {line.strip("!/") for line in lines if line.startswith("!")}
    rooms = tomllib.loads(read("pyproject.toml"))["tool"]["importlinter"]["root_packages"]
    assert "*" in lines
    assert kept >= {*rooms, "app.py", "migrations", "gunicorn.conf.py", "requirements.lock"}
    assert not kept & {"tests", "bench", "instance", ".git", ".venv"}


# ------------------------------------------------------------------------------------- start
def gunicorn_settings(environment: dict[str, str], *names: str) -> dict[str, object]:
    program = (
        "import json, runpy; found = runpy.run_path('gunicorn.conf.py'); "
        f"print(json.dumps({{name: found[name] for name in {names!r}}}))"
    )
    env = {
        key: value for key, value in os.environ.items() if key not in {"HOST", "PORT", "WORKERS"}
    } | environment
    shown = subprocess.run(
        [sys.executable, "-c", program],
        cwd=PROJECT,
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, object] = json.loads(shown.stdout)
    return found


def test_the_server_listens_on_loopback_with_two_processes_by_default(tmp_path: Path) -> None:
    found = gunicorn_settings(
        {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
        "bind",
        "workers",
        "threads",
        "graceful_timeout",
    )
    assert found == {"bind": "127.0.0.1:8000", "workers": 2, "threads": 8, "graceful_timeout": 10}


def test_port_and_workers_come_from_the_environment(tmp_path: Path) -> None:
    env = {
        "HOST": "0.0.0.0",
        "PORT": "8123",
        "WORKERS": "5",
        "PROMETHEUS_MULTIPROC_DIR": str(tmp_path),
    }
    assert gunicorn_settings(env, "bind", "workers") == {"bind": "0.0.0.0:8123", "workers": 5}


def test_figures_of_dead_processes_are_gone_at_start(tmp_path: Path) -> None:
    (tmp_path / "counter_17.db").touch()
    (tmp_path / "kept.txt").touch()
    gunicorn_settings({"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}, "bind")
    assert [path.name for path in tmp_path.iterdir()] == ["kept.txt"]


def test_a_taken_port_is_told_at_once() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        env = os.environ | {"PORT": str(taken.getsockname()[1])}
        env.pop("HOST", None)
        command = [sys.executable, PROJECT / "bin" / "run"]
        result = subprocess.run(
            command, env=env, capture_output=True, text=True, timeout=10, check=False
        )
    assert result.returncode == 1
    assert "is taken" in result.stderr


# ------------------------------------------------------------------------------------- documents
def test_every_setting_is_in_the_readme() -> None:
    calls = [
        node for node in ast.walk(ast.parse(read("core/settings.py"))) if isinstance(node, ast.Call)
    ]
    literals = {
        part.value for call in calls for part in call.args if isinstance(part, ast.Constant)
    }
    names = {
        text
        for text in literals
        if isinstance(text, str) and re.fullmatch(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*", text)
    }
    table = read("README.md").partition("## Settings")[2].partition("\n## ")[0]
    missing = {
        name for name in names if f"`{name}`" not in table and not name.startswith("AWS_")
    } - logging.getLevelNamesMapping().keys()
    assert len(names) > 20
    assert not missing


def test_no_file_tells_where_it_was_made() -> None:
    if not (PROJECT / ".git").exists() or not shutil.which("git"):
        pytest.skip("not a git checkout")
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, check=True
    ).stdout
    for name in filter(None, tracked.decode().split("\0")):
        content = (
            (PROJECT / name).read_bytes().decode("utf-8", errors="ignore")
            if (PROJECT / name).is_file()
            else ""
        )
        assert [trace for trace in TRACES if trace in content] == [], name
