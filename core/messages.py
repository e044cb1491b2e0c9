"""Sentences in both languages: Chinese as the text itself, English beside it."""

from collections.abc import Iterable, Mapping
from typing import Any


class Message(str):
    """A Chinese sentence that also knows its English."""

    __slots__ = ("en",)
    en: str

    def __new__(cls, zh: str, en: str) -> "Message":
        made = super().__new__(cls, zh)
        made.en = en
        return made

    def __reduce__(self) -> tuple[type["Message"], tuple[str, str]]:
        return Message, (str(self), self.en)  # documents are copied, and their messages with them


def say(zh: str, en: str) -> Message:
    """Return a sentence for a field error."""
    return Message(zh, en)


def spoken(messages: Iterable[str], *, english: bool) -> list[str]:
    """Return the sentences in the reader's language."""
    return [
        message.en if english and isinstance(message, Message) else str(message)
        for message in messages
    ]


def flat(messages: Any, path: str = "") -> dict[str, list[str]]:
    """Turn nested marshmallow messages into `{"field.path": [sentences]}`."""
    if not isinstance(messages, Mapping):
        return {
            path or "body": list(messages) if isinstance(messages, list | tuple) else [messages]
        }
    found: dict[str, list[str]] = {}
    for key, inner in messages.items():
        name = "" if key == "_schema" else str(key)
        found.update(flat(inner, ".".join(part for part in (path, name) if part)))
    return found
