"""The control API obeys this machine alone, whatever a web page elsewhere makes a browser send."""

import pytest
import requests

from tests.sandbox.conftest import Slack

pytestmark = pytest.mark.server


def reset(slack: Slack, **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.post(f"{slack.url}/sandbox/reset", headers=named, timeout=10).status_code


def test_a_script_on_this_machine_is_obeyed(slack: Slack) -> None:
    assert reset(slack) == 200


def test_the_page_itself_is_obeyed(slack: Slack) -> None:
    assert reset(slack, Origin=slack.url, Sec_Fetch_Site="same-origin") == 200


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost"]
)
def test_a_page_from_elsewhere_is_not(slack: Slack, origin: str) -> None:
    assert reset(slack, Origin=origin) == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_nor_is_a_request_a_browser_calls_foreign(slack: Slack, site: str) -> None:
    assert reset(slack, Sec_Fetch_Site=site) == 403
    headers = {"Sec-Fetch-Site": site}
    read = requests.get(f"{slack.url}/sandbox/state", headers=headers, timeout=10)
    assert read.status_code == 403


def test_a_link_from_elsewhere_leads_to_its_channel(slack: Slack) -> None:
    answer = requests.get(
        f"{slack.url}/app_redirect?channel=C0ENGINEER",
        headers={"Sec-Fetch-Site": "same-site"},
        timeout=10,
    )
    assert answer.url == f"{slack.url}/?channel=C0ENGINEER"
    assert answer.ok


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "sandbox.local"])
def test_nor_is_one_under_another_name(slack: Slack, host: str) -> None:
    assert reset(slack, Host=host) == 403


@pytest.mark.parametrize("host", ["localhost:8010", "127.0.0.1", "[::1]:8010"])
def test_the_names_of_this_machine_will_do(slack: Slack, host: str) -> None:
    assert reset(slack, Host=host) == 200


@pytest.mark.parametrize(
    "path,body,status",
    [
        ("act/dance", {}, 404),
        ("act/message", None, 400),
        ("act/message", {"user": "nobody"}, 404),
        ("act/message", {"user": "ada", "channel": "nowhere", "text": "x"}, 404),
        ("act/message", {"user": "ada", "channel": "general", "text": " "}, 400),
        ("act/submit", {"user": "ada"}, 404),
        ("act/react", {"user": "ada", "channel": "general", "ts": "1", "name": "eyes"}, 404),
    ],
)
def test_what_cannot_be_done_is_said_in_words(
    slack: Slack, path: str, body: object, status: int
) -> None:
    answer = requests.post(f"{slack.url}/sandbox/{path}", json=body, timeout=10)
    assert answer.status_code == status
    assert answer.json()["error"]
