"""SMS: templates with parameters, as Chinese gateways want them; `code` is the sign-in code's.

A city takes the gateway that it has a contract with. The client libraries are extras
(`pip install .[sms]`) and imported by the body that needs them: Alibaba's alone takes two seconds.
"""

import importlib
import json
import sys
from collections.abc import Mapping
from typing import Any, Protocol

import structlog

from core.database import no_transaction
from core.errors import Unavailable
from core.settings import Settings, SmsAccount

TIMEOUT = 5  # seconds
REGION = "ap-guangzhou"
COUNTRY = "+86"
log = structlog.get_logger()


class SmsUnavailable(Unavailable):
    """The gateway is away or refuses to send."""

    code, zh, en = (
        "sms_unavailable",
        "短信暂时无法发送，请稍后再试",
        "SMS can't be sent now, try later",
    )
    default_retry_after = 30


class SmsGateway(Protocol):
    """Sends one message to one phone."""

    def send(self, phone: str, template: str, parameters: Mapping[str, str]) -> None:
        """Send; `phone` is the 11-digit form, `template` our name for it, parameters in its order.

        Raises:
            SmsUnavailable: nothing was sent, as far as we know.
        """
        ...


def sms_body(settings: Settings) -> SmsGateway:
    """Return the body that SMS_GATEWAY names."""
    if settings.sms_gateway == "tencent":
        return TencentSms(settings.sms_account)
    if settings.sms_gateway == "alibaba":
        return AlibabaSms(settings.sms_account)
    return ConsoleSms()


class ConsoleSms:
    """Development double: what would be sent is written to standard error, and nowhere else."""

    def send(self, phone: str, template: str, parameters: Mapping[str, str]) -> None:
        no_transaction()
        text = " ".join((template, *parameters.values()))
        masked = f"{phone[:3]}****{phone[-4:]}"
        warning = "短信替身，未真正发送 (WARNING: development double, no SMS was sent)"
        sys.stderr.write(f"{warning} {masked}: {text}\n")
        sys.stderr.flush()


class TencentSms:
    """Tencent Cloud SMS, API of 2021-01-11; parameters go by their order."""

    def __init__(self, account: SmsAccount) -> None:
        self._account, self._templates = account, dict(account.templates)
        self._models: Any = importlib.import_module("tencentcloud.sms.v20210111.models")
        common: Any = importlib.import_module("tencentcloud.common.credential")
        profiles: Any = importlib.import_module("tencentcloud.common.profile.client_profile")
        http: Any = importlib.import_module("tencentcloud.common.profile.http_profile")
        clients: Any = importlib.import_module("tencentcloud.sms.v20210111.sms_client")
        profile = profiles.ClientProfile(httpProfile=http.HttpProfile(reqTimeout=TIMEOUT))
        credential = common.Credential(account.key_id, account.key_secret)
        self._client: Any = clients.SmsClient(credential, REGION, profile)

    def send(self, phone: str, template: str, parameters: Mapping[str, str]) -> None:
        no_transaction()
        request = self._models.SendSmsRequest()
        request.SmsSdkAppId, request.SignName = self._account.app_id, self._account.sign
        request.TemplateId, request.TemplateParamSet = (
            self._templates[template],
            list(parameters.values()),
        )
        request.PhoneNumberSet = [f"{COUNTRY}{phone}"]
        try:
            answers = self._client.SendSms(request).SendStatusSet
        except Exception as error:  # noqa: BLE001  whatever the library raises, nothing was sent
            raise _away("tencent", type(error).__name__) from None  # its text may hold the phone
        if [answer.Code for answer in answers] != ["Ok"]:
            raise _away("tencent", ",".join(str(answer.Code) for answer in answers))


class AlibabaSms:
    """Alibaba Cloud SMS, API of 2017-05-25; parameters go by their name."""

    def __init__(self, account: SmsAccount) -> None:
        self._account, self._templates = account, dict(account.templates)
        self._models: Any = importlib.import_module("alibabacloud_dysmsapi20170525.models")
        clients: Any = importlib.import_module("alibabacloud_dysmsapi20170525.client")
        configs: Any = importlib.import_module("alibabacloud_tea_openapi.models")
        self._client: Any = clients.Client(
            configs.Config(
                access_key_id=account.key_id,
                access_key_secret=account.key_secret,
                endpoint="dysmsapi.aliyuncs.com",
                connect_timeout=TIMEOUT * 1000,
                read_timeout=TIMEOUT * 1000,
            )
        )

    def send(self, phone: str, template: str, parameters: Mapping[str, str]) -> None:
        no_transaction()
        request = self._models.SendSmsRequest(
            phone_numbers=phone,
            sign_name=self._account.sign,
            template_code=self._templates[template],
            template_param=json.dumps(dict(parameters), ensure_ascii=False),
        )
        try:
            answer = self._client.send_sms(request).body
        except Exception as error:  # noqa: BLE001  whatever the library raises, nothing was sent
            raise _away("alibaba", type(error).__name__) from None  # its text may hold the phone
        if answer.code != "OK":
            raise _away("alibaba", str(answer.code))


def _away(gateway: str, reason: str) -> SmsUnavailable:
    log.warning("sms_away", gateway=gateway, reason=reason[:80])
    return SmsUnavailable()
