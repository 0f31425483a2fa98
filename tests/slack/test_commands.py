"""What people type after /incident, and what they read in answer."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from incidentbot.channels.slack.mrkdwn import escape
from incidentbot.extensions import db
from incidentbot.incidents.commands import add_note
from incidentbot.incidents.lifecycle import Severity, Status
from incidentbot.incidents.models import Incident
from incidentbot.incidents.people import remove_person
from incidentbot.incidents.queries import get_incident, list_timeline
from incidentbot.slack.commands import SUBCOMMANDS
from incidentbot.users.actor import SYSTEM, Door, actor_for
from incidentbot.users.people import identify_slack_person
from tests.slack.sender import declare, say, send, slash


def incident(app: Flask, reference: str = "INC-1") -> Incident:
    with app.app_context():
        return get_incident(db.session(), reference, SYSTEM)


def texts(app: Flask, reference: str = "INC-1") -> list[str]:
    with app.app_context():
        session = db.session()
        return [e.text for e in list_timeline(session, get_incident(session, reference, SYSTEM).id)]


def test_status_posts_an_update(app: Flask, client: FlaskClient) -> None:
    reference = declare(client)
    assert "The update is posted." in say(client, f"status {reference} Looking at the logs")
    assert texts(app)[-1] == "Looking at the logs"


def test_what_is_typed_is_kept_as_it_was_typed(app: Flask, client: FlaskClient) -> None:
    declare(client)
    written = "p95 > 2 s & rising, <b>, &lt;, thanks @bob"
    say(client, f"status INC-1 {written}")
    assert texts(app)[-1] == written
    answer = say(client, f"status {written}")
    assert f"/incident status {escape(written)}" in answer  # once, as Slack shows it


def test_who_is_mentioned_without_a_name_is_called_as_we_know_them(
    app: Flask, client: FlaskClient
) -> None:
    declare(client)
    say(client, "help", user="U0BOB")
    say(client, "", text="note INC-1 <@U0BOB> asks <@U0NOBODY>")
    assert texts(app)[-1] == "@bob asks @U0NOBODY"


@pytest.mark.parametrize(
    "typed,status,text",
    [
        ("status INC-1\nAll quiet", Status.DECLARED, "All quiet"),
        (
            "status\nINC-1\n\nmonitoring\nFix is out\nat last",
            Status.MONITORING,
            "Fix is out\nat last",
        ),
        ("status INC-1\tidentified\u00a0A bad deploy", Status.IDENTIFIED, "A bad deploy"),
        ("resolved\nINC-1\nRolled back", Status.RESOLVED, "Rolled back"),
    ],
)
def test_a_new_line_separates_words_as_a_space_does(
    app: Flask, client: FlaskClient, typed: str, status: Status, text: str
) -> None:
    declare(client)
    assert ":white_check_mark:" in say(client, typed)
    assert (incident(app).status, texts(app)[-1]) == (status, text)


def test_the_reason_of_a_severity_may_begin_on_a_new_line(app: Flask, client: FlaskClient) -> None:
    declare(client)
    assert "is now P2" in say(client, "severity INC-1 p2\nMore customers")
    assert texts(app)[-1] == "More customers"


def test_status_with_a_status_moves_the_incident_and_keeps_the_message(
    app: Flask, client: FlaskClient
) -> None:
    declare(client)
    assert "is now identified" in say(client, "status INC-1 identified A bad deploy")
    assert incident(app).status is Status.IDENTIFIED
    assert texts(app)[-1] == "A bad deploy"


def test_an_incident_cannot_go_back(app: Flask, client: FlaskClient) -> None:
    declare(client)
    say(client, "status INC-1 monitoring")
    assert "cannot go back to identified" in say(client, "status INC-1 identified")
    assert incident(app).status is Status.MONITORING


def test_the_incident_is_read_from_its_channel(app: Flask, client: FlaskClient) -> None:
    declare(client)
    with app.app_context():
        session = db.session()
        get_incident(session, "INC-1", SYSTEM).slack_channel_id = "C0WARROOM"
        session.commit()
    assert "is now P2" in say(client, "severity p2 more customers", channel="C0WARROOM")
    assert incident(app).severity is Severity.P2


def test_a_command_outside_any_incident_asks_which_one(client: FlaskClient) -> None:
    declare(client)
    answer = say(client, "status all is lost")
    assert "Which incident?" in answer
    assert "/incident status all is lost" in answer  # what was typed is not lost


def test_only_the_commander_resolves_and_others_learn_who_that_is(
    app: Flask, client: FlaskClient
) -> None:
    declare(client)
    assert "Only the commander, ada, can resolve" in say(client, "resolved INC-1", user="U0BOB")
    assert incident(app).status is Status.DECLARED


def test_second_resolve_changes_nothing_and_says_who_did_it(
    app: Flask, client: FlaskClient
) -> None:
    declare(client)
    say(client, "resolved INC-1 rolled back")
    before = incident(app)
    assert "was already resolved by ada" in say(client, "resolved INC-1 again")
    assert incident(app).version == before.version
    assert incident(app).resolved_at == before.resolved_at


def test_resolve_reopen_and_cancel(app: Flask, client: FlaskClient) -> None:
    declare(client)
    say(client, "resolved INC-1")
    assert "is open again" in say(client, "reopen INC-1 errors are back")
    assert incident(app).resolved_at is None
    assert "is cancelled" in say(client, "cancel INC-1 a test alarm")
    assert incident(app).status is Status.CANCELLED


@pytest.mark.parametrize("mention", ["<@U0BOB>", "<@U0BOB|bob>"])
def test_the_command_is_handed_to_the_person_mentioned(
    app: Flask, client: FlaskClient, mention: str
) -> None:
    declare(client)
    say(client, "commander INC-1 @bob", text=f"commander INC-1 {mention}")
    assert incident(app).commander.slack_user_id == "U0BOB"


def test_a_commander_is_named_with_a_mention(client: FlaskClient) -> None:
    declare(client)
    assert "Name one person with an @" in say(client, "commander INC-1 bob")


def test_anyone_takes_over_with_a_reason(app: Flask, client: FlaskClient) -> None:
    declare(client)
    assert "Something is missing" in say(client, "takeover INC-1", user="U0BOB")
    assert "You now command INC-1" in say(client, "takeover INC-1 Ada sleeps", user="U0BOB")
    assert incident(app).commander.slack_user_id == "U0BOB"


def test_note_and_timeline(client: FlaskClient) -> None:
    declare(client)
    say(client, "note INC-1 The graph shows a cliff at 10:02", user="U0BOB")
    response = send(client, slash("timeline INC-1", user="U0EVE"))
    assert "The graph shows a cliff" in response.text


def test_a_long_timeline_shows_its_end_and_says_how_much_came_before(
    app: Flask, client: FlaskClient
) -> None:
    declare(client)
    with app.app_context():
        for number in range(25):
            add_note(db.session(), "INC-1", SYSTEM, f"note {number}.")
    answer = send(client, slash("timeline INC-1")).text
    assert "note 24." in answer
    assert "note 4." not in answer
    assert "6 earlier events are on the page" in answer


def test_postmortem_waits_for_the_resolution(client: FlaskClient) -> None:
    declare(client)
    assert "once it is resolved" in say(client, "postmortem INC-1")
    say(client, "resolved INC-1")
    answer = say(client, "postmortem INC-1")
    assert "http://localhost:8000/incidents/INC-1/postmortem" in answer


def test_list_and_show(client: FlaskClient) -> None:
    assert "No open incident" in send(client, slash("list")).text
    declare(client, "Checkout is down")
    assert "Checkout is down" in send(client, slash("list")).text
    assert "Checkout is down" in send(client, slash("show inc-1")).text
    assert "There is no incident INC-9" in say(client, "show INC-9")


def test_an_unknown_word_gets_the_nearest_and_the_help(client: FlaskClient) -> None:
    answer = say(client, "statsu all is well")
    assert "Did you mean `/incident status`?" in answer
    assert "statsu all is well" in answer
    assert "/incident takeover <reason>" in answer


@pytest.mark.parametrize("text", ["", "help"])
def test_help_names_every_subcommand(client: FlaskClient, text: str) -> None:
    answer = say(client, text)
    assert all(f"`/incident {word}" in answer for word in SUBCOMMANDS)


def test_inc_is_short_for_incident(client: FlaskClient) -> None:
    assert "What you can do" in say(client, "help", command="/inc")


def test_a_command_answers_while_slacks_own_api_is_down(client: FlaskClient) -> None:
    declare(client)  # nothing listens at the API's address in these tests
    assert "is now P1" in say(client, "severity INC-1 P1")
    assert "http://localhost:8000/incidents/new" in say(client, "declare It burns")


def test_who_was_removed_from_a_private_incident_reads_nothing_in_its_channel(
    app: Flask, client: FlaskClient
) -> None:
    declare(client, "Payroll in a log")
    with app.app_context():
        session = db.session()
        hidden = get_incident(session, "INC-1", SYSTEM)
        hidden.slack_channel_id, hidden.is_private = "C0ROOM", True
        session.commit()
    declare(client, "Checkout is down")
    bob = {"user": "U0BOB", "channel": "C0ROOM"}
    assert "is in the timeline" in say(client, "note I read it", **bob)
    with app.app_context():
        session = db.session()
        ada, person = (identify_slack_person(session, who) for who in ("U0ADA", "U0BOB"))
        remove_person(session, "INC-1", actor_for(ada, Door.WEB, "here"), person.id)
    for typed in ("", "timeline", "show INC-1", "note INC-1 again"):
        answer = send(client, slash(typed, **bob)).text
        assert "You do not belong to INC-1 any more" in answer
        assert "Payroll" not in answer
    assert "Checkout is down" in send(client, slash("show INC-2", **bob)).text
