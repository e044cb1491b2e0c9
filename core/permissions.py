"""Who may do what: kinds of account, roles of staff, one table that every route names a row of."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The kinds of account (contract 2)."""

    RESIDENT = "resident"
    STAFF = "staff"
    PARTNER = "partner"


class Role(StrEnum):
    """The roles of staff (contract 2)."""

    DISPATCHER = "dispatcher"
    HANDLER = "handler"
    REVIEWER = "reviewer"
    REWARDS_ADMIN = "rewards_admin"
    AUDITOR = "auditor"
    SYSADMIN = "sysadmin"


@dataclass(frozen=True)
class Grant:
    """Kinds that may, and the roles that staff among them need (any one of them)."""

    kinds: frozenset[Kind]
    roles: frozenset[Role] = frozenset()


def _anyone(*kinds: Kind) -> Grant:
    return Grant(frozenset(kinds), frozenset(Role))


def _staff(*roles: Role) -> Grant:
    return Grant(frozenset({Kind.STAFF}), frozenset(roles))


RESIDENTS = Grant(frozenset({Kind.RESIDENT}))
PARTNERS = Grant(frozenset({Kind.PARTNER}))
CASE_READERS = _staff(Role.DISPATCHER, Role.HANDLER, Role.REVIEWER, Role.AUDITOR)

PERMISSIONS: dict[str, Grant] = {
    # core
    "core.logout": _anyone(*Kind),
    "core.metrics": _staff(Role.SYSADMIN, Role.AUDITOR),
    # media
    "media.upload": _anyone(Kind.RESIDENT, Kind.STAFF),
    # citizen
    "citizen.me": _anyone(*Kind),
    "citizen.profile": RESIDENTS,
    "citizen.identities": _anyone(Kind.RESIDENT, Kind.STAFF),
    "citizen.report": RESIDENTS,
    "citizen.disclose": _staff(Role.DISPATCHER),
    "citizen.read_disclosures": _staff(Role.DISPATCHER, Role.REVIEWER, Role.AUDITOR),
    "citizen.list_disclosures": _staff(Role.REVIEWER, Role.AUDITOR),
    "citizen.decide_disclosure": _staff(Role.REVIEWER),
    # moderation
    "moderation.read": CASE_READERS,
    "moderation.export": CASE_READERS,
    "moderation.statistics": CASE_READERS,
    "moderation.act": _staff(Role.DISPATCHER, Role.HANDLER, Role.REVIEWER),
    "moderation.publish": _staff(Role.DISPATCHER),
    "moderation.respond": RESIDENTS,
    "moderation.workflow": _anyone(Kind.STAFF),
    "moderation.second_reviews": _staff(Role.REVIEWER, Role.AUDITOR),
    "moderation.review": _staff(Role.REVIEWER),
    "moderation.rules": _staff(Role.DISPATCHER, Role.REVIEWER, Role.AUDITOR, Role.SYSADMIN),
    "moderation.administer": _staff(Role.SYSADMIN),
    # rewards
    "rewards.own": RESIDENTS,
    "rewards.redeem": RESIDENTS,
    "rewards.offers": Grant(
        frozenset({Kind.RESIDENT, Kind.STAFF}), frozenset({Role.REWARDS_ADMIN, Role.AUDITOR})
    ),
    "rewards.manage": _staff(Role.REWARDS_ADMIN),
    "rewards.read": _staff(Role.REWARDS_ADMIN, Role.AUDITOR),
    "rewards.awards": _staff(Role.REVIEWER, Role.AUDITOR),
    "rewards.review": _staff(Role.REVIEWER),
    "rewards.honour": PARTNERS,
    "rewards.settlement": Grant(
        frozenset({Kind.PARTNER, Kind.STAFF}), frozenset({Role.REWARDS_ADMIN, Role.AUDITOR})
    ),
}
