"""Uploading over HTTP: what is kept, what is refused, and that nothing half stored remains."""

import hashlib
import io
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

import pytest
import time_machine
from flask import Flask
from PIL import Image
from sqlalchemy import Select, func, select, update
from werkzeug.test import TestResponse

from core.accounts import Account, AccountStatus
from core.clock import now
from core.database import db, no_transaction, reading, writing
from media import routes, service
from media.errors import StoreAway
from media.folder import LocalStore
from media.models import Photo, Variant
from media.objects import Stored, object_name
from tests.clients import Api
from tests.media.pictures import (
    MAKE,
    OFFSET,
    RED,
    TAKEN,
    exif,
    heic,
    jpeg,
    noise,
    opened,
    place,
    png,
    png_of,
    text,
)

Signed = Callable[[str], Api]
RESIDENT, OTHER = "13800000001", "13800000002"
CLAIMS = exif(
    {MAKE: text("Apple")},
    {TAKEN: text("2026:03:01 07:30:00"), OFFSET: text("+00:00")},
    place(35.415, 116.587),
)


FORM = "multipart/form-data; boundary=edge"


def part(name: str, data: bytes, file_name: str | None = None) -> bytes:
    told = f'; filename="{file_name}"' if file_name is not None else ""
    head = f'--edge\r\nContent-Disposition: form-data; name="{name}"{told}\r\n\r\n'
    return head.encode("utf-8", "surrogatepass") + data + b"\r\n"


def post(api: Api, *parts: bytes) -> TestResponse:
    """Send a form as bytes: the test client would leave a temporary file open."""
    return api.call("POST", "/media", data=b"".join(parts) + b"--edge--\r\n", content_type=FORM)


def send(api: Api, data: bytes, name: str = "photo.jpg") -> TestResponse:
    return post(api, part("file", data, name))


def rows(app: Flask) -> list[Photo]:
    with app.app_context(), reading() as session:
        return list(session.scalars(select(Photo).order_by(Photo.id)))


def objects(app: Flask) -> list[Stored]:
    with app.app_context():
        return list(app.extensions["photo_store"].objects())


def test_an_upload_answers_what_the_file_is_and_claims(app: Flask, api: Signed) -> None:
    api(OTHER).upload()
    data = jpeg(exif=CLAIMS)
    answer = send(api(RESIDENT), data)
    assert answer.status_code == 201
    assert answer.headers["Cache-Control"] == "no-store"
    body = answer.get_json()
    links = body.pop("variants")
    assert body == {
        "id": body["id"],
        "sha256": hashlib.sha256(data).hexdigest(),
        "mime_type": "image/jpeg",
        "width": 640,
        "height": 480,
        "byte_size": len(data),
        "captured_at": "2026-03-01T15:30:00+08:00",
        "location": {
            "longitude": pytest.approx(116.587),
            "latitude": pytest.approx(35.415),
            "crs": "wgs84",
        },
    }
    assert len(body["id"]) == 32
    assert set(links) == {"thumb", "large"}
    assert all(link.startswith(f"/api/v1/media/{body['id']}/") for link in links.values())


def test_the_original_is_kept_as_it_came_beside_both_copies(app: Flask, api: Signed) -> None:
    data = heic(exif=CLAIMS)
    send(api(RESIDENT), data, "IMG_0001.jpg")
    (photo,) = rows(app)
    assert photo.mime_type == "image/heic"
    store: LocalStore = app.extensions["photo_store"]
    with store.open(object_name(photo.key, Variant.ORIGINAL)) as stream:
        assert stream.read() == data
    with store.open(object_name(photo.key, Variant.LARGE)) as stream:
        assert opened(stream.read()).size == (640, 480)
    assert len(objects(app)) == 3


def test_a_photo_without_claims_has_none(api: Signed) -> None:
    body = send(api(RESIDENT), jpeg()).get_json()
    assert (body["captured_at"], body["location"]) == (None, None)


def test_an_impossible_time_is_no_fault_of_the_photo(api: Signed) -> None:
    for stamp in ("0000:00:00 00:00:00", "0005:01:01 00:00:00", "2026:02:30 10:00:00"):
        answer = send(api(RESIDENT), jpeg(exif=exif(details={TAKEN: text(stamp)})))
        assert answer.status_code == 201
        assert answer.get_json()["captured_at"] is None


@pytest.mark.parametrize("name", ["dispatcher", "handler-epb"])
def test_staff_upload_too(api: Signed, name: str) -> None:
    assert send(api(name), jpeg()).status_code == 201


def test_nobody_else_uploads(app: Flask, api: Signed) -> None:
    assert send(api(""), jpeg()).status_code == 401
    assert send(api("bus"), jpeg()).status_code == 403
    assert rows(app) == []


NAMES = [
    "污染照片.jpg", "图片.png", "../../bin/gpg", "..\\..\\boot.ini", "/etc/passwd", "C:\\photo.jpg",
    "a\x00.jpg", "CON", "NUL.jpg", "photo\u202egpj.exe", "x" * 300 + ".jpg", "a%0d%0ab.jpg",
    ".", "..", " ", "a;b.jpg", "a\\\"b.jpg", "a%00b.jpg", "a%2e%2e%2fb.jpg", "😀.jpg", "~root",
    "-rf", "a|b.jpg", "`id`.jpg", "$(id).jpg", "<script>.jpg", "photo.php.jpg", "photo.jpg.exe",
    ".htaccess", "a\tb.jpg", "ａ．ｊｐｇ", "é.jpg", "e\u0301.jpg", "\ufeffphoto.jpg", "照" * 200,
    "a/b/c.jpg", "file:///etc/passwd", "http://127.0.0.1/x.jpg",
]  # fmt: skip


def test_no_name_decides_where_anything_lies(app: Flask, api: Signed) -> None:
    root: Path = app.extensions["photo_store"].root
    resident = api(RESIDENT)
    for at, name in enumerate(NAMES):
        assert send(resident, jpeg(noise((16, 16), seed=at)), name).status_code == 201, name
    found = rows(app)
    files = {path for path in root.parent.rglob("*") if path.is_file()}
    inside = {root / object_name(photo.key, variant) for photo in found for variant in Variant}
    assert len(found) == len(NAMES) == 38
    assert {path for path in files if root in path.parents} == inside
    assert not [path for path in files - inside if path.suffix in {".jpg", ".png", ".exe"}]
    for photo in found:
        assert photo.file_name.isprintable()
        assert len(photo.file_name) <= 120
    assert [photo.file_name for photo in found[:2]] == ["污染照片.jpg", "图片.png"]


@pytest.mark.parametrize(
    "name", ["a\r\nSet-Cookie: x=1.jpg", "a\nX-Evil: 1", 'a"; name="x.jpg', "\ud800"]
)
def test_a_name_that_breaks_its_header_is_refused_or_harmless(
    app: Flask, api: Signed, name: str
) -> None:
    answer = send(api(RESIDENT), jpeg(), name)
    assert answer.status_code in {201, 400, 422}
    assert not {"Set-Cookie", "X-Evil"} & set(answer.headers.keys())
    assert all(photo.file_name.isprintable() for photo in rows(app))


def test_two_names_that_look_alike_stay_two_photos(app: Flask, api: Signed) -> None:
    send(api(RESIDENT), png(Image.new("RGB", (64, 64), RED)), "图片.png")
    send(api(OTHER), png(Image.new("RGB", (64, 64), (0, 0, 255))), "照片.png")
    first, second = rows(app)
    store: LocalStore = app.extensions["photo_store"]
    assert first.key != second.key
    for photo, channel in ((first, 0), (second, 2)):
        with store.open(object_name(photo.key, Variant.THUMB)) as stream:
            assert opened(stream.read()).getpixel((32, 32))[channel] > 200


REFUSED: list[tuple[bytes, int, str]] = [
    (b"", 422, "empty_file"),
    (png()[:20], 422, "damaged_image"),
    (jpeg(noise())[: len(jpeg(noise())) // 2], 422, "damaged_image"),
    (b"<html><script>alert(1)</script></html>", 415, "unsupported_format"),
    (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "unsupported_format"),
    (png_of(20000, 20000), 413, "too_many_pixels"),
    (b"\xff\xd8\xff" + b"x" * (20 * 1024 * 1024), 413, "too_large"),
    (b"\xff\xd8\xff" + b"x" * (22 * 1024 * 1024), 413, "too_large"),
]


def test_every_refusal_has_its_code_and_keeps_nothing(app: Flask, api: Signed) -> None:
    resident = api(RESIDENT)
    kept = resident.upload()
    for data, status, code in REFUSED:
        answer = send(resident, data, "a.jpg")
        assert (answer.status_code, answer.get_json()["code"]) == (status, code)
        assert answer.get_json()["detail"]
        assert [photo.public_id for photo in rows(app)] == [kept]
        assert len(objects(app)) == 3
    assert send(resident, jpeg()).status_code == 201, "and the next one goes through"


def test_a_text_in_the_place_of_the_file_is_told_so(app: Flask, api: Signed) -> None:
    short = post(api(RESIDENT), part("file", b"data:image/jpeg;base64,AAAA"))
    assert short.status_code == 422
    assert "file" in short.get_json()["errors"]
    long = post(api(RESIDENT), part("file", b"A" * 600_000))
    assert (long.status_code, long.get_json()["code"]) == (413, "too_large")
    assert "500" in long.get_json()["detail"]
    assert rows(app) == []


def test_a_file_of_three_megabytes_is_no_trouble(api: Signed) -> None:
    data = jpeg(noise((64, 64))) + b"\0" * 3_000_000
    assert send(api(RESIDENT), data).status_code == 201


FOREIGN: list[tuple[dict[str, bool], str]] = [
    ({}, "file"),
    ({"photo": True}, "photo"),
    ({"file": True, "note": False}, "note"),
    ({"file": True, "second": True}, "second"),
]


def test_missing_and_foreign_fields_are_named(app: Flask, api: Signed) -> None:
    for form, field in FOREIGN:
        parts = [part(name, jpeg(), "a.jpg" if is_file else None) for name, is_file in form.items()]
        answer = post(api(RESIDENT), *parts)
        assert answer.status_code == 422
        assert field in answer.get_json()["errors"]
    assert rows(app) == []


def test_two_files_in_one_call_are_refused(app: Flask, api: Signed) -> None:
    files = part("file", jpeg(), "a.jpg"), part("file", png(), "b.png")
    answer = post(api(RESIDENT), *files)
    assert answer.status_code == 422
    assert rows(app) == []


def test_anything_but_a_form_is_unsupported(api: Signed) -> None:
    for kind in ("application/json", "image/jpeg", "application/octet-stream", None):
        answer = api(RESIDENT).call("POST", "/media", data=jpeg(), content_type=kind)
        assert (answer.status_code, answer.get_json()["code"]) == (415, "unsupported_media_type")


CUT_OFF = [b"", b"--x", b"--x\r\n\r\n", part("file", b"x", "a.jpg")[:-9], b"\xff" * 500]


def test_a_form_that_is_cut_off_is_a_clear_refusal(app: Flask, api: Signed) -> None:
    for body in CUT_OFF:
        for kind in ("multipart/form-data; boundary=edge", "multipart/form-data"):
            answer = api(RESIDENT).call("POST", "/media", data=body, content_type=kind)
            assert 400 <= answer.status_code < 500
    assert rows(app) == []


def test_a_thousand_parts_are_refused(api: Signed) -> None:
    answer = post(api(RESIDENT), *(part(f"field{at}", b"x") for at in range(1000)))
    assert answer.status_code in {413, 422}


def test_english_is_spoken_to_those_who_ask(api: Signed) -> None:
    english = {"Accept-Language": "en"}
    answer = api(RESIDENT).call(
        "POST", "/media", data={"file": (io.BytesIO(b""), "a.jpg")}, headers=english
    )
    assert "empty" in answer.get_json()["title"]


def test_the_same_bytes_again_are_the_first_photo(app: Flask, api: Signed) -> None:
    resident, data = api(RESIDENT), jpeg(noise((64, 64)))
    first, again = send(resident, data), send(resident, data, "other name.jpg")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.get_json()["id"] == again.get_json()["id"]
    assert send(api(OTHER), data).status_code == 201, "another account's photo is its own"
    assert len(rows(app)) == 2
    assert len(objects(app)) == 6


def test_used_bytes_are_a_new_photo(app: Flask, api: Signed) -> None:
    resident, data = api(RESIDENT), jpeg(noise((64, 64)))
    first = send(resident, data).get_json()["id"]
    claim(app, first)
    second = send(resident, data)
    assert second.status_code == 201
    assert second.get_json()["id"] != first


def claim(app: Flask, *public_ids: str, subject: tuple[str, str] = ("report", "3708-1")) -> None:
    with app.app_context(), writing() as session:
        owner = session.scalar(select(Photo.owner_id).where(Photo.public_id == public_ids[0]))
        assert owner is not None
        service.claim(public_ids, owner_id=owner, subject=subject)


def test_sending_again_begins_the_photos_day_anew(app: Flask, api: Signed) -> None:
    data = jpeg(noise((64, 64)))
    send(api(RESIDENT), data)
    later = datetime.now(UTC) + timedelta(hours=23)
    with time_machine.travel(later, tick=False):
        send(api(RESIDENT), data)
    (photo,) = rows(app)
    assert photo.touched_at == later.replace(microsecond=later.microsecond)
    assert photo.created_at < later


def test_of_twins_that_arrive_at_once_one_is_kept(app: Flask, api: Signed) -> None:
    resident, data = api(RESIDENT), jpeg(noise((640, 480)))
    answers: list[TestResponse] = []
    barrier = threading.Barrier(4)

    def upload() -> None:
        barrier.wait()
        answers.append(send(resident, data))

    threads = [threading.Thread(target=upload) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]
    assert len({answer.get_json()["id"] for answer in answers}) == 1
    assert len(rows(app)) == 1
    assert len(objects(app)) == 3, "the losers' objects are gone"


def copies(app: Flask, public_id: str, number: int, **changes: object) -> None:
    """Rows like the given one, without objects: only their number matters."""
    with app.app_context(), writing() as session:
        one = session.scalars(select(Photo).where(Photo.public_id == public_id)).one()
        kept = {column.name: getattr(one, column.name) for column in Photo.__table__.columns}
        for at in range(number):
            fresh = {
                "id": None,
                "public_id": f"{at:032x}",
                "key": f"{at:032x}",
                "sha256": f"{at:064x}",
            }
            session.add(Photo(**{**kept, **fresh, **changes}))


def test_a_hundred_unused_photos_are_the_most(app: Flask, api: Signed) -> None:
    resident = api(RESIDENT)
    first = resident.upload()
    copies(app, first, 98)
    assert send(resident, jpeg()).status_code == 201
    refused = send(resident, png())
    assert (refused.status_code, refused.get_json()["code"]) == (429, "too_many_unused")
    assert 0 < int(refused.headers["Retry-After"]) <= 86400
    with app.app_context(), writing() as session:  # renewed lately: they are not gone in a moment
        session.execute(update(Photo).values(created_at=now() - timedelta(hours=30)))
    assert int(send(resident, png()).headers["Retry-After"]) > 86000
    assert send(resident, jpeg()).status_code == 200, "one that is there already is no new one"
    assert send(api(OTHER), png()).status_code == 201
    claim(app, first)
    assert send(resident, png()).status_code == 201


@pytest.fixture
def crowd(app: Flask, api: Signed, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[int]]:
    """Four photos at once where only one more is allowed, each counted long before its row."""
    check_room = service.check_room

    def slow(*arguments: Any) -> None:
        check_room(*arguments)
        time.sleep(0.2)

    def sent() -> list[int]:
        resident = api(RESIDENT)
        copies(app, resident.upload(), 98)
        made, barrier = [jpeg(noise((32, 32), seed=at)) for at in range(4)], threading.Barrier(4)
        monkeypatch.setattr(service, "check_room", slow)

        def upload(data: bytes) -> int:
            barrier.wait()
            return send(resident, data).status_code

        with ThreadPoolExecutor(4) as pool:
            return sorted(pool.map(upload, made))

    return sent


def test_uploads_at_once_do_not_pass_the_limit(app: Flask, crowd: Callable[[], list[int]]) -> None:
    assert crowd() == [201, 429, 429, 429]
    assert len(objects(app)) == 6, "those of the refused are gone"


@pytest.mark.parametrize("world", ["postgresql"], indirect=True)
def test_without_the_accounts_lock_they_would(
    crowd: Callable[[], list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Select, "with_for_update", lambda statement, **_how: statement)
    assert crowd().count(201) > 1


def test_three_hundred_uploads_a_day_are_the_most(app: Flask, api: Signed) -> None:
    resident = api(RESIDENT)
    first = resident.upload()
    claim(app, first)
    used = {"subject_kind": "report", "subject_id": "3708-2", "claimed_at": now()}
    copies(app, first, 299, **used)
    refused = send(resident, png())
    assert (refused.status_code, refused.get_json()["code"]) == (429, "too_many_uploads")
    assert 0 < int(refused.headers["Retry-After"]) <= 86400
    with app.app_context(), writing() as session:
        session.execute(update(Photo).values(created_at=now() - timedelta(hours=25)))
    assert send(resident, png()).status_code == 201


class Away(LocalStore):
    """A store that fails at the given object, and notes whether a transaction was open."""

    fails_at = 99

    def put(self, objects: Mapping[str, BinaryIO]) -> None:
        no_transaction()
        if self.fails_at == 0:
            raise StoreAway
        super().put(objects)

    def delete(self, names: Any) -> None:
        no_transaction()
        super().delete(names)


@pytest.fixture
def store(app: Flask) -> Iterator[Away]:
    kept = app.extensions["photo_store"]
    app.extensions["photo_store"] = Away(kept.root)
    yield app.extensions["photo_store"]
    app.extensions["photo_store"] = kept


def test_a_store_that_is_away_is_503_and_keeps_nothing(
    app: Flask, api: Signed, store: Away
) -> None:
    store.fails_at = 0
    data = jpeg(noise((64, 64)))
    answer = send(api(RESIDENT), data)
    assert (answer.status_code, answer.get_json()["code"]) == (503, "media_store_unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert rows(app) == []
    assert api("").get("/healthz").status_code == 200
    store.fails_at = 99
    assert send(api(RESIDENT), data).status_code == 201, "and recovers without a restart"


def test_a_row_that_fails_takes_its_objects_along(
    app: Flask, api: Signed, store: Away, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object) -> None:
        raise RuntimeError("between store and row")

    monkeypatch.setattr(service, "record", broken)
    with pytest.raises(RuntimeError):
        send(api(RESIDENT), jpeg())
    assert rows(app) == []
    assert objects(app) == []


def test_objects_outlive_a_commit_whose_end_is_unknown(
    app: Flask, api: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection broke after the database had committed: the row must not lose its objects."""

    @contextmanager
    def broken() -> Iterator[Any]:
        with writing() as session:
            yield session
        raise RuntimeError("the server closed the connection")

    data = jpeg(noise((64, 64)))
    with monkeypatch.context() as patch:
        patch.setattr(routes, "writing", broken)
        with pytest.raises(RuntimeError):
            send(api(RESIDENT), data)
    (photo,) = rows(app)
    assert len(objects(app)) == 3
    again = send(api(RESIDENT), data)
    assert (again.status_code, again.get_json()["id"]) == (200, photo.public_id)


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Let something happen while the photo is decoded."""
    examined = service.examine

    def let(happens: Callable[[], object]) -> None:
        def slow(stream: BinaryIO) -> Any:
            happens()
            return examined(stream)

        monkeypatch.setattr(service, "examine", slow)

    return let


@pytest.mark.parametrize(("minutes", "status", "kept"), [(29, 201, 3), (31, 503, 0)])
def test_a_row_never_comes_when_its_objects_may_be_swept_already(
    app: Flask,
    api: Signed,
    meanwhile: Callable[[Callable[[], object]], None],
    minutes: int,
    status: int,
    kept: int,
) -> None:
    """A machine that slept between store and row: the other one's sweep saw old objects."""
    resident = api(RESIDENT)
    with time_machine.travel(now(), tick=False) as clock:
        meanwhile(lambda: clock.shift(timedelta(minutes=minutes)))
        assert send(resident, jpeg()).status_code == status
    assert (len(rows(app)) * 3, len(objects(app))) == (kept, kept)


@pytest.mark.parametrize("status", [AccountStatus.DISABLED, AccountStatus.DELETED])
def test_an_account_that_is_closed_amid_an_upload_gets_no_photo_any_more(
    app: Flask,
    api: Signed,
    meanwhile: Callable[[Callable[[], object]], None],
    status: AccountStatus,
) -> None:
    def close() -> None:
        with writing() as session:
            session.execute(update(Account).values(status=status))

    meanwhile(close)
    assert send(api(RESIDENT), jpeg()).status_code == 401
    assert (rows(app), objects(app)) == ([], [])


def test_no_transaction_is_open_while_a_photo_is_decoded(
    app: Flask, api: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    examined = service.examine

    def watched(stream: BinaryIO) -> Any:
        assert not db.session().in_transaction()
        return examined(stream)

    monkeypatch.setattr(service, "examine", watched)
    assert send(api(RESIDENT), jpeg()).status_code == 201


def test_a_full_disk_under_the_form_is_503(
    app: Flask, api: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: object, **_kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("werkzeug.formparser.default_stream_factory", full)
    monkeypatch.setattr("werkzeug.formparser.FormDataParser.parse", full)
    answer = send(api(RESIDENT), jpeg())
    assert (answer.status_code, answer.get_json()["code"]) == (503, "media_store_unavailable")


def test_readiness_names_a_store_that_is_away(app: Flask, api: Signed, store: Away) -> None:
    assert api("").get("/readyz").status_code == 200
    store.root.mkdir(parents=True, exist_ok=True)
    store._incoming.rmdir()
    store._incoming.write_text("no folder")
    with app.app_context():
        assert not routes.store_answers()
    store._incoming.unlink()


def test_rows_are_counted_as_often_as_they_were_sent(app: Flask, api: Signed) -> None:
    for _ in range(3):
        send(api(RESIDENT), jpeg(noise((32, 32), seed=len(rows(app)) + 1)))
    with app.app_context(), reading() as session:
        assert session.scalar(select(func.count()).select_from(Photo)) == 3
