"""A photo of a case, as a dispatcher handles it and as the public then sees it."""

import io
from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from PIL import Image
from sqlalchemy import select
from werkzeug.test import TestResponse

from core.database import reading
from moderation.models import PhotoDecisionFact
from tests.clients import picture
from tests.moderation.office import Office

PALE = (235, 230, 220)
SQUARES = [(16 + 64 * column, 16 + 64 * row) for row in range(3) for column in range(4)]
COPIES = ("thumb", "large")


def box(number: int) -> dict[str, int]:
    """Return the square that the redaction of that number blacks out, another for each."""
    x, y = SQUARES[(number - 1) % len(SQUARES)]
    return {"x": x, "y": y, "width": 32, "height": 32}


def blacked(data: bytes) -> list[int]:
    """Return which squares of a copy are black, by the number of their redaction."""
    with Image.open(io.BytesIO(data)) as image:
        pixels = image.convert("L")
        scale = image.width / 320
        middles = [(round((x + 16) * scale), round((y + 16) * scale)) for x, y in SQUARES]
        return [at for at, spot in enumerate(middles, 1) if pixels.getpixel(spot) < 60]  # type: ignore[operator]


@dataclass
class Desk:
    """One photo of one case, as the dispatcher handles it and as the public sees it."""

    office: Office
    number: str
    photo: str
    links: list[str] = field(default_factory=list)

    def redact(self, *boxes: dict[str, int], by: str = "dispatcher", **kwargs: Any) -> TestResponse:
        path = f"/cases/{self.number}/media/{self.photo}/redactions"
        return self.office(by).post(path, {"boxes": list(boxes or [box(1)])}, **kwargs)

    def decide(
        self, decision: str, by: str = "dispatcher", reason: str | None = None, **kwargs: Any
    ) -> TestResponse:
        body = {"decision": decision, **({} if reason is None else {"reason": reason})}
        path = f"/cases/{self.number}/media/{self.photo}/decision"
        return self.office(by).post(path, body, **kwargs)

    def publish(self) -> None:
        assert self.decide("published").status_code == 200

    def item(self, by: str = "dispatcher") -> dict[str, Any]:
        """Return what the case says of the photo."""
        case = self.office.seen(self.number, by)
        shown = case["media"] + [photo for result in case["results"] for photo in result["media"]]
        (found,) = (photo for photo in shown if photo["id"] == self.photo)
        return dict(found)

    def collect(self) -> None:
        """Keep every address that the photo has now, for staff, its owner and the public."""
        item = self.item()
        own = self.office.own(self.number)["media"]
        mine = [photo["variants"] for photo in own if photo["id"] == self.photo]
        for links in (item["variants"], item["public"] or {}, *mine):
            self.links += links.values()

    def public(self, variant: str = "large") -> TestResponse:
        return self.office("").get(f"/media/{self.photo}/{variant}")

    def shown(self) -> list[int] | None:
        """Return the squares that are black for the public in both copies; None: it sees none."""
        answers = [self.public(variant) for variant in COPIES]
        statuses = {answer.status_code for answer in answers}
        if statuses == {404}:
            return None
        assert statuses == {200}
        large, thumb = (blacked(answer.data) for answer in answers)
        assert large == thumb
        return large


def submitted(office: Office, reporter: str) -> tuple[str, str]:
    photos = [office(reporter).upload(picture(PALE)), office(reporter).upload()]
    return office.case(reporter=reporter, media=photos), photos[0]


def facts(office: Office) -> list[tuple[Any, ...]]:
    columns = PhotoDecisionFact.decision, PhotoDecisionFact.actor_id, PhotoDecisionFact.redaction
    with office.app.app_context(), reading() as session:
        found = session.execute(select(*columns).order_by(PhotoDecisionFact.id)).all()
    return [tuple(row) for row in found]


def objects(app: Flask) -> set[str]:
    with app.app_context():
        return {stored.name for stored in app.extensions["photo_store"].objects()}
