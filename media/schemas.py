"""What answers say about photos: without links, with links, and all of it to the sender."""

from typing import Any

from marshmallow import fields as plain

from core.api import Schema
from core.clock import now
from core.fields import Moment, StrictFloat, StrictInteger, Text
from core.settings import settings
from media.links import COPIES, signed_link
from media.models import Photo

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
        return variants(obj)


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


def variants(photo: Photo) -> dict[str, str]:
    """Return fresh links to both copies."""
    secret, instant = settings().secret_key, now().timestamp()
    return {copy.value: signed_link(secret, photo, copy, now=instant) for copy in COPIES}
