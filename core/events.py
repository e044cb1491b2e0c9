"""Facts that cross rooms within one transaction, and the ports that create_app fills.

Who listens to what is one literal in app.py. Listeners are called in order and their errors are the
announcer's: a fact whose effects fail never happened.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, cast

from flask import Flask, current_app

Listener = Callable[[Any], Any]
P = TypeVar("P")


def connect(
    app: Flask, listeners: Mapping[type, Sequence[Listener]], ports: Mapping[type, Any]
) -> None:
    """Hand the application its listeners and the bodies of its ports."""
    app.extensions["listeners"] = dict(listeners)
    app.extensions["ports"] = dict(ports)


def announce(event: object) -> list[Any]:
    """Call everyone who listens to the event's class, and return what they answer.

    An answer saves the announcer a look at what a listener has just written.

    Raises:
        LookupError: the class was never declared in app.py; its effects would be lost in silence.
    """
    return [listener(event) for listener in current_app.extensions["listeners"][type(event)]]


def port(protocol: type[P]) -> P:
    """Return the body that create_app filled the port with."""
    return cast("P", current_app.extensions["ports"][protocol])
