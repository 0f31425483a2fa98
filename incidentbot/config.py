"""Settings: every environment variable, typed, checked at start, all mistakes reported together."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import unquote, urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from incidentbot.database import engine_options

ROOT = Path(__file__).resolve().parent.parent
LOCAL_SECRET_KEY = "local-only-not-a-secret"  # noqa: S105 - refused unless everything is local

Words = Annotated[tuple[str, ...], NoDecode]


class SettingsError(Exception):
    """The settings are wrong. The text lists each mistake and what the setting should be."""


@dataclass(frozen=True)
class StatuspageSecrets:
    """The page on Statuspage.io that the environment names, and its key."""

    page_id: str
    api_key: str = field(repr=False)


@dataclass(frozen=True)
class SlackSecrets:
    """What proves us to Slack, and Slack to us."""

    bot_token: str = field(repr=False)
    signing_secret: str = field(repr=False)


@dataclass(frozen=True)
class Mail:
    """The server that takes our e-mail, and whom it comes from."""

    host: str
    port: int
    is_tls: bool
    user: str | None
    password: str | None = field(repr=False)
    sender: str


@dataclass(frozen=True)
class Provider:
    """An OpenID Connect provider that people may sign in with. `key` names it in addresses."""

    key: str
    name: str
    issuer: str
    client_id: str
    client_secret: str = field(repr=False)


class Settings(BaseSettings):
    """What the environment (or `.env`) says. Each field is the variable of the same name."""

    model_config = SettingsConfigDict(
        env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    database_url: str = Field(
        default=f"sqlite:///{ROOT / 'instance' / 'incidentbot.db'}",
        description="sqlite:///path or postgresql://user:password@host/name",
    )
    redis_url: str | None = Field(
        default=None,
        pattern=r"^(rediss?|unix)://",
        description="redis://host:6379/0; without it deliveries run in the web process",
    )
    secret_key: SecretStr = Field(
        default=SecretStr(LOCAL_SECRET_KEY),
        description="a long random text that signs sessions: openssl rand -hex 32",
    )
    base_url: str = Field(
        default="http://localhost:8000",
        pattern=r"^https?://[^/\s]+$",
        description="the address people open, without a path: https://incidents.example.com",
    )
    port: int = Field(default=8000, ge=1, le=65535, description="a port number, 1 to 65535")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="DEBUG, INFO, WARNING or ERROR"
    )
    log_format: Literal["json", "text"] = Field(default="json", description="json or text")

    slack_bot_token: SecretStr | None = Field(
        default=None, description="the bot token, it begins with xoxb-"
    )
    slack_signing_secret: SecretStr | None = Field(
        default=None, description="the app's signing secret, under Basic Information in Slack"
    )
    slack_api_url: str = Field(
        default="https://slack.com/api/",
        pattern=r"^https?://\S+/$",
        description="an address that ends in a slash: https://slack.com/api/",
    )

    slack_rate_factor: float = Field(
        default=1.0,
        ge=0,
        le=100,
        description="a number from 0 to 100: 1 keeps to Slack's published rate limits, 2 calls twice "
        "as often, 0 waits only when Slack says so",
    )

    slack_client_id: str | None = Field(
        default=None, description="the app's client id, under Basic Information in Slack"
    )
    slack_client_secret: SecretStr | None = Field(
        default=None, description="the app's client secret, under Basic Information in Slack"
    )
    slack_issuer: str = Field(
        default="https://slack.com",
        pattern=r"^https?://\S+[^/\s]$",
        description="the address of Sign in with Slack: https://slack.com",
    )

    oidc_issuer: str | None = Field(
        default=None,
        pattern=r"^https?://\S+$",
        description="the provider's issuer address: https://accounts.example.com",
    )
    oidc_client_id: str | None = Field(
        default=None, description="the client id that the OpenID Connect provider gave you"
    )
    oidc_client_secret: SecretStr | None = Field(
        default=None, description="the client secret that the OpenID Connect provider gave you"
    )
    oidc_name: str = Field(
        default="single sign-on",
        min_length=1,
        max_length=40,
        description="what people call the provider, up to 40 characters: Okta",
    )
    oidc_role: Literal["viewer", "responder", "admin", "none"] = Field(
        default="viewer",
        description="viewer, responder or admin for who signs in for the first time; none refuses them",
    )

    statuspage_api_key: SecretStr | None = Field(
        default=None,
        description="an API key of Statuspage.io, together with STATUSPAGE_PAGE_ID",
    )
    statuspage_page_id: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
        description="the id of the page on Statuspage.io, together with STATUSPAGE_API_KEY",
    )
    statuspage_api_url: str = Field(
        default="https://api.statuspage.io/v1",
        pattern=r"^https?://\S+[^/\s]$",
        description="an address without a slash at its end: https://api.statuspage.io/v1",
    )
    statuspage_rate_factor: float = Field(
        default=1.0,
        ge=0,
        le=100,
        description="a number from 0 to 100: 1 keeps to Statuspage's request a second, 2 calls twice as "
        "often, 0 waits only when Statuspage says so",
    )

    smtp_url: SecretStr | None = Field(
        default=None,
        description="smtp://user:password@host:587, or smtps:// where encryption comes first",
    )
    mail_from: str | None = Field(
        default=None,
        pattern=r"^[^@\s<>,;:]+@[^@\s<>,;:]+$",
        description="the address that e-mail comes from: incidentbot@example.com",
    )

    proxy_hops: int = Field(
        default=0,
        ge=0,
        le=5,
        description="how many reverse proxies stand in front of the app, 0 to 5",
    )

    workers: int = Field(
        default=1, ge=1, le=64, description="how many processes `flask worker` runs, 1 to 64"
    )
    delivery_threads: int = Field(
        default=8,
        ge=1,
        le=64,
        description="how many deliveries one process makes side by side, 1 to 64",
    )
    sweep_seconds: float = Field(
        default=1.0,
        ge=0.1,
        le=60,
        description="seconds between two looks for deliveries that nobody was told of, 0.1 to 60",
    )
    shutdown_grace: float = Field(
        default=20.0,
        ge=0,
        le=300,
        description="seconds in which requests and deliveries may end after SIGTERM, 0 to 300",
    )
    metrics_token: SecretStr | None = Field(
        default=None,
        description="a secret text that whoever reads /metrics sends as a bearer token",
    )
    metrics_port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="a port number, 1 to 65535, other than PORT, at which web and worker show their metrics",
    )
    otel_exporter_otlp_endpoint: str | None = Field(
        default=None,
        pattern=r"^https?://\S+$",
        description="the address of an OpenTelemetry collector (OTLP over HTTP): http://collector:4318",
    )
    sentry_dsn: SecretStr | None = Field(
        default=None, description="the DSN of a Sentry project: https://key@host/number"
    )
    delivery_lease_seconds: float = Field(
        default=30.0,
        ge=1,
        le=600,
        description="seconds a delivery may take before another process takes it, 1 to 600",
    )

    services: Words = Field(
        default=("general",),
        min_length=1,
        description="names separated by commas: payments, search",
    )
    service_owners: Annotated[dict[str, list[str]], NoDecode] = Field(
        default_factory=dict,
        description='JSON from service to Slack user ids: {"payments": ["U012AB3CD"]}',
    )
    notification_channel_general: str = Field(
        default="#general", description="a channel's #name or id"
    )
    notification_channel_engineering: str = Field(
        default="#engineering", description="a channel's #name or id"
    )
    p1_users: Words = Field(
        default=(), description="Slack user ids separated by commas: U012AB3CD, U045EF6GH"
    )

    @field_validator("services", "p1_users", mode="before")
    @classmethod
    def _split_at_commas(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(word.strip() for word in value.split(",") if word.strip())
        return value

    @field_validator("service_owners", mode="before")
    @classmethod
    def _read_json(cls, value: Any) -> Any:
        return json.loads(value) if isinstance(value, str) else value

    @field_validator("log_level", mode="before")
    @classmethod
    def _any_case(cls, value: Any) -> Any:
        return value.upper() if isinstance(value, str) else value

    @field_validator("database_url")
    @classmethod
    def _name_the_driver(cls, value: str) -> str:
        for prefix in ("postgres://", "postgresql://"):
            if value.startswith(prefix):
                return "postgresql+psycopg2://" + value.removeprefix(prefix)
        if value.startswith(("sqlite:///", "postgresql+psycopg2://")):
            return value
        raise ValueError("not a database this version knows")

    @field_validator("smtp_url")
    @classmethod
    def _name_a_mail_server(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            parts = urlsplit(value.get_secret_value())
            if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.port == 0:
                raise ValueError("not the address of a mail server")
        return value

    def flask_config(self) -> dict[str, Any]:
        """Return Flask's own configuration, and that of its extensions."""
        is_https = self.base_url.startswith("https://")
        return {
            "SECRET_KEY": self.secret_key.get_secret_value(),
            "SQLALCHEMY_DATABASE_URI": self.database_url,
            "SQLALCHEMY_ENGINE_OPTIONS": engine_options(self.database_url),
            # With this prefix browsers take the cookie from this very host by https only.
            "SESSION_COOKIE_NAME": "__Host-incidentbot" if is_https else "incidentbot",
            "SESSION_COOKIE_PATH": "/",
            "SESSION_COOKIE_HTTPONLY": True,
            "SESSION_COOKIE_SAMESITE": "Lax",
            "SESSION_COOKIE_SECURE": is_https,
            "WTF_CSRF_TIME_LIMIT": None,  # as long as the session: a form left open overnight still works
            # Over https it would ask for a Referer, which our Referrer-Policy keeps browsers from
            # sending. The form's token and the cookie's SameSite tell ours from others'.
            "WTF_CSRF_SSL_STRICT": False,
            "MAX_CONTENT_LENGTH": 2 * 1024 * 1024,
        }

    @property
    def secrets(self) -> frozenset[str]:
        """Everything in the settings that nobody may read in a log."""
        given = {
            value.get_secret_value()
            for name in type(self).model_fields
            if isinstance(value := getattr(self, name), SecretStr)
        }
        addresses = [self.database_url, self.redis_url, self.otel_exporter_otlp_endpoint]
        if self.smtp_url is not None:
            addresses.append(self.smtp_url.get_secret_value())
        for address in filter(None, addresses):
            written = address.partition("://")[2].rpartition("@")[0].partition(":")[2]
            given |= {written, unquote(written)}
        if self.sentry_dsn is not None:
            given.add(urlsplit(self.sentry_dsn.get_secret_value()).username or "")
        return frozenset(given - {"", LOCAL_SECRET_KEY})

    @property
    def is_local(self) -> bool:
        """Whether people reach the app on this machine only."""
        host = self.base_url.split("://", 1)[1].rsplit(":", 1)[0]
        return host in ("localhost", "127.0.0.1", "[::1]")

    @property
    def slack(self) -> SlackSecrets | None:
        """Slack's secrets; None where Slack is not connected."""
        if self.slack_bot_token is None or self.slack_signing_secret is None:
            return None
        return SlackSecrets(
            self.slack_bot_token.get_secret_value(), self.slack_signing_secret.get_secret_value()
        )

    @property
    def statuspage(self) -> StatuspageSecrets | None:
        """The page on Statuspage.io that the environment names; None where it names none."""
        if self.statuspage_api_key is None or self.statuspage_page_id is None:
            return None
        return StatuspageSecrets(
            self.statuspage_page_id, self.statuspage_api_key.get_secret_value()
        )

    @property
    def mail(self) -> Mail | None:
        """The mail server; None where no e-mail is sent."""
        if self.smtp_url is None or self.mail_from is None:
            return None
        parts = urlsplit(self.smtp_url.get_secret_value())
        is_tls = parts.scheme == "smtps"
        return Mail(
            host=parts.hostname or "",
            port=parts.port or (465 if is_tls else 587),
            is_tls=is_tls,
            user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            sender=self.mail_from,
        )

    @property
    def providers(self) -> tuple[Provider, ...]:
        """The providers that people may sign in with."""
        found: list[Provider] = []
        if self.slack_client_id and self.slack_client_secret:
            secret = self.slack_client_secret.get_secret_value()
            found.append(
                Provider("slack", "Slack", self.slack_issuer, self.slack_client_id, secret)
            )
        if self.oidc_issuer and self.oidc_client_id and self.oidc_client_secret:
            secret = self.oidc_client_secret.get_secret_value()
            issuer = self.oidc_issuer
            found.append(Provider("oidc", self.oidc_name, issuer, self.oidc_client_id, secret))
        return tuple(found)


# What is set together or not at all.
TOGETHER = (
    ("slack_bot_token", "slack_signing_secret"),
    ("slack_client_id", "slack_client_secret"),
    ("oidc_issuer", "oidc_client_id", "oidc_client_secret"),
    ("statuspage_api_key", "statuspage_page_id"),
    ("smtp_url", "mail_from"),
)


def load_settings(**overrides: Any) -> Settings:
    """Read the settings from the environment; `overrides` replace single ones.

    Raises SettingsError with a line for each mistake. No line repeats a value: it may be a secret.
    """
    wrong: list[str] = []
    try:
        settings = Settings(**overrides)
    except ValidationError as error:
        wrong += [str(detail["loc"][0]) for detail in error.errors()]
        # With these set aside, what depends on several settings can be checked as well.
        settings = Settings(**{**overrides, **{field: _default(field) for field in wrong}})
    if settings.secret_key.get_secret_value() == LOCAL_SECRET_KEY and not settings.is_local:
        wrong.append("secret_key")
    for group in TOGETHER:
        missing = [field for field in group if getattr(settings, field) is None]
        # One that is wrong was set aside above, and is told of already.
        if 0 < len(missing) < len(group) and not set(group) & set(wrong):
            wrong += missing
    if settings.metrics_port == settings.port:
        wrong.append("metrics_port")
    if settings.slack_client_id and settings.slack_bot_token is None:
        wrong.append("slack_bot_token")  # without it nobody can say which workspace is ours
    if wrong:
        raise SettingsError("\n".join(_explain(field) for field in dict.fromkeys(wrong)))
    return settings


def _default(field: str) -> Any:
    return Settings.model_fields[field].get_default(call_default_factory=True)


def _explain(field: str) -> str:
    return f"{field.upper()} must be {Settings.model_fields[field].description}"
