"""Who follows a case, after its primary has gone or moved on, and what the others learn of it."""

import pytest

from core.audit import AuditEvent
from core.permissions import Role
from tests.moderation.office import CLOSED, OTHER, REPORTER, TRUE, WHY, Office, problem

pytestmark = pytest.mark.parametrize("world", ["sqlite"], indirect=True)
THIRD = "13800000003"
WORDS = "这是另一位居民的话"
UNHAPPY = {"satisfied": False, "score": 1, "comment": WORDS}


def led(office: Office, *followers: str) -> tuple[str, ...]:
    """Return a primary and reports that one dispatcher merged into it."""
    primary = office.case(reporter=REPORTER)
    joined = [office.case(reporter=phone) for phone in followers]
    for number in joined:
        assert office.act("dispatcher", number, "merge", {"into": primary}).status_code == 200
    return primary, *joined


def test_who_joined_a_report_does_not_part_it_from_the_heir_once_points_moved(
    office: Office,
) -> None:
    """The heir's verdict counts, not that of the primary which was withdrawn without one."""
    primary, heir, number = led(office, OTHER, THIRD)
    office.take(primary, "withdraw")
    assert office.seen(number)["merged_into"] == heir
    office.hire("dispatcher-2", Role.DISPATCHER)
    assert "unmerge" in office.seen(number)["actions"]
    for action, body in (("accept", None), ("verify", TRUE)):
        assert office.act("dispatcher-2", heir, action, body).status_code == 200
    assert office.points(THIRD)["available"] == 2
    assert "unmerge" not in office.seen(number)["actions"]
    assert problem(office.act("dispatcher", number, "unmerge", WHY)) == (403, "decided_before")
    assert office.act("dispatcher-2", number, "unmerge", WHY).status_code == 200


def test_whom_a_report_follows_after_a_withdrawal_stands_in_the_audit_trail(
    office: Office,
) -> None:
    primary, heir, number = led(office, OTHER, THIRD)
    office.take(primary, "withdraw")
    wanted = AuditEvent.action, AuditEvent.subject_id, AuditEvent.details
    rows = [row for row in office.rows(*wanted) if row.action == "case.follow"]
    assert [(row.subject_id, row.details) for row in rows] == [(number, {"into": heir})]


@pytest.mark.parametrize("decision", ["reject_appeal", "grant_appeal"])
def test_reporters_of_one_case_do_not_read_each_others_appeals(
    office: Office, decision: str
) -> None:
    primary, number = led(office, OTHER)
    office.take(primary, *CLOSED)
    assert office(OTHER).post(f"/reports/{number}/rating", UNHAPPY).status_code == 200
    assert WORDS in str(office.history(primary))  # the reviewer must
    assert office.act("reviewer", primary, decision, WHY).status_code == 200
    told = office(REPORTER).get(f"/reports/{primary}").get_json()
    assert WORDS not in str(told)
    assert not {"appeal", decision} & {step["action"] for step in told["timeline"]}
    reopened = [step["status"] for step in told["timeline"] if step["label"] == "重新办理"]
    assert reopened == (["accepted"] if decision == "grant_appeal" else [])


def test_reporters_read_their_own_appeals(office: Office) -> None:
    number = office.case(*CLOSED, "appeal")
    assert office.act("reviewer", number, "grant_appeal", WHY).status_code == 200
    told = office.own(number)["timeline"]
    assert [step["action"] for step in told][-2:] == ["appeal", "grant_appeal"]
    assert told[-2]["note"] == WHY["reason"]


@pytest.mark.parametrize("part", ["merge", "accept", "dispatch"])
def test_who_decided_anything_about_merged_reports_is_no_judge_of_them(
    office: Office, part: str
) -> None:
    """Reports that were merged are one case; who dispatched it decided in it as well."""
    office.hire("both", Role.DISPATCHER, Role.REVIEWER)
    primary, number, noise = office.case(), office.case(reporter=OTHER), office.case(*CLOSED)
    decided = {"merge": (number, {"into": primary}), "accept": (number, None),
               "dispatch": (primary, {"department": "epb"})}  # fmt: skip
    office.take(primary, "accept", "verify")
    chosen, body = decided[part]
    assert office.act("both", chosen, part, body).status_code == 200
    if part != "merge":
        assert office.act("dispatcher", number, "merge", {"into": primary}).status_code == 200
    assert "overturn" not in office.seen(primary, "both")["actions"]
    assert "overturn" in office.seen(primary, "reviewer")["actions"]
    assert "overturn" in office.seen(noise, "both")["actions"]
    answer = office.act("both", primary, "overturn", {**TRUE, **WHY})
    assert problem(answer) == (403, "decided_before")
    assert office.act("dispatcher", number, "unmerge", WHY).status_code in {200, 403}
    assert office.act("reviewer", primary, "overturn", {**TRUE, **WHY}).status_code == 200
