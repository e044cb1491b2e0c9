"""What can be wrong with a request to be told who reported."""

from core.errors import Conflict, Forbidden


class OwnRequest(Forbidden):
    """A second person decides (four eyes)."""

    code, zh, en = (
        "own_request",
        "申请须由他人审批",
        "Somebody else must decide on your request",
    )


class DisclosureClosed(Conflict):
    """The request was decided or has expired; `state` says which."""

    code, zh, en = (
        "disclosure_closed",
        "该申请已审批或已过期",
        "The request was decided or has expired",
    )


class NoPhone(Conflict):
    """Sent anonymously, without a phone, or by somebody who is gone: all look the same."""

    code, zh, en = (
        "no_phone",
        "没有可以告知的举报人电话",
        "There is no phone of the reporter to show",
    )
