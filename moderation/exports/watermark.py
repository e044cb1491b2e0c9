"""Who took a file, when, and of what: it stands in the file itself, wherever that goes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from citizen import places
from citizen.states import STATUS_LABELS
from core import crypto
from core.accounts import Credential
from core.database import public_id
from moderation.cases import Asked
from moderation.exports.cells import moment
from moderation.exports.columns import Reading
from moderation.schemas import Sort
from moderation.staff import StaffProfile

ALL = "全部办件"
ORDERS = {Sort.NEWEST: "按提交时间从新到旧", Sort.DUE: "按办理期限从早到晚"}


@dataclass(frozen=True)
class Watermark:
    """Who exported, and of what; `number` is also that of the audit row."""

    number: str
    viewer: str
    department: str
    taken_at: datetime
    filters: str
    order: str

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """Return what is said, in order, by heading."""
        return (
            ("导出编号", self.number),
            ("导出人", self.viewer),
            ("导出人部门", self.department),
            ("导出时间", str(moment(self.taken_at))),
            ("导出条件", self.filters),
        )


def made(session: Session, asked: Asked, by: Reading) -> Watermark:
    """Name the officer, and say the filters in words."""
    account = by.who.caller.account_id
    named = (
        select(StaffProfile.display_name, Credential.username)
        .join(Credential, Credential.account_id == StaffProfile.account_id)
        .where(StaffProfile.account_id == account)
    )
    display_name, username = session.execute(named).one_or_none() or ("", by.who.caller.public_id)
    return Watermark(
        number=public_id(),
        viewer=f"{display_name}（{username}）",
        department=by.department(by.who.department) or "—",
        taken_at=by.now,
        filters=in_words(asked, by),
        order=ORDERS[asked["sort"]],
    )


Says = Callable[[Any, Reading], str]
WORDS: Mapping[str, Says] = {
    "status": lambda value, _by: f"状态：{STATUS_LABELS[value]}",
    "department": lambda value, by: f"部门：{by.department(value)}",
    "area": lambda value, _by: f"区域：{places.area_named(value).name}",
    "category": lambda value, by: f"类别：{by.categories.get(value, value)}",
    "channel": lambda value, by: f"渠道：{by.channels.get(value, value)}",
    "overdue": lambda value, _by: "已超期" if value else "未超期",
    "assignee": lambda value, _by: f"承办人：{value}",
    "q": lambda value, _by: f"搜索：{value}",
    "submitted_from": lambda value, _by: f"提交日期自 {value}",
    "submitted_to": lambda value, _by: f"提交日期至 {value}（含）",
    "bbox": lambda value, _by: f"范围：{','.join(map(str, value))}",
}


def in_words(asked: Asked, by: Reading) -> str:
    """Return the filters that were given as a person reads them."""
    said = [says(asked[name], by) for name, says in WORDS.items() if asked[name] is not None]
    return "；".join(said) or ALL


def for_audit(asked: Asked) -> dict[str, str]:
    """Return the filters as the audit trail keeps them: of searched words a keyed digest only.

    Words may name a person, and the trail can't forget.
    """
    given = {name: str(asked[name]) for name in WORDS if asked[name] is not None}
    if "q" in given:
        given["q"] = crypto.blind_index(given["q"], "search")
    return {**given, "sort": asked["sort"].value, "crs": asked["crs"].value}
