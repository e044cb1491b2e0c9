"""The words of points and vouchers: states, reasons, pots and results."""

from enum import StrEnum


class AwardState(StrEnum):
    """Where an award stands; `held` waits for a person or for the release time."""

    PENDING = "pending"
    HELD = "held"
    AVAILABLE = "available"
    VOID = "void"
    NONE = "none"


class AwardReason(StrEnum):
    """What was done to earn it."""

    REPORT = "report"
    RATING = "rating"


class Hold(StrEnum):
    """Why an award waits although the verdict stands."""

    RECYCLED = "recycled"
    SECOND_LOOK = "second_look"
    BUDGET = "budget"
    RELEASE = "release"
    ERROR = "error"


class Pot(StrEnum):
    """The pots of a resident's account, none ever below 0."""

    AVAILABLE = "available"
    PENDING = "pending"
    DEBT = "debt"


class System(StrEnum):
    """The city's accounts, never locked; `promised` stands behind pending points."""

    ISSUER = "issuer"
    PROMISED = "promised"
    SPENT = "spent"
    EXPIRED = "expired"
    FORFEITED = "forfeited"
    WRITTEN_OFF = "written_off"


class EntryReason(StrEnum):
    """Why points moved, as an entry says it."""

    REPORT_SUBMITTED = "report_submitted"
    REPORT_DECIDED = "report_decided"
    RATING = "rating"
    REDEMPTION = "redemption"
    REFUND = "refund"
    EXPIRY = "expiry"
    ADJUSTMENT = "adjustment"
    FORFEITURE = "forfeiture"


class PartnerStatus(StrEnum):
    """Whether a partner takes part."""

    ACTIVE = "active"
    SUSPENDED = "suspended"


class OfferStatus(StrEnum):
    """An offer's life; residents see open ones."""

    DRAFT = "draft"
    OPEN = "open"
    PAUSED = "paused"
    CLOSED = "closed"


class VoucherStatus(StrEnum):
    """A voucher's life (contract 6)."""

    ISSUED = "issued"
    USED = "used"
    EXPIRED = "expired"
    VOID = "void"
    REFUNDED = "refunded"


VOUCHER_LABELS: dict[VoucherStatus, str] = {
    VoucherStatus.ISSUED: "待使用",
    VoucherStatus.USED: "已核销",
    VoucherStatus.EXPIRED: "已过期",
    VoucherStatus.VOID: "已作废",
    VoucherStatus.REFUNDED: "已退回",
}


class ScanResult(StrEnum):
    """What became of one line of a gate's batch."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    INVALID = "invalid"


class LineKind(StrEnum):
    """What a settlement counts: a use, or a use taken back."""

    USED = "used"
    UNDONE = "undone"
