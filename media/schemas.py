"""What answers say about photos: without links, with links, and all of it to the sender."""

from typing import Any

from marshmallow import fields as plain

from core.api import Schema
from core.clock import now
from core.fields import Choice, Moment, StrictFloat, StrictInteger, Text
from core.settings import settings
from media.links import COPIES, signed_link
from media.models import ContentState, Photo, PhotoDecision

LINK = "signed link, good for 300 seconds and without a token"


class VariantsSchema(Schema):
    """Links to the copies; the original has none."""

    thumb = Text(required=True, metadata={"description": f"fits 400 px: {LINK}"})
    large = Text(required=True, metadata={"description": f"fits 1600 px: {LINK}"})


class Variants(plain.Nested):
    """Links that are signed while the answer is written."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(VariantsSchema, dump_only=True, **kwargs)

    def get_value(self, obj: Any, *_args: Any, **_kwargs: Any) -> Any:
        return variants(getattr(obj, "photo", obj))


class PublicVariants(plain.Nested):
    """Links to the redacted copies, signed while the answer is written; null without any."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(VariantsSchema, dump_only=True, allow_none=True, **kwargs)

    def get_value(self, obj: Any, *_args: Any, **_kwargs: Any) -> Any:
        return variants(obj.photo, obj.redactions) if obj.redactions else None


class PublishedVariants(plain.Nested):
    """Links to the copies that the public sees, signed while the answer is written."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(VariantsSchema, dump_only=True, **kwargs)

    def get_value(self, obj: Any, *_args: Any, **_kwargs: Any) -> Any:
        return variants(obj.photo, obj.redactions or None)


class ClaimedLocationSchema(Schema):
    """Where the file claims to have been taken."""

    longitude = StrictFloat(least=-180, most=180, required=True)
    latitude = StrictFloat(least=-90, most=90, required=True)
    crs = Text(required=True, metadata={"enum": ["wgs84"]})


class PhotoFactSchema(Schema):
    """A photo in an answer that is kept: no links, they would be dead when it is read again."""

    id = Text(attribute="public_id", required=True)
    mime_type = Text(required=True, metadata={"description": "the original's; copies are JPEG"})
    width = StrictInteger(required=True, metadata={"description": "of the upright picture"})
    height = StrictInteger(required=True, metadata={"description": "of the upright picture"})


class PhotoSchema(PhotoFactSchema):
    """A photo for whoever may see it."""

    variants = Variants(required=True)


class PublishedPhotoSchema(Schema):
    """A published photo, redacted if it was; see publication.for_public."""

    id = Text(attribute="photo.public_id", required=True)
    width = StrictInteger(attribute="photo.width", required=True)
    height = StrictInteger(attribute="photo.height", required=True)
    variants = PublishedVariants(required=True)


class StaffPhotoSchema(Schema):
    """A photo of a case for staff, and what was decided about the public; see StaffPhoto."""

    id = Text(attribute="photo.public_id", required=True)
    mime_type = Text(attribute="photo.mime_type", required=True)
    width = StrictInteger(attribute="photo.width", required=True)
    height = StrictInteger(attribute="photo.height", required=True)
    variants = Variants(required=True)
    decision = Choice(
        PhotoDecision,
        attribute="photo.decision",
        required=True,
        allow_none=True,
        metadata={"description": "公众可见与否的决定，未决定为 null"},
    )
    content = Choice(
        ContentState,
        attribute="photo.content",
        required=True,
        allow_none=True,
        metadata={"description": "内容安全检测；通过（passed）后公布才生效"},
    )
    redactions = StrictInteger(required=True, metadata={"description": "遮挡版本数"})
    public = PublicVariants(
        required=True,
        metadata={"description": "公众将看到的遮挡版本；null 表示没有遮挡，与 variants 相同"},
    )


class UploadedPhotoSchema(PhotoSchema):
    """A photo for the one who sent it; time and place are the file's claims, and prove nothing."""

    sha256 = Text(required=True, metadata={"description": "of the file as it was received"})
    byte_size = StrictInteger(required=True)
    captured_at = Moment(required=True, allow_none=True)
    location = plain.Nested(ClaimedLocationSchema, required=True, allow_none=True)


class UploadFormSchema(Schema):
    """One photo per call; its bytes decide what it is."""

    file = plain.Raw(required=True, metadata={"type": "string", "format": "binary"})


class LinkQuerySchema(Schema):
    """The query of a signed link."""

    expires = Text(most=12)
    signature = Text(most=64)
    version = Text(most=6, metadata={"description": "遮挡版本，仅供工作人员预览"})


def variants(photo: Photo, version: int | None = None) -> dict[str, str]:
    """Return fresh links to both copies: as they were taken, or of a redaction."""
    secret, instant = settings().secret_key, now().timestamp()
    return {
        copy.value: signed_link(secret, photo, copy, now=instant, version=version)
        for copy in COPIES
    }
