"""What rewards asks of the rooms that it knows by their events only; create_app fills these."""

from datetime import datetime
from typing import Protocol

from sqlalchemy.orm import Session

from core.tokens import Caller


class CaseDesk(Protocol):
    """The case that a report's awards come from."""

    def impartial(self, session: Session, number: str, who: Caller) -> bool:
        """Lock the case of a report; say whether the officer decided nothing in it and is no party.

        Nobody decided in what is no case.
        """
        ...

    def looked_again(self, session: Session, number: str, who: Caller, now: datetime) -> None:
        """End the second look at a case's verdict: whoever releases its award agrees with it.

        All awards that waited for that go on.
        """
        ...
