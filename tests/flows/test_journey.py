"""From a photo to a used voucher, over HTTP, on both channels and both databases."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image

from tests.clients import picture
from tests.conftest import PROJECT
from tests.live import Live, Person

PHOTOS = PROJECT.parent / "shared" / "data" / "photos"
IN_TOWN = {"longitude": 116.592291, "latitude": 35.414552, "crs": "gcj02", "accuracy_m": 20}
AT_THE_LAKE = {"longitude": 117.2, "latitude": 34.62, "crs": "wgs84"}
STAFFED = {"epb", "urban", "water", "agri"}
CHANNELS = [("suishoupai", "WAT-OUT", IN_TOWN), ("huhutong", "WAT-FLOAT", AT_THE_LAKE)]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def live(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Live]:
    """A live server with the demo set."""
    home = tmp_path_factory.mktemp("live")
    url = f"sqlite:///{home / 'live.sqlite3'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("new_database")("journey")
    server = Live(home, url)
    server.prepare()
    server.start()
    yield server
    server.stop()


def _real_photos() -> list[Path]:
    with (PHOTOS / "INDEX.tsv").open(encoding="utf-8") as file:
        rows = csv.DictReader(file, delimiter="\t")
        good = [
            row["file"] for row in rows if row["expected"] == "accept" and row["class"] == "gps"
        ]
    return [PHOTOS / name for name in sorted(good)]


def _walk(
    live: Live, channel: tuple[str, str, dict[str, object]], before: bytes, after: bytes
) -> None:
    code, category, place = channel
    resident = live.client("13800000001")
    dispatcher = live.client("dispatcher")
    bus = live.client("bus")
    had = resident.get("/me/points").json()["available"]

    number = _report(resident, code, category, place, before)
    assert dispatcher.act(number, "accept").json()["status"] == "accepted"
    true = dispatcher.act(number, "verify", {"verdict": "substantiated", "severity": 2})
    assert true.json()["verdict"] == "substantiated"
    assert resident.get("/me/points").json()["available"] == had + 20

    handler = live.client(f"handler-{_dispatch(dispatcher, number)}")
    assert handler.act(number, "sign").json()["status"] == "handling"
    done = {"finding": "已现场核实", "measures": "已清理", "media": [handler.upload(after)]}
    assert handler.act(number, "resolve", done).json()["status"] == "resolved"
    closing = dispatcher.act(number, "verify", {"verdict": "substantiated", "severity": 2})
    assert closing.json()["status"] == "closed"
    assert resident.get("/me/points").json()["available"] == had + 20

    _redeem(resident, bus, number, had + 20)
    told = resident.get(f"/reports/{number}").json()
    assert told["status"] == "closed"
    assert [step["action"] for step in told["timeline"]] == [
        "submit",
        "accept",
        "verify",
        "dispatch",
        "sign",
        "resolve",
        "verify",
    ]


def _dispatch(dispatcher: Person, number: str) -> str:
    """Send a case where the rules suggest, or where the demo set has somebody."""
    suggested = dispatcher.get(f"/cases/{number}").json()["suggested_department"]["code"]
    body = {} if suggested in STAFFED else {"department": "epb"}
    sent = dispatcher.act(number, "dispatch", body)
    lead: str = sent.json()["department"]["code"]
    assert lead == body.get("department", suggested)
    return lead


def _report(
    resident: Person, code: str, category: str, place: dict[str, object], photo: bytes
) -> str:
    body = {
        "channel": code,
        "category": category,
        "description": "排口有黑水流入，水面有漂浮物",
        "location": place,
        "media": [resident.upload(photo)],
    }
    made = resident.post("/reports", body, key=f"{code}-{category}")
    assert made.status_code == 201, made.text
    assert made.json()["points"] == {"state": "pending", "amount": 10}
    again = resident.post("/reports", body, key=f"{code}-{category}")
    assert again.json() == made.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    number: str = made.json()["number"]
    return number


def _redeem(resident: Person, bus: Person, number: str, balance: int) -> None:
    offers = resident.get("/offers").json()["items"]
    ticket = next(offer for offer in offers if offer["points_price"] == 20)
    got = resident.post(f"/offers/{ticket['id']}/redeem", key=f"ticket-for-{number}")
    assert got.status_code == 201, got.text
    assert resident.get("/me/points").json()["available"] == balance - 20
    voucher = resident.get(f"/me/vouchers/{got.json()['id']}").json()
    assert bus.post("/partner/vouchers/check", {"code": voucher["code"]}).status_code == 200
    use = {"code": voucher["code"].lower(), "terminal": "闸机-1"}
    used = bus.post("/partner/vouchers/redeem", use, key=f"use-{voucher['id']}")
    assert used.status_code == 200, used.text
    twice = bus.post("/partner/vouchers/redeem", use, key=f"again-{voucher['id']}")
    assert (twice.status_code, twice.json()["code"]) == (409, "already_used")
    assert resident.get(f"/me/vouchers/{voucher['id']}").json()["status"] == "used"


def test_generated_photos_go_all_the_way_on_both_channels(live: Live) -> None:
    for channel in CHANNELS:
        _walk(live, channel, picture(), picture())
    for books in ("ledger", "media", "audit"):
        assert live.flask(books, "check")
    printed = live.flask("token", "staff", "dispatcher")
    assert httpx.get(
        f"{live.url}/api/v1/me", headers={"Authorization": f"Bearer {printed}"}
    ).is_success


@pytest.mark.skipif(not PHOTOS.exists(), reason="the shared photos are not here")
def test_real_photos_go_all_the_way_on_both_channels(live: Live) -> None:
    photos = _real_photos()
    for at, (code, category, place) in enumerate(CHANNELS):
        other = {"suishoupai": "AIR-DUST", "huhutong": "WAT-SHIP"}[code]
        assert category != other
        _walk(live, (code, other, place), photos[at].read_bytes(), photos[at + 2].read_bytes())


def test_what_the_public_copy_shows_is_upright_and_tells_nothing(live: Live) -> None:
    resident = live.client("13800000002")
    identifier = resident.upload(picture(size=(2400, 1200)))
    token = resident.http.headers["Authorization"]
    copy = httpx.get(
        f"{live.url}/api/v1/media/{identifier}/large", headers={"Authorization": token}
    )
    image = Image.open(io.BytesIO(copy.content))
    assert image.size == (1600, 800)
    assert not image.getexif()
