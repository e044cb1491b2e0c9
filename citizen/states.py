"""The words of a report's life (contract 5): statuses, actions, verdicts, and effects."""

from enum import StrEnum


class Status(StrEnum):
    """Where a case stands."""

    SUBMITTED = "submitted"
    INFO_REQUESTED = "info_requested"
    ACCEPTED = "accepted"
    DISPATCHED = "dispatched"
    HANDLING = "handling"
    PARKED = "parked"
    RESOLVED = "resolved"
    CLOSED = "closed"
    DECLINED = "declined"
    MERGED = "merged"
    WITHDRAWN = "withdrawn"


STATUS_LABELS: dict[Status, str] = {
    Status.SUBMITTED: "待受理",
    Status.INFO_REQUESTED: "待补充",
    Status.ACCEPTED: "已受理",
    Status.DISPATCHED: "已派单",
    Status.HANDLING: "办理中",
    Status.PARKED: "挂账",
    Status.RESOLVED: "待核查",
    Status.CLOSED: "已办结",
    Status.DECLINED: "不予受理",
    Status.MERGED: "已合并",
    Status.WITHDRAWN: "已撤回",
}


class Action(StrEnum):
    """What can be done to a case."""

    SUBMIT = "submit"
    REQUEST_INFO = "request_info"
    SUPPLEMENT = "supplement"
    LAPSE = "lapse"
    ACCEPT = "accept"
    DECLINE = "decline"
    MERGE = "merge"
    UNMERGE = "unmerge"
    LEAD = "lead"
    VERIFY = "verify"
    OVERTURN = "overturn"
    DISPATCH = "dispatch"
    SIGN = "sign"
    REASSIGN = "reassign"
    RETURN = "return"
    EXTEND = "extend"
    GRANT_EXTENSION = "grant_extension"
    REFUSE_EXTENSION = "refuse_extension"
    PARK = "park"
    UNPARK = "unpark"
    RESOLVE = "resolve"
    REWORK = "rework"
    WITHDRAW = "withdraw"
    RATE = "rate"
    APPEAL = "appeal"
    CORRECT = "correct"
    GRANT_APPEAL = "grant_appeal"
    REJECT_APPEAL = "reject_appeal"


ACTION_LABELS: dict[Action, str] = {
    Action.SUBMIT: "提交举报",
    Action.REQUEST_INFO: "要求补充",
    Action.SUPPLEMENT: "补充材料",
    Action.LAPSE: "逾期未补充",
    Action.ACCEPT: "受理",
    Action.DECLINE: "不予受理",
    Action.MERGE: "合并",
    Action.UNMERGE: "解除合并",
    Action.LEAD: "转为主办件",
    Action.VERIFY: "核实认定",
    Action.OVERTURN: "更正认定",
    Action.DISPATCH: "派单",
    Action.SIGN: "签收",
    Action.REASSIGN: "转交",
    Action.RETURN: "退回",
    Action.EXTEND: "申请延期",
    Action.GRANT_EXTENSION: "同意延期",
    Action.REFUSE_EXTENSION: "不同意延期",
    Action.PARK: "挂账",
    Action.UNPARK: "解除挂账",
    Action.RESOLVE: "办理完成",
    Action.REWORK: "返工",
    Action.WITHDRAW: "撤回",
    Action.RATE: "评价",
    Action.APPEAL: "申诉",
    Action.CORRECT: "更正",
    Action.GRANT_APPEAL: "申诉成立",
    Action.REJECT_APPEAL: "申诉不成立",
}


class Verdict(StrEnum):
    """Whether what was reported is true (查实)."""

    SUBSTANTIATED = "substantiated"
    PARTLY_SUBSTANTIATED = "partly_substantiated"
    UNSUBSTANTIATED = "unsubstantiated"

    @property
    def true(self) -> bool:
        """Say whether the report was found true, wholly or in part."""
        return self is not Verdict.UNSUBSTANTIATED


VERDICT_LABELS: dict[Verdict, str] = {
    Verdict.SUBSTANTIATED: "属实",
    Verdict.PARTLY_SUBSTANTIATED: "部分属实",
    Verdict.UNSUBSTANTIATED: "不属实",
}


class Clock(StrEnum):
    """Whether a case's time runs."""

    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"


class Unit(StrEnum):
    """What a term is counted in."""

    WORKING_DAYS = "working_days"
    DAYS = "days"
    HOURS = "hours"


class PointsEffect(StrEnum):
    """What an action means for the points of all claims on the case."""

    NONE = "none"
    PENDING = "pending"
    SETTLE = "settle"
    VOID = "void"


class Told(StrEnum):
    """Whom a step is told to; a reporter reads it in the timeline, staff in the case."""

    REPORTER = "reporter"
    FOLLOWERS = "followers"
    DISPATCHERS = "dispatchers"
    DEPARTMENT = "department"
    ASSISTING = "assisting"
    ASSIGNEE = "assignee"
    REVIEWERS = "reviewers"


TOLD_LABELS: dict[Told, str] = {
    Told.REPORTER: "举报人",
    Told.FOLLOWERS: "合并件的举报人",
    Told.DISPATCHERS: "受理员",
    Told.DEPARTMENT: "主办部门",
    Told.ASSISTING: "协办部门",
    Told.ASSIGNEE: "承办人",
    Told.REVIEWERS: "复核员",
}


class Earning(StrEnum):
    """Whether a report can earn points, decided at its submission."""

    YES = "yes"
    ANONYMOUS = "anonymous"
    NO_CONSENT = "no_consent"
    STAFF = "staff"


class Asking(StrEnum):
    """Where a question to the office stands: an extension or an appeal, once each."""

    NONE = "none"
    ASKED = "asked"
    GRANTED = "granted"
    REFUSED = "refused"
