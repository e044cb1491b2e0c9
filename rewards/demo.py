"""The demo set of contract 8: default rules, three partners, three offers."""

from datetime import datetime

from sqlalchemy.orm import Session

from rewards import offers, rulebook
from rewards.partners import members
from rewards.states import OfferStatus

PARTNERS = {
    "bus": "济宁市公共交通集团",
    "taibai": "太白湖景区",
    "weishan": "微山湖湿地公园",
}
OFFERS = (
    ("bus", "公交乘车券", "bus_ticket", 20, 500, 200),
    ("taibai", "太白湖景区门票券", "scenic_ticket", 100, 100, 1500),
    ("weishan", "微山湖湿地公园门票优惠券", "scenic_discount", 60, 50, 1000),
)


def load(session: Session, now: datetime, password_hash: str) -> None:
    """Fill an empty database; every partner signs in with the demo password."""
    rulebook.ship(session, now)
    for name, title in PARTNERS.items():
        partner = members.create(session, name=name, title=title, actor=None, now=now)
        members.add_account(session, partner, username=name, password_hash=password_hash, now=now)
    for partner_name, title, kind, price, stock, fen in OFFERS:
        values = {
            "partner": partner_name,
            "title": title,
            "kind": kind,
            "description": "",
            "terms": "凭券码或二维码核销一次，不找零、不兑现。",
            "status": OfferStatus.OPEN,
            "points_price": price,
            "price_fen": fen,
            "stock_left": stock,
            "limit_per_resident": None,
            "valid_days": 90,
            "cancel_days": 7,
            "entries": 1,
            "opens_at": None,
            "closes_at": None,
        }
        offers.create(session, values, actor=None, now=now)
