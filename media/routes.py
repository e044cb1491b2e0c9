"""Uploading a photo, and opening one of its variants."""

import hashlib
from io import SEEK_END
from typing import BinaryIO, Final, cast

import structlog
from flask import Flask, Response, request, send_file
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge

from core import audit, tokens
from core.api import Blueprint, answer, dump, query
from core.clock import now as present
from core.database import reading, writing
from core.errors import Forbidden, Invalid, TooLarge, Unauthenticated, UnsupportedMedia
from core.events import port
from core.messages import say
from core.permissions import Kind
from core.settings import Settings, settings
from core.tokens import Caller, caller, may, public
from media import links, publication, service, storage
from media.errors import (
    DamagedImage,
    DecoderBusy,
    EmptyFile,
    FileTooLarge,
    ObjectMissing,
    PhotoGone,
    StoreAway,
    TooManyPixels,
    TooManyUnused,
    TooManyUploads,
    UnsupportedFormat,
)
from media.files import COPY_TYPE, EXTENSIONS, MOST_BYTES, Weight, weigh
from media.models import Photo, Variant
from media.objects import PhotoStore, object_name
from media.ports import MayView
from media.publication import Sight
from media.schemas import LinkQuerySchema, UploadedPhotoSchema, UploadFormSchema

FORM_OVERHEAD: Final = 64 * 1024
MOST_DRAINED: Final = 64 * 1024 * 1024
PUBLIC_SECONDS: Final = 60  # how long a cache may keep a published copy after it was hidden

routes = Blueprint(
    "media", __name__, description="照片 Photos: evidence, and copies that tell nothing"
)
log = structlog.get_logger()


class TextTooLarge(TooLarge):
    """A text field of a form has a limit of its own: photos are sent as files."""

    zh = "文字字段不能超过 500 KB，照片请以文件形式上传"
    en = "A text field may have at most 500 kB; send the photo as a file"


def init_app(app: Flask, made: Settings) -> None:
    """Open the store that the settings name."""
    storage.init_app(app, made)


def store_answers() -> bool:
    """Say whether the store would take a photo now."""
    try:
        storage.store().probe()
    except StoreAway:
        return False
    return True


@routes.post("/media")
@routes.takes_form(UploadFormSchema)
@routes.gives(201, UploadedPhotoSchema)
@routes.gives(200, UploadedPhotoSchema)
@routes.fails(Unauthenticated, Forbidden, FileTooLarge, TooManyPixels, UnsupportedFormat)
@routes.fails(UnsupportedMedia, DamagedImage, EmptyFile, Invalid, TooManyUnused, TooManyUploads)
@routes.fails(DecoderBusy, StoreAway)
@may("media.upload")
def upload() -> Response:
    """Take one photo; the same bytes again, still unused, answer 200 with the first."""
    file = _one_file()
    stream = cast("BinaryIO", file.stream)
    weight = weigh(stream, sm3=settings().evidence_digest == "sm3")
    photo, created = _receive(stream, weight, file.filename or "")
    return answer(dump(UploadedPhotoSchema, photo), 201 if created else 200)


def _receive(stream: BinaryIO, weight: Weight, file_name: str) -> tuple[Photo, bool]:
    """Look for a twin, else prepare without a transaction and record in a short one."""
    owner_id, store = caller().account_id, storage.store()
    twin = _again(owner_id, weight)
    if twin is not None:
        return twin, False
    prepared = service.prepare(stream, weight, file_name, store, present())
    created = False
    try:
        with writing():
            photo, created = service.record(prepared, owner_id, present())
        return photo, created
    finally:
        if not created:  # what fails after that is the commit, and it may have gone through
            service.discard(prepared, store)


def _again(owner_id: int, weight: Weight) -> Photo | None:
    """Renew a twin; without one, refuse early what the limits would refuse after the decoding."""
    with reading():
        twin = service.has_twin(owner_id, weight)
        if not twin:
            service.check_room(owner_id, present())
    if not twin:
        return None
    with writing():
        return service.again(owner_id, weight, present())


def _one_file() -> FileStorage:
    """Read the form: exactly one file, named `file`, and nothing else.

    Raises:
        UnsupportedMedia, FileTooLarge, TextTooLarge, StoreAway: it can't be read.
        Invalid: fields are missing, doubled, unknown, or text where a file belongs.
    """
    request.max_content_length = MOST_BYTES + FORM_OVERHEAD
    if request.mimetype != "multipart/form-data":
        raise UnsupportedMedia
    try:
        files, texts = request.files, request.form
    except RequestEntityTooLarge as error:
        raise _too_large() from error
    except OSError as error:  # the disk that large forms wait on is full
        raise StoreAway from error
    found = files.getlist("file")
    wrong: dict[str, list[str]] = {
        name: [say("未知字段", "Unknown field")] for name in {*files, *texts} - {"file"}
    }
    if "file" in texts:
        wrong["file"] = [say("应为文件，不是文字", "Must be a file, not text")]
    elif not files and not texts:  # the reader of forms gives up without a word
        wrong["file"] = [say("表单不完整，或文件名不是 UTF-8", "The form is cut off, or not UTF-8")]
    elif len(found) != 1:
        wrong["file"] = [say("每次上传一个文件", "Send exactly one file")]
    if wrong:
        raise Invalid(errors=wrong)
    return found[0]


def _too_large() -> TooLarge:
    """Read on to the end, within reason: a client that still sends would never see the answer."""
    length = request.content_length
    body = request.environ["wsgi.input"]
    left = min(length if length is not None else MOST_DRAINED, MOST_DRAINED)
    try:
        while left > 0 and (chunk := body.read(min(left, 1 << 16))):
            left -= len(chunk)
    except OSError:
        log.info("upload_cut_off")
    fits = length is not None and length <= MOST_BYTES + FORM_OVERHEAD
    return TextTooLarge() if fits else FileTooLarge()


@routes.get("/media/<public_id>/<any(thumb, large, original):variant>")
@routes.asks(LinkQuerySchema)
@routes.gives(200, content_type=COPY_TYPE, headers={"ETag": {"schema": {"type": "string"}}})
@routes.gives(304)
@routes.fails(Unauthenticated, PhotoGone, Invalid, StoreAway)
@public
def open_photo(public_id: str, variant: str) -> Response:
    """Open a variant by signed link, by token, or as published; else it is not there."""
    wanted = Variant(variant)
    viewer = tokens.authenticate() if "Authorization" in request.headers else None
    may_view = port(MayView)  # type: ignore[type-abstract]
    with reading():
        photo = service.find(public_id)
        linked = _by_link(photo, wanted)
        sight = linked or publication.sight(photo, wanted, viewer, may_view)
    if sight is None:
        raise PhotoGone
    query(LinkQuerySchema)
    if linked is None and not sight.public:
        _note_look(photo, wanted, viewer)
    return _public(photo, wanted, sight) if sight.public else _private(photo, wanted, sight)


def _by_link(photo: Photo, variant: Variant) -> Sight | None:
    sent = request.args
    version = sent.get("version")
    opened = links.opens(
        settings().secret_key,
        photo,
        variant,
        expires=sent.get("expires", ""),
        signature=sent.get("signature", ""),
        now=present().timestamp(),
        version=version,
    )
    return publication.linked(photo, version) if opened else None


def _note_look(photo: Photo, variant: Variant, viewer: Caller | None) -> None:
    """Write down who of staff opens somebody else's photo, before a byte of it leaves.

    What a signed link opens was noted with the case that held the link.
    """
    if viewer is None or viewer.kind is not Kind.STAFF or viewer.account_id == photo.owner_id:
        return
    action = "photo.original_viewed" if variant is Variant.ORIGINAL else "photo.viewed"
    audit.look(action, ("photo", photo.public_id), by=viewer)


def _private(photo: Photo, variant: Variant, sight: Sight) -> Response:
    response = _send(photo, variant, sight, storage.store())
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _public(photo: Photo, variant: Variant, sight: Sight) -> Response:
    """Answer what everybody may see, for caches to keep; whoever has a token may see another."""
    tag = hashlib.sha256(object_name(sight.key, variant).encode()).hexdigest()[:32]
    if request.if_none_match.contains_weak(tag):
        response = Response(status=304)
        del response.headers["Content-Type"]
    else:
        response = _send(photo, variant, sight, storage.store())
    response.set_etag(tag)
    response.headers["Cache-Control"] = f"public, max-age={PUBLIC_SECONDS}"
    response.vary.add("Authorization")
    return response


def _send(photo: Photo, variant: Variant, sight: Sight, store: PhotoStore) -> Response:
    try:
        stream = store.open(object_name(sight.key, variant))
    except ObjectMissing:
        log.exception("object_missing", photo=photo.public_id, variant=variant.value)
        raise
    size = stream.seek(0, SEEK_END)
    stream.seek(0)
    original = variant is Variant.ORIGINAL
    response = send_file(
        stream,
        mimetype=photo.mime_type if original else COPY_TYPE,
        as_attachment=original,
        download_name=f"{photo.public_id}.{EXTENSIONS[photo.mime_type]}" if original else None,
        etag=False,
        conditional=False,
    )
    response.content_length = size
    return response
