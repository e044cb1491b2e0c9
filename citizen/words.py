"""What reports are found by: every letter and every two that follow each other, case folded.

Chinese has no blanks between words, and most of its words have two letters. What is found by these
only may hold the words asked for; whether it does, the text itself says.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise

OWN_USE = 0xE000  # letters of nobody; there ASCII is no punctuation, which would part the words
ASCII = 0x80
SHIFT = 21  # bits of a letter


def folded(text: str) -> str:
    """Return a text letter by letter in lower case, none longer than it was."""
    return "".join(letter.lower()[0] for letter in text)


def spelled(texts: Iterable[str]) -> str:
    """Return texts as words of two letters each, the last letter of each text alone."""
    return " ".join(
        _shown(text[at : at + 2]) for text in map(folded, texts) for at in range(len(text))
    )


def phrase(asked: str) -> str:
    """Return what SQLite's full text search is asked: words in a row, or the beginning of one."""
    text = folded(asked)
    if len(text) == 1:
        return f'"{_shown(text)}" *'
    return f'"{" ".join(_shown(text[at : at + 2]) for at in range(len(text) - 1))}"'


def numbered(texts: Iterable[str]) -> list[int]:
    """Return the letters and pairs of texts as numbers, each once."""
    found: set[int] = set()
    for text in map(folded, texts):
        found.update(map(ord, text))
        found.update(_pairs(text))
    return sorted(found)


def sought(asked: str) -> list[int]:
    """Return the numbers that whatever holds the words asked for has as well."""
    text = folded(asked)
    return sorted(set(_pairs(text))) or [ord(text)]


def _pairs(text: str) -> Sequence[int]:
    return [ord(one) << SHIFT | ord(two) for one, two in pairwise(text)]


def _shown(letters: str) -> str:
    return "".join(
        chr(OWN_USE + ord(letter)) if ord(letter) < ASCII else letter for letter in letters
    )
