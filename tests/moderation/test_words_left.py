"""What each step and alarm leaves in the outbox for those whom the table names."""

from json import loads
from typing import Any

from sqlalchemy import select

from citizen.edges import EDGES
from citizen.states import Action
from citizen.workflow import STEP
from core import crypto
from core.database import reading
from core.outbox import UNCLAIMED, OutboxMessage
from moderation import jobs
from moderation.alarms import RANG
from tests.moderation.office import CLOSED, HANDLING, OTHER, Office, on, shanghai


def left(office: Office, topic: str) -> list[dict[str, Any]]:
    """Return what waits under a topic, in the order in which it was left."""
    wanted = select(OutboxMessage).where(OutboxMessage.topic == topic).order_by(OutboxMessage.id)
    with office.app.app_context(), reading() as session:
        found = session.scalars(wanted).all()
        assert {message.due_at for message in found} <= {UNCLAIMED}
        return [loads(crypto.decrypt(row.payload_ciphertext, "outbox")) for row in found]


def test_every_step_leaves_word_for_whom_the_table_names(office: Office) -> None:
    other = office.case("accept", reporter=OTHER)
    number = office.case(*CLOSED)
    words = [word for word in left(office, STEP) if word["number"] == number]
    steps = [step for step in office.history(number) if step["action"] != "submit"]
    assert [(word["version"], word["action"]) for word in words] == [
        (step["version"], step["action"]) for step in steps
    ]
    for word in words:
        assert word["to"] == [told.value for told in EDGES[Action(word["action"])].tells]
    assert other in {word["number"] for word in left(office, STEP)}


def test_a_refused_step_leaves_no_word(office: Office) -> None:
    number = office.case("accept")
    before = left(office, STEP)
    assert (
        office("dispatcher").post(f"/cases/{number}/accept", match='"2-staff"').status_code == 409
    )
    assert left(office, STEP) == before


def test_an_alarm_leaves_word_with_its_level(office: Office) -> None:
    with on(office, "03-04 10:00"):
        number = office.case(*HANDLING)
    with office.app.app_context():
        assert jobs.ring_alarms(shanghai("03-10 02:30")) == 1
    (word,) = left(office, RANG)
    assert (word["number"], word["level"]) == (number, "notice")


def test_what_is_left_names_no_person_and_no_place(office: Office) -> None:
    office.case(*CLOSED)
    for word in left(office, STEP):
        assert set(word) == {"number", "version", "action", "to"}
