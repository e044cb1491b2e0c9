"""WeChat, SMS and identity: what they refuse, what is told of it, and that secrets stay inside."""

import hashlib
import logging
import sys
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from types import ModuleType, SimpleNamespace
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
import respx
from structlog.testing import capture_logs

from core import gateways
from core.database import reading, writing
from core.errors import DomainError, Invalid
from core.gateways import miniprograms, providers, textmessages
from core.gateways.miniprograms import (
    ConsoleWeChat,
    HttpWeChat,
    WeChatBlocked,
    WeChatBusy,
    WeChatCodeInvalid,
    WeChatSession,
    WeChatUnavailable,
)
from core.gateways.providers import (
    AppMark,
    ConsoleIdentity,
    HttpIdentity,
    IdentityUnavailable,
    Proof,
    TicketInvalid,
    load_adapter,
)
from core.gateways.textmessages import AlibabaSms, ConsoleSms, SmsUnavailable, TencentSms
from core.settings import (
    IdentityAccount,
    SettingsError,
    SmsAccount,
    WeChatApp,
    from_environment,
)

WECHAT = "https://wechat.test"
SECRET, SESSION_KEY = "canary-app-secret", "canary-session-key"
APPS = (WeChatApp("suishoupai", "wx-one", SECRET), WeChatApp("huhutong", "wx-two", "other-secret"))
SMS_ACCOUNT = SmsAccount("1400", "key-id", "key-secret", "济宁随手拍", (("code", "SMS_1"),))
IDENTITY = IdentityAccount("mark", "word", "core.gateways.providers:AppMark")
PERSON = {"openid": "o-person", "session_key": SESSION_KEY}


@pytest.fixture(autouse=True)
def inside(world: Any) -> Iterator[None]:
    with world.app.app_context():
        yield


@pytest.fixture
def server() -> Iterator[respx.MockRouter]:
    with respx.mock(base_url=WECHAT) as router:
        yield router


def ask(code: str = "code-1", app: str = "suishoupai") -> WeChatSession:
    return HttpWeChat(WECHAT, APPS).code_to_session(app, code)


def test_wechat_is_asked_with_the_apps_own_id_and_secret_and_names_the_person(
    server: respx.MockRouter,
) -> None:
    route = server.get("/sns/jscode2session").respond(json={**PERSON, "unionid": "u-person"})
    assert ask(app="huhutong") == WeChatSession("wx-two", "o-person", "u-person")
    sent = route.calls.last.request.url.params
    assert dict(sent) == {
        "appid": "wx-two",
        "secret": "other-secret",
        "js_code": "code-1",
        "grant_type": "authorization_code",
    }


@pytest.mark.parametrize(
    ("errcode", "error", "status"),
    [
        (40163, WeChatCodeInvalid, 401),
        (40029, WeChatCodeInvalid, 401),
        (45011, WeChatBusy, 429),
        (40226, WeChatBlocked, 403),
        (40013, WeChatUnavailable, 503),
        (40125, WeChatUnavailable, 503),
        ("40029", WeChatUnavailable, 503),
        (True, WeChatUnavailable, 503),
        ([1], WeChatUnavailable, 503),
    ],
)
def test_an_errcode_in_an_answer_of_status_200_is_an_error_of_its_own(
    server: respx.MockRouter, errcode: Any, error: type[DomainError], status: int
) -> None:
    body = {**PERSON, "errcode": errcode, "errmsg": f"{SECRET} rid: 1"}
    route = server.get("/sns/jscode2session").respond(json=body)
    with pytest.raises(error) as raised:
        ask()
    assert raised.value.status == status
    assert (raised.value.retry_after is not None) == (status in {429, 503})
    assert route.call_count == 1


def test_an_errcode_of_zero_is_none(server: respx.MockRouter) -> None:
    server.get("/sns/jscode2session").respond(json={**PERSON, "errcode": 0, "errmsg": "ok"})
    assert ask().open_id == "o-person"


def test_a_busy_wechat_is_asked_again(
    server: respx.MockRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(miniprograms, "PAUSE", 0)
    busy = httpx.Response(200, json={"errcode": -1, "errmsg": "system error"})
    answers = [busy, busy, httpx.Response(200, json=PERSON)]
    route = server.get("/sns/jscode2session").mock(side_effect=answers)
    assert ask().open_id == "o-person"
    assert route.call_count == 3


def test_a_wechat_that_stays_busy_is_given_up_after_three_times(server: respx.MockRouter) -> None:
    route = server.get("/sns/jscode2session").respond(json={"errcode": -1})
    began = time.monotonic()
    with pytest.raises(WeChatUnavailable):
        ask()
    assert route.call_count == 3
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    "body",
    [
        {"session_key": SESSION_KEY},
        {"openid": ""},
        {"openid": None},
        {"openid": 7},
        {"openid": "o" * 200},
        {"openid": "o\u00e9"},
        [],
        None,
    ],
)
def test_an_answer_that_names_nobody_opens_nothing(server: respx.MockRouter, body: Any) -> None:
    server.get("/sns/jscode2session").respond(json=body)
    with pytest.raises(WeChatUnavailable):
        ask()


@pytest.mark.parametrize("union_id", ["", 7, "u" * 200, None])
def test_a_union_id_that_is_none_is_left_out(server: respx.MockRouter, union_id: Any) -> None:
    server.get("/sns/jscode2session").respond(json={**PERSON, "unionid": union_id})
    assert ask().union_id is None


@pytest.mark.parametrize(
    "fault",
    [
        httpx.ConnectError("no"),
        httpx.ReadTimeout(f"slow {SECRET}"),
        httpx.RemoteProtocolError("cut off"),
        httpx.Response(502, text="<html>bad gateway</html>"),
        httpx.Response(200, content=b"\xff\xfe\x00"),
    ],
)
def test_a_wechat_that_is_away_is_503_and_asked_once_since_the_code_may_be_used_up(
    server: respx.MockRouter, fault: Any
) -> None:
    behaviour = {"side_effect": fault} if isinstance(fault, Exception) else {"return_value": fault}
    route = server.get("/sns/jscode2session").mock(**behaviour)
    with pytest.raises(WeChatUnavailable) as raised:
        ask()
    assert route.call_count == 1
    shown = "".join(traceback.format_exception(raised.value))
    assert SECRET not in shown


def test_an_app_that_is_none_of_ours_is_refused_before_anybody_is_asked(
    server: respx.MockRouter,
) -> None:
    with pytest.raises(Invalid) as raised:
        ask(app="wx-one")
    assert list(raised.value.errors or ()) == ["app"]
    assert not server.calls


def test_secret_and_session_key_are_in_no_log_and_no_representation(
    server: respx.MockRouter, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)  # the level of production
    server.get("/sns/jscode2session").mock(
        side_effect=[
            httpx.Response(200, json=PERSON),
            httpx.Response(200, json={"errcode": 40163, "errmsg": SECRET, **PERSON}),
            httpx.Response(200, json={"session_key": SESSION_KEY}),
            httpx.ReadTimeout(SECRET),
        ]
    )
    said = [repr(APPS)]
    with capture_logs() as logged:
        said.append(repr(ask()))
        for _ in range(3):
            with pytest.raises(DomainError) as raised:
                ask()
            said.append("".join(traceback.format_exception(raised.value)))
    assert len(logged) == 3
    for text in (*said, *capfd.readouterr(), caplog.text, repr(logged)):
        assert SECRET not in text
        assert SESSION_KEY not in text


def test_the_wechat_double_says_that_it_is_one_and_knows_a_code_again() -> None:
    double = ConsoleWeChat()
    with capture_logs() as logged:
        first = double.code_to_session("suishoupai", "a")
    assert [(line["log_level"], "development double" in line["says"]) for line in logged] == [
        ("warning", True)
    ]
    assert double.code_to_session("suishoupai", "a") == first
    assert double.code_to_session("suishoupai", "b").open_id != first.open_id
    other = double.code_to_session("huhutong", "a")
    assert (other.open_id, other.app_id) == (first.open_id, "console-huhutong")
    with pytest.raises(Invalid):
        double.code_to_session("taobao", "a")


def test_nobody_is_asked_while_a_transaction_is_open() -> None:
    calls = [
        gateways.wechat,
        gateways.sms,
        gateways.identity,
        lambda: HttpWeChat(WECHAT, APPS).code_to_session("suishoupai", "c"),
        lambda: ConsoleWeChat().code_to_session("suishoupai", "c"),
        lambda: ConsoleSms().send("13800000001", "code", {}),
        lambda: ConsoleIdentity().subject_of("aishandong", "t"),
        lambda: HttpIdentity("https://id.test", AppMark(IDENTITY)).subject_of("aishandong", "t"),
    ]
    for call in calls:
        with pytest.raises(RuntimeError, match="transaction"), writing():
            call()
    with reading():
        pass  # none of them left a transaction behind


def test_the_sms_double_writes_the_code_to_standard_error_with_a_warning(
    capfd: pytest.CaptureFixture[str],
) -> None:
    ConsoleSms().send("13812345678", "code", {"code": "042042"})
    out, err = capfd.readouterr()
    assert out == ""
    assert "042042" in err
    assert "WARNING" in err
    assert "development double" in err
    assert "13812345678" not in err


def plant(monkeypatch: pytest.MonkeyPatch, **modules: dict[str, Any]) -> None:
    """Put working stand-ins for the gateways' client libraries where they are imported from."""
    for dotted, members in modules.items():
        name = dotted.replace("__", ".")
        parts = name.split(".")
        for end in range(1, len(parts)):
            package = ".".join(parts[:end])
            monkeypatch.setitem(
                sys.modules, package, sys.modules.get(package) or ModuleType(package)
            )
        module = ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)


class Recorder:
    """A client library in small: keeps what it is told and answers as it is set up."""

    def __init__(self, answer: Any) -> None:
        self.answer, self.requests, self.made = answer, [], []

    def client(self, *arguments: Any, **named: Any) -> Any:
        self.made.append((arguments, named))
        return SimpleNamespace(SendSms=self.send, send_sms=self.send)

    def send(self, request: Any) -> Any:
        self.requests.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def tencent(monkeypatch: pytest.MonkeyPatch, answer: Any) -> Recorder:
    recorder = Recorder(answer)
    plant(
        monkeypatch,
        tencentcloud__sms__v20210111__models={"SendSmsRequest": SimpleNamespace},
        tencentcloud__sms__v20210111__sms_client={"SmsClient": recorder.client},
        tencentcloud__common__credential={"Credential": lambda *key: key},
        tencentcloud__common__profile__client_profile={"ClientProfile": lambda **named: named},
        tencentcloud__common__profile__http_profile={"HttpProfile": lambda **named: named},
    )
    return recorder


def alibaba(monkeypatch: pytest.MonkeyPatch, answer: Any) -> Recorder:
    recorder = Recorder(answer)
    plant(
        monkeypatch,
        alibabacloud_dysmsapi20170525__models={"SendSmsRequest": lambda **named: named},
        alibabacloud_dysmsapi20170525__client={"Client": recorder.client},
        alibabacloud_tea_openapi__models={"Config": lambda **named: named},
    )
    return recorder


def test_tencent_gets_number_template_and_parameters_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recorder = tencent(monkeypatch, SimpleNamespace(SendStatusSet=[SimpleNamespace(Code="Ok")]))
    TencentSms(SMS_ACCOUNT).send("13800000001", "code", {"code": "123456"})
    (request,) = recorder.requests
    assert request.PhoneNumberSet == ["+8613800000001"]
    assert (request.TemplateId, request.TemplateParamSet) == ("SMS_1", ["123456"])
    assert (request.SmsSdkAppId, request.SignName) == ("1400", "济宁随手拍")
    (((key, region, profile), _),) = recorder.made
    assert (key, region) == (("key-id", "key-secret"), "ap-guangzhou")
    assert profile == {"httpProfile": {"reqTimeout": 5}}


@pytest.mark.parametrize(
    "answer",
    [
        SimpleNamespace(SendStatusSet=[SimpleNamespace(Code="LimitExceeded")]),
        SimpleNamespace(SendStatusSet=[]),
        RuntimeError("+8613800000001 unreachable"),
    ],
)
def test_a_message_that_tencent_does_not_take_is_503(
    monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    tencent(monkeypatch, answer)
    gateway = TencentSms(SMS_ACCOUNT)
    with capture_logs() as logged, pytest.raises(SmsUnavailable) as raised:
        gateway.send(phone := "13800000001", "code", {"code": "123456"})
    shown = "".join(raised.value.args) + repr(raised.value.__cause__) + repr(logged)
    assert phone not in shown
    assert "123456" not in shown
    assert raised.value.__context__ is None or raised.value.__suppress_context__


def test_alibaba_gets_number_template_and_parameters_by_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recorder = alibaba(monkeypatch, SimpleNamespace(body=SimpleNamespace(code="OK")))
    AlibabaSms(SMS_ACCOUNT).send("13800000001", "code", {"code": "123456"})
    assert recorder.requests == [
        {
            "phone_numbers": "13800000001",
            "sign_name": "济宁随手拍",
            "template_code": "SMS_1",
            "template_param": '{"code": "123456"}',
        }
    ]
    (((config,), _),) = recorder.made
    assert config["read_timeout"] == config["connect_timeout"] == 5000


@pytest.mark.parametrize(
    "answer",
    [
        SimpleNamespace(body=SimpleNamespace(code="isv.BUSINESS_LIMIT_CONTROL")),
        RuntimeError("gone"),
    ],
)
def test_a_message_that_alibaba_does_not_take_is_503(
    monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    alibaba(monkeypatch, answer)
    with pytest.raises(SmsUnavailable):
        AlibabaSms(SMS_ACCOUNT).send("13800000001", "code", {"code": "123456"})


REAL_GATEWAY = {
    "SMS_KEY_ID": "a",
    "SMS_KEY_SECRET": "b",
    "SMS_SIGN": "c",
    "SMS_TEMPLATES": "code:SMS_1,notice:SMS_2",
}


def test_settings_choose_the_bodies(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    tencent(monkeypatch, None)
    alibaba(monkeypatch, None)
    base = {"INSTANCE_PATH": str(tmp_path)}
    console = from_environment(base)
    assert isinstance(textmessages.sms_body(console), ConsoleSms)
    assert isinstance(miniprograms.wechat_body(console), ConsoleWeChat)
    assert isinstance(providers.identity_body(console), ConsoleIdentity)
    real = {**base, **REAL_GATEWAY, "WECHAT_APPS": "suishoupai:wx1:s", "SMS_GATEWAY": "tencent"}
    made = from_environment({**real, "IDENTITY_PROVIDER_URL": "https://id.test"})
    assert isinstance(textmessages.sms_body(made), TencentSms)
    assert isinstance(miniprograms.wechat_body(made), HttpWeChat)
    assert isinstance(providers.identity_body(made), HttpIdentity)
    assert isinstance(
        textmessages.sms_body(from_environment({**real, "SMS_GATEWAY": "alibaba"})), AlibabaSms
    )


@pytest.mark.parametrize("missing", [*REAL_GATEWAY])
def test_a_real_sms_gateway_without_its_account_stops_the_start(
    tmp_path: Any, missing: str
) -> None:
    given = {name: value for name, value in REAL_GATEWAY.items() if name != missing}
    with pytest.raises(SettingsError, match=missing):
        from_environment({"INSTANCE_PATH": str(tmp_path), "SMS_GATEWAY": "tencent", **given})


@pytest.mark.parametrize("templates", ["SMS_1", "notice:SMS_1", "code:SMS:1"])
def test_templates_that_lack_the_code_stop_the_start(tmp_path: Any, templates: str) -> None:
    given = {**REAL_GATEWAY, "SMS_TEMPLATES": templates, "SMS_GATEWAY": "alibaba"}
    with pytest.raises(SettingsError, match="SMS_TEMPLATES"):
        from_environment({"INSTANCE_PATH": str(tmp_path), **given})


@pytest.fixture
def provider() -> Iterator[respx.MockRouter]:
    with respx.mock(base_url="https://id.test", assert_all_called=False) as router:
        yield router


def subject_of(ticket: str = "ST-1", provider: str = "aishandong") -> Proof:
    made = HttpIdentity("https://id.test", load_adapter(IDENTITY))
    return made.subject_of(provider, ticket)


def good(data: Any) -> httpx.Response:
    return httpx.Response(200, json={"retcode": "000000", "data": data})


def test_a_ticket_becomes_a_token_becomes_a_person(provider: respx.MockRouter) -> None:
    tickets = provider.post("/ticketValidate").mock(return_value=good('{"token": "T"}'))
    people = provider.post("/findOutsideUserByToken").mock(
        return_value=good({"uuid": "u-1", "mobile": "13800000001", "name": "某人"})
    )
    assert subject_of() == Proof("u-1", "13800000001")
    sent = parse_qs(tickets.calls.last.request.content.decode())
    assert sent["ticket"] == ["ST-1"]
    assert sent["appMark"] == ["mark"]
    assert parse_qs(people.calls.last.request.content.decode())["token"] == ["T"]


def test_the_signature_is_that_of_public_code() -> None:
    now = datetime(2026, 11, 25, tzinfo=UTC)
    path, form = AppMark(IDENTITY).request("ticketValidate", {"ticket": "t"}, now)
    assert path == "/ticketValidate"
    assert form["time"] == "1795564800000"
    assert form["sign"] == hashlib.md5(b"markword1795564800000").hexdigest()


def test_a_ticket_that_the_provider_refuses_is_401(provider: respx.MockRouter) -> None:
    provider.post("/ticketValidate").respond(json={"retcode": "100001", "data": None})
    with pytest.raises(TicketInvalid):
        subject_of()


@pytest.mark.parametrize(
    "fault",
    [
        httpx.Response(500, text="no"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={"data": {}}),
        good("not json"),
        good(None),
        good({"token": ""}),
        good({"token": 7}),
        httpx.ConnectTimeout("away"),
    ],
)
def test_a_provider_that_can_not_be_read_is_503(provider: respx.MockRouter, fault: Any) -> None:
    behaviour = {"side_effect": fault} if isinstance(fault, Exception) else {"return_value": fault}
    provider.post("/ticketValidate").mock(**behaviour)
    with pytest.raises(IdentityUnavailable):
        subject_of()


@pytest.mark.parametrize("person", [{}, {"uuid": ""}, {"uuid": 7}, {"uuid": "u" * 300}])
def test_a_person_without_a_subject_is_503(provider: respx.MockRouter, person: Any) -> None:
    provider.post("/ticketValidate").mock(return_value=good({"token": "T"}))
    provider.post("/findOutsideUserByToken").mock(return_value=good(person))
    with pytest.raises(IdentityUnavailable):
        subject_of()


def test_a_provider_that_is_none_of_ours_is_refused() -> None:
    for made in (ConsoleIdentity(), HttpIdentity("https://id.test", AppMark(IDENTITY))):
        with pytest.raises(Invalid) as raised:
            made.subject_of("facebook", "t")
        assert list(raised.value.errors or ()) == ["provider"]


@pytest.mark.parametrize("adapter", ["", "nowhere", "no.such.module:X", "core.clock:Missing"])
def test_an_adapter_that_can_not_be_loaded_stops_the_start(adapter: str) -> None:
    with pytest.raises(SettingsError, match="IDENTITY_ADAPTER"):
        load_adapter(IdentityAccount("", "", adapter))


def test_the_identity_double_says_that_it_is_one() -> None:
    double = ConsoleIdentity()
    with capture_logs() as logged:
        assert double.subject_of("aishandong", "li").phone is None
    assert "development double" in logged[0]["says"]
    assert double.subject_of("aishandong", "li@13800000001").phone == "13800000001"
    same = double.subject_of("aishandong", "li").subject
    assert double.subject_of("aishandong", "li@13800000001").subject == same
    assert double.subject_of("aishandong", "wang").subject != same
