"""The office that most tests of case handling begin in."""

import pytest
from flask import Flask

from tests.moderation.desk import Desk, submitted
from tests.moderation.office import OTHER, REPORTER, Office


@pytest.fixture
def office(app: Flask) -> Office:
    """`office.case("accept", "verify")`: a case there; `office("reviewer")`: a client."""
    return Office(app)


@pytest.fixture
def desk(office: Office) -> Desk:
    """A photo of a submitted case, beside another of the same case and a public one of another."""
    other = Desk(office, *submitted(office, OTHER))
    other.publish()
    return Desk(office, *submitted(office, REPORTER))
