"""The staff profile: department, areas, and a phone that is no way to sign in."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Dialect, ForeignKey, String, TypeDecorator
from sqlalchemy.orm import Mapped, mapped_column

from core.database import Model, UtcDateTime
from core.permissions import Role


class Codes(TypeDecorator[frozenset[str]]):
    """A set of codes, kept as sorted text so that one row read tells all of a scope."""

    impl = String(1024)
    cache_ok = True

    def process_bind_param(self, value: Iterable[str] | None, _dialect: Dialect) -> str:
        return ",".join(sorted(value or ()))

    def process_result_value(self, value: str | None, _dialect: Dialect) -> frozenset[str]:
        return frozenset(part for part in (value or "").split(",") if part)


class StaffProfile(Model):
    """Who a staff account is. No `areas` means the whole city.

    The phone carries the same blind index as a resident's (purpose `phone`), so that nobody acts on
    a case that their own phone is a party to; it may equal a resident's.
    """

    __tablename__ = "staff_profiles"
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    display_name: Mapped[str] = mapped_column(String(64))
    department: Mapped[str | None] = mapped_column(ForeignKey("departments.code"), index=True)
    areas: Mapped[frozenset[str]] = mapped_column(Codes, default=frozenset)
    phone_index: Mapped[str | None] = mapped_column(String(128), index=True)
    rotating_phone_index: Mapped[str | None] = mapped_column(String(128))
    phone_ciphertext: Mapped[bytes | None]
    phone_confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


@dataclass(frozen=True)
class Post:
    """What a staff member is to do; no `areas` means the whole city."""

    roles: frozenset[Role]
    department: str | None = None
    areas: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Scope:
    """What a staff member acts for, and the blind indexes of their own confirmed phone."""

    department: str | None
    areas: frozenset[str]
    phone_indexes: tuple[str, ...] = ()

    def covers(self, area: str) -> bool:
        """Say whether the area is theirs; without a list the whole city is."""
        return not self.areas or area in self.areas
