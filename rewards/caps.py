"""What has been used of the caps: of one account by day and month, and of the city's budget."""

from datetime import date

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from rewards.awards import Rules, Usage, month_of
from rewards.models import Award
from rewards.states import AwardReason, AwardState


def usage(session: Session, account_id: int, day: date, except_id: int | None) -> Usage:
    """Return what the account's other available awards of that day and month come to."""
    first, following = month_of(day)
    counted = (Award.day == day) & (Award.reason == AwardReason.REPORT) & (Award.amount > 0)
    sums = select(
        func.coalesce(func.sum(case((counted, 1), else_=0)), 0),
        func.coalesce(func.sum(case((Award.day == day, Award.amount), else_=0)), 0),
        func.coalesce(func.sum(Award.amount), 0),
    ).where(
        Award.account_id == account_id,
        Award.state == AwardState.AVAILABLE,
        Award.day >= first,
        Award.day < following,
    )
    if except_id is not None:
        sums = sums.where(Award.id != except_id)
    reports, points_day, points_month = session.execute(sums).one()
    return Usage(int(reports), int(points_day), int(points_month))


def budget_spent(session: Session, award: Award, rules: Rules, amount: int) -> bool:
    """Say whether this award would pass the month's ceiling for the whole city.

    The sum is read without a lock, so that no row is hot for the city: two verdicts at the same
    moment may pass the ceiling by one award.
    """
    if rules.budget_a_month is None:
        return False
    first, following = month_of(award.day)
    spent = session.scalar(
        select(func.coalesce(func.sum(Award.amount), 0)).where(
            Award.state == AwardState.AVAILABLE,
            Award.day >= first,
            Award.day < following,
            Award.id != award.id,
        )
    )
    return int(spent or 0) + amount > rules.budget_a_month
