"""What can be wrong with a step of case handling."""

from core.errors import Conflict, Forbidden


class DecidedBefore(Forbidden):
    """Whoever decided something in a case does not decide about it again (four eyes)."""

    code, zh, en = (
        "decided_before",
        "您已参与过本件的决定，须由他人复核",
        "You decided in this case, somebody else must",
    )


class NotDrawn(Conflict):
    """No verdict of the case waits for a second look, or somebody else has just given it."""

    code, zh, en = "not_drawn", "本件没有待复核的认定", "No verdict waits for a second review"


class ExtensionUsed(Conflict):
    """More time is asked for once."""

    code, zh, en = "extension_used", "本件已申请过延期", "An extension was asked for already"
