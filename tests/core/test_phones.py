"""Phones: one form of a number however typed; codes open once, briefly, and rarely."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text

from core import phones
from core.database import reading, writing
from core.phones import SmsCode

NOW = datetime(2027, 1, 4, 2, 0, tzinfo=UTC)
PHONE = "13800001234"


@pytest.mark.parametrize(
    "typed",
    [
        "13800001234",
        "+86 138-0000-1234",
        "86 13800001234",
        "138 0000 1234",
        "13800001234\n",
        "+8613800001234",
        "0086 13800001234",
        "(+86) 138 0000 1234",
        "138.0000.1234",
        "１３８００００１２３４",
        "＋86 138－0000－1234",
        "013800001234",
    ],
)
def test_one_number_has_one_form(typed: str) -> None:
    assert phones.normal(typed) == PHONE


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        "1380000123",
        "138000012345",
        "12345678901",
        "010-12345678",
        "0537-2345678",
        "+852 61234567",
        "+1 650 253 0000",
        "+86 10 12345678",
        "400-123-4567",
        "110",
        "13800001234 ext 5",
        "13800001234;phone-context=+1",
        "1380000DIAL",
        "tel:13800001234",
        "13800001234,13800001235",
        "१३८००००१२३४x",
        "+",
        "()",
        "9" * 32,
    ],
)
def test_what_is_no_mainland_mobile_number_has_none(typed: str) -> None:
    assert phones.normal(typed) is None


def test_a_masked_number_can_not_be_called() -> None:
    assert phones.masked(PHONE) == "138****1234"


@pytest.fixture
def inside(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


def send(phone: str = PHONE, now: datetime = NOW) -> str:
    with writing() as session:
        return phones.new_code(session, phone, now)


def take(code: str, phone: str = PHONE, now: datetime = NOW) -> bool:
    with writing() as session:
        return phones.take(session, phone, code, now)


def another(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


@pytest.mark.usefixtures("inside")
def test_a_code_has_six_digits_and_opens_once() -> None:
    code = send()
    assert len(code) == 6
    assert code.isdecimal()
    assert take(code)
    assert not take(code)


@pytest.mark.usefixtures("inside")
@pytest.mark.parametrize(
    ("seconds", "opens"), [(0, True), (299, True), (300, False), (9999, False)]
)
def test_a_code_is_good_for_five_minutes(seconds: int, opens: bool) -> None:
    assert take(send(), now=NOW + timedelta(seconds=seconds)) is opens


@pytest.mark.usefixtures("inside")
@pytest.mark.parametrize(("wrong", "opens"), [(4, True), (5, False), (7, False)])
def test_a_code_stands_five_tries(wrong: int, opens: bool) -> None:
    code = send()
    for _ in range(wrong):
        assert not take(another(code))
    assert take(code) is opens


@pytest.mark.usefixtures("inside")
def test_a_new_code_takes_the_place_of_the_old_one_with_new_tries() -> None:
    old = send()
    for _ in range(5):
        assert not take(another(old))
    new = send(now=NOW + timedelta(seconds=60))
    if new != old:
        assert not take(old, now=NOW + timedelta(seconds=61))
    assert take(new, now=NOW + timedelta(seconds=61))


@pytest.mark.usefixtures("inside")
def test_a_code_is_its_own_phones_only_and_tries_at_one_do_not_count_at_another() -> None:
    code, other = send(), send("13800001235")
    for _ in range(6):
        take(another(other), "13800001235")
    if code != other:
        assert not take(code, "13800001235")
    assert take(code)


@pytest.mark.usefixtures("inside")
@pytest.mark.parametrize("code", ["", " ", "000000 ", "é", "١٢٣٤٥٦", "x" * 400, "\u0000"])
def test_what_is_no_code_opens_nothing(code: str) -> None:
    send()
    assert not take(code)
    assert not take(code, "13800009999")


@pytest.mark.usefixtures("inside")
def test_neither_phone_nor_code_is_kept_in_the_clear() -> None:
    code = send()
    with reading() as session:
        kept = repr(session.execute(text("SELECT * FROM sms_codes")).all())
    assert PHONE not in kept
    assert f"'{code}'" not in kept


@pytest.mark.usefixtures("inside")
def test_codes_that_are_past_are_forgotten_and_others_are_not() -> None:
    send(), send("13800001235", NOW + timedelta(minutes=4))
    with writing() as session:
        phones.forget(session, NOW + timedelta(minutes=5))
    with reading() as session:
        left = session.scalars(select(SmsCode.expires_at)).all()
    assert left == [NOW + timedelta(minutes=9)]


@pytest.mark.usefixtures("inside")
def test_codes_are_spread_over_all_numbers(monkeypatch: Any) -> None:
    codes = {send() for _ in range(40)}
    assert len(codes) > 35
