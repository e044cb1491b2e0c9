"""Who may open which variant, by which way, and what an answer carries."""

import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select, update

from core.audit import AuditEvent
from core.database import reading, writing
from core.permissions import Role
from core.tokens import Caller
from media import links, schemas, service
from media.models import ContentState, Photo, PhotoDecision, Redaction, Variant
from media.objects import new_key, object_name
from media.ports import MayView
from tests.clients import Api
from tests.media.pictures import heic, jpeg, noise, opened

Signed = Callable[[str], Api]
OWNER, OTHER = "13800000001", "13800000002"
SUBJECT = ("report", "3708-261125-7K3M9Q-4")


def has_the_case(viewer: Caller | None, subject: tuple[str, str], variant: str) -> bool:
    """Dispatchers and reviewers see all of the case, handlers its copies."""
    if viewer is None or subject != SUBJECT:
        return False
    deep = viewer.roles & {Role.DISPATCHER, Role.REVIEWER}
    return bool(deep or (variant != "original" and viewer.roles & {Role.HANDLER}))


@pytest.fixture(autouse=True)
def _cases(app: Flask) -> Iterator[None]:
    ports = app.extensions["ports"]
    kept = ports[MayView]
    ports[MayView] = has_the_case
    yield
    ports[MayView] = kept


@pytest.fixture
def photo(app: Flask, api: Signed) -> str:
    """A photo of the owner that the case uses, among others that nothing uses."""
    api(OTHER).upload()
    public_id = api(OWNER).upload(heic())
    api(OWNER).upload()
    use(app, public_id)
    return public_id


def use(app: Flask, public_id: str, subject: tuple[str, str] = SUBJECT) -> None:
    with app.app_context(), writing() as session:
        owner = session.scalar(select(Photo.owner_id).where(Photo.public_id == public_id))
        assert owner is not None
        service.claim([public_id], owner_id=owner, subject=subject)


def change(app: Flask, public_id: str, **values: object) -> None:
    with app.app_context(), writing() as session:
        session.execute(update(Photo).where(Photo.public_id == public_id).values(**values))


def link(api: Api, data: bytes | None = None, variant: str = "thumb") -> str:
    answer = api.call("POST", "/media", data={"file": (io.BytesIO(data or jpeg()), "a.jpg")})
    return str(answer.get_json()["variants"][variant])


MATRIX = {
    "": (404, 404),
    OWNER: (200, 404),
    OTHER: (404, 404),
    "dispatcher": (200, 200),
    "reviewer": (200, 200),
    "handler-epb": (200, 404),
    "auditor": (404, 404),
    "bus": (404, 404),
}


def test_who_may_open_what(api: Signed, photo: str) -> None:
    found = {}
    for name in MATRIX:
        viewer = api(name)
        thumb, large, original = (
            viewer.get(f"/media/{photo}/{variant}").status_code for variant in Variant
        )
        assert thumb == large
        found[name] = thumb, original
    assert found == MATRIX


def test_a_photo_that_nothing_uses_is_its_owners_alone(api: Signed) -> None:
    public_id = api(OWNER).upload()
    assert api(OWNER).get(f"/media/{public_id}/thumb").status_code == 200
    for name in ("", OTHER, "dispatcher", "reviewer"):
        assert api(name).get(f"/media/{public_id}/thumb").status_code == 404
        assert api(name).get(f"/media/{public_id}/original").status_code == 404
    assert api(OWNER).get(f"/media/{public_id}/original").status_code == 404


def test_a_photo_of_another_case_stays_shut(app: Flask, api: Signed) -> None:
    public_id = api(OWNER).upload()
    use(app, public_id, ("report", "another"))
    assert api("dispatcher").get(f"/media/{public_id}/thumb").status_code == 404


def test_not_there_and_not_yours_look_the_same(api: Signed, photo: str) -> None:
    hidden = api(OTHER).get(f"/media/{photo}/thumb")
    absent = api(OTHER).get(f"/media/{'0' * 32}/thumb")
    strange = api(OTHER).get("/media/1/thumb")
    bodies = [answer.get_json() for answer in (hidden, absent, strange)]
    for body in bodies:
        body.pop("request_id")
    assert bodies[0] == bodies[1] == bodies[2]


def test_other_paths_and_methods_lead_nowhere(api: Signed, photo: str) -> None:
    dispatcher = api("dispatcher")
    for path in ("1", f"{photo}/full", f"{photo}/thumb/x", f"../{photo}/thumb", f"{photo}/"):
        assert dispatcher.get(f"/media/{path}").status_code == 404, path
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert dispatcher.call(method, f"/media/{photo}/thumb").status_code == 405


def test_a_copy_is_a_jpeg_that_no_browser_keeps_or_guesses_at(api: Signed, photo: str) -> None:
    answer = api(OWNER).get(f"/media/{photo}/large")
    assert answer.content_type == "image/jpeg"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "Content-Disposition" not in answer.headers
    assert "ETag" not in answer.headers
    assert answer.content_length == len(answer.data)
    assert opened(answer.data).size == (640, 480)


def test_an_original_comes_as_it_came_for_keeping_and_not_for_showing(
    app: Flask, api: Signed
) -> None:
    data = heic()
    public_id = api(OWNER).upload(data, 'a"b;\u202e照片.exe')
    use(app, public_id)
    answer = api("dispatcher").get(f"/media/{public_id}/original")
    assert answer.data == data
    assert answer.content_type == "image/heic"
    assert answer.headers["Content-Disposition"] == f"attachment; filename={public_id}.heic"
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_every_opening_of_an_original_is_written_down_and_no_other(
    app: Flask, api: Signed, photo: str
) -> None:
    api("dispatcher").get(f"/media/{photo}/thumb")
    api(OWNER).get(f"/media/{photo}/original")
    for _ in range(2):
        api("reviewer").get(f"/media/{photo}/original")
    with app.app_context(), reading() as session:
        chosen = select(AuditEvent).where(AuditEvent.action == "photo.original_viewed")
        events = session.scalars(chosen).all()
    assert [(event.subject_kind, event.subject_id) for event in events] == [("photo", photo)] * 2
    assert {event.actor_role for event in events} == {"reviewer"}


def test_a_signed_link_opens_its_copy_without_a_token(api: Signed) -> None:
    answer = api("").get(link(api(OWNER)))
    assert answer.status_code == 200
    assert max(opened(answer.data).size) == 400
    assert answer.headers["Cache-Control"] == "private, no-store"


def test_a_signed_link_ends_after_five_minutes(api: Signed) -> None:
    path = link(api(OWNER))
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=290), tick=False):
        assert api("").get(path).status_code == 200
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=301), tick=False):
        assert api("").get(path).status_code == 404


def test_no_answer_that_holds_links_outlives_them(app: Flask, api: Signed) -> None:
    """B76: whoever gets a link has its five minutes, and no cache gives it to somebody later."""
    form = {"file": (io.BytesIO(jpeg()), "a.jpg")}
    answer = api(OWNER).call("POST", "/media", data=form)
    assert answer.headers["Cache-Control"] == "no-store"
    for path in answer.get_json()["variants"].values():
        query = parse_qs(urlsplit(path).query)
        left = int(query["expires"][0]) - datetime.now(UTC).timestamp()
        assert links.LIFETIME - 5 < left <= links.LIFETIME <= 300
        assert api("").get(path).headers["Cache-Control"] == "private, no-store"
    with app.app_context(), reading() as session:
        keys = session.scalars(select(Photo.key)).all()
    assert keys
    assert not [key for key in keys if key in answer.get_data(as_text=True)]


CHANGES = [
    ("thumb?", "large?"),
    ("thumb?", "original?"),
    ("signature=", "signature=A"),
    ("expires=", "expires=9"),
    ("signature=", "sig="),
    ("expires=", "until="),
    ("&signature=", "&x="),
    ("?", "?expires=9999999999&"),
]


def test_a_changed_link_opens_nothing(api: Signed) -> None:
    path = link(api(OWNER))
    for found, put in CHANGES:
        assert found in path
        assert api("").get(path.replace(found, put, 1)).status_code == 404, put
    assert api("").get(path).status_code == 200


def test_a_link_serves_no_other_photo(api: Signed) -> None:
    first, second = link(api(OWNER)), api(OTHER).upload()
    mine = first.split("/")[4]
    assert api("").get(first.replace(mine, second)).status_code == 404


def test_all_links_of_a_photo_end_when_it_says_so(app: Flask, api: Signed) -> None:
    path = link(api(OWNER))
    public_id = path.split("/")[4]
    assert api("").get(path).status_code == 200
    change(app, public_id, links=Photo.links + 1)
    assert api("").get(path).status_code == 404
    assert api(OWNER).get(f"/media/{public_id}/thumb").status_code == 200


def test_a_broken_token_is_401_even_beside_a_good_link(api: Signed, photo: str) -> None:
    bad = {"Authorization": "Bearer nonsense"}
    assert api("").get(link(api(OWNER)), headers=bad).status_code == 401
    assert api("").get(f"/media/{photo}/thumb", headers=bad).status_code == 401


def test_a_query_that_is_not_ours_is_named_to_those_who_may_see(api: Signed, photo: str) -> None:
    answer = api(OWNER).get(f"/media/{photo}/thumb?size=9999")
    assert answer.status_code == 422
    assert "size" in answer.get_json()["errors"]
    assert api(OTHER).get(f"/media/{photo}/thumb?size=9999").status_code == 404


def publish(app: Flask, public_id: str, **values: object) -> None:
    published = {"decision": PhotoDecision.PUBLISHED, "content": ContentState.PASSED}
    change(app, public_id, **published | values)


def redact(app: Flask, public_id: str, number: int = 1) -> bytes:
    """Give a photo a public version of its own, and return its bytes."""
    key, data = new_key(), jpeg(noise((40, 30), seed=number))
    store = app.extensions["photo_store"]
    copies = (Variant.THUMB, Variant.LARGE)
    with app.app_context():
        store.put({object_name(key, variant): io.BytesIO(data) for variant in copies})
        with writing() as session:
            photo = session.scalars(select(Photo).where(Photo.public_id == public_id)).one()
            photo.public_key = key
            values = {"number": number, "key": key, "boxes": [[0, 0, 9, 9]]}
            session.add(Redaction(photo_id=photo.id, at=datetime.now(UTC), **values))
    return data


def test_the_public_sees_what_was_published_and_nothing_else(
    app: Flask, api: Signed, photo: str
) -> None:
    publish(app, photo)
    answer = api("").get(f"/media/{photo}/large")
    assert answer.status_code == 200
    assert answer.content_type == "image/jpeg"
    assert answer.headers["Cache-Control"] == "public, max-age=60"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert api(OTHER).get(f"/media/{photo}/thumb").status_code == 200
    assert api("").get(f"/media/{photo}/original").status_code == 404
    assert api(OTHER).get(f"/media/{photo}/original").status_code == 404
    change(app, photo, decision=PhotoDecision.HIDDEN)
    assert api("").get(f"/media/{photo}/large").status_code == 404
    assert api(OWNER).get(f"/media/{photo}/large").status_code == 200


def test_what_is_public_is_told_apart_by_its_bytes_and_never_sent_twice(
    app: Flask, api: Signed, photo: str
) -> None:
    publish(app, photo)
    thumb, large = (api("").get(f"/media/{photo}/{copy}") for copy in ("thumb", "large"))
    tag = thumb.headers["ETag"]
    assert tag.startswith('"')
    assert tag != large.headers["ETag"]
    assert api(OTHER).get(f"/media/{photo}/thumb").headers["ETag"] == tag
    assert api("").get(f"/media/{photo}/thumb").data == thumb.data
    for sent in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        again = api("").get(f"/media/{photo}/thumb", headers={"If-None-Match": sent})
        assert (again.status_code, again.data) == (304, b"")
        for name in ("ETag", "Cache-Control", "Vary"):
            assert again.headers[name] == thumb.headers[name]
        assert "Content-Type" not in again.headers
    for sent in (large.headers["ETag"], "x", tag.strip('"')[:-1]):
        again = api("").get(f"/media/{photo}/thumb", headers={"If-None-Match": sent})
        assert (again.status_code, again.data) == (200, thumb.data)
    redact(app, photo)
    again = api("").get(f"/media/{photo}/thumb", headers={"If-None-Match": tag})
    assert again.status_code == 200
    assert again.headers["ETag"] != tag
    with app.app_context(), reading() as session:
        key, public_key = session.execute(
            select(Photo.key, Photo.public_key).where(Photo.public_id == photo)
        ).one()
    assert key not in tag
    assert str(public_key) not in again.headers["ETag"]


def test_a_tag_opens_nothing_that_is_not_public(app: Flask, api: Signed, photo: str) -> None:
    publish(app, photo)
    known = {"If-None-Match": api("").get(f"/media/{photo}/thumb").headers["ETag"]}
    for closed in ({"decision": PhotoDecision.HIDDEN}, {"content": ContentState.REFUSED}):
        publish(app, photo, **closed)
        answer = api("").get(f"/media/{photo}/thumb", headers=known)
        assert answer.status_code == 404
        assert answer.headers["Cache-Control"] == "no-store"
        assert api(OWNER).get(f"/media/{photo}/thumb", headers=known).status_code == 200


def test_a_head_of_what_is_public_is_its_answer_without_the_bytes(
    app: Flask, api: Signed, photo: str
) -> None:
    publish(app, photo)
    whole = api("").get(f"/media/{photo}/thumb")
    head = api("").call("HEAD", f"/media/{photo}/thumb")
    assert (head.status_code, head.data) == (200, b"")
    for name in ("ETag", "Cache-Control", "Vary", "Content-Length", "Content-Type"):
        assert head.headers[name] == whole.headers[name]
    known = {"If-None-Match": whole.headers["ETag"]}
    assert api("").call("HEAD", f"/media/{photo}/thumb", headers=known).status_code == 304
    ranged = api("").get(f"/media/{photo}/thumb", headers={"Range": "bytes=0-9"})
    assert (ranged.status_code, ranged.data) == (200, whole.data)


def test_caches_keep_the_public_version_apart_from_that_of_the_owner(
    app: Flask, api: Signed, photo: str
) -> None:
    path = link(api(OWNER), heic())
    data = redact(app, photo)
    publish(app, photo)
    assert photo not in path
    public = api("").get(f"/media/{photo}/large")
    assert public.data == data
    assert "Authorization" in public.vary
    assert api(OTHER).get(f"/media/{photo}/large").data == data
    for name in (OWNER, "dispatcher", "handler-epb"):
        private = api(name).get(f"/media/{photo}/large")
        assert max(opened(private.data).size) == 640
        assert private.headers["Cache-Control"] == "private, no-store"
        assert "ETag" not in private.headers


def signed(app: Flask, public_id: str, version: int | None = None) -> str:
    with app.app_context(), reading():
        return schemas.variants(service.find(public_id), version)["large"]


def test_a_link_shows_its_own_version_and_is_never_kept(
    app: Flask, api: Signed, photo: str
) -> None:
    data = redact(app, photo)
    for decision in (None, PhotoDecision.PUBLISHED):
        publish(app, photo, decision=decision)
        plain, preview = (api("").get(signed(app, photo, number)) for number in (None, 1))
        assert max(opened(plain.data).size) == 640
        assert preview.data == data
        for answer in (plain, preview):
            assert answer.headers["Cache-Control"] == "private, no-store"
            assert "ETag" not in answer.headers


def test_a_changed_link_to_a_version_shows_what_the_public_sees_and_no_more(
    app: Flask, api: Signed, photo: str
) -> None:
    data, preview = redact(app, photo), signed(app, photo, 1)
    plain = signed(app, photo)
    changed = [
        preview.replace("&version=1", ""),
        preview.replace("&version=1", "&version=2"),
        preview.replace("&version=1", "&version="),
        f"{plain}&version=1",
        f"{plain}&version=0",
        signed(app, photo, 2),
    ]
    assert {api("").get(path).status_code for path in changed} == {404}
    publish(app, photo)
    for path in changed:
        answer = api("").get(path)
        assert answer.status_code == 422 if path.endswith("=") else answer.data == data
    change(app, photo, links=Photo.links + 1)
    assert api("").get(preview).data == data
    publish(app, photo, decision=None)
    assert {api("").get(path).status_code for path in (preview, plain, *changed)} == {404}


def test_a_row_whose_object_is_gone_is_404_and_no_fault(app: Flask, api: Signed) -> None:
    public_id = api(OWNER).upload()
    with app.app_context(), reading() as session:
        key = session.scalar(select(Photo.key).where(Photo.public_id == public_id))
        assert key is not None
    app.extensions["photo_store"].delete([object_name(key, Variant.THUMB)])
    assert api(OWNER).get(f"/media/{public_id}/thumb").status_code == 404
    assert api(OWNER).get(f"/media/{public_id}/large").status_code == 200


def test_head_tells_the_size_and_sends_nothing(api: Signed, photo: str) -> None:
    answer = api(OWNER).call("HEAD", f"/media/{photo}/thumb")
    assert answer.status_code == 200
    assert answer.data == b""
    assert answer.content_length is not None
    assert answer.content_length > 500


def test_no_stored_file_is_served_by_its_own_name(app: Flask, api: Signed, photo: str) -> None:
    with app.app_context(), reading() as session:
        key = session.scalar(select(Photo.key).where(Photo.public_id == photo))
    assert api("").get(f"/api/v1/media/{key}/thumb").status_code == 404
    client = app.test_client()
    for path in (f"/instance/media/{key}", f"/media/{key}/thumb", "/media/", "/static/x"):
        assert client.get(path).status_code == 404
