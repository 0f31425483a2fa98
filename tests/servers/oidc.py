"""A small OpenID Connect provider that is real: discovery, keys, PKCE, codes, signed id tokens.

`python -m tests.servers.oidc` serves it; with SLACK_TEAM it has the shape of Slack's. One picks a
person on its page. `PUT /control` makes it misbehave: see `Mode`.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import requests
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core.grants import OpenIDCode
from flask import Flask, Response, abort, jsonify, render_template_string, request
from joserfc.jwk import RSAKey
from werkzeug.serving import make_server

from tests.servers.ports import free_port
from tests.servers.processes import Process, start

_COMMAND = [sys.executable, "-m", "tests.servers.oidc"]
CLIENT_ID, CLIENT_SECRET = "incidentbot", "a client secret"
PEOPLE = {
    "lin": ("Lin Clark", "lin@example.com"),
    "mallory": ("Mallory", "mallory@example.com"),
    # Who lives in the sandbox's workspace: docs/sandbox.md.
    "U0ADA0000A": ("Ada Lovelace", "ada@example.com"),
}
PAGE = """<!doctype html><html lang="en"><title>Provider</title><h1>Who are you?</h1>
{% for id, (name, email) in people.items() %}
<form method="post"><button name="person" value="{{ id }}">{{ name }}</button></form>
{% endfor %}
<form method="post"><button name="person" value="">Nobody</button></form>"""


class Mode(StrEnum):
    """How the provider behaves."""

    NORMAL = "normal"
    DOWN = "down"
    UNVERIFIED = "unverified"
    WRONG_NONCE = "wrong_nonce"
    WRONG_AUDIENCE = "wrong_audience"
    WRONG_ISSUER = "wrong_issuer"
    WRONG_KEY = "wrong_key"
    WRONG_TEAM = "wrong_team"


@dataclass
class Code:
    """An authorization code, until it is used."""

    code: str
    client_id: str
    redirect_uri: str
    scope: str
    nonce: str | None
    person: str
    code_challenge: str | None
    code_challenge_method: str | None
    auth_time: int = field(default_factory=lambda: int(time.time()))

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str | None:
        return self.nonce

    def get_auth_time(self) -> int:
        return self.auth_time

    def get_acr(self) -> None:
        return None

    def get_amr(self) -> None:
        return None


@dataclass(frozen=True)
class Client:
    """incidentbot, as the provider knows it."""

    redirect_uri: str

    def get_client_id(self) -> str:
        return CLIENT_ID

    def get_default_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_allowed_scope(self, scope: str) -> str:
        return scope

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri == self.redirect_uri

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == CLIENT_SECRET

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        return method == "client_secret_basic"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


def make_app(issuer: str, redirect_uri: str, slack_team: str | None) -> Flask:
    """Return the provider as an app."""
    app = Flask(__name__)
    key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
    strange = RSAKey.generate_key(2048, {"kid": "one"})
    client = Client(redirect_uri)
    codes: dict[str, Code] = {}
    mode = {"now": Mode.NORMAL}

    class Grant(AuthorizationCodeGrant):  # type: ignore[misc]  # Authlib publishes no types
        TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic",)

        def save_authorization_code(self, code: str, asked: Any) -> None:
            data = asked.payload.data
            codes[code] = Code(
                code=code,
                client_id=CLIENT_ID,
                redirect_uri=asked.payload.redirect_uri,
                scope=asked.payload.scope,
                nonce=data.get("nonce"),
                person=asked.user,
                code_challenge=data.get("code_challenge"),
                code_challenge_method=data.get("code_challenge_method"),
            )

        def query_authorization_code(self, code: str, _client: Client) -> Code | None:
            return codes.get(code)

        def delete_authorization_code(self, authorization_code: Code) -> None:
            codes.pop(authorization_code.code, None)

        def authenticate_user(self, authorization_code: Code) -> str:
            return authorization_code.person

    class IdToken(OpenIDCode):  # type: ignore[misc]  # Authlib publishes no types
        def exists_nonce(self, nonce: str, _request: Any) -> bool:
            return any(code.nonce == nonce for code in codes.values())

        def resolve_client_private_key(self, _client: Client) -> RSAKey:
            return strange if mode["now"] is Mode.WRONG_KEY else key

        def get_encode_header(self, _client: Client) -> dict[str, str]:
            return {"alg": "RS256", "kid": "one"}

        def get_client_claims(self, _client: Client) -> dict[str, Any]:
            now = mode["now"]
            return {
                "iss": "https://elsewhere.example" if now is Mode.WRONG_ISSUER else issuer,
                "aud": ["another app"] if now is Mode.WRONG_AUDIENCE else [CLIENT_ID],
                # Else an audience that is wrong would already be refused for want of this.
                **({"azp": CLIENT_ID} if now is Mode.WRONG_AUDIENCE else {}),
            }

        def get_authorization_code_claims(self, authorization_code: Code) -> dict[str, Any]:
            claims: dict[str, Any] = super().get_authorization_code_claims(authorization_code)
            return {**claims, "nonce": "of another"} if mode["now"] is Mode.WRONG_NONCE else claims

        def generate_user_info(self, user: str, scope: str) -> dict[str, Any]:
            return claims_of(user, scope)

    def claims_of(person: str, scope: str) -> dict[str, Any]:
        name, email = PEOPLE[person]
        claims: dict[str, Any] = {"sub": person, "name": name}
        if "email" in scope:
            claims |= {"email": email, "email_verified": mode["now"] is not Mode.UNVERIFIED}
        if slack_team is not None:
            team = "T0STRANGE" if mode["now"] is Mode.WRONG_TEAM else slack_team
            claims |= {
                "https://slack.com/user_id": person,
                "https://slack.com/team_id": team,
                "https://slack.com/team_name": "Example",
            }
        return claims

    server = AuthorizationServer(
        app, query_client=lambda id_: client if id_ == CLIENT_ID else None, save_token=_forget
    )
    server.register_grant(Grant, [IdToken(require_nonce=True), Pkce(slack_team is None)])

    @app.before_request
    def _misbehave() -> None:
        if mode["now"] is Mode.DOWN and request.path not in ("/control", "/up"):
            abort(503)

    @app.get("/up")
    def up() -> str:
        return "up"

    @app.put("/control")
    def control() -> str:
        mode["now"] = Mode(request.get_json()["mode"])
        return "changed"

    @app.get("/.well-known/openid-configuration")
    def discovery() -> Response:
        return jsonify(
            issuer=issuer,
            authorization_endpoint=f"{issuer}/authorize",
            token_endpoint=f"{issuer}/token",
            jwks_uri=f"{issuer}/keys",
            response_types_supported=["code"],
            subject_types_supported=["public"],
            id_token_signing_alg_values_supported=["RS256"],
            token_endpoint_auth_methods_supported=["client_secret_basic"],
        )

    @app.get("/keys")
    def keys() -> Response:
        return jsonify(keys=[key.as_dict(private=False)])

    @app.get("/authorize")
    def ask() -> str:
        server.get_consent_grant(end_user=None)  # refuses what is not asked for rightly
        return render_template_string(PAGE, people=PEOPLE)

    @app.post("/authorize")
    def answer() -> Any:
        grant = server.get_consent_grant(end_user=None)
        return server.create_authorization_response(
            grant_user=request.form["person"] or None, grant=grant
        )

    @app.post("/token")
    def token() -> Any:
        return server.create_token_response()

    return app


class Pkce(CodeChallenge):  # type: ignore[misc]  # Authlib publishes no types
    """PKCE, for every client or for those who wish."""

    def __init__(self, always: bool) -> None:
        super().__init__(required=always)
        self._always = always

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        """Refuse who does not use it, though they should."""
        if self._always and not grant.request.payload.data.get("code_challenge"):
            abort(400, "PKCE is required here")
        super().validate_code_challenge(grant, redirect_uri)


@dataclass(frozen=True)
class Provider:
    """A provider that runs."""

    url: str
    process: Process

    def be(self, mode: Mode) -> None:
        """Have it behave in another way."""
        changed = requests.put(f"{self.url}/control", json={"mode": mode.value}, timeout=10)
        assert changed.ok, changed.text


@contextmanager
def oidc_provider(
    redirect_uri: str, folder: Path, slack_team: str | None = None
) -> Iterator[Provider]:
    """Run a provider that lets people back to `redirect_uri` only."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    env = {
        "PORT": str(port),
        "REDIRECT_URI": redirect_uri,
        "AUTHLIB_INSECURE_TRANSPORT": "1",  # on this machine only
        **({"SLACK_TEAM": slack_team} if slack_team else {}),
    }
    log = folder / f"{'slack' if slack_team else 'oidc'}-provider.log"
    with start(_COMMAND, env, f"{url}/up", log) as process:
        yield Provider(url, process)


def _forget(_token: Any, _request: Any) -> None:
    """Nobody asks for anything by access token here."""


def _serve() -> None:
    port = int(os.environ["PORT"])
    app = make_app(
        f"http://127.0.0.1:{port}", os.environ["REDIRECT_URI"], os.environ.get("SLACK_TEAM")
    )
    make_server("127.0.0.1", port, app, threaded=True).serve_forever()


if __name__ == "__main__":
    _serve()
