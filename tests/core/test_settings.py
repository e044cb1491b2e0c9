"""What the environment may say, what is made up in development, and what production refuses."""

import base64
import multiprocessing
import stat
import threading
from pathlib import Path

import pytest

from core import keys
from core.keys import parse_keys
from core.settings import SettingsError, from_environment

SECRET = base64.b64encode(b"s" * 32).decode()
OTHER = base64.b64encode(b"o" * 32).decode()
KEY_SETS = ("DATA_KEYS", "INDEX_KEYS", "VOUCHER_KEYS", "AUDIT_KEY")
PRODUCTION = {
    "APP_ENV": "production",
    "SECRET_KEY": "a" * 32,
    "JWT_SECRET_KEY": "b" * 32,
    **dict.fromkeys(KEY_SETS, f"k1:{SECRET}"),
    "DATABASE_URL": "postgresql://city@db/citizen",
    "MEDIA_URL": "s3://photos",
    "WECHAT_APPS": "citizen:wx1:secret",
    "SMS_GATEWAY": "tencent",
    "SMS_KEY_ID": "id",
    "SMS_KEY_SECRET": "secret",
    "SMS_SIGN": "sign",
    "SMS_TEMPLATES": "code:1",
    "IDENTITY_PROVIDER_URL": "https://identity.example",
}


def without(*names: str) -> dict[str, str]:
    return {name: value for name, value in PRODUCTION.items() if name not in names}


def development(home: Path, **changes: str) -> dict[str, str]:
    return {"INSTANCE_PATH": str(home), **changes}


def test_an_empty_environment_is_enough_for_development(tmp_path: Path) -> None:
    made = from_environment(development(tmp_path))
    assert not made.production
    assert made.database_url == f"sqlite:///{tmp_path / 'citizen.sqlite3'}"
    assert made.media_url == f"file:{tmp_path / 'media'}"
    assert (made.trusted_proxies, made.limits_factor, made.digest) == (0, 1.0, "sha256")
    assert (made.redis_url, made.metrics_token, made.demo_password) == (None, None, None)


def test_the_process_environment_is_read_when_none_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSTANCE_PATH", str(tmp_path))
    monkeypatch.setenv("CASE_PREFIX", "3709")
    assert from_environment().case_prefix == "3709"


def test_an_empty_value_counts_as_none(tmp_path: Path) -> None:
    made = from_environment(development(tmp_path, REDIS_URL="", LIMITS="", APP_ENV="", CITY=""))
    assert (made.redis_url, made.limits_factor, made.app_env) == (None, 1.0, "development")
    assert made.city == "370800"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("APP_ENV", "staging"),
        ("APP_ENV", "Production"),
        ("SECRET_KEY", "short"),
        ("JWT_SECRET_KEY", "x" * 31),
        ("DATA_KEYS", "k1"),
        ("INDEX_KEYS", "k1:***"),
        ("VOUCHER_KEYS", "k1:c2hvcnQ="),
        ("AUDIT_KEY", ","),
        ("DATABASE_URL", "mysql://root@db/x"),
        ("DATABASE_URL", "sqlite://"),
        ("REDIS_URL", "localhost:6379"),
        ("TRUSTED_PROXIES", "one"),
        ("TRUSTED_PROXIES", "-1"),
        ("INFO_DAYS", "7.5"),
        ("LIMITS", "many"),
        ("LIMITS", "nan"),
        ("LIMITS", "inf"),
        ("LIMITS", "0"),
        ("LIMITS", "-2"),
        ("LOG_LEVEL", "LOUD"),
        ("AUDIT_DIGEST", "md5"),
        ("SMS_GATEWAY", "pigeon"),
        ("WECHAT_APPS", "citizen:wx1"),
        ("SMS_TEMPLATES", "code"),
        ("SMS_TEMPLATES", "notice:1"),
    ],
)
def test_a_value_that_cannot_be_read_stops_the_start_and_names_its_variable(
    tmp_path: Path, name: str, value: str
) -> None:
    with pytest.raises(SettingsError, match=name):
        from_environment(development(tmp_path, **{name: value}))


@pytest.mark.parametrize("name", ["SECRET_KEY", "DATABASE_URL", "REDIS_URL", *KEY_SETS])
def test_a_refusal_tells_nothing_of_a_secret_value(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError) as caught:
        from_environment(development(tmp_path, **{name: "half-a-secret"}))
    assert "half-a-secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["postgres://u@h/d", "postgresql://u@h/d"])
def test_the_usual_postgresql_addresses_get_our_driver(tmp_path: Path, url: str) -> None:
    made = from_environment(development(tmp_path, DATABASE_URL=url))
    assert made.database_url == "postgresql+psycopg://u@h/d"


def test_nothing_secret_stands_in_what_is_printed_of_settings(tmp_path: Path) -> None:
    made = from_environment({**PRODUCTION, "INSTANCE_PATH": str(tmp_path), "METRICS_TOKEN": "tok"})
    shown = repr(made)
    for secret in ("a" * 32, "b" * 32, "'tok'", "city@db", "secret='secret'", repr(b"s" * 32)):
        assert secret not in shown


# ---------------------------------------------------------------------- key sets
def test_the_first_key_of_a_set_writes_and_the_order_is_kept() -> None:
    found = parse_keys("DATA_KEYS", f"new:{SECRET}, old:{OTHER}\n")
    assert [(key.id, key.secret) for key in found] == [("new", b"s" * 32), ("old", b"o" * 32)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        f"k1:{SECRET},k1:{OTHER}",
        f":{SECRET}",
        f"k-1:{SECRET}",
        f"k1:{SECRET[:-4]}",
        "k1:" + base64.b64encode(b"s" * 33).decode(),
        f"k1:{SECRET}:more",
        "k1:ключ",
    ],
)
def test_a_key_set_with_any_bad_entry_is_refused_without_telling_the_key(text: str) -> None:
    with pytest.raises(SettingsError, match="DATA_KEYS") as caught:
        parse_keys("DATA_KEYS", text)
    assert SECRET[:20] not in str(caught.value)


# ---------------------------------------------------------------------- kept secrets
def test_made_up_secrets_are_kept_for_the_next_start_and_only_the_owner_reads_them(
    tmp_path: Path,
) -> None:
    home = tmp_path / "not" / "yet"
    first, second = from_environment(development(home)), from_environment(development(home))
    assert first == second
    files = {path.name: path for path in home.iterdir()}
    expected = {"secret_key", "jwt_secret_key", *(name.lower() for name in KEY_SETS)}
    assert set(files) == expected
    assert {stat.S_IMODE(path.stat().st_mode) for path in files.values()} == {0o600}
    assert len({path.read_text() for path in files.values()}) == len(expected)


def test_a_secret_from_the_environment_is_not_written_down(tmp_path: Path) -> None:
    made = from_environment(development(tmp_path, SECRET_KEY="e" * 40))
    assert made.secret_key == "e" * 40
    assert not (tmp_path / "secret_key").exists()


def test_of_many_who_start_at_once_all_read_the_same_secrets(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    together = context.Barrier(4)

    def start() -> None:
        together.wait(10)
        made = from_environment(development(tmp_path))
        answers.put((made.secret_key, made.data_keys[0].secret, made.audit_keys[0].secret))

    started = [context.Process(target=start) for _ in range(4)]
    for process in started:
        process.start()
    found = [answers.get(timeout=20) for _ in started]
    for process in started:
        process.join(20)
    assert len(set(found)) == 1
    assert not list(tmp_path.glob(".*")), "drafts were left behind"


def test_whoever_loses_the_race_for_a_file_takes_what_the_winner_wrote(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    ready = threading.Barrier(8)

    def write(number: int) -> None:
        ready.wait(10)
        keys._write_secret(path, f"secret of {number}")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_text().startswith("secret of ")
    assert [found.name for found in tmp_path.iterdir()] == ["secret"]


# ---------------------------------------------------------------------- production
def test_production_starts_when_everything_is_named(tmp_path: Path) -> None:
    made = from_environment({**PRODUCTION, "INSTANCE_PATH": str(tmp_path)})
    assert made.production
    assert not list(tmp_path.iterdir()), "production writes no secrets"


@pytest.mark.parametrize("name", ["SECRET_KEY", "JWT_SECRET_KEY", *KEY_SETS])
def test_production_makes_up_no_secret(tmp_path: Path, name: str) -> None:
    """Not even where development has left one in the folder."""
    from_environment(development(tmp_path))
    with pytest.raises(SettingsError, match=name):
        from_environment({**without(name), "INSTANCE_PATH": str(tmp_path)})


EMBEDDED = {
    "database": ("DATABASE_URL", "sqlite:////srv/citizen.sqlite3"),
    "media": ("MEDIA_URL", "file:/srv/media"),
    "wechat": ("WECHAT_APPS", ""),
    "sms": ("SMS_GATEWAY", "console"),
    "identity": ("IDENTITY_PROVIDER_URL", "console"),
}


@pytest.mark.parametrize("what", EMBEDDED)
def test_production_refuses_what_is_embedded_unless_it_is_named(tmp_path: Path, what: str) -> None:
    name, value = EMBEDDED[what]
    changed = {**PRODUCTION, name: value, "INSTANCE_PATH": str(tmp_path)}
    with pytest.raises(SettingsError, match=f"embedded: {what};"):
        from_environment(changed)
    others = ",".join(word for word in EMBEDDED if word != what)
    with pytest.raises(SettingsError, match=what):
        from_environment({**changed, "ALLOW_EMBEDDED": others})
    assert from_environment({**changed, "ALLOW_EMBEDDED": f" {what} ,other"}).production


def test_production_by_default_refuses_all_of_them_at_once(tmp_path: Path) -> None:
    names = [name for name, _ in EMBEDDED.values()]
    with pytest.raises(SettingsError, match="database, identity, media, sms, wechat"):
        from_environment({**without(*names), "INSTANCE_PATH": str(tmp_path)})


def test_limits_are_not_lifted_in_production(tmp_path: Path) -> None:
    assert from_environment(development(tmp_path, LIMITS="50")).limits_factor == 50
    with pytest.raises(SettingsError, match="LIMITS"):
        from_environment({**PRODUCTION, "LIMITS": "50", "INSTANCE_PATH": str(tmp_path)})
