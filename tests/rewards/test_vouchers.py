"""Codes as people type them (B57), and the picture that gates check offline."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from rewards.vouchers import (
    ALPHABET,
    LENGTH,
    UnreadableQr,
    check_character,
    grouped,
    new_code,
    normalise,
    public_jwk,
    read_qr,
    sign_qr,
    whole,
)

NOW = datetime(2026, 3, 5, 4, 0, 0, 250_000, tzinfo=UTC)
PRIVATE = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
KEYS = {"k1": PRIVATE.public_key()}
bodies = st.text(ALPHABET, min_size=LENGTH - 1, max_size=LENGTH - 1)


def test_codes_hold_no_look_alikes_and_are_long_enough_for_the_guessing_limit() -> None:
    codes = {new_code() for _ in range(2000)}
    assert len(codes) == 2000
    assert all(whole(code) for code in codes)
    assert not set("".join(codes)) & set("0O1IL")
    assert len(ALPHABET) ** (LENGTH - 1) > 2**74


@pytest.mark.parametrize(
    "spoil",
    [
        str.lower,
        grouped,
        lambda code: f"  {code}\r\n",
        " ".join,
        lambda code: grouped(code).replace("-", "－"),
        lambda code: "".join(chr(ord(letter) + 0xFEE0) for letter in code),
        lambda code: f"\ufeff{code[:5]}\u3000{code[5:]}\t",
        lambda code: grouped(code).lower().replace("-", "—"),
    ],
)
def test_a_code_is_read_as_people_type_and_scan_it(spoil) -> None:  # type: ignore[no-untyped-def]
    code = new_code()
    assert normalise(spoil(code)) == code


@given(bodies, st.data())
def test_the_check_character_catches_a_wrong_letter(body: str, data: st.DataObject) -> None:
    code = body + check_character(body)
    place = data.draw(st.integers(0, LENGTH - 1))
    letter = data.draw(st.sampled_from([one for one in ALPHABET if one != code[place]]))
    assert not whole(code[:place] + letter + code[place + 1 :])


@given(bodies, st.integers(0, LENGTH - 2))
def test_the_check_character_catches_swapped_neighbours(body: str, place: int) -> None:
    code = body + check_character(body)
    first, second = code[place], code[place + 1]
    swapped = code[:place] + second + first + code[place + 2 :]
    assert whole(swapped) == (first == second)


@given(st.lists(bodies, min_size=2, max_size=2, unique=True))
def test_reading_never_makes_two_codes_one(pair: list[str]) -> None:
    assert normalise(pair[0]) != normalise(pair[1])


@given(st.text(max_size=80))
def test_whatever_is_typed_is_read_without_blanks_and_hyphens(typed: str) -> None:
    assert not set(normalise(typed)) & set(" \t\r\n-－—\u3000\ufeff")


def test_a_picture_is_good_for_sixty_seconds_and_says_nothing_about_people() -> None:
    token = sign_qr("v" * 32, {"partner": "bus"}, NOW, ("k1", PRIVATE))
    found = read_qr(f" {token}\r\n", KEYS)
    assert found.voucher == "v" * 32
    assert found.expires_at - found.issued_at == timedelta(seconds=60)
    payload = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert payload.keys() == {"sub", "iat", "exp", "partner"}


def _with(token: str, part: int, value: str) -> str:
    pieces = token.split(".")
    pieces[part] = value
    return ".".join(pieces)


def _pack(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "forge",
    [
        lambda token: _with(token, 1, _pack({"sub": "w" * 32, "iat": 0, "exp": 9e9})),
        lambda token: _with(token, 0, _pack({"alg": "none", "kid": "k1", "typ": "voucher+jws"})),
        lambda token: _with(token, 0, _pack({"alg": "EdDSA", "kid": "k2", "typ": "voucher+jws"})),
        lambda token: _with(token, 0, _pack({"alg": "EdDSA", "kid": [], "typ": "voucher+jws"})),
        lambda token: _with(token, 0, _pack([])),
        lambda token: _with(token, 2, ""),
        lambda token: _with(token, 2, "ä"),
        lambda token: token.rsplit(".", 1)[0],
        lambda token: token + ".x",
        lambda token: "",
        lambda token: "[" * 500,
    ],
)
def test_a_forged_or_garbled_picture_is_unreadable(forge) -> None:  # type: ignore[no-untyped-def]
    token = sign_qr("v" * 32, {}, NOW, ("k1", PRIVATE))
    with pytest.raises(UnreadableQr):
        read_qr(forge(token), KEYS)


def test_another_key_signs_nothing_for_us() -> None:
    other = Ed25519PrivateKey.from_private_bytes(b"x" * 32)
    with pytest.raises(UnreadableQr):
        read_qr(sign_qr("v" * 32, {}, NOW, ("k1", other)), KEYS)


def test_a_gates_own_library_can_verify_with_the_published_key() -> None:
    import jwt

    published = public_jwk("k1", PRIVATE.public_key())
    token = sign_qr("v" * 32, {}, datetime.now(UTC), ("k1", PRIVATE))
    assert jwt.decode(token, jwt.PyJWK(published), algorithms=["EdDSA"])["sub"] == "v" * 32
