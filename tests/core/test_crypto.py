"""Encryption at rest, blind indexes and codes, also while keys rotate."""

import dataclasses
from collections.abc import Iterator

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from core import crypto
from core.crypto import UnreadableSecret
from core.settings import Key, Settings, from_environment

OLD, NEW = Key("k1", b"1" * 32), Key("k2", b"2" * 32)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return from_environment({"INSTANCE_PATH": str(tmp_path_factory.mktemp("crypto"))})


class Vault:
    """An application that has nothing but its keys; `holding` changes them."""

    def __init__(self, made: Settings) -> None:
        self.app = Flask("vault")
        self.made = made
        self.holding(OLD)

    def holding(self, *keys: Key, digest: str = "sha256") -> None:
        names = ("data_keys", "index_keys", "voucher_keys", "audit_keys")
        changes = dict.fromkeys(names, keys)
        self.app.extensions["settings"] = dataclasses.replace(self.made, digest=digest, **changes)


@pytest.fixture
def vault(made: Settings) -> Iterator[Vault]:
    found = Vault(made)
    with found.app.app_context():
        yield found


@given(text=st.text(st.characters(exclude_categories=("Cs",))))
def test_whatever_text_is_encrypted_comes_back(made: Settings, text: str) -> None:
    with Vault(made).app.app_context():
        assert crypto.decrypt(crypto.encrypt(text, "phone"), "phone") == text


def test_the_same_text_never_looks_the_same_twice(vault: Vault) -> None:
    blobs = {crypto.encrypt("13800000001", "phone") for _ in range(50)}
    assert len(blobs) == 50
    assert not any(b"13800000001" in blob for blob in blobs)


def test_an_old_key_reads_and_the_new_one_writes(vault: Vault) -> None:
    before = crypto.encrypt("text", "phone")
    vault.holding(NEW, OLD)
    after = crypto.encrypt("text", "phone")
    assert crypto.decrypt(before, "phone") == crypto.decrypt(after, "phone") == "text"
    assert (before.partition(b"\0")[0], after.partition(b"\0")[0]) == (b"k1", b"k2")
    vault.holding(NEW)
    assert crypto.decrypt(after, "phone") == "text"
    with pytest.raises(UnreadableSecret, match="no data key"):
        crypto.decrypt(before, "phone")


def test_a_blob_cannot_be_moved_to_another_purpose(vault: Vault) -> None:
    blob = crypto.encrypt("text", "phone")
    with pytest.raises(UnreadableSecret):
        crypto.decrypt(blob, "openid")


def test_the_right_id_with_another_secret_reads_nothing(vault: Vault) -> None:
    blob = crypto.encrypt("text", "phone")
    vault.holding(Key("k1", b"x" * 32))
    with pytest.raises(UnreadableSecret):
        crypto.decrypt(blob, "phone")


def test_every_changed_byte_is_noticed(vault: Vault) -> None:
    blob = crypto.encrypt("text", "phone")
    for place in range(len(blob)):
        changed = blob[:place] + bytes([blob[place] ^ 1]) + blob[place + 1 :]
        with pytest.raises(UnreadableSecret):
            crypto.decrypt(changed, "phone")


def test_every_cut_of_a_blob_is_noticed(vault: Vault) -> None:
    blob = crypto.encrypt("text", "phone")
    for length in range(len(blob)):
        with pytest.raises(UnreadableSecret):
            crypto.decrypt(blob[:length], "phone")


def test_what_cannot_be_read_tells_nothing_of_itself(vault: Vault) -> None:
    blob = crypto.encrypt("13800000001", "phone")
    with pytest.raises(UnreadableSecret) as caught:
        crypto.decrypt(blob[:-1], "phone")
    assert "13800000001" not in str(caught.value)


def test_a_database_may_hand_blobs_back_as_memory(vault: Vault) -> None:
    assert crypto.decrypt(memoryview(crypto.encrypt("text", "phone")), "phone") == "text"  # type: ignore[arg-type]


# ---------------------------------------------------------------------- indexes
def test_equal_values_meet_in_the_index_and_purposes_stay_apart(vault: Vault) -> None:
    index = crypto.blind_index("13800000001", "phone")
    assert index == crypto.blind_index("13800000001", "phone")
    others = {
        crypto.blind_index("13800000002", "phone"),
        crypto.blind_index("13800000001", "openid"),
        crypto.blind_index("1\x0013800000001", "phone"),
    }
    assert index not in others
    assert len(others) == 3
    assert len(index) <= 128


def test_while_a_key_rotates_look_ups_know_both_indexes_and_writes_the_new(vault: Vault) -> None:
    before = crypto.blind_index("13800000001", "phone")
    vault.holding(NEW, OLD)
    found = crypto.blind_indexes("13800000001", "phone")
    assert found == [crypto.blind_index("13800000001", "phone"), before]
    assert found[0] != before


# ---------------------------------------------------------------------- codes
@pytest.mark.parametrize("digest", ["sha256", "sm3"])
def test_a_code_holds_for_its_bytes_only(vault: Vault, digest: str) -> None:
    vault.holding(OLD, digest=digest)
    code = crypto.mac(b"row")
    assert code.startswith("k1:")
    assert crypto.mac_holds(b"row", code)
    assert not crypto.mac_holds(b"row ", code)
    for wrong in ("", "k1:", "k2:" + code[3:], code[:-1], code[3:], code + "é"):
        assert not crypto.mac_holds(b"row", wrong), wrong


def test_the_two_digests_differ_and_have_one_length(vault: Vault) -> None:
    plain = crypto.seal(b"row")
    vault.holding(OLD, digest="sm3")
    national = crypto.seal(b"row")
    assert plain != national
    assert len(plain) == len(national) == 64


def test_codes_and_links_of_a_retired_key_still_hold(vault: Vault) -> None:
    code, link = crypto.mac(b"row"), crypto.seal(b"row")
    vault.holding(NEW, OLD)
    assert crypto.mac_holds(b"row", code)
    assert crypto.seal_holds(b"row", link)
    assert crypto.mac(b"row").startswith("k2:")
    vault.holding(NEW)
    assert not crypto.mac_holds(b"row", code)
    assert not crypto.seal_holds(b"row", link)


def test_the_first_voucher_key_signs_and_all_are_known_by_id(vault: Vault) -> None:
    vault.holding(NEW, OLD)
    found = crypto.voucher_keys()
    assert [identifier for identifier, _ in found] == ["k2", "k1"]
    signature = found[0][1].sign(b"voucher")
    found[0][1].public_key().verify(signature, b"voucher")
