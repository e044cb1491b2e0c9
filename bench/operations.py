"""The operations that are measured: how each is made, and what it leaves for the next."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench import seeds
from bench.city import City
from bench.requests import PREFIX, Answer, Request, call_all
from citizen import geo
from citizen.geo import Crs

A_DAY = 4  # reports of one resident; what one sends beyond five a day earns nothing


@dataclass(frozen=True)
class Operation:
    """One operation: `make` prepares requests, `took` sees their answers."""

    name: str
    make: Callable[[int], list[Request]]
    took: Callable[[Sequence[Request], Sequence[Answer]], None]


class Counter:
    """All operations on one city; each is given what it needs by those before it."""

    def __init__(self, city: City) -> None:
        self.city = city
        self.dispatcher, self.bus = city.officer("dispatcher"), city.officer("bus")
        self._writers: list[tuple[int, str]] = []
        self.submitted: list[str] = []
        self.accepted: list[tuple[str, str]] = []
        self.codes: list[str] = []

    def operations(self) -> list[Operation]:
        """Return the operations in the order of a case's life."""
        return [
            Operation("submit", self.submit, self._submitted),
            Operation("triage list, page of 20", self.triage, _nothing),
            Operation("transition (accept)", self.accept, self._accepted),
            Operation("verdict (verify)", self.verify, _nothing),
            Operation("redeem", self.redeem, self._redeemed),
            Operation("partner redeem", self.honour, _nothing),
        ]

    def submit(self, count: int) -> list[Request]:
        """Reports of residents who send a few a day, all over the city, with a photo each."""
        while len(self._writers) < count:
            self._writers += [
                who for who in self.city.residents(-(-count // A_DAY)) for _ in range(A_DAY)
            ]
        writers = [self._writers.pop() for _ in range(count)]
        photos = self.city.photos([account for account, _ in writers])
        pairs = zip(writers, photos, strict=True)
        return [self._report(token, photo) for (_, token), photo in pairs]

    def _report(self, token: str, photo: str) -> Request:
        with self.city.app.app_context():
            inside, _ = seeds.point(self.city.chance)
        longitude, latitude = geo.from_wgs84(inside, Crs.GCJ02)
        body = {
            "channel": "suishoupai",
            "category": "WAT-OUT",
            "description": "排污口夜间排放黑水，有刺鼻气味，岸边有死鱼",
            "location": {"longitude": longitude, "latitude": latitude, "crs": "gcj02"},
            "address": "河西路与滨河大道交叉口东",
            "media": [photo],
        }
        return Request("POST", f"{PREFIX}/reports", token, body, _once())

    def _submitted(self, _requests: Sequence[Request], answers: Sequence[Answer]) -> None:
        self.submitted += [answer.json["number"] for answer in answers]

    def triage(self, count: int) -> list[Request]:
        """The dispatcher's first page."""
        return [Request("GET", f"{PREFIX}/cases?limit=20", self.dispatcher)] * count

    def accept(self, count: int) -> list[Request]:
        """The dispatcher takes fresh reports on."""
        while len(self.submitted) < count:
            self._run(Operation("", self.submit, self._submitted), count - len(self.submitted))
        numbers = [self.submitted.pop() for _ in range(count)]
        looks = [Request("GET", f"{PREFIX}/cases/{n}", self.dispatcher) for n in numbers]
        tags = [answer.headers["etag"] for answer in call_all(self.city.app, looks)]
        return [
            self._act(number, "accept", tag, {}) for number, tag in zip(numbers, tags, strict=True)
        ]

    def _act(self, number: str, action: str, tag: str, body: object) -> Request:
        path = f"{PREFIX}/cases/{number}/{action}"
        return Request("POST", path, self.dispatcher, body, {"If-Match": tag})

    def _accepted(self, _requests: Sequence[Request], answers: Sequence[Answer]) -> None:
        self.accepted += [(answer.json["number"], answer.headers["etag"]) for answer in answers]

    def verify(self, count: int) -> list[Request]:
        """First verdicts: found true, so that points are paid."""
        while len(self.accepted) < count:
            self._run(Operation("", self.accept, self._accepted), count - len(self.accepted))
        verdict = {"verdict": "substantiated", "severity": 2, "note": "现场查实"}
        taken = [self.accepted.pop() for _ in range(count)]
        return [self._act(number, "verify", tag, verdict) for number, tag in taken]

    def redeem(self, count: int) -> list[Request]:
        """Residents exchange points for a voucher, each of them a few times."""
        people = self.city.residents(-(-count // A_DAY))
        path = f"{PREFIX}/offers/{self.city.offer}/redeem"
        return [Request("POST", path, people[at // A_DAY][1], {}, _once()) for at in range(count)]

    def _redeemed(self, _requests: Sequence[Request], answers: Sequence[Answer]) -> None:
        self.codes += [answer.json["code"] for answer in answers]

    def honour(self, count: int) -> list[Request]:
        """The bus company's gate uses vouchers by their code."""
        while len(self.codes) < count:
            self._run(Operation("", self.redeem, self._redeemed), count - len(self.codes))
        path = f"{PREFIX}/partner/vouchers/redeem"
        codes = [self.codes.pop() for _ in range(count)]
        uses = [{"code": code, "terminal": "3路 0117"} for code in codes]
        return [Request("POST", path, self.bus, use, _once()) for use in uses]

    def _run(self, operation: Operation, count: int) -> None:
        requests = operation.make(count)
        operation.took(requests, call_all(self.city.app, requests))


def _once() -> dict[str, str]:
    return {"Idempotency-Key": secrets.token_hex(12)}


def _nothing(_requests: Sequence[Request], _answers: Sequence[Answer]) -> None:
    return
