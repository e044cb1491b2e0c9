"""What is asked of the statistics, and their answer."""

from collections.abc import Mapping
from typing import Any

from marshmallow import fields

from citizen.geo import Crs
from core.api import Schema
from core.fields import Choice, Day, Moment, StrictInteger, Text
from core.paging import PageQuery
from core.schemas import page_of
from moderation.schemas import CaseItemSchema
from moderation.statistics.groups import By
from moderation.statistics.measures import MEASURES, Counted

CountedCasePageSchema = page_of(CaseItemSchema, "CountedCasePageSchema")


class HandlingQuery(Schema):
    """Days of Asia/Shanghai, the last one included; the present month by default."""

    start = Day(data_key="from", load_default=None)
    end = Day(data_key="to", load_default=None)
    by = Choice(By, load_default=By.DEPARTMENT)


class CountedQuery(HandlingQuery, PageQuery):
    """Which number is listed; without `group` that of the total."""

    measure = Choice(Counted, required=True)
    group = Text(most=32, load_default=None)
    crs = Choice(Crs, load_default=Crs.WGS84)


def _number(code: Counted) -> StrictInteger:
    measure = MEASURES[code]
    return StrictInteger(least=0, metadata={"description": f"{measure.name}：{measure.rule}"})


def _numbers(title: str, about: str, others: Mapping[str, Any]) -> type[Schema]:
    made: dict[str, Any] = {code.value: _number(code) for code in Counted}
    lists = fields.Dict(keys=fields.String(), values=fields.String())
    return type(title, (Schema,), {"__doc__": about, **others, **made, "lists": lists})


NumbersSchema = _numbers(
    "NumbersSchema", "Numbers of cases, and the address of each one's list.", {}
)
GroupSchema = _numbers(
    "GroupSchema",
    "The numbers of one group; `-` is that of cases which no department leads.",
    {"code": Text(), "name": Text()},
)


class MeasureSchema(Schema):
    """What a number counts, in words."""

    code = Text()
    name = Text()
    rule = Text()


class HandlingSchema(Schema):
    """Cases submitted in the period that the caller may see, as they stand now."""

    start = Day(data_key="from")
    end = Day(data_key="to")
    by = Choice(By)
    at = Moment()
    items = fields.List(fields.Nested(GroupSchema))
    total = fields.Nested(NumbersSchema)
    measures = fields.List(fields.Nested(MeasureSchema))
