"""Many cases at once, as rows: of all statuses, departments, places, texts; some of them helped."""

import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from citizen.models import AssistingDepartment, Report, ReportWords
from citizen.states import Clock, Status
from core.database import writing
from core.rows import key_of, put, table_of
from tests.moderation.office import Office

DEPARTMENTS = ("epb", "urban", "water")
AREAS = ("370811", "370826")
CATEGORIES = ("WAT-OUT", "AIR-DUST", "AIR-IND")
LETTERS = "黑水%_'\"\\ aAZ，。*龘İ"
OVER = (Status.CLOSED, Status.DECLINED, Status.MERGED, Status.WITHDRAWN)


def crowd(office: Office, count: int, seed: int = 7) -> list[dict[str, Any]]:
    """Add cases beside one that came over HTTP, several at one instant; return their rows."""
    chance = random.Random(seed)
    office.case()
    with office.app.app_context(), writing() as session:
        pattern = dict(session.execute(select(table_of(Report))).mappings().first() or {})
        handlers = [office.account_id(f"handler-{code}") for code in DEPARTMENTS]
    rows = [_row(pattern, at, chance, handlers) for at in range(count)]
    with office.app.app_context(), writing() as session:
        for row in rows:
            helpers = row.pop("helpers")
            row["id"] = key_of(session, Report, row)
            texts = row["description"], row["address"] or ""
            put(session, ReportWords, {"rowid": row["id"], "grams": texts})
            case = {"report_id": row["id"], "submitted_at": row["submitted_at"]}
            case["due_at"] = row["due_at"]
            put(session, AssistingDepartment, *({**case, "department": code} for code in helpers))
            row["helpers"] = helpers
    return rows


def _row(
    pattern: dict[str, Any], at: int, chance: random.Random, handlers: Sequence[int]
) -> dict[str, Any]:
    row = {name: value for name, value in pattern.items() if name != "id"}
    status = chance.choice(list(Status))
    lead = chance.choice((None, *DEPARTMENTS))
    others = [code for code in DEPARTMENTS if code != lead]
    submitted_at = row["submitted_at"] - timedelta(days=chance.randrange(4))
    return row | {
        "number": f"crowd-{at}",
        "status": status,
        "clock": Clock.STOPPED if status in OVER else Clock.RUNNING,
        "ended_at": submitted_at if status in OVER else None,
        "lead_department": lead,
        "helpers": chance.sample(others, chance.choice((0, 0, 1, 2))) if lead else [],
        "assignee_id": chance.choice((None, *handlers)),
        "area": chance.choice(AREAS),
        "category": chance.choice(CATEGORIES),
        "channel": chance.choice(("suishoupai", "huhutong")),
        "longitude": 116.5 + chance.randrange(100) / 500,
        "latitude": 35.3 + chance.randrange(100) / 500,
        "description": text(chance, 12),
        "address": chance.choice((None, text(chance, 6))),
        "submitted_at": submitted_at,
        "due_at": submitted_at + timedelta(days=chance.choice((-9, 2, 5))),
    }


def text(chance: random.Random, most: int) -> str:
    """Return some letters, among them such as a search might take for something else."""
    return "".join(chance.choice(LETTERS) for _ in range(chance.randint(1, most)))
