"""A private incident in Slack: who hears of it, who is let in, who is put out again."""

import json
import re
from pathlib import Path
from typing import Any

import requests

from tests.scenarios.world import (
    ADA,
    GRACE,
    KEN,
    LINUS,
    MARGARET,
    Browser,
    World,
    eventually,
    world,
)

SECRET = "Payroll of everybody seen in a log"


def test_a_private_incident_is_known_to_its_people_only(database_url: str, tmp_path: Path) -> None:
    with world(database_url, tmp_path) as company:
        reference = company.declare(ADA, title=SECRET, severity="P1", is_private=["private"])
        room = eventually(lambda: complete_room(company, reference))

        # The channel is private, and holds its people: not even the service's owner.
        assert room["is_private"]
        assert ADA in room["members"]
        assert LINUS not in room["members"]
        assert ":lock:" in json.dumps(company.messages(room["id"], ADA))

        # P1 people and channels hear of the next one, not of this one.
        plain = company.declare(ADA, title="Cards are declined", severity="P1")
        eventually(lambda: "Cards are declined" in json.dumps(company.posts()["general"]))
        eventually(lambda: company.posts().get(KEN) and company.posts().get(MARGARET))
        for place, posts in company.posts().items():
            if place != room["name"]:
                assert SECRET not in json.dumps(posts), place

        # To others it does not exist, in lists, by name and by the buttons of its card.
        assert SECRET not in json.dumps(company.type(GRACE, "list"))
        assert SECRET not in json.dumps(company.type(GRACE, ""))
        assert SECRET in json.dumps(company.type(ADA, "list"))
        assert "There is no incident" in company.told(GRACE, f"timeline {reference}")
        assert "There is no incident" in company.told(GRACE, f"show {reference}")

        # Ada brings Grace into the channel: Slack lets her act there, and so do we.
        invite(company, room["id"], GRACE)
        assert SECRET in json.dumps(company.type(GRACE, "", room["id"]))
        assert "is in the timeline" in company.told(GRACE, "note I looked at the log", room["id"])
        assert SECRET in json.dumps(company.type(GRACE, "list"))

        # An admin takes her out again: out of the channel, and of all lists.
        admin = company.sign_in()
        assert SECRET in admin.get(f"/incidents/{reference}")
        remove(admin, reference, "Grace")
        eventually(lambda: GRACE not in channel(company, room["id"])["members"])
        assert SECRET not in json.dumps(company.type(GRACE, "list"))
        assert "There is no incident" in company.told(GRACE, f"show {reference}")

        # Its end is told to nobody else either.
        said = company.told(ADA, f"severity {reference} P2")
        assert "is now P2" in said
        assert "is resolved" in company.told(ADA, f"resolved {reference} Deleted")
        eventually(lambda: "Deleted" in json.dumps(company.messages(room["id"], ADA)))
        assert "is resolved" in company.told(ADA, f"resolved {plain} Back")
        eventually(lambda: "Back" in json.dumps(company.posts()["general"]))
        for place, posts in company.posts().items():
            if place != room["name"]:
                assert SECRET not in json.dumps(posts), place
                assert "Deleted" not in json.dumps(posts), place


def complete_room(company: World, reference: str) -> dict[str, Any] | None:
    """The incident's channel, once its card is pinned and its people are in."""
    for found in company.channels():
        complete = found["pins"] and found["bookmarks"] and ADA in found["members"]
        if complete and found["topic"].startswith(f"{reference} "):
            return found
    return None


def channel(company: World, channel_id: str) -> dict[str, Any]:
    return next(found for found in company.channels() if found["id"] == channel_id)


def invite(company: World, channel_id: str, user: str) -> None:
    """Put a person into a channel, as somebody in Slack does."""
    answer = requests.post(
        f"{company.slack_url}/api/conversations.invite",
        data={"channel": channel_id, "users": user},
        headers={"Authorization": f"Bearer {company.env['SLACK_BOT_TOKEN']}"},
        timeout=10,
    ).json()
    assert answer["ok"], answer


def remove(admin: Browser, reference: str, name: str) -> None:
    """Remove a person from the incident, on its page."""
    page = admin.get(f"/incidents/{reference}")
    options = re.findall(r'<option value="([0-9]+)"[^>]*>([^<]*)</option>', page)
    person = next(number for number, called in options if name in called)
    admin.post(
        f"/incidents/{reference}/remove-person",
        page,
        person=person,
        override_reason="Ada asked for it",
    )
