"""The way to an OpenID Connect provider and back: what it proved about a person, or why not."""

import logging
import time
from typing import Any

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.flask_client import OAuth
from flask import Flask, current_app, session, url_for
from joserfc.errors import JoseError
from requests import RequestException
from slack_sdk.errors import SlackClientError
from werkzeug.wrappers import Response

from incidentbot.channels.slack.api import make_client
from incidentbot.config import Provider, Settings
from incidentbot.users.identities import Claims

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 10
# A provider may move its addresses and keys; what was learned is asked for anew after this time.
METADATA_SECONDS = 3600
_TEAM_CLAIM = "https://slack.com/team_id"
_PERSON_CLAIM = "https://slack.com/user_id"
# What comes of a provider that is down, answers nonsense, or sends what does not add up.
_UNREACHABLE = (RequestException, SlackClientError, OSError)
_UNTRUSTED = (AuthlibBaseError, JoseError, RuntimeError, ValueError, KeyError, TypeError)


class SignInFailed(Exception):
    """A provider did not sign somebody in. The text says what to do."""


def install(app: Flask) -> None:
    """Make the clients of the providers that are configured. Nobody is asked anything yet."""
    app.extensions["sso_clients"] = {}
    app.extensions["slack_team"] = None


def find_provider(key: str) -> Provider | None:
    """Return the provider with this key, if it is configured."""
    settings: Settings = current_app.extensions["settings"]
    return next((provider for provider in settings.providers if provider.key == key), None)


def discovery_address(provider: Provider) -> str:
    """Return where a provider says what it is called, and where its doors are."""
    return provider.issuer.rstrip("/") + "/.well-known/openid-configuration"


def go_to(provider: Provider) -> Response:
    """Return the redirect to the provider. The session keeps what its answer must match."""
    settings: Settings = current_app.extensions["settings"]
    address = settings.base_url + url_for("auth.callback", provider=provider.key)
    try:
        client = _client(provider)
        _require_issuer(client, provider)
        _forget_earlier_tries(provider)
        response: Response = client.authorize_redirect(address)
    except _UNREACHABLE as error:
        raise _unreachable(provider, error) from error
    except _UNTRUSTED as error:
        raise _untrusted(provider, error) from error
    return response


def claims_from(provider: Provider) -> Claims:
    """Return what the provider's answer, the request at hand, proves. Raises SignInFailed."""
    try:
        client = _client(provider)
        _require_issuer(client, provider)
        token = client.authorize_access_token(
            claims_options={
                "iss": {"essential": True, "values": [provider.issuer]},
                "aud": {"essential": True, "values": [provider.client_id]},
                "sub": {"essential": True},
            }
        )
        said: dict[str, Any] = dict(token["userinfo"])
        if provider.key != "slack" and "email" not in said:
            # Some providers keep the e-mail address for those who ask.
            asked = client.userinfo(token=token)
            if asked.get("sub") != said["sub"]:
                raise ValueError("userinfo is about somebody else")
            said = {**asked, **said}
        if provider.key == "slack" and said.get(_TEAM_CLAIM) != _our_team():
            raise SignInFailed(
                "That is another Slack workspace. Choose ours, or sign in another way."
            )
    except SignInFailed:
        raise
    except _UNREACHABLE as error:
        raise _unreachable(provider, error) from error
    except _UNTRUSTED as error:
        raise _untrusted(provider, error) from error
    return Claims(
        provider=provider.name,
        issuer=provider.issuer,
        subject=str(said["sub"])[:255],
        email=_text(said.get("email")),
        is_email_verified=said.get("email_verified") in (True, "true"),
        name=_text(said.get("name")) or "",
        slack_user_id=str(said.get(_PERSON_CLAIM) or said["sub"])
        if provider.key == "slack"
        else None,
    )


def _client(provider: Provider) -> Any:
    clients: dict[str, tuple[float, Any]] = current_app.extensions["sso_clients"]
    made_at, client = clients.get(provider.key, (0.0, None))
    if client is None or time.monotonic() - made_at > METADATA_SECONDS:
        options = {"scope": "openid email profile", "default_timeout": TIMEOUT_SECONDS}
        if provider.key != "slack":  # Slack knows PKCE for apps without a secret only
            options["code_challenge_method"] = "S256"
        client = OAuth(current_app).register(
            provider.key,
            client_id=provider.client_id,
            client_secret=provider.client_secret,
            server_metadata_url=discovery_address(provider),
            client_kwargs=options,
        )
        clients[provider.key] = (time.monotonic(), client)
    return client


def _forget_earlier_tries(provider: Provider) -> None:
    """Drop what earlier tries left in the session: a cookie that grows too large is refused."""
    for key in [key for key in session if key.startswith(f"_state_{provider.key}_")]:
        del session[key]


def _require_issuer(client: Any, provider: Provider) -> None:
    """Raise ValueError when the provider found at the issuer's address calls itself something else."""
    named = client.load_server_metadata().get("issuer")
    if named != provider.issuer:
        raise ValueError(f"the provider calls itself {named!r}, not {provider.issuer!r}")


def _our_team() -> str:
    """Return the id of the workspace that the bot token is for."""
    team: str | None = current_app.extensions["slack_team"]
    if team is None:
        settings: Settings = current_app.extensions["settings"]
        if settings.slack is None:
            raise ValueError("no bot token says which workspace is ours")
        client = make_client(settings.slack.bot_token, settings.slack_api_url, TIMEOUT_SECONDS)
        team = str(client.auth_test()["team_id"])
        current_app.extensions["slack_team"] = team
    return team


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _unreachable(provider: Provider, error: Exception) -> SignInFailed:
    log.warning(
        "a sign-in provider is away", extra={"provider": provider.key, "problem": repr(error)[:500]}
    )
    return SignInFailed(f"{_named(provider)} cannot be reached. Sign in another way, or try later.")


def _untrusted(provider: Provider, error: Exception) -> SignInFailed:
    log.warning(
        "a sign-in was not trusted", extra={"provider": provider.key, "problem": repr(error)[:500]}
    )
    if getattr(error, "error", "") == "access_denied":
        return SignInFailed(f"{_named(provider)} did not let you in.")
    return SignInFailed(
        f"The answer of {provider.name} was not what we asked for. Start again from this page."
    )


def _named(provider: Provider) -> str:
    return provider.name[:1].upper() + provider.name[1:]
