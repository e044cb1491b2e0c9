"""Access and refresh tokens (B77): every fault is 401; what ends a sign-in ends it at once."""

import base64
import json
import secrets
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
import time_machine
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Flask
from sqlalchemy import update
from werkzeug.test import TestResponse

from core import tokens
from core.accounts import Account, AccountStatus, end_tokens
from core.clock import now
from core.database import writing
from core.permissions import Kind
from tests.clients import Api, account_named

SignedIn = Callable[[str], Api]
ME = "/api/v1/me"
RESIDENT = "13800000001"


def sign_in(app: Flask, name: str = RESIDENT, terminal: str | None = None) -> dict[str, Any]:
    with app.app_context():
        account = account_named(name)
        with writing() as session:
            return tokens.issue(session, account, now(), terminal=terminal)


def me(app: Flask, header: str | None) -> TestResponse:
    headers = {} if header is None else {"Authorization": header}
    return app.test_client().get(ME, headers=headers)


def assert_unauthenticated(response: TestResponse) -> None:
    assert response.status_code == 401, response.get_data(as_text=True)
    assert response.content_type == "application/problem+json"
    assert response.headers["WWW-Authenticate"] == "Bearer"
    body = response.get_json()
    assert (body["code"], body["status"]) == ("unauthenticated", 401)


def claims_of(app: Flask, **changes: Any) -> dict[str, Any]:
    """Return the claims of a token that works, changed; a change to None leaves the claim out."""
    token = sign_in(app)["access_token"]
    claims = {**jwt.decode(token, options={"verify_signature": False}), **changes}
    return {name: value for name, value in claims.items() if value is not None}


def signed(app: Flask, claims: dict[str, Any], **kwargs: Any) -> str:
    options = {"key": app.config["JWT_SECRET_KEY"], "algorithm": "HS256", **kwargs}
    return jwt.encode(claims, **options)


def raw(app: Flask, header: Any, payload: str, *, algorithm: str = "HS256") -> str:
    """Sign any text as a payload under any header, as a library would not."""
    encode = jwt.utils.base64url_encode
    head = header if isinstance(header, str) else json.dumps(header)
    body = encode(head.encode()) + b"." + encode(payload.encode())
    secret = jwt.get_algorithm_by_name(algorithm).prepare_key(app.config["JWT_SECRET_KEY"])
    signature = jwt.get_algorithm_by_name(algorithm).sign(body, secret)
    return (body + b"." + encode(signature)).decode()


def test_a_fresh_token_opens_its_account_and_no_other(app: Flask) -> None:
    made = sign_in(app)
    answer = me(app, f"Bearer {made['access_token']}")
    assert answer.status_code == 200
    assert answer.get_json()["id"] == made["account"]["id"]
    assert made["expires_in"] == 900
    assert made["account"]["kind"] == "resident"
    claims = jwt.decode(made["access_token"], options={"verify_signature": False})
    assert claims["sub"] == made["account"]["id"]
    assert claims["exp"] - claims["iat"] == 900


def test_the_token_that_the_tests_forge_from_works_itself(app: Flask) -> None:
    """Without this, every refusal below could have another reason."""
    claims = claims_of(app)
    assert me(app, f"Bearer {signed(app, claims)}").status_code == 200
    plain = raw(app, {"alg": "HS256", "typ": "JWT"}, json.dumps(claims))
    assert me(app, f"Bearer {plain}").status_code == 200


GARBAGE = [
    "",
    "Bearer",
    "Bearer ",
    "Bearer  ",
    "Bearer x",
    "Bearer .",
    "Bearer ..",
    "Bearer ...",
    "Bearer a.b.c",
    "Bearer null",
    "Bearer undefined",
    "Bearer Bearer a.b.c",
    "Basic dXNlcjpwYXNz",
    "Digest username=x",
    "Token abc",
    "Bearer eyJhbGciOiJIUzI1NiJ9.e30.",
    "Bearer eyJhbGciOiJIUzI1NiJ9.e30.AAAA",
    "Bearer e30.e30.e30",
    "Bearer W10.W10.W10",
    "Bearer bnVsbA.bnVsbA.bnVsbA",
    "Bearer \u00e9\u00e9\u00e9.\u00ff.\u00fe",
    "Bearer =.=.=",
    "Bearer %00.%00.%00",
    "Bearer a.b.c, Bearer d.e.f",
    "Bearer " + "A" * 65_536,
    "Bearer " + "." * 65_536,
]


@pytest.mark.parametrize("header", [None, *GARBAGE], ids=lambda value: repr(value)[:30])
def test_what_is_no_token_is_401(world: Any, header: str | None) -> None:
    assert_unauthenticated(me(world.app, header))


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "JWT", "Bearer:", "Token"])
def test_a_good_token_under_another_scheme_is_401(app: Flask, scheme: str) -> None:
    assert_unauthenticated(me(app, f"{scheme} {sign_in(app)['access_token']}"))


def test_a_good_token_twice_in_one_header_or_with_a_tail_is_401(app: Flask) -> None:
    token = sign_in(app)["access_token"]
    for header in (
        f"Bearer {token} {token}",
        f"Bearer {token}x",
        f"Bearer {token}.",
        f"Bearer .{token}",
    ):
        assert_unauthenticated(me(app, header))


def test_a_token_is_read_from_the_header_only(app: Flask) -> None:
    token = sign_in(app)["access_token"]
    client = app.test_client()
    client.set_cookie("access_token_cookie", token)
    places = [
        client.get(ME),
        client.get(f"{ME}?jwt={token}&access_token={token}"),
        client.post("/api/v1/auth/logout", json={"access_token": token}),
        client.get(ME, headers={"X-Authorization": f"Bearer {token}"}),
    ]
    for response in places:
        assert_unauthenticated(response)


def test_a_refresh_token_opens_no_route(app: Flask) -> None:
    assert_unauthenticated(me(app, f"Bearer {sign_in(app)['refresh_token']}"))


def test_an_access_token_is_no_refresh_token(app: Flask) -> None:
    token = sign_in(app)["access_token"]
    response = app.test_client().post("/api/v1/auth/refresh", json={"refresh_token": token})
    assert response.status_code in {401, 422}
    assert me(app, f"Bearer {token}").status_code == 200


def test_another_key_is_401(app: Flask) -> None:
    for key in (
        "x" * 64,
        app.config["SECRET_KEY"],
        "secret" * 10,
        app.config["JWT_SECRET_KEY"] + "x",
    ):
        assert_unauthenticated(me(app, f"Bearer {signed(app, claims_of(app), key=key)}"))


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_another_algorithm_under_the_right_key_is_401(app: Flask, algorithm: str) -> None:
    assert_unauthenticated(me(app, f"Bearer {signed(app, claims_of(app), algorithm=algorithm)}"))


@pytest.mark.parametrize(
    "name", ["none", "None", "NONE", "nOnE", "", "hs256", "HS256 ", "HS1", None, 1, [], {}]
)
@pytest.mark.parametrize("keeps_signature", [True, False])
def test_no_algorithm_and_made_up_ones_are_401(
    app: Flask, name: Any, *, keeps_signature: bool
) -> None:
    token = raw(app, {"alg": name, "typ": "JWT"}, json.dumps(claims_of(app)))
    sent = token if keeps_signature else token.rpartition(".")[0] + "."
    assert_unauthenticated(me(app, f"Bearer {sent}"))


def test_an_unsigned_token_of_the_library_is_401(app: Flask) -> None:
    token = jwt.encode(claims_of(app), key=None, algorithm="none")
    assert_unauthenticated(me(app, f"Bearer {token}"))


def test_a_token_signed_with_a_public_key_is_401(app: Flask) -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    token = jwt.encode(claims_of(app), key=pem, algorithm="RS256")
    assert_unauthenticated(me(app, f"Bearer {token}"))


@pytest.mark.parametrize(
    "extra",
    [
        {"kid": "../../dev/null"},
        {"kid": "k1' UNION SELECT 'x"},
        {"jku": "http://127.0.0.1:9/keys"},
        {"x5u": "http://127.0.0.1:9/keys"},
        {"jwk": {"kty": "oct", "k": base64.urlsafe_b64encode(b"x" * 32).decode()}},
        {"x5c": ["AAAA"]},
    ],
)
def test_a_header_can_not_bring_its_own_key(app: Flask, extra: dict[str, Any]) -> None:
    token = signed(app, claims_of(app), key="x" * 32, headers=extra)
    assert_unauthenticated(me(app, f"Bearer {token}"))


@pytest.mark.parametrize("critical", [["exp"], ["b64"], [], "exp"])
def test_a_critical_header_that_nobody_knows_is_401(app: Flask, critical: Any) -> None:
    header = {"alg": "HS256", "typ": "JWT", "crit": critical, "b64": False}
    assert_unauthenticated(me(app, f"Bearer {raw(app, header, json.dumps(claims_of(app)))}"))


def test_a_signature_that_was_cut_moved_or_changed_is_401(app: Flask) -> None:
    one, two = (sign_in(app)["access_token"].split(".") for _ in range(2))
    flipped = one[2][:10] + ("A" if one[2][10] != "A" else "B") + one[2][11:]
    for signature in ("", one[2][:-4], two[2], flipped, one[2] * 2, "====", one[2][::-1]):
        assert_unauthenticated(me(app, f"Bearer {one[0]}.{one[1]}.{signature}"))
    assert_unauthenticated(me(app, f"Bearer {one[0]}.{two[1]}.{one[2]}"))
    assert_unauthenticated(me(app, f"Bearer {two[0]}.{one[1]}.{one[2]}.{one[2]}"))


REQUIRED = ("sub", "sid", "jti", "iat", "exp", "iss", "aud", "type", "epoch")


@pytest.mark.parametrize("name", REQUIRED)
def test_a_signed_token_without_a_required_claim_is_401(app: Flask, name: str) -> None:
    assert_unauthenticated(me(app, f"Bearer {signed(app, claims_of(app, **{name: None}))}"))


ODD: list[Any] = ["", " ", 0, -1, 1.5, True, False, [], {}, ["x"], "x" * 5000, "\u0000", "\ud800"]
ODD += [10**30, -(10**30), 1e308, -1e308, "9" * 400, "'; DROP TABLE accounts; --", "0" * 32]
SOUND = {repr(("epoch", 0)), repr(("jti", "0" * 32))}


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name in REQUIRED for value in ODD if repr((name, value)) not in SOUND],
    ids=lambda part: repr(part)[:20],
)
def test_a_signed_token_with_an_odd_claim_is_401(world: Any, name: str, value: Any) -> None:
    token = raw(world.app, {"alg": "HS256"}, json.dumps(claims_of(world.app, **{name: value})))
    assert_unauthenticated(me(world.app, f"Bearer {token}"))


@pytest.mark.parametrize(
    "number", ["NaN", "Infinity", "-Infinity", "1e308", "1e999", "-0.0", "null"]
)
@pytest.mark.parametrize("name", ["iat", "exp", "epoch"])
def test_a_number_that_is_none_is_401(app: Flask, name: str, number: str) -> None:
    claims = claims_of(app)
    claims[name] = "PLACE"
    payload = json.dumps(claims).replace('"PLACE"', number)
    assert_unauthenticated(me(app, f"Bearer {raw(app, {'alg': 'HS256'}, payload)}"))


@pytest.mark.parametrize(
    "payload",
    [
        "",
        "null",
        "[]",
        '"text"',
        "7",
        "{",
        "{}",
        "\ufeff{}",
        "[" * 60_000,
        '{"a":' * 60_000,
        "9" * 5000,
    ],
    ids=lambda value: value[:10],
)
def test_a_signed_payload_that_is_no_object_of_claims_is_401(world: Any, payload: str) -> None:
    assert_unauthenticated(me(world.app, f"Bearer {raw(world.app, {'alg': 'HS256'}, payload)}"))


@pytest.mark.parametrize("header", ["", "null", "[]", "{", "{}", "[" * 60_000])
def test_a_token_header_that_is_no_object_is_401(world: Any, header: str) -> None:
    assert_unauthenticated(me(world.app, f"Bearer {raw(world.app, header, '{}')}"))


def test_a_signed_token_of_64_kilobytes_is_answered_quickly(app: Flask) -> None:
    token = signed(app, claims_of(app, padding="x" * 65_536))
    assert me(app, f"Bearer {token}").status_code in {200, 401}
    assert_unauthenticated(me(app, f"Bearer {signed(app, claims_of(app, sub='x' * 65_536))}"))


def test_another_issuer_audience_or_type_is_401(app: Flask) -> None:
    changes: list[dict[str, Any]] = [
        {"iss": "somebody-else"},
        {"aud": "somebody-else"},
        {"aud": ["somebody-else"]},
        {"type": "refresh"},
        {"type": "Access"},
    ]
    for change in changes:
        assert_unauthenticated(me(app, f"Bearer {signed(app, claims_of(app, **change))}"))


def seconds(instant: datetime) -> int:
    return int(instant.timestamp())


@pytest.mark.parametrize(
    ("issued", "expires", "status"),
    [
        (0, 900, 200),
        (-60, 840, 200),
        (-899, 60, 200),
        (0, 899, 200),
        (50, 900, 200),
        (0, 970, 401),
        (0, 3600, 401),
        (-3600, 900, 401),
        (120, 900, 401),
        (3600, 4500, 401),
        (-900, -61, 401),
        (-900, -1, 401),
        (0, 0, 401),
        (30, 20, 401),
        (-(10**9), 600, 401),
    ],
)
def test_a_token_lives_15_minutes_from_an_issue_that_is_past(
    app: Flask, issued: int, expires: int, status: int
) -> None:
    present = seconds(now())
    token = signed(app, claims_of(app, iat=present + issued, exp=present + expires, nbf=None))
    response = me(app, f"Bearer {token}")
    assert response.status_code == status
    if status == 401:
        assert_unauthenticated(response)


def test_a_token_that_is_not_yet_good_is_401(app: Flask) -> None:
    token = signed(app, claims_of(app, nbf=seconds(now()) + 600))
    assert_unauthenticated(me(app, f"Bearer {token}"))


def test_a_token_ends_after_15_minutes(app: Flask) -> None:
    with time_machine.travel(now(), tick=False) as clock:
        token = sign_in(app)["access_token"]
        clock.shift(timedelta(minutes=14, seconds=58))
        assert me(app, f"Bearer {token}").status_code == 200
        clock.shift(timedelta(seconds=3))
        assert_unauthenticated(me(app, f"Bearer {token}"))


def test_a_token_for_another_account_under_this_sign_in_is_401(app: Flask) -> None:
    other = sign_in(app, "13800000002")["account"]["id"]
    assert_unauthenticated(me(app, f"Bearer {signed(app, claims_of(app, sub=other))}"))
    nobody = signed(app, claims_of(app, sub=secrets.token_hex(16)))
    assert_unauthenticated(me(app, f"Bearer {nobody}"))


# ------------------------------------------------------------------------------ refresh tokens
def refresh(app: Flask, token: str) -> TestResponse:
    return app.test_client().post("/api/v1/auth/refresh", json={"refresh_token": token})


def test_a_refresh_token_is_exchanged_once_for_tokens_that_work(app: Flask) -> None:
    first = sign_in(app)
    answer = refresh(app, first["refresh_token"])
    assert answer.status_code == 200
    second = answer.get_json()
    assert second["refresh_token"] != first["refresh_token"]
    assert second["account"] == first["account"]
    for made in (first, second):
        assert me(app, f"Bearer {made['access_token']}").status_code == 200
    third = refresh(app, second["refresh_token"]).get_json()
    assert me(app, f"Bearer {third['access_token']}").status_code == 200


def test_a_refresh_token_used_twice_ends_its_whole_family_and_no_other(app: Flask) -> None:
    first, elsewhere = sign_in(app), sign_in(app)
    second = refresh(app, first["refresh_token"]).get_json()
    third = refresh(app, second["refresh_token"]).get_json()
    assert_unauthenticated(refresh(app, first["refresh_token"]))
    for made in (first, second, third):
        assert_unauthenticated(me(app, f"Bearer {made['access_token']}"))
    assert_unauthenticated(refresh(app, third["refresh_token"]))
    assert me(app, f"Bearer {elsewhere['access_token']}").status_code == 200
    assert refresh(app, elsewhere["refresh_token"]).status_code == 200


def test_of_ten_exchanges_at_once_one_at_most_gets_tokens_and_the_family_ends(app: Flask) -> None:
    first = sign_in(app)
    together, answers = threading.Barrier(10), []

    def exchange() -> None:
        together.wait(10)
        answers.append(refresh(app, first["refresh_token"]))

    threads = [threading.Thread(target=exchange) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 9
    made = next(answer.get_json() for answer in answers if answer.status_code == 200)
    assert_unauthenticated(me(app, f"Bearer {made['access_token']}"))
    assert_unauthenticated(refresh(app, made["refresh_token"]))


@pytest.mark.parametrize("token", ["x", "x" * 512, "é", "null", "' OR 1=1 --", "a.b.c"])
def test_a_refresh_token_that_is_none_is_401(world: Any, token: str) -> None:
    assert_unauthenticated(refresh(world.app, token))


@pytest.mark.parametrize("token", [None, 7, True, [], {}, "", "x" * 513, "\u0000", "\ud800"])
def test_a_refresh_token_that_is_no_text_is_422(world: Any, token: Any) -> None:
    response = world.app.test_client().post("/api/v1/auth/refresh", json={"refresh_token": token})
    assert response.status_code == 422
    assert list(response.get_json()["errors"]) == ["refresh_token"]


@pytest.mark.parametrize(
    ("name", "life"), [(RESIDENT, timedelta(days=30)), ("dispatcher", timedelta(hours=12))]
)
def test_a_refresh_token_ends_with_its_sign_in(app: Flask, name: str, life: timedelta) -> None:
    with time_machine.travel(datetime(2027, 1, 1, tzinfo=UTC), tick=False) as clock:
        first, second = sign_in(app, name), sign_in(app, name)
        clock.shift(life - timedelta(seconds=1))
        rotated = refresh(app, first["refresh_token"])
        assert rotated.status_code == 200
        clock.shift(timedelta(seconds=1))
        assert_unauthenticated(refresh(app, second["refresh_token"]))
        assert_unauthenticated(refresh(app, rotated.get_json()["refresh_token"]))


# ------------------------------------------------------------------------------ what ends a sign-in
def bearer(made: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {made['access_token']}"}


def test_logout_ends_the_family_at_once_and_no_other(app: Flask) -> None:
    first, elsewhere = sign_in(app), sign_in(app)
    second = refresh(app, first["refresh_token"]).get_json()
    client = app.test_client()
    assert client.post("/api/v1/auth/logout", headers=bearer(second)).status_code == 204
    for made in (first, second):
        assert_unauthenticated(me(app, f"Bearer {made['access_token']}"))
    assert_unauthenticated(refresh(app, second["refresh_token"]))
    assert_unauthenticated(client.post("/api/v1/auth/logout", headers=bearer(second)))
    assert me(app, f"Bearer {elsewhere['access_token']}").status_code == 200


def test_logout_takes_no_body_or_an_empty_one(app: Flask) -> None:
    client = app.test_client()
    made = [sign_in(app) for _ in range(3)]
    assert client.post("/api/v1/auth/logout", headers=bearer(made[0]), json={}).status_code == 204
    assert client.post("/api/v1/auth/logout", headers=bearer(made[1])).status_code == 204
    refused = client.post("/api/v1/auth/logout", headers=bearer(made[2]), json={"all": True})
    assert refused.status_code == 422


def test_logout_without_a_token_is_401(app: Flask) -> None:
    assert_unauthenticated(app.test_client().post("/api/v1/auth/logout"))


def change(app: Flask, name: str, **values: Any) -> None:
    with app.app_context():
        account = account_named(name)
        with writing() as session:
            session.execute(update(Account).where(Account.id == account.id).values(**values))


@pytest.mark.parametrize("status", [AccountStatus.DISABLED, AccountStatus.DELETED])
@pytest.mark.parametrize("name", [RESIDENT, "dispatcher", "bus"])
def test_an_account_that_is_not_active_is_refused_at_the_next_request(
    app: Flask, name: str, status: AccountStatus
) -> None:
    made, other = sign_in(app, name), sign_in(app, "13800000002")
    change(app, name, status=status)
    assert_unauthenticated(me(app, f"Bearer {made['access_token']}"))
    assert_unauthenticated(refresh(app, made["refresh_token"]))
    assert me(app, f"Bearer {other['access_token']}").status_code == 200


def test_an_account_that_is_active_again_does_not_revive_used_up_tokens(app: Flask) -> None:
    made = sign_in(app)
    change(app, RESIDENT, status=AccountStatus.DISABLED)
    assert_unauthenticated(refresh(app, made["refresh_token"]))
    change(app, RESIDENT, status=AccountStatus.ACTIVE)
    assert_unauthenticated(refresh(app, made["refresh_token"]))


def test_ending_an_accounts_tokens_ends_old_refresh_tokens_too(app: Flask) -> None:
    made = sign_in(app, "dispatcher")
    with app.app_context():
        account = account_named("dispatcher")
        with writing() as session:
            end_tokens(session.get_one(Account, account.id))
    assert_unauthenticated(me(app, f"Bearer {made['access_token']}"))
    assert_unauthenticated(refresh(app, made["refresh_token"]))
    again = sign_in(app, "dispatcher")
    assert me(app, f"Bearer {again['access_token']}").status_code == 200
    assert refresh(app, again["refresh_token"]).status_code == 200


def test_a_role_that_was_taken_away_counts_at_the_next_request(app: Flask, api: SignedIn) -> None:
    admin = api("admin")
    assert admin.get("/staff").status_code == 200
    change(app, "admin", roles=frozenset())
    assert admin.get("/staff").status_code == 403


def test_one_token_is_answered_with_one_statement_of_its_own(
    app: Flask, statements: Callable[[], Any]
) -> None:
    header = bearer(sign_in(app, "bus"))
    with statements() as found:
        app.test_client().post("/api/v1/auth/logout", headers=header, json={"x": 1})
    assert len(found.seen) == 1


def test_the_caller_knows_its_terminal_and_acts_by_kind_or_roles(app: Flask) -> None:
    made = sign_in(app, "bus", terminal="闸机 3")
    answer = me(app, f"Bearer {made['access_token']}").get_json()
    assert answer["terminal"] == "闸机 3"
    partner = tokens.Caller(1, "x", Kind.PARTNER, frozenset(), 1)
    assert partner.acting_as == "partner"
