"""The worker's rounds through cases: one that fails holds up nobody."""

from datetime import timedelta
from typing import Any

import pytest

from citizen import workflow
from core.clock import now
from moderation import jobs
from tests.moderation.office import OTHER, Office

pytestmark = pytest.mark.parametrize("world", ["sqlite"], indirect=True)


def test_a_question_that_can_not_lapse_holds_up_no_other(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, sound = office.case("ask"), office.case("ask", reporter=OTHER)
    advance = workflow.advance

    def fails(session: Any, report: Any, *rest: Any, **kwargs: Any) -> None:
        if report.number == broken:
            raise LookupError("a rule is missing")
        advance(session, report, *rest, **kwargs)

    later = now() + timedelta(days=30)
    monkeypatch.setattr(workflow, "advance", fails)
    with office.app.app_context():
        assert jobs.lapse_questions(later) == 1
    monkeypatch.undo()
    assert (office.status(broken), office.status(sound)) == ("info_requested", "declined")
    with office.app.app_context():
        assert [jobs.lapse_questions(later) for _ in range(2)] == [1, 0]
