"""The OpenAPI document, and its readable pages that need nothing from outside."""

from typing import Any

from flask import Flask, Response, request
from flask_smorest import Api
from flask_swagger_ui import get_swaggerui_blueprint

from core.api import PREFIX

TITLE = "环保随手拍 / 护湖通"
DESCRIPTION = """济宁市民环境问题举报：
上传照片 → 举报 → 受理 → 查实 → 积分 → 派单 → 办结 → 兑换公交乘车券或景区优惠券。

Citizen environmental reporting for Jining. Errors are `application/problem+json` with a stable
`code`, Chinese by default and English with `Accept-Language: en`. Where several hold, the first of
401, 404, 403, 415, 428/412, 422, 409 answers. Times are RFC 3339 at +08:00, points are integers,
money is integer 分.
"""
PAGES_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; frame-ancestors 'none'"
)


def describe(app: Flask) -> dict[str, Any]:
    """Configure where the document lies and return what stands at its head."""
    app.config.update(
        API_TITLE=TITLE,
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX=PREFIX,
        OPENAPI_JSON_PATH="openapi.json",
    )
    return {
        "info": {"description": DESCRIPTION, "license": {"name": "见 NOTICE"}},
        "servers": [{"url": "/"}],
    }


def finish(app: Flask, api: Api) -> None:
    """Add the security scheme and the pages at /docs."""
    bearer = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    api.spec.components.security_scheme("bearer", bearer)
    pages = get_swaggerui_blueprint(
        "/docs", f"{PREFIX}/openapi.json", config={"validatorUrl": None, "app_name": TITLE}
    )
    app.register_blueprint(pages)
    app.after_request(_allow_pages)


def _allow_pages(response: Response) -> Response:
    """The pages bring one inline script and style; only they may run them."""
    if request.path == "/docs" or request.path.startswith("/docs/"):
        response.headers["Content-Security-Policy"] = PAGES_POLICY
    return response
