from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from incidentbot.extensions import db
from incidentbot.users.links import make_sign_in_secret
from incidentbot.users.members import invite
from incidentbot.users.models import Role
from tests.installation import install


@pytest.fixture
def app(sqlite_url: str) -> Flask:
    return install(sqlite_url, metrics_token="a-metrics-token")


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def signed_in(app: Flask) -> Callable[[Role], FlaskClient]:
    """Return what signs a person of a role in, by their one-time link."""
    app.config["WTF_CSRF_ENABLED"] = False  # the token is the browser tests' business

    def sign_in(role: Role) -> FlaskClient:
        with app.app_context():
            user = invite(db.session(), f"{role.value}@example.com", role)
            secret = make_sign_in_secret(db.session(), user)
        client = app.test_client()
        assert client.post(f"/sign-in/{secret}").status_code == 302
        return client

    return sign_in
