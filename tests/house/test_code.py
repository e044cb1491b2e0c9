"""Rules about the code itself: who commits, who listens, what a file may be."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import app as application
from core.errors import DomainError
from tests.conftest import PROJECT

ROOMS = ("core", "media", "citizen", "moderation", "rewards")
BEGINNERS = {"routes", "jobs", "cli", "demo"}
OF_CORE = {
    "accesstokens",
    "audit",
    "database",
    "health",
    "idempotency",
    "limits",
    "passwords",
    "tokens",
    "worker",
}


def _files() -> Iterator[Path]:
    for room in ROOMS:
        yield from sorted((PROJECT / room).rglob("*.py"))
    yield PROJECT / "app.py"


def _calls(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            yield name, node.lineno


def _begins(path: Path) -> bool:
    """Routes, jobs, commands and demo sets, or files and folders named after them, begin work."""
    words = {path.stem, *path.stem.split("_"), *(parent.name for parent in path.parents)}
    return bool(words & BEGINNERS)


def test_only_routes_jobs_and_commands_open_a_unit_of_work() -> None:
    for path in _files():
        room = path.relative_to(PROJECT).parts[0]
        if _begins(path) or (room == "core" and path.stem in OF_CORE):
            continue
        opened = [line for name, line in _calls(path) if name in {"writing", "once"}]
        opened = [line for line in opened if path.name != "handlers.py"]
        assert not opened, f"{path}: {opened}"


def test_nobody_commits_but_the_unit_of_work_itself() -> None:
    for path in _files():
        if path.relative_to(PROJECT).as_posix() == "core/database.py":
            continue
        assert not [line for name, line in _calls(path) if name == "commit"], path


def test_no_file_is_longer_than_three_hundred_lines() -> None:
    too_long = {
        path.relative_to(PROJECT).as_posix(): count
        for path in _files()
        if (count := len(path.read_text().splitlines())) > 300
    }
    assert too_long == {}


def test_every_file_says_what_it_is_for() -> None:
    assert not [path for path in _files() if not ast.get_docstring(ast.parse(path.read_text()))]


@pytest.mark.parametrize("word", ["utils", "helpers", "common", "misc"])
def test_no_room_is_a_lumber_room(word: str) -> None:
    assert not [path for path in _files() if word in path.stem or word in path.parent.name]


def _events() -> Iterator[type]:
    for room in ROOMS:
        path = PROJECT / room / "events.py"
        if room == "core" or not path.exists():
            continue
        module = __import__(f"{room}.events", fromlist=["events"])
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.ClassDef):
                continue
            if any(isinstance(decorator, ast.Call) for decorator in node.decorator_list):
                yield getattr(module, node.name)


def test_every_event_that_is_announced_has_a_listener() -> None:
    announced = {
        name
        for path in _files()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "announce"
        for name in [getattr(getattr(node.args[0], "func", None), "id", "")]
    }
    listened = {event.__name__ for event in application.LISTENERS}
    assert announced - {""} == listened
    assert all(application.LISTENERS.values())
    assert listened <= {event.__name__ for event in _events()}


def _family(root: type[DomainError]) -> Iterator[type[DomainError]]:
    for child in root.__subclasses__():
        yield child
        yield from _family(child)


def test_every_error_has_a_code_of_its_own_and_both_languages() -> None:
    seen: dict[str, type[DomainError]] = {}
    for error in _family(DomainError):
        assert error.code.isidentifier(), error
        assert error.code == error.code.lower()
        assert error.zh != error.en or not error.zh
        if "code" in vars(error):
            twin = seen.setdefault(error.code, error)
            assert twin is error, f"{twin} and {error} share {error.code}"
