"""What each audience may be told: the keys of every answer, by who asks. Data, and nothing else.

A shape is a dict of what may stand in an object: 0 is a plain value, `[shape]` a list. Who is not
named for an answer gets a problem instead.
"""

from typing import Any

Shape = Any


def told(names: str, **others: Shape) -> Shape:
    """Return a shape of plain values by name, and of others."""
    return {**dict.fromkeys(names.split(), 0), **others}


def page(item: Shape) -> Shape:
    return {"items": [item], "next_cursor": 0}


PROBLEM = told("type title status detail code request_id errors state")
NAMED = told("code name")
PLACE = told("longitude latitude crs accuracy_m")
LINKS = told("thumb large")
PHOTO = told("id mime_type width height")
LINKED = {**PHOTO, "variants": LINKS}

# -------------------------------------------------------------------- the reporter
STEP = told("at action label status status_label note")
RECEIPT = told(
    "number channel category status status_label description submitted_at due_at address site "
    "anonymous occurred_at points_note",
    location=PLACE,
    area=NAMED,
    points=told("state amount"),
    media=[PHOTO],
    timeline=[STEP],
)
REPORT_ITEM = told(
    "number channel category status status_label description submitted_at due_at verdict",
    location=PLACE,
    area=NAMED,
    points=told("state amount"),
)
REPORT = {
    **RECEIPT,
    **told(
        "question verdict verdict_label",
        outcome=told("status status_label verdict verdict_label"),
        result=told("at finding measures", media=[told("id width height", variants=LINKS)]),
    ),
    "media": [LINKED],
    "actions": [0],
}
UPLOAD = {
    **LINKED,
    **told("sha256 byte_size captured_at", location=told("longitude latitude crs")),
}
OFFER = told(
    "id title kind description terms partner partner_title status points_price stock_left "
    "limit_per_resident valid_days cancel_days entries opens_at closes_at"
)
OFFER_FACT = told("id title kind")
VOUCHER = told(
    "id status status_label partner partner_title terms points_price code entries uses issued_at "
    "valid_until cancel_until used_at",
    offer=OFFER_FACT,
)
ENTRY = told("id amount pot reason at expires_at", source=told("kind id"))
ACCOUNT = told("id kind created_at", roles=[0])

# -------------------------------------------------------------------- staff
CASE_ITEM = told(
    "number channel category status status_label description address occurred_at submitted_at "
    "due_at due_provisional overdue alarm alarm_label verdict verdict_label severity followers "
    "version",
    location=PLACE,
    area=NAMED,
    department=NAMED,
    suggested_department=NAMED,
    actions=[0],
)
CASE_PHOTO = {**LINKED, **told("decision content redactions", public=LINKS)}
CHECKS = {
    "photos": [
        told(
            "media distance_m minutes_before_report device place time zone_assumed screenshot",
            edited=told("hint by"),
            notes=[0],
        )
    ],
    "seen_before": [told("media number distance same_account possible_fraud")],
}
SIMILAR = told("number distance_m status description", reasons=[0])
CASE = {
    **CASE_ITEM,
    "media": [CASE_PHOTO],
    "assisting": [NAMED],
    "checks": CHECKS,
    "similar": [SIMILAR],
    "merged_into": 0,
    "results": [told("at finding measures", department=NAMED, media=[CASE_PHOTO])],
}
CHANGED = told("from to")
HISTORY = told(
    "at action label from to actor_role note version",
    department=NAMED,
    changes={
        "category": CHANGED,
        "address": CHANGED,
        "area": CHANGED,
        "suggested_department": CHANGED,
        "lead_department": CHANGED,
        "due_at": CHANGED,
        "verdict": CHANGED,
        "severity": CHANGED,
    },
)
DISCLOSURE = told(
    "id number state reason asked_at asked_role expires_at decided_at decided_role note"
)
AWARD = told(
    "id report reason state target amount verdict severity refusal release_at updated_at",
    holds=[0],
)
REDACTION = told("number at current", boxes=[told("x y width height")])
MEMBER = told("username display_name department status phone_confirmed_at", roles=[0], areas=[0])
SETTLEMENT = told(
    "partner month status issued used undone late expired conflicts amount_fen digest closed_at"
)

# -------------------------------------------------------------------- partners and the public
LOOK = told("status status_label valid_until entries uses used_at terminal", offer=OFFER_FACT)
USED = told("redemption terminal used_at", offer=OFFER_FACT)
LINE = {**USED, **told("result reason voucher_status")}
CATEGORY = told("code name group description", channels=[0])
KEYS = {"keys": [told("kty crv use alg kid x")]}

CASES = {
    "GET /cases": page(CASE_ITEM),
    "GET /cases/{report}": CASE,
    "GET /cases/{report}/history": {
        **page(HISTORY),
        "alarms": [told("at alarm alarm_label due_at")],
    },
    "GET /cases/{report}/similar": page(
        {**SIMILAR, **told("status_label submitted_at", media=[CASE_PHOTO])}
    ),
    "GET /cases/counts": told("total", items=[told("status status_label count")]),
    "GET /stats/handling/cases?measure=received": page(CASE_ITEM),
}
BESIDE_CASES = {
    "GET /cases/{report}/disclosures": page(DISCLOSURE),
    "GET /cases/{report}/media/{photo}/redactions": page(REDACTION),
}
ALL_REQUESTS = {
    "GET /awards?state=available": page(AWARD),
    "GET /disclosures": page(DISCLOSURE),
}
ALLOWED: dict[str, dict[str, Shape]] = {
    "owner": {
        "GET /me": {**ACCOUNT, **told("nickname phone", signs_in_with=[0])},
        "GET /me/reports": page(REPORT_ITEM),
        "GET /reports/{report}": REPORT,
        "GET /me/points": told("available pending debt", expiring=[told("amount expires_at")]),
        "GET /me/points/entries": page(ENTRY),
        "GET /me/vouchers": page(VOUCHER),
        "GET /me/vouchers/{voucher}": {**VOUCHER, "qr": 0},
        "GET /offers": page(OFFER),
        "POST /media": UPLOAD,
        "POST /reports": RECEIPT,
        "POST /similar-reports": page(told("category within_km within_days status status_label")),
        "POST /reports/{answered}/supplement": REPORT,
        "POST /reports/{fresh}/withdraw": REPORT,
        "POST /reports/{report}/rating": REPORT,
    },
    "other resident": {},
    "dispatcher": {
        **CASES,
        **BESIDE_CASES,
        "POST /cases/{report}/disclosures": DISCLOSURE,
        "POST /cases/{answered}/accept": CASE,
    },
    "handler": CASES,
    "reviewer": {
        **CASES,
        **BESIDE_CASES,
        **ALL_REQUESTS,
        "POST /disclosures/{disclosure}/approve": {**DISCLOSURE, "phone": 0},
    },
    "auditor": {**CASES, **BESIDE_CASES, **ALL_REQUESTS},
    "rewards admin": {
        "GET /offers": page(OFFER),
        "GET /partner/settlement?month=2026-11&partner=bus": SETTLEMENT,
    },
    "sysadmin": {"GET /staff": page(MEMBER)},
    "partner": {
        "GET /me": {**ACCOUNT, **told("username terminal")},
        "GET /partner/settlement?month=2026-11": SETTLEMENT,
        "POST /partner/vouchers/check": LOOK,
        "POST /partner/vouchers/redeem": USED,
        "POST /partner/redemptions/batch": {"items": [{**LINE, "first": LINE}]},
    },
    "public": {
        "GET /categories": page(CATEGORY),
        "GET /partner/keys": KEYS,
    },
}
# What most of them may not read at all; a problem answers, with nothing of the thing itself in it.
NOT_FOR_ALL = (
    "GET /reports/{report}",
    "GET /cases/{report}",
    "GET /cases/{report}/history",
    "GET /cases/{report}/similar",
    "GET /cases/{report}/disclosures",
    "GET /cases/{report}/media/{photo}/redactions",
    "GET /media/{photo}/large",
    "GET /media/{photo}/original",
    "GET /me/vouchers/{voucher}",
    "GET /disclosures",
    "GET /awards?state=available",
    "GET /staff",
)
# Who may open which variant of a case's photo that is not published (contract 3).
COPIES = {"owner", "dispatcher", "handler", "reviewer", "auditor"}
ORIGINALS = {"dispatcher", "reviewer"}
