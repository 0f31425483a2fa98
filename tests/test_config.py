"""Settings: the ones `.env.example` names, all mistakes told together, no secret told at all."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from incidentbot.config import LOCAL_SECRET_KEY, ROOT, Settings, SettingsError, load_settings

EXAMPLE = (ROOT / ".env.example").read_text()
NOT_OURS = {"SANDBOX_PORT"}  # read by the sandbox and by `make run`

MISTAKES = {
    "DATABASE_URL": "mysql://root:hunter2@db/incidents",
    "REDIS_URL": "amqp://:hunter2@queue",
    "BASE_URL": "incidents.hunter2.example",
    "PORT": "hunter2",
    "LOG_LEVEL": "hunter2",
    "LOG_FORMAT": "hunter2",
    "SLACK_API_URL": "hunter2",
    "SLACK_BOT_TOKEN": "xoxb-hunter2",  # without SLACK_SIGNING_SECRET
    "DELIVERY_LEASE_SECONDS": "0",
    "SERVICES": " , ",
    "SERVICE_OWNERS": '{"payments": "hunter2"',
}
WRONG = (MISTAKES.keys() - {"SLACK_BOT_TOKEN"}) | {"SLACK_SIGNING_SECRET"}


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A place without settings: neither a developer's environment nor their `.env` is read."""
    for name in list(os.environ):
        if name.lower() in Settings.model_fields:
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def named(text: str) -> set[str]:
    """Return the settings that the text names at the beginning of a line."""
    return set(re.findall(r"^#?([A-Z][A-Z0-9_]+)=", text, re.MULTILINE))


def test_the_example_names_every_setting_and_no_other() -> None:
    ours, reserved = EXAMPLE.split("# ---- reserved ")
    fields = {name.upper() for name in Settings.model_fields}
    assert named(ours) - NOT_OURS == fields
    assert named(reserved)
    assert not named(reserved) & fields


def test_the_example_shows_the_defaults(tmp_path: Path) -> None:
    shown = tmp_path / "shown.env"
    shown.write_text(re.sub(r"^#(?=[A-Z][A-Z0-9_]+=)", "", EXAMPLE, flags=re.MULTILINE))
    defaults = Settings(_env_file=None).model_dump()
    read = Settings(_env_file=shown).model_dump()
    # The example's path begins in instance/, which is where the default lies.
    assert read.pop("database_url") == "sqlite:///incidentbot.db"
    assert defaults.pop("database_url") == f"sqlite:///{ROOT / 'instance' / 'incidentbot.db'}"
    assert read == defaults


def test_without_any_setting_it_starts_locally() -> None:
    settings = load_settings()
    assert settings.is_local
    assert settings.slack is None
    assert settings.redis_url is None


def test_every_setting_says_what_it_should_be() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("PORT=8001\nSERVICES=payments, search\n")
    monkeypatch.setenv("PORT", "8002")
    settings = load_settings()
    assert (settings.port, settings.services) == (8002, ("payments", "search"))


def test_an_empty_setting_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.setenv(name.upper(), "")
    assert load_settings() == Settings(_env_file=None)


@pytest.mark.parametrize(
    "name,value,field,expected",
    [
        ("LOG_LEVEL", "debug", "log_level", "DEBUG"),
        ("P1_USERS", "U1, ,U2,", "p1_users", ("U1", "U2")),
        ("SERVICE_OWNERS", '{"a": ["U1"]}', "service_owners", {"a": ["U1"]}),
        ("DATABASE_URL", "postgres://u@h/n", "database_url", "postgresql+psycopg2://u@h/n"),
        ("DATABASE_URL", "postgresql://u@h/n", "database_url", "postgresql+psycopg2://u@h/n"),
        ("DATABASE_URL", "sqlite:////tmp/x.db", "database_url", "sqlite:////tmp/x.db"),
    ],
)
def test_settings_are_read_as_people_write_them(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, field: str, expected: Any
) -> None:
    monkeypatch.setenv(name, value)
    assert getattr(load_settings(), field) == expected


def test_all_mistakes_are_told_together_without_any_value(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in MISTAKES.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as wrong:
        load_settings()
    lines = str(wrong.value).splitlines()
    assert {line.split()[0] for line in lines} == WRONG
    assert len(lines) == len(WRONG)
    assert all(" must be " in line for line in lines)
    assert "hunter2" not in str(wrong.value)


@pytest.mark.parametrize("name", sorted(MISTAKES.keys() & WRONG))
def test_each_mistake_is_told_alone_as_well(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, MISTAKES[name])
    with pytest.raises(SettingsError) as wrong:
        load_settings()
    assert str(wrong.value).splitlines() == [
        f"{name} must be {Settings.model_fields[name.lower()].description}"
    ]


@pytest.mark.parametrize(
    "given,missing",
    [
        ("SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET"),
        ("SLACK_SIGNING_SECRET", "SLACK_BOT_TOKEN"),
    ],
)
def test_half_of_slack_is_a_mistake(
    monkeypatch: pytest.MonkeyPatch, given: str, missing: str
) -> None:
    monkeypatch.setenv(given, "hunter2")
    with pytest.raises(SettingsError, match=f"^{missing} must be") as wrong:
        load_settings()
    assert "hunter2" not in str(wrong.value)


@pytest.mark.parametrize(
    "base_url", ["https://incidents.example.com", "http://10.0.0.5:8000", "http://localhost.evil"]
)
def test_the_well_known_secret_key_is_refused_where_others_can_reach_us(base_url: str) -> None:
    with pytest.raises(SettingsError, match=r"^SECRET_KEY must be"):
        load_settings(base_url=base_url)
    with pytest.raises(SettingsError, match=r"^SECRET_KEY must be"):
        load_settings(base_url=base_url, secret_key=LOCAL_SECRET_KEY)
    assert load_settings(base_url=base_url, secret_key="a long random text").base_url == base_url


@pytest.mark.parametrize(
    "base_url", ["http://localhost:8000", "http://127.0.0.1", "http://[::1]:8000"]
)
def test_on_one_machine_no_secret_key_is_needed(base_url: str) -> None:
    assert load_settings(base_url=base_url).is_local


def test_cookies_are_for_https_only_where_there_is_https() -> None:
    local = load_settings().flask_config()
    public = load_settings(base_url="https://x.example", secret_key="k").flask_config()
    assert (local["SESSION_COOKIE_SECURE"], public["SESSION_COOKIE_SECURE"]) == (False, True)


def test_settings_show_no_secret_when_printed() -> None:
    settings = load_settings(
        secret_key="hunter2", slack_bot_token="xoxb-hunter2", slack_signing_secret="hunter2"
    )
    assert settings.slack is not None
    assert settings.slack.bot_token == "xoxb-hunter2"
    assert "hunter2" not in f"{settings!r} {settings} {settings.slack!r}"
    secrets = {n for n, v in settings.model_dump().items() if isinstance(v, SecretStr)}
    assert secrets == {"secret_key", "slack_bot_token", "slack_signing_secret"}


@pytest.mark.parametrize(
    "command",
    [
        ("gunicorn", "--config", str(ROOT / "gunicorn.conf.py"), "app:app"),
        ("flask", "--app", "app", "audit", "verify"),
        ("incidentbot.local",),
    ],
    ids=lambda command: command[0],
)
def test_with_wrong_settings_it_does_not_start_and_says_why(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    mistakes = {**MISTAKES, "SLACK_SIGNING_SECRET": "hunter2"}
    done = subprocess.run(
        [sys.executable, "-m", *command],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **mistakes},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    told = done.stdout + done.stderr
    assert {line.split()[0] for line in told.splitlines() if " must be " in line} == (
        WRONG - {"SLACK_SIGNING_SECRET"}
    )
    assert "Traceback" not in told
    assert "hunter2" not in told


@pytest.mark.parametrize(
    "given,missing",
    [
        ({"SLACK_CLIENT_ID": "1.2"}, {"SLACK_CLIENT_SECRET", "SLACK_BOT_TOKEN"}),
        ({"OIDC_ISSUER": "https://id.example.com"}, {"OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET"}),
        ({"SMTP_URL": "smtp://mail.example.com"}, {"MAIL_FROM"}),
        ({"MAIL_FROM": "bot@example.com"}, {"SMTP_URL"}),
        ({"SMTP_URL": "http://mail.example.com", "MAIL_FROM": "bot@example.com"}, {"SMTP_URL"}),
        ({"SMTP_URL": "smtp://host:hunter2", "MAIL_FROM": "bot@example.com"}, {"SMTP_URL"}),
        ({"SMTP_URL": "smtp://host", "MAIL_FROM": "a@b.c\nBcc: d@e.f"}, {"MAIL_FROM"}),
    ],
)
def test_what_belongs_together_is_set_together(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], missing: set[str]
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as error:
        load_settings()
    assert {line.split()[0] for line in str(error.value).splitlines()} == missing
    assert "hunter2" not in str(error.value)


def test_the_mail_servers_address_is_taken_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTP_URL", "smtps://bot%40example.com:p%2Fw@mail.example.com")
    monkeypatch.setenv("MAIL_FROM", "bot@example.com")
    mail = load_settings().mail
    assert mail is not None
    assert (mail.host, mail.port, mail.is_tls) == ("mail.example.com", 465, True)
    assert (mail.user, mail.password) == ("bot@example.com", "p/w")
    assert "p/w" not in repr(mail)


def test_the_key_within_the_address_of_sentry_is_a_secret_by_itself() -> None:
    settings = load_settings(_env_file=None, sentry_dsn="https://planted@o1.ingest.sentry.io/7")
    assert "planted" in settings.secrets
