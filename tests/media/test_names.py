"""The client's name of a file: it breaks no upload and reaches no header."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from core.database import reading, writing
from media import service
from media.models import Photo
from media.ports import MayView
from tests.clients import Api
from tests.media.pictures import jpeg, noise
from tests.media.test_uploads import FORM, NAMES, RESIDENT, rows, send

Signed = Callable[[str], Api]
NOT_UTF_8 = [
    b"\xff\xfe.jpg",
    "照片.jpg".encode("gb18030"),
    "photo.jpg".encode("utf-16"),
    b"a\x80.jpg",
    b"\xed\xa0\x80.jpg",
    b"\xc0\xaf..\xc0\xaf.jpg",
    b"\xf4\x90\x80\x80.jpg",
]
FIELDS = [
    b'name="file"; filename="%s"',
    b'name="%s"; filename="a.jpg"',
    b'name="file"; filename="a.jpg"; more="%s"',
    b'name="%s"',
    b'name="file"; filename="a.jpg"\r\nContent-Type: image/%s',
]
ENCODED = [
    b"filename*=UTF-8''%ff%fe.jpg",
    b"filename*=UTF-8''%ED%A0%80.jpg",
    b"filename*=utf-16''%ff%fe.jpg",
    b"filename*=nonsense'zh'a.jpg",
    b"filename*=UTF-8''a%0D%0AX-Evil%3A1.jpg",
    b"filename*0*=UTF-8''%E7%85; filename*1*=%A7.jpg",
    b'filename="a.jpg"; filename="b.jpg"',
    b'filename="' + b"x" * 70_000 + b'"',
]


def form(head: bytes, data: bytes) -> bytes:
    told = b"--edge\r\nContent-Disposition: form-data; " + head
    return told + b"\r\n\r\n" + data + b"\r\n--edge--\r\n"


@pytest.mark.parametrize("world", ["sqlite"], indirect=True)
def test_a_name_that_is_not_utf_8_is_the_clients_fault(app: Flask, api: Signed) -> None:
    resident, data = api(RESIDENT), jpeg(noise((16, 16)))
    for name in NOT_UTF_8:
        for field in FIELDS:
            body = form(field.replace(b"%s", name), data)
            answer = resident.call("POST", "/media", data=body, content_type=FORM)
            assert answer.status_code == 422, (field, name)
            assert "UTF-8" in answer.get_json()["errors"]["file"][0]
    assert rows(app) == []


def test_a_name_in_any_encoding_ends_as_clean_text(app: Flask, api: Signed) -> None:
    for at, name in enumerate(ENCODED):
        body = form(b'name="file"; ' + name, jpeg(noise((16, 16), seed=at)))
        answer = api(RESIDENT).call("POST", "/media", data=body, content_type=FORM)
        assert answer.status_code == 201, name
        assert "X-Evil" not in answer.headers
    found = rows(app)
    assert len(found) == len(ENCODED)
    for photo in found:
        assert photo.file_name.isprintable()
        assert 0 < len(photo.file_name) <= 120


@pytest.fixture
def every_case(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.extensions["ports"], MayView, lambda *_any: True)


@pytest.mark.parametrize("world", ["sqlite"], indirect=True)
@pytest.mark.usefixtures("every_case")
def test_no_name_reaches_the_header_of_an_original(app: Flask, api: Signed) -> None:
    """RFC 6266 in its plainest form: a token of ours, by the photo's id and real kind."""
    for at, name in enumerate(NAMES):
        send(api(RESIDENT), jpeg(noise((16, 16), seed=at)), name)
    with app.app_context(), writing() as session:
        photos = session.scalars(select(Photo)).all()
        for photo in photos:
            service.claim([photo.public_id], owner_id=photo.owner_id, subject=("report", "1"))
    assert len(photos) == 38
    for photo in photos:
        answer = api("dispatcher").get(f"/media/{photo.public_id}/original")
        told = f"attachment; filename={photo.public_id}.jpg"
        assert answer.headers.getlist("Content-Disposition") == [told]
        assert answer.content_type == "image/jpeg"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    with app.app_context(), reading() as session:
        assert session.scalars(select(Photo.file_name).order_by(Photo.id)).first() == "污染照片.jpg"
