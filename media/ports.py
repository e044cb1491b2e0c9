"""What media asks of higher rooms."""

from typing import Protocol

from core.tokens import Caller


class MayView(Protocol):
    """Whether a viewer has to do with what uses a photo.

    `viewer` is None for somebody without a token, `subject` is the pair that the photo was claimed
    for, `variant` is `thumb`, `large` or `original`. Owners come here for the original only.
    """

    def __call__(self, viewer: Caller | None, subject: tuple[str, str], variant: str) -> bool: ...
