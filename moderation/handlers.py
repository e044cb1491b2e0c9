"""What moderation answers lower rooms: where a report goes, who may see a photo, what ends."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from citizen.atlas import Place
from citizen.errors import NotForYou
from citizen.events import CaseSettled
from citizen.models import Report
from citizen.ports import Assessment
from core.database import db
from core.permissions import Kind, Role
from core.tokens import Caller
from moderation import access, draws, terms
from moderation.photos import decisions, recycling

ORIGINALS = frozenset({Role.DISPATCHER, Role.REVIEWER})


def assess(category: str, place: Place, received_at: datetime) -> Assessment:
    """Suggest the department by the routing table, and the first deadline."""
    return terms.assess(db.session(), category, place, received_at)


def case_for(session: Session, who: Caller, number: str, *, acting: bool) -> Report:
    """Return a case that exists for an officer; to act on it, they must not be a party to it."""
    officer = access.officer(session, who)
    found = access.case_for(session, number, officer)
    if acting and access.parties(session, [found], officer):
        raise NotForYou
    return found


def may_view(viewer: Caller | None, subject: tuple[str, str], variant: str) -> bool:
    """Say whether somebody but the owner may see a case's photo.

    Staff with the case see the copies, dispatcher and reviewer the original too (contract 3). The
    reporter sees after-photos as they are published: faces in them are somebody else's.
    """
    kind, number = subject
    if viewer is None or viewer.kind is not Kind.STAFF or kind not in decisions.CASE_KINDS:
        return False
    if variant == "original" and not viewer.roles & ORIGINALS:
        return False
    session = db.session()
    visible = access.visible(access.officer(session, viewer))
    return session.scalar(select(Report.id).where(Report.number == number, visible)) is not None


def holds_of(session: Session, reports: Sequence[Report]) -> Mapping[int, tuple[str, ...]]:
    """Return why awards must wait: pictures that were used before, and second looks."""
    recycled = recycling.holds_of(session, reports)
    looked = draws.holds_of(session, reports)
    return {
        report: (*recycled.get(report, ()), *looked.get(report, ()))
        for report in recycled.keys() | looked.keys()
    }


def on_case_settled(event: CaseSettled) -> None:
    """Take the photos of a case that was rejected away from the public, in the same transaction."""
    decisions.end(db.session(), event)
