"""The DomainError family, and the one place that turns it into RFC 9457 problem+json.

A room declares its own errors as small subclasses with a stable `code` and a sentence in both
languages. Domain code knows families, not HTTP; the status is the family's.
"""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from core.later import later

if TYPE_CHECKING:
    from flask import Response

flask = later("flask")  # the decoder program raises errors too, and answers nobody

Errors = Mapping[str, list[str]]


class DomainError(Exception):
    """What the caller did wrong or must wait for; `members` are added to the problem body."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "bad_request"
    zh: ClassVar[str] = "请求无法处理"
    en: ClassVar[str] = "The request can't be processed"
    default_retry_after: ClassVar[int | None] = None

    def __init__(
        self,
        detail: tuple[str, str] | None = None,
        *,
        errors: Errors | None = None,
        retry_after: int | None = None,
        **members: Any,
    ) -> None:
        super().__init__(self.code)
        self.detail = detail
        self.errors = errors
        self.retry_after = self.default_retry_after if retry_after is None else retry_after
        self.members = members


class BadRequest(DomainError):
    """The request can't be parsed, or lacks a header that it needs."""


class Unauthenticated(DomainError):
    """No token, or any fault of one."""

    status, code, zh, en = 401, "unauthenticated", "请先登录", "Sign in first"


class Forbidden(DomainError):
    """The caller's role does not allow this."""

    status, code, zh, en = 403, "forbidden", "没有权限", "Not allowed"


class NotFound(DomainError):
    """Not there, or not to be known to the caller: both look the same."""

    status, code, zh, en = 404, "not_found", "未找到", "Not found"


class Conflict(DomainError):
    """The state of things does not allow it."""

    status, code, zh, en = (
        409,
        "conflict",
        "当前状态不允许此操作",
        "The present state does not allow this",
    )


class Stale(DomainError):
    """`If-Match` names a version that is no longer the present one."""

    status, code, zh, en = (
        412,
        "stale",
        "内容已被他人更新，请刷新",
        "Changed by somebody else, read it again",
    )


class TooLarge(DomainError):
    """The body is larger than the limit."""

    status, code, zh, en = 413, "too_large", "内容过大", "The content is too large"


class UnsupportedMedia(DomainError):
    """The content type is not one that is read here."""

    status, code, zh, en = (
        415,
        "unsupported_media_type",
        "不支持的内容类型",
        "Content type not supported",
    )


class Invalid(DomainError):
    """Fields are wrong; `errors` says which and why, by path."""

    status, code, zh, en = 422, "invalid", "填写内容有误", "Some fields are wrong"


class PreconditionRequired(DomainError):
    """A change of a case needs `If-Match`."""

    status, code = 428, "precondition_required"
    zh, en = "缺少 If-Match", "If-Match is missing"


class TooMany(DomainError):
    """A limit was met; `Retry-After` says when to come back."""

    status, code, zh, en = (
        429,
        "too_many_requests",
        "操作过于频繁，请稍后再试",
        "Too many requests, try later",
    )
    default_retry_after = 60


class Unavailable(DomainError):
    """A dependency is away; nothing was done."""

    status, code, zh, en = (
        503,
        "unavailable",
        "服务暂时不可用，请稍后再试",
        "Temporarily unavailable, try later",
    )
    default_retry_after = 5


TITLES: dict[int, tuple[str, str, str]] = {
    400: ("bad_request", "请求无法解析", "The request can't be parsed"),
    401: ("unauthenticated", "请先登录", "Sign in first"),
    403: ("forbidden", "没有权限", "Not allowed"),
    404: ("not_found", "未找到", "Not found"),
    405: ("method_not_allowed", "不支持的请求方法", "Method not allowed"),
    406: ("not_acceptable", "无法提供所要求的格式", "Not acceptable"),
    413: ("too_large", "内容过大", "The content is too large"),
    414: ("uri_too_long", "地址过长", "The address is too long"),
    415: ("unsupported_media_type", "不支持的内容类型", "Content type not supported"),
    431: ("headers_too_large", "请求头过大", "The headers are too large"),
    500: ("internal_error", "服务器内部错误", "Internal error"),
    503: ("unavailable", "服务暂时不可用，请稍后再试", "Temporarily unavailable, try later"),
}


def english() -> bool:
    """Say whether the reader asked for English; Chinese otherwise."""
    if not flask.has_request_context():
        return False
    wanted = flask.request.accept_languages.best_match(["zh", "en"], default="zh")
    return bool(wanted == "en")


def render(error: DomainError) -> "Response":
    """Turn a domain error into its answer."""
    title = error.en if english() else error.zh
    detail = error.detail and error.detail[1 if english() else 0]
    extra = dict(error.members)
    if error.errors is not None:
        extra["errors"] = error.errors
    response = problem(error.status, error.code, title, detail or title, extra)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    if error.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def render_status(status: int, headers: Mapping[str, str] | None = None) -> "Response":
    """Turn a status that Flask or Werkzeug raised into the same shape."""
    code, zh, en = TITLES.get(status, ("error", "请求出错", "The request failed"))
    title = en if english() else zh
    response = problem(status, code, title, title, {})
    for name in ("Allow", "Retry-After"):
        if headers and name in headers:
            response.headers[name] = headers[name]
    if status == 503 and "Retry-After" not in response.headers:
        response.headers["Retry-After"] = "5"
    return response


def problem(
    status: int, code: str, title: str, detail: str, extra: Mapping[str, Any]
) -> "Response":
    """Build problem+json; `type` is a relative reference into the readable pages."""
    body: dict[str, Any] = {
        "type": f"/docs#{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
    }
    body.update(extra)
    if flask.has_request_context() and "request_id" in flask.g:
        body["request_id"] = flask.g.request_id
    made: Response = flask.Response(
        json.dumps(body, ensure_ascii=False), status, content_type="application/problem+json"
    )
    return made
