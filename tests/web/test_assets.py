"""Static files are small on the wire and fetched once."""

import gzip
import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import brotli
import pytest
from flask import Flask, url_for
from flask.testing import FlaskClient

from incidentbot.web import assets

ASSET = re.compile(r'(?:href|src)="(/static/[^"]+)"')

IMPORT_MAP = re.compile(r'<script type="importmap">(.+?)</script>')


def assets_of(client: FlaskClient) -> list[str]:
    found = ASSET.findall(client.get("/sign-in").text)
    assert len(found) > 5
    return [address.replace("&amp;", "&") for address in found]


def test_every_asset_is_named_by_its_content_and_kept_for_good(client: FlaskClient) -> None:
    for address in assets_of(client):
        answer = client.get(address)
        assert re.search(r"[?&]v=[0-9a-f]{12}$", address), address
        assert answer.cache_control.immutable, address
        assert answer.cache_control.max_age == 365 * 24 * 3600, address
        assert answer.cache_control.public


def test_what_a_script_imports_is_kept_for_good_as_well(client: FlaskClient) -> None:
    named = json.loads(IMPORT_MAP.findall(client.get("/sign-in").text)[0])["imports"]
    folder = Path(client.application.static_folder or "") / "js"
    imported = {
        f"/static/js/{name}"
        for file in folder.glob("*.js")
        for name in re.findall(r'^import .+ from "\./(.+)";$', file.read_text(), re.MULTILINE)
    }
    assert len(imported) > 2
    assert imported <= set(named)
    for plain, address in named.items():
        assert address.startswith(f"{plain}?v=")
        assert client.get(address).cache_control.immutable, address


@pytest.mark.parametrize("query", ["", "?v=", "?v=000000000000"])
def test_an_asset_by_another_name_is_asked_for_again(client: FlaskClient, query: str) -> None:
    answer = client.get(f"/static/css/tokens.css{query}")
    assert answer.status_code == 200
    assert not answer.cache_control.immutable


@pytest.mark.parametrize("coding, unpack", [("br", brotli.decompress), ("gzip", gzip.decompress)])
def test_an_asset_is_sent_compressed(
    client: FlaskClient, coding: str, unpack: Callable[[bytes], bytes]
) -> None:
    plain = client.get("/static/css/tokens.css")
    packed = client.get("/static/css/tokens.css", headers={"Accept-Encoding": coding})
    assert packed.headers["Content-Encoding"] == coding
    assert len(packed.data) < len(plain.data) / 2
    assert unpack(packed.data) == plain.data
    assert "Accept-Encoding" in packed.headers["Vary"]


def test_a_page_is_sent_compressed_and_kept_nowhere(client: FlaskClient) -> None:
    page = client.get("/sign-in", headers={"Accept-Encoding": "br, gzip"})
    assert page.headers["Content-Encoding"] == "br"
    assert page.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["../app.py", "%2e%2e/app.py", "css/../../app.py", "%00", "css"])
def test_nothing_but_the_static_files_is_served(client: FlaskClient, path: str) -> None:
    assert client.get(f"/static/{path}?v=x").status_code in (404, 400)


def test_a_changed_file_gets_another_address(tmp_path: Path) -> None:
    app = Flask("small", static_folder=str(tmp_path))
    assets.install(app)
    file = tmp_path / "page.css"
    addresses = []
    for content in ("a {}", "b {}"):
        file.write_text(content)
        os.utime(file, ns=(len(addresses), len(addresses)))
        with app.test_request_context():
            addresses.append(url_for("static", filename="page.css"))
    assert addresses[0] != addresses[1]


def test_a_file_that_is_not_there_has_no_content_to_be_named_by(app: Flask) -> None:
    with app.test_request_context():
        assert url_for("static", filename="no-such.css") == "/static/no-such.css"
