"""What tests of rewards start from, and the proof of the books after each of them."""

from collections.abc import Iterator

import pytest

from core.database import reading
from rewards import proof


@pytest.fixture(autouse=True)
def books_balance(request: pytest.FixtureRequest) -> Iterator[None]:
    """After every test that has a database, every invariant holds."""
    app = request.getfixturevalue("app") if "app" in request.fixturenames else None
    yield
    broken = "broken_books" in request.fixturenames
    if app is None or broken or request.module.__name__.endswith("test_proof"):
        return
    with app.app_context(), reading() as session:
        found = [text for one in proof.INVARIANTS for text in one.findings(session)]
    assert found == []
