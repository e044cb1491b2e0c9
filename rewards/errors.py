"""What can go wrong with points, offers, vouchers and partners."""

from core.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from core.messages import say


class OfferNotFound(NotFound):
    """No such offer, or not one that the caller may see."""

    code, zh, en = "offer_not_found", "未找到该兑换项目", "No such offer"


class OfferClosed(Conflict):
    """The offer is not open now."""

    code, zh, en = "offer_closed", "该兑换项目未开放", "The offer is not open"


class OutOfStock(Conflict):
    """The offer has nothing left to give."""

    code, zh, en = "out_of_stock", "已兑完", "Out of stock"


class LimitReached(Conflict):
    """The resident holds as many as one person may."""

    code, zh, en = "limit_reached", "已达到每人兑换上限", "The limit for one resident is reached"


class InsufficientPoints(Conflict):
    """There are fewer points to spend than it takes."""

    code, zh, en = "insufficient_points", "积分不足", "Not enough points"


class VoucherNotFound(NotFound):
    """No such voucher, or another partner's or resident's: all look the same."""

    code, zh, en = "voucher_not_found", "未找到该券", "No such voucher"


class CancelClosed(Conflict):
    """The offer's window for giving back is over."""

    code, zh, en = "cancel_closed", "已超过可退期限", "The time to give it back is over"


class NotUsable(Conflict):
    """The voucher is expired, void or refunded; `voucher_status` says which."""

    code, zh, en = "not_usable", "该券不可使用", "The voucher can't be used"


class AlreadyUsed(Conflict):
    """The voucher was used before; `used_at` and `terminal` say when and where first."""

    code, zh, en = "already_used", "该券已核销", "The voucher was used already"


class QrExpired(Invalid):
    """The picture is older than its 60 seconds; the resident opens it again."""

    code, zh, en = "qr_expired", "二维码已过期，请刷新", "The QR code is too old, show it again"


class RedemptionNotFound(NotFound):
    """No such redemption of this partner."""

    code, zh, en = "redemption_not_found", "未找到该核销记录", "No such redemption"


class UndoClosed(Conflict):
    """More than 10 minutes have passed since the server received it."""

    code, zh, en = "undo_closed", "已超过可撤销时间", "The time to undo is over"


class AlreadyUndone(Conflict):
    """The redemption was undone before."""

    code, zh, en = "already_undone", "该核销已撤销", "It was undone already"


class AwardNotFound(NotFound):
    """No such award."""

    code, zh, en = "award_not_found", "未找到该积分记录", "No such award"


class AwardNotForYou(Forbidden):
    """Who decided in the case, or is a party to it, does not settle its awards (four eyes)."""

    code, zh, en = (
        "award_not_for_you",
        "该积分须由未参与本件的复核员处理",
        "Somebody else must settle this award",
    )


class AwardNotHeld(Conflict):
    """Only a held award can be released or refused."""

    code, zh, en = "award_not_held", "该积分未在待复核状态", "The award is not held"


class PartnerNotFound(NotFound):
    """No such partner."""

    code, zh, en = "partner_not_found", "未找到该合作单位", "No such partner"


class TerminalNotFound(NotFound):
    """No such terminal of this partner."""

    code, zh, en = "terminal_not_found", "未找到该终端", "No such terminal"


class TerminalExists(Conflict):
    """The partner has a terminal of that name already."""

    code, zh, en = "terminal_exists", "该终端名称已被使用", "The terminal's name is taken"


class MonthClosed(Conflict):
    """The month was closed before, and never changes again."""

    code, zh, en = "month_closed", "该月已结算", "The month is closed"


class MonthNotBegun(Conflict):
    """A month that has not begun can't be closed."""

    code, zh, en = "month_not_begun", "该月尚未开始", "The month has not begun"


class EarlierMonthOpen(Conflict):
    """Months are closed in their order, so that what is late has one place to go."""

    code, zh, en = "earlier_month_open", "请先结算之前的月份", "An earlier month is still open"


class RulesRetroactive(Conflict):
    """A rule set can't begin in the past: nothing is ever retroactive."""

    code, zh, en = "rules_retroactive", "规则不能追溯生效", "Rules can't begin in the past"


class RulesUnreadable(Invalid):
    """A rule set lacks a field or holds something strange."""

    code, zh, en = "rules_unreadable", "积分规则有误", "The rules can't be read"


class AdjustmentAccount(Invalid):
    """The field `account` names no resident."""

    code, zh, en = "account_not_found", "未找到该居民", "No such resident"

    def __init__(self) -> None:
        super().__init__(errors={"account": [say("未找到该居民", "No such resident")]})


class OfferPartner(Invalid):
    """The field `partner` names no partner."""

    code, zh, en = "unknown_partner", "未找到该合作单位", "No such partner"

    def __init__(self) -> None:
        super().__init__(errors={"partner": [say("未找到该合作单位", "No such partner")]})


class OfferChanged(Conflict):
    """The price changed while the resident redeemed; nothing was taken."""

    code, zh, en = "offer_changed", "该兑换项目刚刚变更，请重新查看", "The offer has just changed"


class TerminalRefused(Unauthenticated):
    """The key opens no terminal."""

    code, zh, en = "terminal_refused", "终端密钥无效", "The terminal's key is wrong"


class TerminalMissing(Invalid):
    """A password sign-in must say at which terminal a voucher is used."""

    def __init__(self, path: str) -> None:
        super().__init__(errors={path: [say("必填", "Required")]})


class PartnerSuspended(Forbidden):
    """The account speaks for no partner that takes part."""

    code, zh, en = "partner_suspended", "合作单位已停用", "The partner takes no part"


class PartnerExists(Conflict):
    """A partner of that name exists."""

    code, zh, en = "partner_exists", "该合作单位名称已被使用", "The partner's name is taken"


class MonthUnknown(NotFound):
    """The address names no month of the form YYYY-MM."""

    code, zh, en = "month_not_found", "月份格式应为 YYYY-MM", "No month of the form YYYY-MM"
