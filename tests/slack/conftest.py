import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.installation import install


@pytest.fixture
def app(sqlite_url: str) -> Flask:
    return install(sqlite_url)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
