"""A link opens one copy of one photo for five minutes, and nothing else."""

from urllib.parse import parse_qs, urlsplit

import pytest

from media.links import LIFETIME, opens, signed_link
from media.models import Photo, Variant

SECRET = "a secret of more than thirty-two characters"
NOW = 1_800_000_000.4


def photo(**changes: object) -> Photo:
    return Photo(**{"public_id": "ab" * 16, "links": 0, **changes})


def parts(link: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}


def made(
    of: Photo | None = None, variant: Variant = Variant.THUMB, version: int | None = None
) -> dict[str, str]:
    return parts(signed_link(SECRET, of or photo(), variant, now=NOW, version=version))


def test_a_link_begins_where_the_contract_says() -> None:
    link = signed_link(SECRET, photo(), Variant.LARGE, now=NOW)
    assert urlsplit(link).path == f"/api/v1/media/{'ab' * 16}/large"
    assert set(parts(link)) == {"expires", "signature"}


@pytest.mark.parametrize(
    ("later", "works"), [(0, True), (299, True), (LIFETIME, False), (3600, False), (-2, False)]
)
def test_a_link_works_for_five_minutes(later: float, works: bool) -> None:
    assert opens(SECRET, photo(), Variant.THUMB, **made(), now=NOW + later) is works


def test_a_link_opens_its_own_copy_only() -> None:
    query = made()
    assert not opens(SECRET, photo(), Variant.LARGE, **query, now=NOW)
    assert not opens(SECRET, photo(public_id="cd" * 16), Variant.THUMB, **query, now=NOW)
    assert not opens(
        "another secret of thirty-two characters", photo(), Variant.THUMB, **query, now=NOW
    )


def test_the_original_has_no_link_not_even_a_well_signed_one() -> None:
    query = made(variant=Variant.ORIGINAL)
    assert not opens(SECRET, photo(), Variant.ORIGINAL, **query, now=NOW)


def test_all_links_of_a_photo_end_at_once() -> None:
    query = made()
    assert not opens(SECRET, photo(links=1), Variant.THUMB, **query, now=NOW)
    fresh = made(photo(links=1))
    assert opens(SECRET, photo(links=1), Variant.THUMB, **fresh, now=NOW)


def test_a_link_to_a_version_opens_that_version_and_no_other() -> None:
    query = made(version=2)
    assert set(query) == {"expires", "signature", "version"}
    assert opens(SECRET, photo(), Variant.THUMB, **query, now=NOW)
    assert not opens(SECRET, photo(links=1), Variant.THUMB, **query, now=NOW)
    assert not opens(SECRET, photo(), Variant.LARGE, **query, now=NOW)
    rest = {name: value for name, value in query.items() if name != "version"}
    for version in ("1", "3", "02", "2 ", "", "-2", "２", "9" * 7, "two", None):
        assert not opens(SECRET, photo(), Variant.THUMB, **rest, version=version, now=NOW)


def test_a_plain_link_becomes_none_to_a_version() -> None:
    query = made()
    for version in ("", "0", "1"):
        assert not opens(SECRET, photo(), Variant.THUMB, **query, version=version, now=NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"signature": ""},
        {"signature": "A" * 43},
        {"signature": "签名"},
        {"signature": "\ud800"},
        {"expires": ""},
        {"expires": "soon"},
        {"expires": "-1"},
        {"expires": "1e12"},
        {"expires": "１８００００００９９"},
        {"expires": "1800000299"},
        {"expires": "9" * 400},
        {"expires": " 1800000300"},
    ],
)
def test_a_changed_query_opens_nothing(change: dict[str, str]) -> None:
    query = made() | change
    assert not opens(SECRET, photo(), Variant.THUMB, **query, now=NOW)


def test_a_key_is_made_for_these_links_alone() -> None:
    import hashlib
    import hmac
    from base64 import urlsafe_b64encode

    query = made()
    message = f"{'ab' * 16}/thumb/0/{query['expires']}".encode()
    plain = hmac.digest(SECRET.encode(), message, hashlib.sha256)
    assert query["signature"] != urlsafe_b64encode(plain).rstrip(b"=").decode()
