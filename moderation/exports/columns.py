"""The columns of an export, in order: what the case list shows, in the words of the office.

Who reported is in none of them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from citizen import places
from citizen.geo import Crs
from citizen.models import Report
from citizen.states import STATUS_LABELS, VERDICT_LABELS
from moderation import views
from moderation.access import Officer
from moderation.exports.cells import Cell, moment, yes

Line = list[Cell]
FIELDS = (
    Report.id,
    Report.number,
    Report.channel,
    Report.category,
    Report.status,
    Report.description,
    Report.area,
    Report.address,
    Report.longitude,
    Report.latitude,
    Report.accuracy_m,
    Report.occurred_at,
    Report.submitted_at,
    Report.lead_department,
    Report.suggested_department,
    Report.clock,
    Report.due_at,
    Report.due_provisional,
    Report.ended_at,
    Report.verdict,
    Report.severity,
    Report.followers,
)


@dataclass(frozen=True)
class Reading:
    """For whom and when rows are read, and the names of the codes in them."""

    who: Officer
    now: datetime
    crs: Crs
    departments: Mapping[str, str]
    categories: Mapping[str, str]
    channels: Mapping[str, str]

    def department(self, code: str | None) -> str | None:
        return code and self.departments.get(code, code)


@dataclass(frozen=True)
class Found:
    """A row with what stands beside it."""

    case: Any
    place: Mapping[str, Any]
    assisting: tuple[str, ...]


@dataclass(frozen=True)
class Column:
    """A column; its width is in characters."""

    heading: str
    width: int
    cell: Callable[[Found, Reading], Cell]


COLUMNS: tuple[Column, ...] = (
    Column("办件编号", 22, lambda row, _by: row.case.number),
    Column("状态", 10, lambda row, _by: STATUS_LABELS[row.case.status]),
    Column("渠道", 14, lambda row, by: by.channels.get(row.case.channel, row.case.channel)),
    Column("类别代码", 12, lambda row, _by: row.case.category),
    Column("类别", 18, lambda row, by: by.categories.get(row.case.category, row.case.category)),
    Column("问题描述", 60, lambda row, _by: row.case.description),
    Column("区域", 12, lambda row, _by: places.area_named(row.case.area).name),
    Column("地址", 30, lambda row, _by: row.case.address),
    Column("坐标系", 8, lambda row, _by: row.place["crs"]),
    Column("经度", 12, lambda row, _by: row.place["longitude"]),
    Column("纬度", 12, lambda row, _by: row.place["latitude"]),
    Column("定位精度（米）", 10, lambda row, _by: row.place["accuracy_m"]),
    Column("发生时间", 26, lambda row, _by: moment(row.case.occurred_at)),
    Column("提交时间", 26, lambda row, _by: moment(row.case.submitted_at)),
    Column("主办部门", 20, lambda row, by: by.department(row.case.lead_department)),
    Column("协办部门", 20, lambda row, by: "、".join(map(str, map(by.department, row.assisting)))),
    Column("建议部门", 20, lambda row, by: by.department(row.case.suggested_department)),
    Column("办理期限", 26, lambda row, _by: moment(row.case.due_at)),
    Column("期限暂定", 8, lambda row, _by: yes(row.case.due_provisional)),
    Column("是否超期", 8, lambda row, by: yes(views.overdue(row.case, by.now))),
    Column("办结时间", 26, lambda row, _by: moment(row.case.ended_at)),
    Column("认定结果", 10, lambda row, _by: row.case.verdict and VERDICT_LABELS[row.case.verdict]),
    Column("严重程度", 8, lambda row, _by: row.case.severity),
    Column("合并举报数", 10, lambda row, _by: row.case.followers),
)


def line(found: Any, assisting: tuple[str, ...], by: Reading) -> Line:
    """Return the cells of a row; its place as blurred as the officer's list shows it."""
    row = Found(found, views.place(found, by.who, by.crs), assisting)
    return [column.cell(row, by) for column in COLUMNS]
