"""Second looks as rewards knows them: whose award may be settled by whom, and what that ends."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from citizen.models import Report
from core.database import locked
from core.tokens import Caller
from moderation import access, draws
from moderation.reviews import service


class AwardDesk:
    """The body of `rewards.ports.CaseDesk`."""

    def impartial(self, session: Session, number: str, who: Caller) -> bool:
        """Lock the case of a report; say whether the officer may settle its awards."""
        case = _case(session, number)
        return case is None or access.impartial(session, case, access.officer(session, who))

    def looked_again(self, session: Session, number: str, who: Caller, now: datetime) -> None:
        """Take a released award as agreement with the verdict."""
        case = _case(session, number)
        if case is not None and draws.open_of(session, case) is not None:
            service.agree(session, case, {}, who, now)


def _case(session: Session, number: str) -> Report | None:
    """Return the case that a report belongs to, its own or its primary's, locked."""
    own = select(Report.id, Report.primary_id).where(Report.number == number)
    row = session.execute(own).one_or_none()
    if row is None:
        return None
    head = locked(select(Report).where(Report.id == (row.primary_id or row.id)))
    return session.scalars(head.execution_options(populate_existing=True)).one()
