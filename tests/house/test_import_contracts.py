"""The import contracts of pyproject.toml hold, and each of them bites when it is broken."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[2]
ROOMS = ("core", "media", "citizen", "moderation", "rewards")
LINTER = Path(sys.executable).with_name("lint-imports")

# contract -> (file, line): what a hurried change might add
BREAKS = {
    "floors": ("citizen/service.py", "import moderation.triage"),
    "app": ("rewards/points.py", "from app import create_app"),
    "events-only": ("rewards/points.py", "from citizen import models"),
    "media-door": ("citizen/service.py", "from media.storage import PhotoStore"),
    "reporters": ("moderation/triage.py", "from citizen import residents"),
    "pixels": ("moderation/triage.py", "from PIL import Image"),
    "rules": ("citizen/geo.py", "from core.database import db"),
    "inside-media": ("media/images.py", "from media import service"),
    "inside-citizen": ("citizen/models.py", "from citizen import edges"),
    "inside-moderation": ("moderation/routing.py", "from moderation import triage"),
    "inside-rewards": ("rewards/unplaced.py", '"""A file that nobody gave a floor."""'),
}


def settings() -> dict[str, Any]:
    with (PROJECT / "pyproject.toml").open("rb") as file:
        found: dict[str, Any] = tomllib.load(file)["tool"]["importlinter"]
    return found


def lint(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [LINTER, "--no-cache", "--no-logo", *arguments]
    return subprocess.run(
        command, cwd=tree, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for room in ROOMS:
        shutil.copytree(PROJECT / room, tmp_path / room, ignore=shutil.ignore_patterns("*.pyc"))
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    return tmp_path


def test_every_contract_holds() -> None:
    result = lint(PROJECT)
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_contract_is_broken_once_below() -> None:
    assert [contract["id"] for contract in settings()["contracts"]] == list(BREAKS)


@pytest.mark.parametrize("contract", BREAKS)
def test_a_contract_bites_when_it_is_broken(contract: str, copy: Path) -> None:
    name, line = BREAKS[contract]
    with (copy / name).open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    result = lint(copy, "--contract", contract)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "BROKEN" in result.stdout


def test_every_package_at_the_top_is_under_the_contracts() -> None:
    packages = {path.parent.name for path in PROJECT.glob("*/__init__.py")} - {
        "tests",
        "bench",
        "migrations",
    }
    assert packages == set(settings()["root_packages"]) == set(ROOMS)
