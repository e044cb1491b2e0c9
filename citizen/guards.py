"""What must hold before a step, in words; and, for what the report's own row says, as a rule.

The rows of `edges.TABLE` name their guards. Those without a rule here are facts of other rooms, and
are checked by the service that takes the step.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from citizen.models import Report
from citizen.states import Asking, Status
from core.clock import day_end, local_day

APPEAL_DAYS = timedelta(days=30)


class Guard(StrEnum):
    """What must hold."""

    CURRENT_VERSION = "current_version"
    NOT_A_PARTY = "not_a_party"
    NEVER_DECIDED = "never_decided"
    JOINED_BY_ANOTHER = "joined_by_another"
    OWN_DEPARTMENT = "own_department"
    COLLEAGUE = "colleague"
    FROM_SUBMITTED = "from_submitted"
    ANSWER_OVERDUE = "answer_overdue"
    NO_FOLLOWERS = "no_followers"
    PRIMARY_OPEN = "primary_open"
    PRIMARY_LEAVES = "primary_leaves"
    FIRST_OF_ROUND = "first_of_round"
    HAS_VERDICT = "has_verdict"
    FOLLOWS_NONE = "follows_none"
    RETURN_IN_TIME = "return_in_time"
    ONE_EXTENSION = "one_extension"
    TEN_WORKING_DAYS = "ten_working_days"
    EXTENSION_ASKED = "extension_asked"
    REVIEW_LATER = "review_later"
    PHOTO_AFTER = "photo_after"
    UNRATED = "unrated"
    RESULT_CLOSED = "result_closed"
    ONE_APPEAL = "one_appeal"
    THIRTY_DAYS = "thirty_days"
    APPEAL_ASKED = "appeal_asked"


GUARD_LABELS: dict[Guard, str] = {
    Guard.CURRENT_VERSION: "所见为当前版本",
    Guard.NOT_A_PARTY: "本人不是该件当事人",
    Guard.NEVER_DECIDED: "本人未曾在该件中作出决定",
    Guard.JOINED_BY_ANOTHER: "积分变动后，须由合并人以外的人办理",
    Guard.OWN_DEPARTMENT: "由主办部门、在其区域内的人员办理",
    Guard.COLLEAGUE: "接收人为本部门、负责该区域的办理人员",
    Guard.FROM_SUBMITTED: "尚未受理",
    Guard.ANSWER_OVERDUE: "已过补充期限",
    Guard.NO_FOLLOWERS: "没有其他件合并于该件",
    Guard.PRIMARY_OPEN: "主办件为另一未合并、未结束的件",
    Guard.PRIMARY_LEAVES: "主办件被撤回，该件为最早的合并件",
    Guard.FIRST_OF_ROUND: "本轮尚无初次认定，或正在核查办理结果",
    Guard.HAS_VERDICT: "已有认定",
    Guard.FOLLOWS_NONE: "未合并于其他件",
    Guard.RETURN_IN_TIME: "派单后 2 个工作日内",
    Guard.ONE_EXTENSION: "本次派单后尚未申请延期",
    Guard.TEN_WORKING_DAYS: "延长不超过 10 个工作日",
    Guard.EXTENSION_ASKED: "已申请延期",
    Guard.REVIEW_LATER: "复查日期晚于今天",
    Guard.PHOTO_AFTER: "至少一张办理后照片",
    Guard.UNRATED: "尚未评价",
    Guard.RESULT_CLOSED: "该件或其主办件已办结",
    Guard.ONE_APPEAL: "尚未申诉",
    Guard.THIRTY_DAYS: "办结或不予受理后 30 天内",
    Guard.APPEAL_ASKED: "已提出申诉",
}


def appealable(report: Report, now: datetime) -> bool:
    """Say whether the 30 days after the end still run; the last of them counts whole."""
    ended_at = report.ended_at
    return ended_at is not None and now < day_end(local_day(ended_at) + APPEAL_DAYS)


RULES: Mapping[Guard, Callable[[Report, datetime], bool]] = {
    Guard.FROM_SUBMITTED: lambda report, _now: Status.SUBMITTED in {report.status, report.origin},
    Guard.ANSWER_OVERDUE: lambda report, now: (
        report.review_at is not None and report.review_at <= now
    ),
    Guard.NO_FOLLOWERS: lambda report, _now: report.followers == 0,
    Guard.FIRST_OF_ROUND: lambda report, _now: (
        report.status is Status.RESOLVED or report.verified_round < report.round
    ),
    Guard.HAS_VERDICT: lambda report, _now: report.verdict is not None,
    Guard.FOLLOWS_NONE: lambda report, _now: report.primary_id is None,
    Guard.ONE_EXTENSION: lambda report, _now: report.extension is Asking.NONE,
    Guard.EXTENSION_ASKED: lambda report, _now: report.extension is Asking.ASKED,
    Guard.UNRATED: lambda report, _now: report.rated_at is None,
    Guard.ONE_APPEAL: lambda report, _now: report.appeal is Asking.NONE,
    Guard.THIRTY_DAYS: appealable,
    Guard.APPEAL_ASKED: lambda report, _now: report.appeal is Asking.ASKED,
}
