"""Words that find reports: what holds a text is never missed, whatever letters it is made of."""

from hypothesis import given
from hypothesis import strategies as st

from citizen import words

TEXTS = st.text(st.sampled_from("黑水排污口aAbZ _%\"'*\\，\nİΣς龘😀"), min_size=1, max_size=12)


@given(before=TEXTS, asked=TEXTS, after=TEXTS, other=TEXTS)
def test_a_text_that_holds_the_words_is_found_by_them(
    before: str, asked: str, after: str, other: str
) -> None:
    numbers = words.numbered((other, before + asked.upper() + after))
    assert set(words.sought(asked)) <= set(words.numbered((asked,)))
    assert set(words.sought(asked.upper())) <= set(numbers)
    shown = f" {words.spelled((other, before + asked + after))} "
    inner = words.phrase(asked).replace('"', "").removesuffix(" *")
    assert f" {inner}{' ' if len(asked) > 1 else ''}" in shown


def test_pairs_do_not_cross_from_one_text_to_the_next() -> None:
    assert words.phrase("水桥").strip('"') not in words.spelled(("黑水", "桥头"))
    assert not set(words.sought("水桥")) <= set(words.numbered(("黑水", "桥头")))


def test_ascii_is_no_punctuation_and_no_language_of_its_own() -> None:
    for asked in ('"', "* OR", "a-b", "NEAR(", "100%"):
        assert all(ord(letter) > 127 or letter in '" *' for letter in words.phrase(asked))
        assert words.phrase(asked).count('"') == 2


def test_letters_are_compared_in_lower_case_each_by_itself() -> None:
    assert words.folded("AbΣİ") == "abσi"
    assert words.sought("AB") == words.sought("ab")
    assert words.sought("黑") == [ord("黑")]
