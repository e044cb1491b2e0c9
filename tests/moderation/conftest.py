"""The office that most tests of case handling begin in."""

import pytest
from flask import Flask

from tests.moderation.office import Office


@pytest.fixture
def office(app: Flask) -> Office:
    """`office.case("accept", "verify")`: a case there; `office("reviewer")`: a client."""
    return Office(app)
