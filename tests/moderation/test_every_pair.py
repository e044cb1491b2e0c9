"""Every status × every action × every role, against a table written here and nowhere else.

What is allowed succeeds and leads where contract 5 says; everything else is refused and leaves no
trace; and `actions` names exactly what succeeds.
"""

from dataclasses import dataclass
from typing import Any

import pytest
from werkzeug.test import TestResponse

from core.permissions import Role
from tests.moderation.office import CLOSED, FALSE, OTHER, REPORTER, TRUE, WHY, Office, later

RESOLVED = ("accept", "verify", "dispatch", "sign", "resolve")


@dataclass(frozen=True)
class Situation:
    """A status and how a case got there; `lead`: the lead department, once it was dispatched."""

    status: str
    steps: tuple[str, ...]
    lead: bool = False


SITUATIONS = {
    "submitted": Situation("submitted", ()),
    "asked": Situation("info_requested", ("ask",)),
    "asked after acceptance": Situation("info_requested", ("accept", "ask")),
    "accepted": Situation("accepted", ("accept",)),
    "verified": Situation("accepted", ("accept", "verify")),
    "dispatched": Situation("dispatched", ("accept", "dispatch"), lead=True),
    "handling": Situation("handling", ("accept", "dispatch", "sign"), lead=True),
    "more time asked": Situation("handling", ("accept", "dispatch", "sign", "extend"), lead=True),
    "more time granted": Situation(
        "handling", ("accept", "dispatch", "sign", "extend", "grant"), lead=True
    ),
    "parked": Situation("parked", ("accept", "dispatch", "sign", "park"), lead=True),
    "resolved": Situation("resolved", RESOLVED, lead=True),
    "closed": Situation("closed", CLOSED, lead=True),
    "closed as untrue": Situation("closed", ("accept", "refute")),
    "closed and appealed": Situation("closed", (*CLOSED, "appeal"), lead=True),
    "declined": Situation("declined", ("decline",)),
    "declined and appealed": Situation("declined", ("decline", "appeal")),
    "appeal rejected": Situation("declined", ("decline", "appeal", "reject_appeal")),
    "merged": Situation("merged", ("merge",)),
    "merged after acceptance": Situation("merged", ("accept", "merge")),
    "withdrawn": Situation("withdrawn", ("withdraw",)),
}
D, H, R, OWNER = "dispatcher", "handler-epb", "reviewer", REPORTER
OPEN_ORDER = ("dispatched", "handling", "more time asked", "more time granted")

# action -> who, and for each situation that allows it the status that follows
ALLOWED: dict[str, tuple[str, dict[str, str]]] = {
    "request_info": (D, dict.fromkeys(("submitted", "accepted", "verified"), "info_requested")),
    "accept": (D, {"submitted": "accepted"}),
    "decline": (D, dict.fromkeys(("submitted", "asked"), "declined")),
    "merge": (D, dict.fromkeys(("submitted", "accepted", "verified"), "merged")),
    "unmerge": (D, {"merged": "submitted", "merged after acceptance": "accepted"}),
    "verify": (D, {"accepted": "accepted", "resolved": "closed"}),
    "dispatch": (D, dict.fromkeys(("accepted", "verified"), "dispatched")),
    "grant_extension": (D, {"more time asked": "handling"}),
    "refuse_extension": (D, {"more time asked": "handling"}),
    "park": (D, dict.fromkeys(("handling", "more time asked", "more time granted"), "parked")),
    "unpark": (D, {"parked": "handling"}),
    "rework": (D, {"resolved": "handling"}),
    "correct": (
        D,
        {"submitted": "submitted", "accepted": "accepted", "verified": "accepted"},
    ),
    "sign": (H, {"dispatched": "handling"}),
    "reassign": (H, {name: SITUATIONS[name].status for name in OPEN_ORDER}),
    "return": (H, dict.fromkeys(OPEN_ORDER, "accepted")),
    "extend": (H, {"dispatched": "dispatched", "handling": "handling"}),
    "resolve": (
        H,
        dict.fromkeys(("handling", "more time asked", "more time granted"), "resolved"),
    ),
    "overturn": (
        R,
        {
            "verified": "accepted",
            "resolved": "resolved",
            "closed": "closed",
            "closed as untrue": "closed",
            "closed and appealed": "closed",
        },
    ),
    "grant_appeal": (R, {"closed and appealed": "accepted", "declined and appealed": "submitted"}),
    "reject_appeal": (R, {"closed and appealed": "closed", "declined and appealed": "declined"}),
    "withdraw": (OWNER, dict.fromkeys(("submitted", "asked"), "withdrawn")),
    "supplement": (OWNER, {"asked": "submitted", "asked after acceptance": "accepted"}),
    "rating": (
        OWNER,
        dict.fromkeys(("closed", "closed as untrue", "closed and appealed"), "closed"),
    ),
    "appeal": (
        OWNER,
        {"closed": "closed", "closed as untrue": "closed", "declined": "declined"},
    ),
}
OWN_ACTIONS = frozenset({"withdraw", "supplement", "rating", "appeal"})
NAMES = {"rating": "rate"}
STAFF = (D, H, R, "handler-urban", "auditor", "rewards", "admin")
PEOPLE = (*STAFF, OWNER, OTHER, "bus")
READERS = {D: False, R: False, "auditor": False, H: True}  # True: only what it leads


def body_of(office: Office, action: str, case: dict[str, Any], spare: dict[str, str]) -> Any:
    bodies: dict[str, Any] = {
        "request_info": {"question": "请补充位置"},
        "decline": {"reason": "other", "note": "说明"},
        "merge": {"into": spare["primary"]},
        "verify": TRUE,
        "overturn": {**FALSE, **WHY},
        "dispatch": {"department": "urban"},
        "reassign": {"username": "colleague"},
        "extend": {**WHY, "due_at": later(case, days=1)},
        "park": {**WHY, "review_on": "2199-01-01"},
        "resolve": {"finding": "已核实", "measures": "已整改", "media": [spare["photo"]]},
        "correct": {**WHY, "address": "运河路 1 号"},
        "supplement": {"text": "在桥东侧"},
        "rating": {"satisfied": True, "score": 5},
    }
    empty = {"accept", "sign", "unpark", "withdraw", "grant_extension"}
    return bodies.get(action, {} if action in empty else WHY)


def attempt(
    office: Office, who: str, action: str, number: str, match: str, body: Any
) -> TestResponse:
    if action in OWN_ACTIONS:
        return office(who).post(f"/reports/{number}/{action}", body)
    return office(who).post(f"/cases/{number}/{action}", body, match=match)


def refusal(who: str, action: str, situation: Situation) -> int:
    """Return the status that contract 1 gives to what is not allowed."""
    if action in OWN_ACTIONS:
        return {OWNER: 409, OTHER: 404}.get(who, 403)
    if who not in {D, R, H, "handler-urban"}:
        return 403
    if who == "handler-urban" or (who == H and not situation.lead):
        return 404
    decided_before = who == R and "reject_appeal" in situation.steps
    return 409 if who == ALLOWED[action][0] and not decided_before else 403


def trace(office: Office, number: str) -> tuple[Any, ...]:
    case = office.seen(number)
    return case["version"], case["status"], len(office.history(number)), office.points()


@pytest.fixture
def spare(office: Office) -> dict[str, str]:
    office.hire("colleague", Role.HANDLER, department="epb")
    return {"primary": office.case(reporter=OTHER), "photo": office(H).upload()}


def test_the_table_here_names_every_action() -> None:
    staff = set(ALLOWED) - OWN_ACTIONS
    assert len(staff) == 21
    assert len(ALLOWED) == 25


@pytest.mark.parametrize("world", ["sqlite"], indirect=True)  # the table refuses, not the database
@pytest.mark.parametrize("name", SITUATIONS)
def test_what_is_not_allowed_is_refused_and_leaves_no_trace(
    office: Office, spare: dict[str, str], name: str
) -> None:
    situation = SITUATIONS[name]
    number = office.case(*situation.steps)
    case = office.seen(number)
    assert case["status"] == situation.status
    match = f'"{case["version"]}-staff"'
    before = trace(office, number)
    wrong = []
    for action, (role, targets) in ALLOWED.items():
        body = body_of(office, action, case, spare)
        for who in PEOPLE:
            if who == role and name in targets:
                continue
            answer = attempt(office, who, action, number, match, body)
            expected = refusal(who, action, situation)
            if answer.status_code != expected:
                wrong.append((who, action, answer.status_code, expected, answer.get_json()))
    assert wrong == []
    assert trace(office, number) == before


@pytest.mark.parametrize("name", SITUATIONS)
def test_actions_names_exactly_what_succeeds(office: Office, name: str) -> None:
    situation = SITUATIONS[name]
    number = office.case(*situation.steps)

    def expected(who: str) -> set[str]:
        return {
            NAMES.get(action, action)
            for action, (role, to) in ALLOWED.items()
            if role == who and name in to
        }

    for who, leads_only in READERS.items():
        if leads_only and not situation.lead:
            assert office(who).get(f"/cases/{number}").status_code == 404
            continue
        assert set(office.seen(number, who)["actions"]) == expected(who), who
        listed = office(who).get("/cases?limit=100").get_json()["items"]
        item = next(item for item in listed if item["number"] == number)
        assert item["actions"] == office.seen(number, who)["actions"]
    assert set(office.own(number)["actions"]) == expected(OWNER)


@pytest.mark.parametrize("action", ALLOWED)
def test_what_is_allowed_succeeds_and_leads_where_it_should(
    office: Office, spare: dict[str, str], action: str
) -> None:
    who, targets = ALLOWED[action]
    for name, target in targets.items():
        number = office.case(*SITUATIONS[name].steps)
        case = office.seen(number)
        if action == "resolve":
            spare["photo"] = office(H).upload()
        body = body_of(office, action, case, spare)
        answer = attempt(office, who, action, number, f'"{case["version"]}-staff"', body)
        assert answer.status_code == 200, (name, answer.get_json())
        assert answer.get_json()["number"] == number
        assert answer.get_json()["status"] == target, name
        last = office.history(number)[-1]
        assert (last["action"], last["to"]) == (NAMES.get(action, action), target)
        assert last["from"] == SITUATIONS[name].status
        assert office.seen(number)["version"] == case["version"] + 1
        assert last["version"] == case["version"] + 1


def test_every_status_that_is_no_end_has_a_way_out() -> None:
    left = {
        SITUATIONS[name].status
        for _, targets in ALLOWED.values()
        for name, target in targets.items()
        if target != SITUATIONS[name].status
    }
    assert {each.status for each in SITUATIONS.values()} - left == {"withdrawn"}
