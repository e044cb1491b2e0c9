"""Libraries that come in at their first use.

Shapely with numpy is 15 MB, Redis 6: memory of every process, for what some never do. Python's own
LazyLoader is not safe in threads before 3.12; a plain import is.
"""

from importlib import import_module
from typing import Any


class _Later:
    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(import_module(self._name), attribute)


def later(name: str) -> Any:
    """Return what stands for a module, and imports it when it is first asked for something."""
    return _Later(name)
