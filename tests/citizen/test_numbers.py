from datetime import date
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citizen import numbers
from citizen.numbers import ALPHABET, NumberInvalid, check_character, new_number, normalise

DAY = date(2026, 11, 25)
FIXED = "3708-261125-7K3M9Q-" + check_character("37082611257K3M9Q")
bodies = st.text(ALPHABET, min_size=13, max_size=16)
numbers_drawn = st.builds(
    new_number, st.just("3708"), st.dates(date(2000, 1, 1), date(2099, 12, 31))
)


def plain(number: str) -> str:
    return number.replace("-", "")


def reads(text: str) -> bool:
    try:
        normalise(text)
    except NumberInvalid:
        return False
    return True


def test_a_number_shows_prefix_shanghai_day_six_characters_and_a_check() -> None:
    prefix, stamp, drawn, check = new_number("3708", DAY).split("-")
    assert (prefix, stamp, len(drawn), len(check)) == ("3708", "261125", 6, 1)
    assert set(drawn + check) <= set(ALPHABET)


def test_the_alphabet_has_no_look_alikes_and_32_characters() -> None:
    assert len(set(ALPHABET)) == 32
    assert not set("OILU") & set(ALPHABET)


def test_a_known_number_keeps_its_check_character_for_ever() -> None:
    assert FIXED == "3708-261125-7K3M9Q-X"


def test_two_numbers_of_the_same_day_differ() -> None:
    assert len({new_number("3708", DAY) for _ in range(200)}) == 200


@given(numbers_drawn)
def test_every_drawn_number_reads_back_as_itself(number: str) -> None:
    assert normalise(number) == number


@pytest.mark.parametrize(
    "typed",
    [
        FIXED.lower(),
        FIXED.replace("-", ""),
        FIXED.replace("-", " "),
        f"  {FIXED}\n",
        FIXED.replace("-", "－"),
        FIXED.replace("-", "—"),
        FIXED.replace("-", "–"),
        "".join(chr(ord(c) + 0xFEE0) if c.isalnum() else c for c in FIXED),
        FIXED.replace("1", "l", 1),
        FIXED.replace("1", "I", 1),
        FIXED.replace("0", "o", 1),
        FIXED.replace("0", "O", 1),
    ],
)
def test_a_number_is_read_as_people_type_it(typed: str) -> None:
    assert normalise(typed) == FIXED


@given(numbers_drawn, st.data())
def test_every_single_wrong_character_is_caught(number: str, data: st.DataObject) -> None:
    text = plain(number)
    at = data.draw(st.integers(0, len(text) - 1))
    wrong = data.draw(st.sampled_from([c for c in ALPHABET if c != text[at]]))
    assert not reads(text[:at] + wrong + text[at + 1 :])


def test_each_of_the_527_wrong_characters_of_one_number_is_caught() -> None:
    text = plain(FIXED)
    wrong = [
        text[:i] + c + text[i + 1 :] for i in range(len(text)) for c in ALPHABET if c != text[i]
    ]
    assert len(wrong) == 17 * 31
    assert [typed for typed in wrong if reads(typed)] == []


@given(bodies)
def test_every_swap_of_two_characters_changes_the_check(body: str) -> None:
    whole = body + check_character(body)
    for one, other in combinations(range(len(whole)), 2):
        if whole[one] != whole[other]:
            swapped = list(whole)
            swapped[one], swapped[other] = swapped[other], swapped[one]
            assert check_character("".join(swapped[:-1])) != swapped[-1]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "3708",
        FIXED[:-1],
        FIXED + "0",
        FIXED.replace("7", "U", 1),
        "编号" + FIXED,
        FIXED + "；DROP",
        "3708-260230-000000-0",
        "x" * 10_000,
        "\ud800" + FIXED,
    ],
)
def test_what_is_no_case_number_is_refused(text: str) -> None:
    with pytest.raises(NumberInvalid):
        normalise(text)


def test_a_day_that_does_not_exist_is_refused_even_with_a_right_check() -> None:
    body = "3708260230" + "7K3M9Q"
    with pytest.raises(NumberInvalid, match="no such day"):
        normalise(body + check_character(body))


def test_another_citys_number_reads_as_well() -> None:
    number = new_number("3706", DAY)
    assert normalise(number.lower()) == number


@pytest.mark.parametrize(
    "prefix", ["", "37-08", "济宁", "jn", "O708", "1" * (numbers.LONGEST_PREFIX + 1)]
)
def test_a_prefix_that_could_not_be_read_back_is_refused(prefix: str) -> None:
    with pytest.raises(NumberInvalid):
        new_number(prefix, DAY)
