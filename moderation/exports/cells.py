"""Texts in cells: no program may take one for a formula (OWASP ASVS 5.0, 1.2.10)."""

import re
from datetime import datetime

from core.clock import shanghai

Cell = str | float | int | None
# Full-width signs too: spreadsheets of this part of the world read them as formulas.
STARTS = re.compile(r"'*[=+\-@\t\r\n\0＝＋－＠]")


def neutral(text: str) -> str:
    """Put an apostrophe before a text that would be a formula; every other stays as it is.

    Apostrophes before such a start get one more, so that taking one away gives back the text.
    """
    return f"'{text}" if STARTS.match(text) else text


def moment(instant: datetime | None) -> str | None:
    """Return an instant at +08:00, offset and all, as every answer shows it."""
    return None if instant is None else shanghai(instant).isoformat(timespec="seconds")


def yes(answer: object) -> str:
    """Return a truth value in the words of a form."""
    return "是" if answer else "否"
