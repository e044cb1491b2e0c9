"""What every answer carries, and what of a request is believed."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY
from werkzeug.test import TestResponse

from core import logs
from tests.clients import Api
from tests.conftest import World
from tests.core.conftest import Build
from tests.core.test_errors import cut_off, problem

STRANGER = {"REMOTE_ADDR": "203.0.113.9"}


def ask(app: Flask, path: str, method: str = "GET", **kwargs: Any) -> TestResponse:
    return app.test_client().open(path, method=method, **kwargs)


# ---------------------------------------------------------------------- headers
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200),
        ("HEAD", "/healthz", 200),
        ("GET", "/api/v1/openapi.json", 200),
        ("GET", "/api/v1/lab/whence", 200),
        ("GET", "/docs/", 200),
        ("GET", "/metrics", 200),
        ("OPTIONS", "/api/v1/lab/body", 200),
        ("GET", "/api/v1//lab//whence", 308),
        ("GET", "/api/v1/me", 401),
        ("GET", "/nowhere", 404),
        ("PUT", "/healthz", 405),
        ("POST", "/api/v1/lab/body", 422),
        ("GET", "/api/v1/lab/unexpected", 500),
    ],
)
def test_every_kind_of_answer_carries_the_safety_headers(
    standing: Flask, method: str, path: str, status: int
) -> None:
    answer = ask(standing, path, method)
    assert answer.status_code == status
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Request-Id"]
    assert answer.headers["Cache-Control"]
    for leaking in ("Server", "X-Powered-By", "Set-Cookie"):
        assert leaking not in answer.headers, leaking


def test_only_the_pages_may_run_a_script(standing: Flask) -> None:
    assert "script-src 'self'" in ask(standing, "/docs/").headers["Content-Security-Policy"]
    for path in ("/docs-not", "/api/v1/docs/", "/healthz"):
        assert "script-src" not in ask(standing, path).headers["Content-Security-Policy"]


# ---------------------------------------------------------------------- request id
@pytest.mark.parametrize("sent", ["abcdefgh", "A1-" * 20, "0f3c9f52-57a4-4e5b-8d0f-0123456789ab"])
def test_a_sane_request_id_is_taken_over(standing: Flask, sent: str) -> None:
    answer = ask(standing, "/nowhere", headers={"X-Request-Id": sent})
    assert answer.headers["X-Request-Id"] == sent
    assert answer.get_json()["request_id"] == sent


@pytest.mark.parametrize(
    "sent",
    ["", "short", "x" * 65, "has blank here", "quote\"'<script>", "ünïcödé-id", "a" * 8 + "{}"],
)
def test_any_other_request_id_gives_way_to_one_of_ours(standing: Flask, sent: str) -> None:
    answer = ask(standing, "/nowhere", headers={"X-Request-Id": sent})
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Request-Id"])
    assert answer.get_json()["request_id"] == answer.headers["X-Request-Id"]


def test_each_request_has_an_id_of_its_own(standing: Flask) -> None:
    assert len({ask(standing, "/healthz").headers["X-Request-Id"] for _ in range(20)}) == 20


# ---------------------------------------------------------------------- forwarded headers
FORGED = {
    "X-Forwarded-For": "198.51.100.7",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Prefix": "/evil",
    "X-Forwarded-Port": "1",
    "X-Real-IP": "198.51.100.7",
    "Forwarded": "for=198.51.100.7",
    "X-User-Id": "1",
}


def whence(app: Flask, headers: dict[str, str]) -> list[str]:
    answer = ask(app, "/api/v1/lab/whence", headers=headers, environ_overrides=STRANGER)
    found: list[str] = answer.get_json()
    return found


def test_without_proxies_no_forwarded_header_is_believed(standing: Flask) -> None:
    assert whence(standing, FORGED) == ["203.0.113.9", "http", "localhost"]


def test_behind_one_proxy_its_own_word_is_believed_and_no_more(build: Build) -> None:
    proxied = build(trusted_proxies=1)
    assert whence(proxied, FORGED) == ["198.51.100.7", "https", "localhost"]
    chain = {"X-Forwarded-For": "10.0.0.1, 192.0.2.1, 198.51.100.7"}
    assert whence(proxied, chain)[0] == "198.51.100.7"
    assert whence(proxied, {})[0] == "203.0.113.9"
    only_real_ip = {"X-Real-IP": "10.0.0.1", "Forwarded": "for=10.0.0.1"}
    assert whence(proxied, only_real_ip)[0] == "203.0.113.9"


def test_behind_two_proxies_the_second_from_the_right_counts(build: Build) -> None:
    chain = {"X-Forwarded-For": "10.0.0.1, 192.0.2.1, 198.51.100.7"}
    assert whence(build(trusted_proxies=2), chain)[0] == "192.0.2.1"


# ---------------------------------------------------------------------- health
def test_healthz_answers_as_long_as_the_process_does(standing: Flask) -> None:
    answer = ask(standing, "/healthz")
    assert (answer.status_code, answer.get_json()) == (200, {"status": "ok"})


def test_readyz_is_200_when_everything_is_there(lab: Flask) -> None:
    answer = ask(lab, "/readyz")
    assert (answer.status_code, answer.get_json()) == (200, {"status": "ok"})


def test_readyz_names_the_database_when_it_is_away(lab: Flask, world: World) -> None:
    bring_back = cut_off(world)
    try:
        answer = ask(lab, "/readyz")
        assert answer.status_code == 503
        assert "database" in answer.get_json()["away"]
        assert answer.headers["Retry-After"] == "5"
        assert ask(lab, "/healthz").status_code == 200
    finally:
        bring_back()
    assert ask(lab, "/readyz").status_code == 200


def test_readyz_names_every_store_that_does_not_answer(
    lab: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(lab.extensions, "health", {"media": lambda: False, "other": lambda: True})
    answer = ask(lab, "/readyz")
    assert (answer.status_code, answer.get_json()["away"]) == (503, ["media"])


def test_readyz_names_redis_where_one_is_set_and_gone(build: Build) -> None:
    away = build(redis_url="redis://127.0.0.1:1/0")
    assert ask(away, "/readyz").get_json()["away"] == ["redis"]


# ---------------------------------------------------------------------- figures
def metrics(app: Flask, address: str = "203.0.113.9", **headers: str) -> TestResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return ask(app, "/metrics", headers=named, environ_overrides={"REMOTE_ADDR": address})


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_on_this_machine_figures_are_open(standing: Flask, address: str) -> None:
    answer = metrics(standing, address)
    assert (answer.status_code, answer.content_type) == (200, CONTENT_TYPE_LATEST)
    assert "http_requests_total" in answer.get_data(as_text=True)


def test_from_elsewhere_or_through_a_proxy_they_are_not(standing: Flask) -> None:
    problem(metrics(standing), 401, "unauthenticated")
    problem(metrics(standing, "127.0.0.1", X_Forwarded_For="203.0.113.9"), 401, "unauthenticated")
    problem(metrics(standing, X_Forwarded_For="127.0.0.1"), 401, "unauthenticated")


def test_the_scraper_s_token_opens_them_and_nothing_like_it(build: Build) -> None:
    scraped = build(metrics_token="scraper-token")
    assert metrics(scraped, Authorization="Bearer scraper-token").status_code == 200
    for wrong in ("Bearer scraper-toke", "scraper-token", "Bearer ", "Bearer ékran", "Bearer None"):
        problem(metrics(scraped, Authorization=wrong), 401, "unauthenticated")


def test_without_a_set_token_none_opens_them(standing: Flask) -> None:
    for wrong in ("Bearer None", "Bearer ", "Bearer"):
        problem(metrics(standing, Authorization=wrong), 401, "unauthenticated")


@pytest.mark.parametrize(
    ("name", "status"),
    [("admin", 200), ("auditor", 200), ("dispatcher", 403), ("13800000001", 403), ("bus", 403)],
)
def test_staff_who_may_see_them_do(lab: Flask, name: str, status: int) -> None:
    token = Api.signed_in(lab, name).token
    assert metrics(lab, Authorization=f"Bearer {token}").status_code == status


def test_requests_are_counted_by_endpoint_and_never_by_path(standing: Flask) -> None:
    labels = {"method": "GET", "endpoint": "operations.healthz", "status": "200"}
    before = REGISTRY.get_sample_value("http_requests_total", labels) or 0
    ask(standing, "/healthz?phone=13800000001")
    ask(standing, "/nowhere/13800000001")
    assert REGISTRY.get_sample_value("http_requests_total", labels) == before + 1
    text = metrics(standing, "127.0.0.1").get_data(as_text=True)
    assert 'endpoint="unknown"' in text
    assert "13800000001" not in text


# ---------------------------------------------------------------------- logs
def test_a_request_leaves_one_line_that_tells_its_rule_and_nothing_of_it(
    standing: Flask, lines: list[str]
) -> None:
    headers = {"User-Agent": "canary-agent", "Referer": "http://canary/"}
    ask(standing, "/api/v1/lab/plain-error/NotFound?signature=canary", headers=headers)
    (line,) = [json.loads(each) for each in lines if '"event": "request"' in each]
    assert (line["method"], line["rule"], line["status"]) == (
        "GET",
        "/api/v1/lab/plain-error/<name>",
        404,
    )
    assert line["ms"] >= 0
    assert len(line["request_id"]) == 32
    assert "canary" not in "".join(lines)
    assert "127.0.0.1" not in "".join(lines)


@pytest.mark.parametrize("name", sorted(logs.SECRET_NAMES))
def test_what_is_personal_by_its_name_is_blanked(name: str) -> None:
    assert logs.redact(None, "info", {name: "canary", "event": "x"}) == {name: "…", "event": "x"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("call 13812345678.", "call…."),
        ("13812345678,19912345678", "…,…"),
        ("+8613812345678", "…"),
        ("tel:+86 138-1234-5678;", "tel:…;"),
        ("008613812345678", "…"),
        ("1381234567890", "1381234567890"),
        ("3708-261125-7K3M9Q-4", "3708-261125-7K3M9Q-4"),
        ("https://x/?phone=13812345678&y", "https://x/?phone=…&y"),
        ("12345678901", "12345678901"),
        ("id 113812345678", "id 113812345678"),
    ],
)
def test_phones_are_blanked_wherever_they_stand(text: str, shown: str) -> None:
    assert logs.redact(None, "info", {"event": text}) == {"event": shown}


def test_a_request_id_that_is_a_phone_is_blanked_too(standing: Flask, lines: list[str]) -> None:
    ask(standing, "/healthz", headers={"X-Request-Id": "13812345678"})
    assert "13812345678" not in "".join(lines)


def test_what_others_log_at_warning_is_shown_and_less_is_not(
    standing: Flask, lines: list[str]
) -> None:
    logs.configure("ERROR")
    assert standing
    assert lines == []


def test_every_metrics_answer_is_private(standing: Flask, build: Callable[..., Flask]) -> None:
    assert metrics(standing, "127.0.0.1").headers["Cache-Control"] == "no-store"
    assert build
