"""Every route is covered by the permission table, and stands in the OpenAPI document."""

import re
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from werkzeug.routing import Rule

from core.permissions import PERMISSIONS
from tests.clients import Api

PUBLIC = {
    "GET /api/v1/wechat/push",
    "POST /api/v1/wechat/push",
    "GET /healthz",
    "GET /readyz",
    "GET /metrics",
    "GET /api/v1/categories",
    "GET /api/v1/sites/<code>",
    "GET /api/v1/media/<public_id>/<any(thumb, large, original):variant>",
    "GET /api/v1/partner/keys",
    "POST /api/v1/auth/wechat",
    "POST /api/v1/auth/sms",
    "POST /api/v1/auth/sms/verify",
    "POST /api/v1/auth/identity",
    "POST /api/v1/auth/staff",
    "POST /api/v1/auth/partner",
    "POST /api/v1/auth/terminal",
    "POST /api/v1/auth/refresh",
}
DOCUMENTS = {"api-docs.openapi_json"}
BESIDE_CASES = {"POST /api/v1/cases/{number}/disclosures"}  # changes nothing in the case


def _served(app: Flask) -> Iterator[tuple[str, Rule]]:
    for rule in app.url_map.iter_rules():
        if rule.endpoint in DOCUMENTS or rule.rule.startswith("/docs"):
            continue
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield f"{method} {rule.rule}", rule


def _permission(app: Flask, rule: Rule) -> str | None:
    return getattr(app.view_functions[rule.endpoint], "permission", None)


def test_every_route_names_a_row_of_the_permission_table_or_is_on_the_short_list(
    app: Flask,
) -> None:
    found = {name: _permission(app, rule) for name, rule in _served(app)}
    assert {name for name, permission in found.items() if permission is None} == set()
    assert {name for name, permission in found.items() if permission == "public"} == PUBLIC
    assert {p for p in found.values() if p != "public"} <= PERMISSIONS.keys()


def test_every_permission_is_used_by_a_route_or_by_the_scraper(app: Flask) -> None:
    used = {_permission(app, rule) for _, rule in _served(app)} | {"core.metrics"}
    assert PERMISSIONS.keys() - used == set()


def test_without_a_token_every_other_route_answers_401(
    app: Flask, api: Callable[[str], Api]
) -> None:
    stranger = api("")
    for name, rule in _served(app):
        if name in PUBLIC:
            continue
        method, path = name.split(" ", 1)
        response = stranger.call(method, re.sub(r"<[^>]+>", "x", path))
        assert response.status_code == 401, name
        assert response.headers["WWW-Authenticate"] == "Bearer"
        assert rule.endpoint


def _documented(app: Flask) -> dict[str, dict[str, object]]:
    document = app.test_client().get("/api/v1/openapi.json").get_json()
    return {
        f"{method.upper()} {path}": operation
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if method in {"get", "post", "put", "patch", "delete"}
    }


def test_the_document_holds_exactly_the_routes_that_are_served(app: Flask) -> None:
    served = {re.sub(r"<(?:[^>:]+:)?([^>]+)>", r"{\1}", name) for name, _ in _served(app)}
    assert set(_documented(app)) == served


def test_every_operation_says_who_may_call_it_and_what_it_answers(app: Flask) -> None:
    for name, operation in _documented(app).items():
        assert "security" in operation, name
        assert operation.get("summary"), name
        codes = set(operation["responses"])  # type: ignore[call-overload]
        assert codes & {"200", "201", "202", "204"}, name
        assert "default" in codes, name


def test_what_creates_value_asks_for_a_key_and_what_changes_a_case_for_its_version(
    app: Flask,
) -> None:
    headers = {
        name: {p["name"] for p in operation.get("parameters", []) if p["in"] == "header"}  # type: ignore[attr-defined]
        for name, operation in _documented(app).items()
    }
    for name in (
        "POST /api/v1/reports",
        "POST /api/v1/offers/{offer_id}/redeem",
        "POST /api/v1/partner/vouchers/redeem",
        "POST /api/v1/partner/redemptions/batch",
        "POST /api/v1/adjustments",
    ):
        assert "Idempotency-Key" in headers[name], name
    for name, asked in headers.items():
        is_action = name.startswith("POST /api/v1/cases/{number}/") and name not in BESIDE_CASES
        assert ("If-Match" in asked) == is_action, name


@pytest.mark.parametrize("path", ["/docs/", "/docs/swagger-ui.css"])
def test_the_pages_need_nothing_from_outside(app: Flask, path: str) -> None:
    page = app.test_client().get(path, buffered=True)
    assert page.status_code == 200
    if path == "/docs/":
        text = page.get_data(as_text=True)
        assert not re.findall(r"""(?:src|href)=["']https?://""", text)
        assert "/api/v1/openapi.json" in text
