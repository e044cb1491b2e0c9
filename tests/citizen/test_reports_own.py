"""What a resident reads and does about their own reports, and nobody else's."""

from collections.abc import Callable

import pytest

from tests.clients import Api

SignIn = Callable[..., Api]
RESIDENT, OTHER = "13800000001", "13800000002"


def numbers(client: Api, query: str = "") -> list[str]:
    return [item["number"] for item in client.get(f"/me/reports{query}").get_json()["items"]]


def test_somebody_elses_report_is_not_there(api: SignIn) -> None:
    number = api(RESIDENT).report()["number"]
    api(OTHER).report()
    for path, method in (("", "GET"), ("/withdraw", "POST"), ("/supplement", "POST")):
        answer = api(OTHER).call(method, f"/reports/{number}{path}")
        assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found")
        nowhere = api(OTHER).call(method, f"/reports/3708-261125-000000-0{path}")
        same = ("title", "detail", "status", "type")
        assert {name: answer.get_json()[name] for name in same} == {
            name: nowhere.get_json()[name] for name in same
        }
    assert numbers(api(RESIDENT)) == [number]
    assert number not in numbers(api(OTHER))


def test_staff_and_partners_have_no_reports_of_their_own(api: SignIn) -> None:
    number = api(RESIDENT).report()["number"]
    for who in ("dispatcher", "auditor", "bus"):
        for path in ("/me/reports", f"/reports/{number}"):
            assert api(who).get(path).status_code == 403
    assert api("").get(f"/reports/{number}").status_code == 401


def test_a_number_is_read_as_people_type_it(api: SignIn) -> None:
    number = api(RESIDENT).report()["number"]
    for typed in (
        number.lower(),
        number.replace("0", "O"),
        number.replace("0", "o").replace("1", "l").lower(),
        number.replace("-", ""),
        f" {number} ",
        number.replace("-", "－"),
    ):
        told = api(RESIDENT).get(f"/reports/{typed}").get_json()
        assert told["number"] == number, typed


def test_a_wrong_check_character_is_not_there(api: SignIn) -> None:
    number = api(RESIDENT).report()["number"]
    wrong = number[:-1] + ("0" if number[-1] != "0" else "1")
    assert api(RESIDENT).get(f"/reports/{wrong}").status_code == 404


def test_a_list_shows_everything_once_while_reports_are_added(api: SignIn) -> None:
    """B71."""
    resident, noise = api(RESIDENT), api(OTHER)
    made = [resident.report()["number"] for _ in range(7)]
    noise.report()
    seen, cursor = [], ""
    for _ in range(10):
        page = resident.get(f"/me/reports?limit=3{cursor}").get_json()
        seen += [item["number"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        resident.report()
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == made[::-1]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=-1",
        "limit=x",
        "limit=99999999999999999999",
        "cursor=x",
        "cursor=W10",
        "cursor=WyIyMDI2Il0",
        "cursor=%00",
        "page=2",
        "status=gone",
        "status=",
        "limit=1&limit=2",
        "crs=utm",
    ],
)
def test_a_list_refuses_what_it_does_not_know(api: SignIn, query: str) -> None:
    """B68."""
    answer = api(RESIDENT).get(f"/me/reports?{query}")
    assert answer.status_code == 422
    assert list(answer.get_json()["errors"]) == [query.split("=", maxsplit=1)[0]]


def test_a_list_may_be_of_one_status(api: SignIn) -> None:
    resident = api(RESIDENT)
    first, second = resident.report()["number"], resident.report()["number"]
    resident.post(f"/reports/{first}/withdraw")
    assert numbers(resident, "?status=withdrawn") == [first]
    assert numbers(resident, "?status=submitted") == [second]
    assert numbers(resident, "?status=closed") == []


def test_a_list_answers_in_the_system_asked_for(api: SignIn) -> None:
    resident = api(RESIDENT)
    resident.report()
    plain = resident.get("/me/reports").get_json()["items"][0]["location"]
    shifted = resident.get("/me/reports?crs=gcj02").get_json()["items"][0]["location"]
    assert (plain["crs"], shifted["crs"]) == ("wgs84", "gcj02")
    assert 0.004 < shifted["longitude"] - plain["longitude"] < 0.008


def test_a_list_says_what_each_report_earns(api: SignIn) -> None:
    resident = api(RESIDENT)
    resident.report()
    resident.report(anonymous=True)
    points = [item["points"] for item in resident.get("/me/reports").get_json()["items"]]
    assert points == [{"state": "none", "amount": 0}, {"state": "pending", "amount": 10}]


def test_a_withdrawal_takes_a_report_back_once(api: SignIn) -> None:
    resident = api(RESIDENT)
    number = resident.report()["number"]
    gone = resident.post(f"/reports/{number}/withdraw").get_json()
    assert (gone["status"], gone["status_label"]) == ("withdrawn", "已撤回")
    assert gone["points"] == {"state": "void", "amount": 0}
    assert gone["due_at"] is None
    assert gone["actions"] == []
    again = resident.post(f"/reports/{number}/withdraw")
    assert (again.status_code, again.get_json()["code"]) == (409, "invalid_transition")
    assert resident.get("/me/points").get_json()["pending"] == 0


def test_a_withdrawal_takes_no_fields(api: SignIn) -> None:
    resident = api(RESIDENT)
    number = resident.report()["number"]
    path = f"/reports/{number}/withdraw"
    assert resident.post(path, {"reason": "x"}).status_code == 422
    assert (
        resident.call("POST", path, data="x", headers={"Content-Type": "text/plain"}).status_code
        == 415
    )
    assert resident.post(path, {}).status_code == 200


def test_answers_are_private(api: SignIn) -> None:
    resident = api(RESIDENT)
    number = resident.report()["number"]
    for path in ("/me/reports", f"/reports/{number}"):
        headers = resident.get(path).headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_the_timeline_tells_steps_and_never_who_took_them(api: SignIn) -> None:
    resident, dispatcher = api(RESIDENT), api("dispatcher")
    number = resident.report()["number"]
    dispatcher.act(number, "accept")
    dispatcher.act(number, "correct", {"reason": "内部说明", "address": "运河路 1 号"})
    dispatcher.act(number, "dispatch", {"department": "urban"})
    told = resident.get(f"/reports/{number}").get_json()
    steps = [(step["action"], step["status_label"]) for step in told["timeline"]]
    assert steps == [("submit", "待受理"), ("accept", "已受理"), ("dispatch", "已派单")]
    assert all(
        set(step) == {"at", "action", "label", "status", "status_label", "note"}
        for step in told["timeline"]
    )
    assert "内部说明" not in str(told)


def test_categories_are_those_of_a_channel(api: SignIn) -> None:
    everything = api("").get("/categories").get_json()["items"]
    lake = api("").get("/categories?channel=huhutong").get_json()["items"]
    codes = {item["code"] for item in lake}
    assert {"WAT-OUT", "WAT-SHIP", "WAT-FARM", "WAT-FLOAT", "ECO-WET", "ECO-WILD"} <= codes
    assert codes < {item["code"] for item in everything}
    assert {"code", "name"} <= set(lake[0])
    assert api("").get("/categories?channel=fax").get_json()["items"] == []
