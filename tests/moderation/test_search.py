"""Search by any part of a text: the same is found however it is looked for (B70)."""

import random
from datetime import timedelta

import pytest
from sqlalchemy import delete, select

from citizen.jobs import RECENT, index_words
from citizen.models import Report, ReportWords
from core.clock import now
from core.database import writing
from core.rows import table_of
from moderation import narrowing
from tests.moderation.crowd import crowd, text
from tests.moderation.office import OTHER, Office


def found(office: Office, query: dict[str, str], by: str = "dispatcher") -> set[str]:
    asked = "&".join(f"{name}={_quoted(value)}" for name, value in query.items())
    answer = office(by).get(f"/cases?limit=100&{asked}")
    assert answer.status_code == 200, answer.get_json()
    return {item["number"] for item in answer.get_json()["items"]}


def _quoted(value: str) -> str:
    return "".join(f"%{byte:02X}" for byte in value.encode())


def test_words_find_what_holds_them_among_few_and_many(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, chance = crowd(office, 60), random.Random(3)
    for most in (1, 1, 2, 2, 2, 3, 4, 9):
        row = chance.choice(rows)
        place = row["address"] or row["description"]
        start = chance.randrange(len(place))
        asked = place[start : start + most].strip() or text(chance, 2).strip() or "水"
        for few in (narrowing.FEW, 0):
            monkeypatch.setattr(narrowing, "FEW", few)
            expected = {
                row["number"]
                for row in rows
                if any(
                    asked.lower() in (row[name] or "").lower()
                    for name in ("description", "address")
                )
            }
            assert found(office, {"q": asked}) == expected, (asked, few)
            for status in ("closed", "submitted"):
                some = {row["number"] for row in rows if row["status"] == status}
                query = {"q": asked, "status": status}
                assert found(office, query) == expected & some, (asked, few, status)


def test_a_corrected_address_is_found_and_the_wrong_one_no_more(office: Office) -> None:
    number = office.case(address="建设路5号")
    other = office.case(address="建设路7号", reporter=OTHER)
    assert found(office, {"q": "建设路"}) == {number, other}
    body = {"address": "光河路西", "reason": "地址有误"}
    assert office.act("dispatcher", number, "correct", body).status_code == 200
    assert found(office, {"q": "建设路"}) == {other}
    assert found(office, {"q": "光河"}) == {number}
    assert found(office, {"q": "排污"}) == {number, other}  # the description, as before


def test_the_words_of_a_case_are_no_way_to_learn_of_it(office: Office) -> None:
    office.case(description="举报人才知道的龘字")
    assert found(office, {"q": "龘"}, by="handler-epb") == set()


def test_what_came_without_its_words_is_found_once_the_worker_saw_it(office: Office) -> None:
    """As it does while servers of the release before this one still receive reports."""
    number, other = office.case(), office.case(reporter=OTHER)
    with office.app.app_context(), writing() as session:
        wordless = select(Report.id).where(Report.number == number).scalar_subquery()
        gone = delete(table_of(ReportWords)).where(ReportWords.report_id == wordless)
        session.connection().execute(gone)
    assert found(office, {"q": "排污"}) == {other}
    with office.app.app_context():
        assert index_words(now() + RECENT + timedelta(minutes=1)) == 0  # looks at recent ones only
        assert [index_words(now()), index_words(now())] == [1, 0]
    assert found(office, {"q": "排污"}) == {number, other}
