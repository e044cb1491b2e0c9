"""What can be wrong with a step of case handling."""

from core.errors import Conflict, Forbidden


class DecidedBefore(Forbidden):
    """Whoever decided something in a case does not decide about it again (four eyes)."""

    code, zh, en = (
        "decided_before",
        "您已参与过本件的决定，须由他人复核",
        "You decided in this case, somebody else must",
    )


class ExtensionUsed(Conflict):
    """More time is asked for once."""

    code, zh, en = "extension_used", "本件已申请过延期", "An extension was asked for already"
