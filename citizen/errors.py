"""What can be wrong with a report or with a step of its life."""

from core.errors import Conflict, Forbidden, Invalid, NotFound


class LocationInvalid(Invalid):
    """The point is none: out of range, swapped, or null island."""

    code, zh, en = "location_invalid", "位置无效", "The location is invalid"


class OutsideServiceArea(Invalid):
    """The point lies outside the city."""

    code, zh, en = "outside_service_area", "该位置不在本市范围内", "Outside the service area"


class OutsideLakeArea(Invalid):
    """护湖通 takes what lies at the lake, within 2 km of it, or in an inflow river's area."""

    code, zh, en = (
        "outside_lake_area",
        "该位置不在南四湖及入湖河流范围内",
        "Away from the lake and its rivers",
    )


class UnknownSite(NotFound):
    """No such scanned site."""

    code, zh, en = "site_not_found", "未找到该点位", "No such site"


class InvalidTransition(Conflict):
    """The action does not exist in the present status."""

    code, zh, en = (
        "invalid_transition",
        "当前状态不允许此操作",
        "Not possible in the present status",
    )


class NotForYou(Forbidden):
    """Nobody acts on a case that their own confirmed phone is a party to."""

    code, zh, en = "not_for_you", "该件须由他人办理", "Somebody else must deal with this case"


class AlreadyVerified(Conflict):
    """One first verdict a round."""

    code, zh, en = "already_verified", "本轮已作出认定", "Already verified in this round"


class AlreadyRated(Conflict):
    """A result is rated once."""

    code, zh, en = "already_rated", "已评价", "Already rated"


class AlreadyAppealed(Conflict):
    """A case is appealed once."""

    code, zh, en = "already_appealed", "已申诉过", "Already appealed"


class AppealClosed(Conflict):
    """The 30 days are over."""

    code, zh, en = "appeal_closed", "申诉期限已过", "The time to appeal is over"


class HasFollowers(Conflict):
    """Other reports were merged into this one."""

    code, zh, en = "has_followers", "已有举报合并到本件", "Other reports were merged into this case"


class ReturnClosed(Conflict):
    """The two working days to send a dispatch back are over."""

    code, zh, en = "return_closed", "退回期限已过", "The time to return the case is over"


class AccountDisabled(Forbidden):
    """The account was blocked; a new sign-in does not open it."""

    code, zh, en = "account_disabled", "账号已停用", "The account is disabled"


class IdentityInUse(Conflict):
    """Another resident account holds the phone or WeChat account: one person, one account."""

    code, zh, en = (
        "identity_in_use",
        "该手机号或微信已绑定其他账号",
        "Bound to another account already",
    )
