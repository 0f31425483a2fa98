"""The headers that every answer carries."""

import pytest

from tests.installation import install


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
