"""Whatever staff read of cases is one audit row each time, written before the bytes leave."""

from dataclasses import replace

import pytest
from flask import Flask

from core.audit import AuditEvent
from core.permissions import PERMISSIONS, Kind
from tests.moderation.desk import Desk, submitted
from tests.moderation.office import OTHER, REPORTER, WHY, Office

# Every GET that tells of cases: by whom it is tried, and what the trail says of it.
LOOKS = {
    "/awards": ("reviewer", "awards.list"),
    "/cases": ("handler-epb", "cases.list"),
    "/cases.csv": ("handler-epb", "cases.exported"),
    "/cases.xlsx": ("auditor", "cases.exported"),
    "/cases/counts": ("handler-epb", "cases.counted"),
    "/cases/<number>": ("handler-epb", "case.read"),
    "/cases/<number>/disclosures": ("dispatcher", "case.disclosures"),
    "/cases/<number>/history": ("handler-epb", "case.history"),
    "/cases/<number>/media/<public_id>/redactions": ("auditor", "photo.redactions_read"),
    "/cases/<number>/similar": ("dispatcher", "case.similar"),
    "/disclosures": ("reviewer", "disclosures.list"),
    "/media/<public_id>/large": ("handler-epb", "photo.viewed"),
    "/media/<public_id>/original": ("dispatcher", "photo.original_viewed"),
    "/media/<public_id>/thumb": ("auditor", "photo.viewed"),
    "/second-reviews": ("reviewer", "second_reviews.list"),
    "/stats/handling/cases": ("reviewer", "cases.list"),
}
# Every other one that staff may call: rules, people, offers, books, and numbers without cases.
NO_LOOKS = {
    "/me",
    "/offers",
    "/offers/<offer_id>",
    "/partner/settlement",
    "/partners",
    "/partners/<name>/terminals",
    "/rule-sets",
    "/staff",
    "/stats/handling",
    "/stats/second-reviews",
    "/workflow",
}
PHOTO = "/media/<public_id>/<any(thumb, large, original):variant>"


def test_every_route_that_staff_may_read_is_known_to_be_a_look_or_none(app: Flask) -> None:
    found = {PHOTO}
    for rule in app.url_map.iter_rules():
        permission = getattr(app.view_functions[rule.endpoint], "permission", None)
        grant = PERMISSIONS.get(permission or "")
        if "GET" in (rule.methods or ()) and grant and Kind.STAFF in grant.kinds:
            found.add(rule.rule.removeprefix("/api/v1"))
    photos = {path for path in LOOKS if path.startswith("/media/")}
    assert found == LOOKS.keys() - photos | NO_LOOKS | {PHOTO}


@pytest.fixture
def office(app: Flask) -> Office:
    return Office(app)


@pytest.fixture
def paths(office: Office, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The addresses of a case that has something of everything."""
    made = replace(office.app.extensions["settings"], second_review_percent=100)
    monkeypatch.setitem(office.app.extensions, "settings", made)
    office.case(reporter=OTHER)
    desk = Desk(office, *submitted(office, REPORTER))
    assert desk.redact().status_code == 200
    office.take(desk.number, "accept", "verify", "dispatch")
    assert office("dispatcher").post(f"/cases/{desk.number}/disclosures", WHY).status_code == 201
    query = {"/stats/handling/cases": "?measure=received"}
    return {
        rule: rule.replace("<number>", desk.number).replace("<public_id>", desk.photo)
        + query.get(rule, "")
        for rule in LOOKS
    }


def rows(office: Office) -> list[tuple[str, int | None]]:
    wanted = AuditEvent.id, AuditEvent.action, AuditEvent.actor_id
    return [(row.action, row.actor_id) for row in office.rows(*wanted)]


def test_each_look_is_one_row_and_one_that_cannot_be_noted_shows_nothing(
    office: Office, paths: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError("the audit trail is away")

    for rule, (who, action) in LOOKS.items():
        before = len(rows(office))
        answer = office(who).get(paths[rule])
        assert answer.status_code == 200, (rule, answer.get_data(as_text=True))
        assert len(answer.data) > 100, rule
        expected = [(action, office.account_id(who))]
        assert rows(office)[before:] == expected, rule
        with monkeypatch.context() as away:
            away.setattr("core.audit.record", fail)
            with pytest.raises(RuntimeError, match="away"):
                office(who).get(paths[rule])


def test_looks_that_need_no_row_write_none(office: Office) -> None:
    number = office.case("accept", "dispatch")
    seen = office.seen(number)["media"][0]
    before = rows(office)
    assert office(REPORTER).get(f"/media/{seen['id']}/thumb").status_code == 200
    assert office("").get(seen["variants"]["thumb"]).status_code == 200  # noted with the case
    for path in ("/stats/handling", "/workflow", "/me"):
        assert office("auditor").get(path).status_code == 200
    for path in ("/cases?limit=0", "/cases/3708-261125-000000-0"):
        assert office("auditor").get(path).status_code in {404, 422}
    assert office("handler-urban").get(f"/media/{seen['id']}/thumb").status_code == 404
    assert rows(office) == before
