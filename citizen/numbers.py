"""Case numbers: `3708-261125-7K3M9Q-X`, made to be told over the phone and typed as people type.

Prefix, Shanghai date, six random characters, one check character, all in Crockford's base 32. The
check is one Reed-Solomon symbol over GF(32): the sum of every character times a power of a
primitive element must be zero. It catches each wrong character, each swap of two characters
(adjacent or not) and each doubled pair, up to 31 characters. ISO 7064 MOD 37,36 was not taken
because its check may be a letter that Crockford leaves out.
"""

import re
import secrets
import unicodedata
from datetime import date

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LOOKALIKES = str.maketrans("OIL", "011")
RANDOM_LENGTH = 6
LONGEST_PREFIX = 12
FIELD_POLYNOMIAL = 0b100101  # x^5 + x^2 + 1, primitive: the powers of x run through all 31 elements
# Blanks and the hyphens and dashes of keyboards, phones and Chinese input methods.
SEPARATORS = re.compile(r"[\s\-_.·/\u2010-\u2015\u2212\u30fc]+")
SHAPE = re.compile(
    rf"([{ALPHABET}]{{1,{LONGEST_PREFIX}}})([0-9]{{6}})([{ALPHABET}]{{6}})([{ALPHABET}])"
)


class NumberInvalid(ValueError):
    """The text is no case number: wrong characters, wrong length, no such day or a wrong check."""


def new_number(prefix: str, day: date) -> str:
    """Draw a case number for a Shanghai day; uniqueness is the database's, the caller draws again.

    Raises:
        NumberInvalid: the prefix is empty, too long or holds characters outside the alphabet.
    """
    if not 1 <= len(prefix) <= LONGEST_PREFIX or set(prefix) - set(ALPHABET):
        raise NumberInvalid(f"the prefix must be 1 to {LONGEST_PREFIX} characters of {ALPHABET}")
    drawn = "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_LENGTH))
    stamp = f"{day:%y%m%d}"
    return f"{prefix}-{stamp}-{drawn}-{check_character(prefix + stamp + drawn)}"


def normalise(text: str) -> str:
    """Read a case number as people type it and give its one written form.

    Case, blanks, hyphens and full-width characters do not matter; O is 0, I and L are 1.

    Raises:
        NumberInvalid: it can't be one.
    """
    plain = SEPARATORS.sub("", unicodedata.normalize("NFKC", text)).upper().translate(LOOKALIKES)
    match = SHAPE.fullmatch(plain)
    if match is None:
        raise NumberInvalid("not of the form of a case number")
    prefix, stamp, drawn, check = match.groups()
    _require_day(stamp)
    if check_character(prefix + stamp + drawn) != check:
        raise NumberInvalid("the check character does not fit")
    return f"{prefix}-{stamp}-{drawn}-{check}"


def check_character(characters: str) -> str:
    """Give the character that makes the weighted sum over GF(32) zero; input is in the alphabet."""
    total = 0
    for character in characters:
        total = _times_x(total ^ ALPHABET.index(character))
    return ALPHABET[total]


def _times_x(element: int) -> int:
    doubled = element << 1
    return doubled ^ FIELD_POLYNOMIAL if doubled & 0b100000 else doubled


def _require_day(stamp: str) -> None:
    try:
        date(2000 + int(stamp[:2]), int(stamp[2:4]), int(stamp[4:]))
    except ValueError as error:
        raise NumberInvalid("no such day") from error
