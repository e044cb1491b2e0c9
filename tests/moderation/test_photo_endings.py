"""What ends a publication (B45), what meets a redaction on its way, and both against a table."""

import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from core.clock import now
from core.database import db, reading
from core.permissions import Role
from media import decoding, publication
from media.errors import StoreAway
from media.models import Photo, Redaction
from moderation import jobs
from moderation.models import PhotoDecisionFact
from moderation.photos import decisions
from tests.moderation.desk import Desk, blacked, box, facts, objects, submitted
from tests.moderation.office import CLOSED, FALSE, OTHER, REPORTER, TRUE, WHY, Office, problem
from tests.moderation.test_two_officers import at_once

# B45: what ends a publication


def lapsed(office: Office, number: str) -> None:
    office.take(number, "ask")
    with office.app.app_context():
        assert jobs.lapse_questions(now() + timedelta(days=60)) == 1
    assert office.status(number) == "declined"


def overturned(office: Office, number: str) -> None:
    office.take(number, "accept", "verify", "dispatch")
    answer = office.act("reviewer", number, "overturn", {**FALSE, **WHY})
    assert answer.status_code == 200


def steps(*names: str) -> Callable[[Office, str], None]:
    return lambda office, number: office.take(number, *names)


ENDS: dict[str, Callable[[Office, str], None]] = {
    "declined": steps("decline"),
    "lapsed": lapsed,
    "withdrawn": steps("withdraw"),
    "unsubstantiated": steps("accept", "refute"),
    "unsubstantiated at the end": steps("accept", "verify", "dispatch", "sign", "resolve"),
    "overturned": overturned,
}


def brought_to_end(office: Office, end: str, number: str) -> None:
    ENDS[end](office, number)
    if end == "unsubstantiated at the end":
        office.take(number, "refute")


@pytest.mark.parametrize(("end", "redacted"), list(zip(ENDS, [True, False] * 3, strict=True)))
def test_a_case_that_is_rejected_takes_its_photos_from_the_public(
    desk: Desk, end: str, redacted: bool
) -> None:
    if redacted:
        desk.redact()
    desk.publish()
    neighbour = Desk(desk.office, desk.number, desk.office.seen(desk.number)["media"][1]["id"])
    for one in (desk, neighbour):
        one.collect()
    assert {desk.office("").get(link).status_code for link in desk.links} == {200}
    brought_to_end(desk.office, end, desk.number)
    assert desk.shown() is None
    for link in desk.links + neighbour.links:
        assert desk.office("").get(link).status_code == 404
        assert desk.office("").get(link.split("?")[0]).status_code == 404
        assert desk.office(OTHER).get(link.split("?")[0]).status_code == 404
    item = desk.item()
    assert item["decision"] == "hidden"
    assert neighbour.item()["decision"] is None
    fresh = [*item["variants"].values(), *(item["public"] or {}).values()]
    assert {desk.office("").get(link).status_code for link in fresh} == {200}
    assert desk.office(REPORTER).get(f"/media/{desk.photo}/thumb").status_code == 200
    assert facts(desk.office)[-1] == ("hidden", None, 1 if redacted else None)
    assert problem(desk.decide("published")) == (409, "invalid_transition")
    assert desk.decide("hidden").status_code == 200
    assert desk.shown() is None


def test_the_system_says_why_it_hid_a_photo(desk: Desk) -> None:
    desk.publish()
    desk.office.take(desk.number, "decline")
    other = Desk(desk.office, *submitted(desk.office, OTHER))
    other.publish()
    desk.office.take(other.number, "accept", "refute")
    reasons = [row[0] for row in desk.office.rows(PhotoDecisionFact.reason) if row[0]]
    assert reasons == ["该件不予受理，照片不再公开", "核查结论为不属实，照片不再公开"]


def test_other_photos_stay_public_when_a_case_ends(office: Office, desk: Desk) -> None:
    other = Desk(office, *submitted(office, OTHER))
    other.publish()
    desk.publish()
    office.take(desk.number, "decline")
    assert desk.shown() is None
    assert other.shown() == []


@pytest.mark.parametrize("verdict", ["verify", "rest of the way"])
def test_a_case_that_goes_its_way_leaves_its_photos_public(desk: Desk, verdict: str) -> None:
    desk.publish()
    desk.collect()
    way = CLOSED if verdict != "verify" else ("accept", "verify")
    desk.office.take(desk.number, *way)
    assert desk.shown() == []
    assert {desk.office("").get(link).status_code for link in desk.links} == {200}


@pytest.mark.parametrize("end", [("decline",), ("accept", "refute")])
def test_an_appeal_that_is_granted_publishes_nothing_by_itself(
    desk: Desk, end: tuple[str, ...]
) -> None:
    desk.publish()
    desk.office.take(desk.number, *end, "appeal")
    assert problem(desk.decide("published")) == (409, "invalid_transition")
    desk.office.take(desk.number, "grant_appeal")
    assert desk.shown() is None
    desk.publish()
    assert desk.shown() == []


def test_a_verdict_that_is_overturned_to_true_publishes_nothing_by_itself(desk: Desk) -> None:
    desk.publish()
    desk.office.take(desk.number, "accept", "refute")
    answer = desk.office.act("reviewer", desk.number, "overturn", {**TRUE, **WHY})
    assert answer.status_code == 200
    assert desk.shown() is None
    desk.publish()
    assert desk.shown() == []


def test_merged_reports_end_with_their_case(desk: Desk) -> None:
    primary = desk.office.case(reporter=OTHER)
    desk.publish()
    desk.office.act("dispatcher", desk.number, "merge", {"into": primary})
    assert desk.shown() == []
    desk.office.take(primary, "accept", "refute")
    assert desk.shown() is None
    assert problem(desk.decide("published")) == (409, "invalid_transition")
    assert facts(desk.office)[-1] == ("hidden", None, None)
    assert desk.office.rows(PhotoDecisionFact.subject_id)[-1] == (desk.number,)


def test_a_primary_that_is_withdrawn_leaves_its_heir_in_public(desk: Desk) -> None:
    primary = desk.office.case(reporter=OTHER)
    first = Desk(desk.office, primary, desk.office.seen(primary)["media"][0]["id"])
    first.publish()
    desk.publish()
    desk.office.act("dispatcher", desk.number, "merge", {"into": primary})
    desk.office.take(primary, "withdraw", reporter=OTHER)
    assert first.shown() is None
    assert desk.shown() == []


def test_without_the_listener_a_declined_report_would_stay_open(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: it is the listener that ends it."""
    monkeypatch.setattr(decisions, "end", lambda _session, _event: None)
    desk.publish()
    desk.office.take(desk.number, "decline")
    assert desk.shown() == []


# While a redaction is being prepared


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Callable[[], Any]], None]]:
    """`meanwhile(act)`: what others do while the next redaction is decoded, once."""
    waiting: list[Callable[[], Any]] = []
    plain = decoding.redacted

    def redacted(*args: Any, **kwargs: Any) -> Any:
        assert not db.session().in_transaction()
        while waiting:
            waiting.pop()()
        return plain(*args, **kwargs)

    monkeypatch.setattr(publication, "redacted", redacted)
    yield waiting.append
    assert not waiting


def test_what_is_published_while_a_redaction_is_prepared_is_taken_out(
    desk: Desk, meanwhile: Callable[[Any], None]
) -> None:
    meanwhile(desk.publish)
    answer = desk.redact(box(1))
    assert answer.get_json()["media"][0]["decision"] is None
    assert desk.shown() is None
    desk.publish()
    assert desk.shown() == [1]


def test_of_two_redactions_the_later_to_be_recorded_counts(
    desk: Desk, meanwhile: Callable[[Any], None]
) -> None:
    meanwhile(lambda: desk.redact(box(2)))
    meanwhile(desk.publish)  # first of both
    desk.redact(box(1))
    assert desk.shown() is None
    desk.publish()
    assert desk.shown() == [1]
    assert desk.item()["redactions"] == 2


@pytest.mark.parametrize(
    ("happens", "code"),
    [
        (lambda desk: desk.office.take(desk.number, "accept"), (412, "stale")),
        (lambda desk: desk.office.lend_phone("dispatcher", REPORTER), (403, "not_for_you")),
    ],
)
def test_rights_and_version_are_checked_again_before_a_redaction_counts(
    desk: Desk, meanwhile: Callable[[Any], None], happens: Callable[[Desk], Any], code: Any
) -> None:
    before = objects(desk.office.app)
    meanwhile(lambda: happens(desk))
    assert problem(desk.redact(match='"1-staff"')) == code
    assert objects(desk.office.app) == before
    assert desk.office.rows(Redaction.id) == []


def test_a_case_that_ends_while_a_redaction_is_prepared_stays_shut(
    desk: Desk, meanwhile: Callable[[Any], None]
) -> None:
    desk.publish()
    meanwhile(lambda: desk.office.take(desk.number, "decline"))
    assert desk.redact().status_code == 200
    assert desk.shown() is None
    assert desk.decide("published").status_code == 409


class Away:
    """A store that gives and takes nothing."""

    def __getattr__(self, _name: str) -> Any:
        raise StoreAway


def test_a_store_that_is_away_is_503_and_nothing_is_recorded(desk: Desk) -> None:
    store = desk.office.app.extensions["photo_store"]
    desk.publish()
    desk.office.app.extensions["photo_store"] = Away()
    try:
        answer = desk.redact()
    finally:
        desk.office.app.extensions["photo_store"] = store
    assert problem(answer) == (503, "media_store_unavailable")
    assert desk.office.rows(Redaction.id) == []
    assert desk.shown() == []


def test_objects_outlive_a_commit_whose_end_is_unknown(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They may have a row by then; the sweep finds out."""
    before = objects(desk.office.app)

    def fails(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError("the connection broke")

    monkeypatch.setattr(decisions, "redact", fails)
    with pytest.raises(RuntimeError):
        desk.redact()
    assert len(objects(desk.office.app) - before) == 2


@pytest.mark.parametrize("turn", range(2))
def test_publishing_and_declining_at_once_ends_in_private(desk: Desk, turn: int) -> None:
    office, match = desk.office, '"1-staff"'
    office.hire("dispatcher-2", Role.DISPATCHER)
    path = f"/cases/{desk.number}/decline"
    published, declined = at_once(
        lambda: desk.decide("published"),
        lambda: office("dispatcher-2").post(path, {"reason": "malicious"}, match=match),
    )
    assert declined.status_code == 200
    assert published.status_code in {200, 409}
    assert desk.shown() is None


def test_publishing_in_a_merged_report_and_declining_its_case_ends_in_private(desk: Desk) -> None:
    office = desk.office
    primary = office.case(reporter=OTHER)
    office.act("dispatcher", desk.number, "merge", {"into": primary})
    office.hire("dispatcher-2", Role.DISPATCHER)
    match = office("dispatcher").get(f"/cases/{primary}").headers["ETag"]
    path = f"/cases/{primary}/decline"
    published, declined = at_once(
        lambda: desk.decide("published"),
        lambda: office("dispatcher-2").post(path, {"reason": "malicious"}, match=match),
    )
    assert declined.status_code == 200
    assert published.status_code in {200, 409}
    assert desk.shown() is None


def declined_midway(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Decline the case of a merged report once a publication in it has seen that it may go on.

    What is returned waits for the end of that.
    """
    office, primary = desk.office, desk.office.case(reporter=OTHER)
    office.act("dispatcher", desk.number, "merge", {"into": primary})
    office.hire("dispatcher-2", Role.DISPATCHER)
    match = office("dispatcher").get(f"/cases/{primary}").headers["ETag"]
    path, answers = f"/cases/{primary}/decline", []

    def decline() -> None:
        answers.append(office("dispatcher-2").post(path, {"reason": "malicious"}, match=match))

    declining, plain = threading.Thread(target=decline), decisions._rejected

    def rejected(*args: Any) -> bool:
        found = plain(*args)
        declining.start()
        declining.join(0.5)
        return found

    def wait() -> None:
        declining.join()
        assert [answer.status_code for answer in answers] == [200]

    monkeypatch.setattr(decisions, "_rejected", rejected)
    return wait


def test_a_case_that_is_declined_in_the_midst_of_a_publication_ends_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait = declined_midway(desk, monkeypatch)
    desk.publish()
    wait()
    assert desk.shown() is None
    assert desk.item()["decision"] == "hidden"


def test_without_the_photos_lock_it_would_stay_public(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: it is the lock that decides above, not luck."""
    if desk.office.app.config["SQLALCHEMY_DATABASE_URI"].startswith("sqlite"):
        pytest.skip("on SQLite the whole unit of work is the lock; there is none to take off")
    wait = declined_midway(desk, monkeypatch)
    monkeypatch.setattr(publication, "locked", lambda statement: statement)
    desk.publish()
    wait()
    assert desk.shown() == []


def test_two_redactions_at_once_are_both_kept(desk: Desk) -> None:
    answers = at_once(lambda: desk.redact(box(1)), lambda: desk.redact(box(2)))
    assert [answer.status_code for answer in answers] == [200, 200]
    numbers = desk.office.rows(Redaction.number)
    assert sorted(row[0] for row in numbers) == [1, 2]


# All of it, by a table of its own


@dataclass
class Told:
    """What was told to a photo and its case; what the public may see follows from nothing else."""

    decision: str | None = None
    version: int = 0
    status: str = "submitted"

    def may_see(self) -> list[int] | None:
        if self.decision != "published":
            return None
        return [self.version] if self.version else []

    def publish(self, desk: Desk) -> None:
        rejected = self.status == "declined"
        assert desk.decide("published").status_code == (409 if rejected else 200)
        self.decision = self.decision if rejected else "published"

    def hide(self, desk: Desk) -> None:
        assert desk.decide("hidden").status_code == 200
        self.decision = "hidden"

    def redact(self, desk: Desk) -> None:
        assert desk.redact(box(self.version + 1)).status_code == 200
        self.version, self.decision = self.version + 1, None

    def end_or_reopen(self, desk: Desk) -> None:
        """Decline once, and grant the one appeal that there is."""
        if self.status == "submitted":
            desk.office.take(desk.number, "decline")
            self.status = "declined"
            self.decision = "hidden" if self.decision == "published" else self.decision
        elif self.status == "declined":
            desk.office.take(desk.number, "appeal", "grant_appeal")
            self.status = "reopened"


@pytest.mark.parametrize("seed", range(3))
def test_the_public_sees_what_was_told_and_nothing_else(desk: Desk, seed: int) -> None:
    """A walk over (published, redacted, case): no address that was ever given shows any more."""
    dice, told = random.Random(seed), Told()
    moves = [Told.publish, Told.hide, Told.redact, Told.publish, Told.end_or_reopen]
    dead: list[str] = []
    for _ in range(12):
        desk.collect()
        before = told.status
        move = dice.choice(moves)
        move(told, desk)
        seen = told.may_see()
        assert desk.shown() == seen, told
        if move in {Told.hide, Told.redact} or (before, told.status) == ("submitted", "declined"):
            dead, desk.links = dead + desk.links, []
        for link in dice.sample(dead, min(6, len(dead))):
            answer = desk.office("").get(link)
            assert answer.status_code == (404 if seen is None else 200), (told, link)
            assert seen is None or blacked(answer.data) == seen


def test_noise_is_left_alone(desk: Desk) -> None:
    """The other case's photo, which the fixture published, is where it was after all of this."""
    desk.redact()
    desk.publish()
    desk.office.take(desk.number, "decline")
    with desk.office.app.app_context(), reading() as session:
        published = select(func.count()).select_from(Photo).where(Photo.decision == "published")
        assert session.scalar(published) == 1
