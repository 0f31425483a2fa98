"""The headers that every answer carries."""

import json
import re
from base64 import b64encode
from hashlib import sha256

import pytest
from flask.testing import FlaskClient

from tests.installation import install

INLINE_SCRIPT = re.compile(r"<script(?![^>]* src=)[^>]*>(.+?)</script>", re.DOTALL)


@pytest.mark.parametrize(
    "base_url,said",
    [("https://incidents.example.com", "max-age=31536000"), ("http://localhost:8000", None)],
)
def test_browsers_are_told_to_come_by_https_only_where_it_is_served_so(
    sqlite_url: str, base_url: str, said: str | None
) -> None:
    client = install(sqlite_url, base_url=base_url, secret_key="x" * 32).test_client()
    for address in ("/sign-in", "/health", "/nowhere"):
        assert client.get(address).headers.get("Strict-Transport-Security") == said, address


@pytest.mark.parametrize("address", ["/sign-in", "/nowhere"])
def test_the_one_inline_script_that_runs_is_the_pages_import_map(
    client: FlaskClient, address: str
) -> None:
    page = client.get(address)
    (script,) = INLINE_SCRIPT.findall(page.text)
    assert "/static/js/news.js" in json.loads(script)["imports"]
    digest = b64encode(sha256(script.encode()).digest()).decode()
    policy = page.headers["Content-Security-Policy"]
    assert f"script-src 'self' 'sha256-{digest}';" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("address", ["/health", "/status", "/static/js/news.js"])
def test_where_there_is_no_inline_script_none_is_allowed(client: FlaskClient, address: str) -> None:
    assert "script-src 'self';" in client.get(address).headers["Content-Security-Policy"]
