"""What the figures were measured on, and what the processes of this machine use."""

import os
import platform
import time
from collections.abc import Iterator
from pathlib import Path

PROCESSES = Path("/proc")


def named(databases: list[str]) -> str:
    """Name the machine in one line."""
    day = time.strftime("%Y-%m-%d")
    parts = [f"{os.cpu_count()} × {_processor()}", f"Python {platform.python_version()}"]
    return ", ".join([*parts, *databases, day])


def _processor() -> str:
    facts = PROCESSES / "cpuinfo"
    lines = facts.read_text(encoding="utf-8").splitlines() if facts.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def resident_mb(process: int) -> float:
    """Return the resident memory of a process in MB."""
    for line in (PROCESSES / str(process) / "status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise LookupError(f"process {process} is gone")


def children(process: int) -> Iterator[int]:
    """Give the living children of a process."""
    for folder in PROCESSES.glob("[0-9]*"):
        try:
            parent = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1]
        except OSError:
            continue  # it ended meanwhile
        if int(parent) == process:
            yield int(folder.name)


def busy_ms(process: int | None) -> float:
    """Return the CPU ms that the living children of a server have used so far."""
    if process is None:
        return 0.0
    used = 0
    for child in children(process):
        try:
            used += int(
                (PROCESSES / str(child) / "schedstat").read_text(encoding="utf-8").split()[0]
            )
        except OSError:
            continue
    return used / 1e6
