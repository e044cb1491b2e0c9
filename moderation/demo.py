"""The demo set's departments, rules and staff (contract 8)."""

from datetime import datetime

from sqlalchemy.orm import Session

from core.permissions import Role
from moderation import registry, staff
from moderation.staff import Post

OFFICERS: tuple[tuple[str, str, Post], ...] = (
    ("dispatcher", "受理员", Post(frozenset({Role.DISPATCHER}))),
    ("reviewer", "复核员", Post(frozenset({Role.REVIEWER}))),
    ("rewards", "奖励管理员", Post(frozenset({Role.REWARDS_ADMIN}))),
    ("auditor", "审计员", Post(frozenset({Role.AUDITOR}))),
    ("admin", "系统管理员", Post(frozenset({Role.SYSADMIN}))),
    ("handler-epb", "市生态环境局办理人员", Post(frozenset({Role.HANDLER}), "epb")),
    ("handler-urban", "市城市管理局办理人员", Post(frozenset({Role.HANDLER}), "urban")),
    ("handler-water", "市城乡水务局办理人员", Post(frozenset({Role.HANDLER}), "water")),
    ("handler-agri", "市农业农村局办理人员", Post(frozenset({Role.HANDLER}), "agri")),
)


def load(session: Session, now: datetime, password_hash: str) -> None:
    """Load departments and rules, and one officer per role; handlers act in the whole city."""
    registry.load_shipped(session)
    for username, display_name, post in OFFICERS:
        staff.hire(session, username, password_hash, post, now=now, display_name=display_name)
