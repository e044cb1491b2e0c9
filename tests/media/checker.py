"""A city whose pictures WeChat looks at, as its tests see it."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from core import worker
from core.audit import AuditEvent
from core.clock import now as present
from core.database import locked, reading, writing
from core.gateways.contentchecks import WeChatChecker
from core.gateways.messagepush import signature
from core.settings import ContentAccount, WeChatApp
from media import publication
from media.models import ContentState, Photo, PhotoDecision
from media.objects import new_key
from media.publication import Prepared
from media.push import jobs
from tests.clients import Api
from tests.core import wechatstub
from tests.core.wechatstub import WeChatStub

APP = WeChatApp("suishoupai", "wx-one", "app-secret")
TOKEN = "push-token"
RESIDENT, OTHER = "13800000001", "13800000002"
DOOR = "/api/v1/wechat/push"


@dataclass
class Desk:
    """An application whose content check is WeChat, and what a test does with it."""

    app: Flask
    stub: WeChatStub
    api: Callable[[str], Api]
    ahead: timedelta = timedelta(0)

    @property
    def moment(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    @contextmanager
    def at_work(self) -> Iterator[datetime]:
        """The application at the desk's moment."""
        moment = self.moment
        with self.app.app_context(), time_machine.travel(moment, tick=False):
            yield moment

    def publish(self, public_id: str | None = None) -> str:
        """Publish a photo of a new report."""
        chosen = public_id or self.reported()
        self.decide(chosen, PhotoDecision.PUBLISHED)
        return chosen

    def reported(self) -> str:
        resident = self.api(RESIDENT)
        chosen = resident.upload()
        resident.report(media=[chosen])
        return chosen

    def decide(self, public_id: str, decision: PhotoDecision) -> None:
        with self.at_work(), writing() as session:
            wanted = locked(select(Photo).where(Photo.public_id == public_id))
            publication.decide(session.scalars(wanted).one(), decision, present())

    def redact(self, public_id: str) -> None:
        with self.app.app_context(), writing() as session:
            photo = session.scalars(select(Photo).where(Photo.public_id == public_id)).one()
            publication.redact(photo, Prepared(new_key(), (), present()), photo.owner_id, present())

    def later(self, **span: float) -> None:
        self.ahead += timedelta(**span)

    def deliver(self) -> int:
        """Let the worker deliver what is due at the desk's moment."""
        with self.at_work() as moment:
            return worker.deliver(moment)

    def follow_up(self) -> int:
        with self.at_work() as moment:
            return jobs.follow_up(moment)

    def push(self, raw: bytes | dict[str, Any], **changes: Any) -> TestResponse:
        """Knock as WeChat does; at the present moment also from another thread."""
        body = json.dumps(raw).encode() if isinstance(raw, dict) else raw
        travelled = time_machine.travel(self.moment, tick=False) if self.ahead else nullcontext()
        with travelled:
            query = signed(**changes)
            return self.app.test_client().post(DOOR, query_string=query, data=body)

    def finds(self, trace_id: str, suggest: str = "pass", errcode: int = 0) -> TestResponse:
        answer = self.push(event(trace_id, suggest, errcode))
        assert (answer.status_code, answer.get_data()) == (200, b"success")
        return answer

    def photo(self, public_id: str) -> Photo:
        with self.app.app_context(), reading() as session:
            wanted = select(Photo).where(Photo.public_id == public_id)
            return session.scalars(wanted.execution_options(populate_existing=True)).one()

    def state(self, public_id: str) -> ContentState | None:
        return self.photo(public_id).content

    def is_public(self, public_id: str) -> bool:
        path = f"/api/v1/media/{public_id}/large"
        answer = self.app.test_client().get(path, buffered=True)
        assert answer.status_code in {200, 404}
        return answer.status_code == 200

    def count(self, model: type[Any], *which: Any) -> int:
        with self.app.app_context(), reading() as session:
            return session.scalar(select(func.count()).select_from(model).where(*which)) or 0

    def audited(self, public_id: str) -> list[str]:
        with self.app.app_context(), reading() as session:
            wanted = AuditEvent.subject_kind == "photo", AuditEvent.subject_id == public_id
            wanted = *wanted, AuditEvent.action.startswith("photo.content")
            return list(session.scalars(select(AuditEvent.action).where(*wanted)))


def signed(token: str = TOKEN, *covered: str, age: float = 0) -> dict[str, str]:
    query = {"timestamp": str(int(present().timestamp() - age)), "nonce": "n-1"}
    query["signature"] = signature(token, query["timestamp"], query["nonce"])
    query["msg_signature"] = signature(token, query["timestamp"], query["nonce"], *covered)
    return query


def event(trace_id: str, suggest: str = "pass", errcode: int = 0) -> dict[str, Any]:
    return {
        "MsgType": "event",
        "Event": "wxa_media_check",
        "appid": "wx-one",
        "trace_id": trace_id,
        "version": 2,
        "errcode": errcode,
        "result": {"suggest": suggest, "label": 100 if suggest == "pass" else 20002},
    }


@pytest.fixture
def stub() -> Iterator[WeChatStub]:
    with wechatstub.running() as made:
        yield made


@pytest.fixture
def desk(app: Flask, api: Callable[[str], Api], stub: WeChatStub) -> Iterator[Desk]:
    before = app.extensions["settings"], app.extensions["gateways"]
    app.extensions["settings"] = replace(
        before[0],
        public_url="https://city.example",
        content_check=ContentAccount("wechat", "suishoupai", "o-office", TOKEN, ""),
        wechat_apps=(APP,),
    )
    checker = WeChatChecker(stub.url, APP, "o-office")
    app.extensions["gateways"] = replace(before[1], content=checker)
    yield Desk(app, stub, api)
    app.extensions["settings"], app.extensions["gateways"] = before
