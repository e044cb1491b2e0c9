"""What staff ask for and see of cases; nothing here names who reported."""

import re
from enum import StrEnum
from typing import Any

from marshmallow import ValidationError, fields, validates_schema

from citizen.geo import Crs
from citizen.schemas import CODE, NOTE, PlaceSchema
from citizen.states import Action, Status, Verdict
from core.api import Schema
from core.fields import Choice, Day, Moment, QueryBoolean, StrictBoolean, StrictInteger, Text
from core.messages import say
from core.paging import PageQuery
from core.schemas import NamedSchema
from media.schemas import StaffPhotoSchema
from moderation.urgency import Level


class Sort(StrEnum):
    """The orders of the case list."""

    DUE = "due_at"
    NEWEST = "-submitted_at"


class Box(fields.Field[Any]):
    """`west,south,east,north` in WGS-84 degrees."""

    def _deserialize(self, value: Any, *_args: Any, **_kwargs: Any) -> tuple[float, ...]:
        parts = str(value).split(",")
        if len(parts) != 4 or not all(
            re.fullmatch(r"-?\d{1,3}(\.\d{1,12})?", part, re.ASCII) for part in parts
        ):
            raise ValidationError(say("应为 西,南,东,北", "Must be west,south,east,north"))
        west, south, east, north = (float(part) for part in parts)
        if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
            raise ValidationError(say("范围不正确", "Not a box"))
        return west, south, east, north


class CaseQuery(PageQuery):
    """The filters of the case list; the last day is included."""

    status = Choice(Status, load_default=None)
    department = Text(most=32, pattern=CODE, load_default=None)
    area = Text(most=32, pattern=CODE, load_default=None)
    category = Text(most=32, pattern=CODE, load_default=None)
    channel = Text(most=32, pattern=CODE, load_default=None)
    overdue = QueryBoolean(load_default=None)
    assignee = Text(most=64, load_default=None)
    q = Text(most=100, load_default=None)
    submitted_from = Day(load_default=None)
    submitted_to = Day(load_default=None)
    bbox = Box(load_default=None, metadata={"type": "string", "example": "116.5,35.3,116.7,35.5"})
    sort = Choice(Sort, load_default=Sort.NEWEST)
    crs = Choice(Crs, load_default=Crs.WGS84)

    @validates_schema(skip_on_field_errors=True)
    def _search_is_by_time(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if data["q"] and data["sort"] is Sort.DUE:
            raise ValidationError(
                say("搜索结果只能按提交时间排序", "A search is sorted by -submitted_at only"),
                "sort",
            )


class SimilarSchema(Schema):
    """A likely duplicate, with enough to judge."""

    number = Text()
    distance_m = StrictInteger()
    reasons = fields.List(Text())
    status = Choice(Status)
    description = Text(most=2000)


class SeenSchema(Schema):
    """The same picture in an earlier report."""

    media = Text()
    number = Text()
    distance = StrictInteger()
    same_account = StrictBoolean()
    possible_fraud = StrictBoolean()


class EditedSchema(Schema):
    """Whether something says that the file was edited, and by which program."""

    hint = StrictBoolean(allow_none=True)
    by = Text(allow_none=True)


class PhotoCheckSchema(Schema):
    """What a photo claims against the report; null is unknown, and proves nothing."""

    media = Text()
    distance_m = StrictInteger(allow_none=True)
    minutes_before_report = StrictInteger(allow_none=True)
    device = Text(allow_none=True)
    place = Text(metadata={"enum": ["near", "far", "unknown"]})
    time = Text(metadata={"enum": ["plausible", "old", "future", "unknown"]})
    zone_assumed = StrictBoolean()
    edited = fields.Nested(EditedSchema)
    screenshot = StrictBoolean(allow_none=True)
    notes = fields.List(Text())


class ChecksSchema(Schema):
    """Hints for staff; never an accusation."""

    photos = fields.List(fields.Nested(PhotoCheckSchema))
    seen_before = fields.List(fields.Nested(SeenSchema))


class ResultSchema(Schema):
    """What the department found and did."""

    at = Moment()
    department = fields.Nested(NamedSchema)
    finding = Text(most=2000)
    measures = Text(most=2000)
    media = fields.List(fields.Nested(StaffPhotoSchema))


class CaseItemSchema(Schema):
    """A case in a list."""

    number = Text()
    channel = Text()
    category = Text()
    status = Choice(Status)
    status_label = Text()
    description = Text(most=2000)
    location = fields.Nested(PlaceSchema)
    area = fields.Nested(NamedSchema)
    address = Text(allow_none=True)
    occurred_at = Moment()
    submitted_at = Moment()
    department = fields.Nested(NamedSchema, allow_none=True)
    suggested_department = fields.Nested(NamedSchema)
    due_at = Moment()
    due_provisional = StrictBoolean()
    overdue = StrictBoolean()
    alarm = Choice(
        Level, allow_none=True, metadata={"description": "时限预警的最高一级；停表、未到时为 null"}
    )
    alarm_label = Text(allow_none=True, metadata={"example": "黄牌"})
    verdict = Choice(Verdict, allow_none=True)
    verdict_label = Text(allow_none=True)
    severity = StrictInteger(allow_none=True)
    followers = StrictInteger()
    version = StrictInteger()
    actions = fields.List(Text())


class CaseSchema(CaseItemSchema):
    """A case as staff who may read it see it."""

    media = fields.List(fields.Nested(StaffPhotoSchema))
    assisting = fields.List(fields.Nested(NamedSchema))
    checks = fields.Nested(ChecksSchema)
    similar = fields.List(fields.Nested(SimilarSchema))
    merged_into = Text(allow_none=True)
    results = fields.List(fields.Nested(ResultSchema))
    correction = fields.Dict(
        keys=fields.String(), values=fields.Dict(), metadata={"description": "更正带来的变化"}
    )


class HistorySchema(Schema):
    """One step of a case; `from` is null for the first."""

    at = Moment()
    action = Choice(Action)
    label = Text()
    source = Choice(Status, data_key="from", allow_none=True)
    target = Choice(Status, data_key="to")
    actor_role = Text()
    department = fields.Nested(NamedSchema, allow_none=True)
    note = Text(most=NOTE, allow_none=True)
    changes = fields.Dict(
        keys=fields.String(), values=fields.Dict(), metadata={"description": "{字段: {from, to}}"}
    )
    version = StrictInteger()


class AlarmSchema(Schema):
    """An alarm that rang for a due time, which may have moved since."""

    at = Moment()
    alarm = Choice(Level)
    alarm_label = Text(metadata={"example": "升级督办：责任单位负责人"})
    due_at = Moment()


class HistoryListSchema(Schema):
    """All steps of a case, and the alarms that rang beside them."""

    items = fields.List(fields.Nested(HistorySchema))
    alarms = fields.List(fields.Nested(AlarmSchema))
    next_cursor = Text(allow_none=True)


class StatusSchema(NamedSchema):
    """A status: an open case is worked on, nothing leaves a final one."""

    open = StrictBoolean()
    final = StrictBoolean()


class MoveSchema(Schema):
    """Where an action may lead from a status."""

    source = Choice(Status, data_key="from")
    targets = fields.List(Choice(Status), data_key="to")


class EdgeSchema(Schema):
    """One row of the workflow table; without a `clock` the case's time goes on as it did."""

    action = Choice(Action)
    label = Text()
    sources = fields.List(Choice(Status), data_key="from")
    targets = fields.List(Choice(Status), data_key="to")
    moves = fields.List(fields.Nested(MoveSchema))
    who = Text()
    needs = fields.List(Text())
    guards = fields.List(fields.Nested(NamedSchema))
    clock = Text(allow_none=True)
    points = Text()
    tells = fields.List(fields.Nested(NamedSchema))


class WorkflowSchema(Schema):
    """The table that decides what can be done to a case."""

    statuses = fields.List(fields.Nested(StatusSchema))
    edges = fields.List(fields.Nested(EdgeSchema))
