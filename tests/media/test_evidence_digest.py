"""SM3 beside SHA-256, where the setting asks for it (商用密码: GB/T 32905)."""

import hashlib
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import select

from core.database import reading
from media.models import Photo
from tests.clients import Api, picture

OWNER = "13800000001"


@pytest.mark.parametrize("digest", ["sha256", "sm3"])
def test_an_original_is_hashed_by_sha256_and_also_by_sm3_where_the_setting_says_so(
    app: Flask, digest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = replace(app.extensions["settings"], evidence_digest=digest)
    monkeypatch.setitem(app.extensions, "settings", found)
    data = picture()
    Api.signed_in(app, OWNER).upload(data)
    with app.app_context(), reading() as session:
        photo = session.scalars(select(Photo).order_by(Photo.id.desc()).limit(1)).one()
        digests = photo.sha256, photo.sm3
    sm3 = hashlib.new("sm3", data).hexdigest() if digest == "sm3" else None
    assert digests == (hashlib.sha256(data).hexdigest(), sm3)
