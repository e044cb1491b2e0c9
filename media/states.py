"""The words about photos: their objects, what the public may see of them, and why."""

from enum import StrEnum


class Variant(StrEnum):
    """The three objects of a photo: two copies made from pixels, and the evidence itself."""

    THUMB = "thumb"
    LARGE = "large"
    ORIGINAL = "original"


class PhotoDecision(StrEnum):
    """What a dispatcher decided about the public; without a decision it sees nothing."""

    PUBLISHED = "published"
    HIDDEN = "hidden"


class ContentState(StrEnum):
    """Whether the version that the public would see passed the content check."""

    PENDING = "pending"
    PASSED = "passed"
    REFUSED = "refused"
    FAILED = "failed"
