"""What a person decides for themselves."""

from dataclasses import replace

import pytest

from incidentbot.incidents.errors import AlreadyDone, InvalidInput
from incidentbot.users.models import DirectMessages
from incidentbot.users.preferences import (
    Preferences,
    change_preferences,
    sign_out_everywhere,
    time_zones,
)
from tests.team import Team
from tests.users.accounts import user_of

GOOD = {
    "name": "Ada King",
    "time_zone": "Europe/London",
    "theme": "dark",
    "direct_messages": "start",
}


def choose(team: Team, **values: str) -> None:
    with team.sessions() as session:
        change_preferences(session, team.ada, Preferences(**{**GOOD, **values}))


def test_choices_are_kept_and_audited_once(team: Team) -> None:
    choose(team)
    choose(team)
    user = user_of(team, team.ada.user_id)
    assert (user.name, user.time_zone, user.theme) == ("Ada King", "Europe/London", "dark")
    assert user.direct_messages is DirectMessages.START
    assert [e.action for e in team.audit()] == ["change_preferences"]


def test_nothing_chosen_is_what_the_browser_says(team: Team) -> None:
    choose(team)
    choose(team, time_zone="", theme="")
    user = user_of(team, team.ada.user_id)
    assert (user.time_zone, user.theme) == (None, None)


def test_a_form_sent_twice_is_stored_once_and_with_other_values_not_at_all(team: Team) -> None:
    def send(**values: str) -> None:
        ada = replace(team.ada, request_id="form/1/key")
        with team.sessions() as session:
            change_preferences(session, ada, Preferences(**{**GOOD, **values}))

    send()
    send()
    with pytest.raises(AlreadyDone, match="Send it again"):
        send(theme="light")
    assert user_of(team, team.ada.user_id).theme == "dark"
    assert [e.action for e in team.audit()] == ["change_preferences"]


@pytest.mark.parametrize(
    "field,value",
    [
        ("name", " "),
        ("time_zone", "Mars/Olympus"),
        ("time_zone", "../etc/passwd"),
        ("theme", "pink"),
        ("direct_messages", ""),
    ],
)
def test_what_is_no_choice_is_refused_at_its_field(team: Team, field: str, value: str) -> None:
    before = team.state()
    with pytest.raises(InvalidInput) as refusal:
        choose(team, **{field: value})
    assert refusal.value.field == field
    assert team.state() == before


def test_the_zones_are_those_of_the_iana() -> None:
    assert {"Europe/Berlin", "America/New_York", "UTC", "Asia/Kolkata"} <= set(time_zones())


def test_signing_out_everywhere_ends_every_session(team: Team) -> None:
    before = user_of(team, team.ada.user_id).get_id()
    with team.sessions() as session:
        sign_out_everywhere(session, team.ada)
    assert user_of(team, team.ada.user_id).get_id() != before
