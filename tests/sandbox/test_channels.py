"""Channels: making, naming, inviting, archiving, reading."""

from typing import Any

import pytest

from tests.sandbox.conftest import ADA, BOT, GENERAL, GRACE, LINUS, RANDOM, Slack, refusal

pytestmark = pytest.mark.server


@pytest.fixture
def channel(slack: Slack) -> str:
    return str(slack.client.conversations_create(name="inc-1")["channel"]["id"])


def test_a_new_channel_holds_its_maker_alone(slack: Slack) -> None:
    made = slack.client.conversations_create(name="inc-1")["channel"]
    assert (made["name"], made["creator"], made["is_member"]) == ("inc-1", BOT, True)
    assert slack.client.conversations_members(channel=made["id"])["members"] == [BOT]
    info = slack.client.conversations_info(channel=made["id"], include_num_members=True)
    assert info["channel"]["num_members"] == 1


@pytest.mark.parametrize("name", ["a", "a" * 80, "inc-1_x", "störung", "123"])
def test_a_proper_name_is_taken(slack: Slack, name: str) -> None:
    assert slack.client.conversations_create(name=name)["channel"]["name"] == name


@pytest.mark.parametrize(
    "name,error",
    [
        ("", "invalid_name_required"),
        ("a" * 81, "invalid_name_maxlength"),
        ("Inc", "invalid_name_specials"),
        ("inc 1", "invalid_name_specials"),
        ("inc.1", "invalid_name_specials"),
        ("inc#1", "invalid_name_specials"),
        ("---", "invalid_name_punctuation"),
        ("general", "name_taken"),
    ],
)
def test_an_improper_name_is_refused(slack: Slack, name: str, error: str) -> None:
    assert refusal(slack.client.conversations_create, name=name) == error


def test_the_name_of_an_archived_channel_stays_taken(slack: Slack, channel: str) -> None:
    slack.client.conversations_archive(channel=channel)
    assert refusal(slack.client.conversations_create, name="inc-1") == "name_taken"
    assert refusal(slack.client.conversations_archive, channel=channel) == "already_archived"


def test_nothing_is_done_in_an_archived_channel(slack: Slack, channel: str) -> None:
    client = slack.client
    ts = slack.post(channel)
    client.conversations_archive(channel=channel)
    assert refusal(client.chat_postMessage, channel=channel, text="x") == "is_archived"
    assert refusal(client.chat_update, channel=channel, ts=ts, text="x") == "is_inactive"
    assert refusal(client.conversations_invite, channel=channel, users=ADA) == "is_archived"
    assert refusal(client.conversations_setTopic, channel=channel, topic="x") == "is_archived"
    assert refusal(client.conversations_leave, channel=channel) == "is_archived"
    assert client.conversations_history(channel=channel)["messages"]
    client.conversations_unarchive(channel=channel)
    assert client.chat_postMessage(channel=channel, text="x")["ok"]


def test_a_private_channel_needs_its_own_scope_and_is_hidden_from_others(slack: Slack) -> None:
    create = slack.client.conversations_create
    slack.settings(scopes=["channels:manage"])
    assert refusal(create, name="secret", is_private=True) == "missing_scope"
    slack.settings(scopes=["groups:write", "groups:read", "channels:read"])
    made = create(name="secret", is_private=True)["channel"]
    assert (made["is_private"], made["is_channel"]) == (True, False)
    public = slack.client.conversations_list()["channels"]
    assert "secret" not in [c["name"] for c in public]
    private = slack.client.conversations_list(types="private_channel")["channels"]
    assert [c["name"] for c in private] == ["secret"]
    slack.client.conversations_leave(channel=made["id"])
    assert refusal(slack.client.conversations_info, channel=made["id"]) == "channel_not_found"


def test_invited_people_are_members(slack: Slack, channel: str) -> None:
    slack.client.conversations_invite(channel=channel, users=[ADA, GRACE])
    members = slack.client.conversations_members(channel=channel)["members"]
    assert members == [BOT, ADA, GRACE]
    assert "has_more" not in slack.client.conversations_members(channel=channel)


@pytest.mark.parametrize(
    "user,error",
    [(BOT, "cant_invite_self"), ("U0NOBODY", "user_not_found"), (ADA, "already_in_channel")],
)
def test_one_who_cannot_be_invited_keeps_the_others_out(
    slack: Slack, channel: str, user: str, error: str
) -> None:
    slack.client.conversations_invite(channel=channel, users=ADA)
    invite = slack.client.conversations_invite
    assert refusal(invite, channel=channel, users=[GRACE, user]) == error
    assert GRACE not in slack.client.conversations_members(channel=channel)["members"]


def test_force_invites_those_who_can_be_and_names_the_others(slack: Slack, channel: str) -> None:
    users = [GRACE, "U0NOBODY", BOT, LINUS]
    answer = slack.client.conversations_invite(channel=channel, users=users, force=True)
    assert answer["errors"] == [
        {"user": "U0NOBODY", "ok": False, "error": "user_not_found"},
        {"user": BOT, "ok": False, "error": "cant_invite_self"},
    ]
    assert slack.client.conversations_members(channel=channel)["members"] == [BOT, GRACE, LINUS]


def test_an_invitation_needs_people_membership_and_fewer_than_101(
    slack: Slack, channel: str
) -> None:
    invite = slack.client.conversations_invite
    assert refusal(invite, channel=channel, users="") == "no_user"
    assert refusal(invite, channel=RANDOM, users=LINUS) == "not_in_channel"
    assert refusal(invite, channel="C0NOWHERE", users=LINUS) == "channel_not_found"
    many = [f"U{number}" for number in range(101)]
    assert refusal(invite, channel=channel, users=many) == "invalid_arguments"
    assert refusal(invite, channel=channel, users=many[:100]) == "user_not_found"


@pytest.mark.parametrize("scope", ["channels:manage", "channels:write.invites"])
def test_either_scope_will_do_for_an_invitation(slack: Slack, channel: str, scope: str) -> None:
    slack.settings(scopes=[scope])
    assert slack.client.conversations_invite(channel=channel, users=ADA)["ok"]


def test_the_app_joins_and_leaves(slack: Slack) -> None:
    client = slack.client
    assert client.conversations_join(channel=RANDOM)["channel"]["is_member"]
    assert client.conversations_join(channel=RANDOM)["warning"] == "already_in_channel"
    assert client.conversations_leave(channel=RANDOM)["ok"]
    assert client.conversations_leave(channel=RANDOM)["not_in_channel"]


def test_people_are_removed(slack: Slack, channel: str) -> None:
    slack.client.conversations_invite(channel=channel, users=ADA)
    kick = slack.client.conversations_kick
    assert kick(channel=channel, user=ADA)["ok"]
    assert refusal(kick, channel=channel, user=ADA) == "not_in_channel"
    assert refusal(kick, channel=channel, user=BOT) == "cant_kick_self"
    assert refusal(kick, channel=channel, user="U0NOBODY") == "user_not_found"


def test_topic_and_purpose_hold_250_characters(slack: Slack, channel: str) -> None:
    client = slack.client
    client.conversations_setTopic(channel=channel, topic="t" * 250)
    client.conversations_setPurpose(channel=channel, purpose="p" * 250)
    info = client.conversations_info(channel=channel)["channel"]
    assert (info["topic"]["value"], info["purpose"]["value"]) == ("t" * 250, "p" * 250)
    assert refusal(client.conversations_setTopic, channel=channel, topic="t" * 251) == "too_long"
    assert refusal(client.conversations_setTopic, channel=RANDOM, topic="t") == "not_in_channel"


def test_a_channel_is_renamed_by_its_maker(slack: Slack, channel: str) -> None:
    client = slack.client
    renamed = client.conversations_rename(channel=channel, name="inc-2")["channel"]
    assert (renamed["name"], renamed["previous_names"]) == ("inc-2", ["inc-1"])
    assert client.conversations_create(name="inc-1")["ok"]
    client.conversations_join(channel=RANDOM)
    assert refusal(client.conversations_rename, channel=RANDOM, name="x") == "not_authorized"


def test_a_direct_message_is_opened_once(slack: Slack) -> None:
    opened = slack.client.conversations_open(users=ADA)
    assert opened["channel"]["id"].startswith("D")
    again = slack.client.conversations_open(users=ADA, return_im=True)
    assert again["already_open"]
    assert (again["channel"]["id"], again["channel"]["user"]) == (opened["channel"]["id"], ADA)
    by_channel = slack.client.conversations_open(channel=opened["channel"]["id"])
    assert by_channel["channel"]["is_im"]


@pytest.mark.parametrize(
    "arguments,error",
    [
        ({"users": "U0NOBODY"}, "user_not_found"),
        ({"users": BOT}, "cannot_dm_bot"),
        ({"users": ""}, "users_list_not_supplied"),
        ({"channel": GENERAL}, "method_not_supported_for_channel_type"),
    ],
)
def test_a_direct_message_needs_a_person(
    slack: Slack, arguments: dict[str, str], error: str
) -> None:
    assert refusal(slack.client.api_call, api_method="conversations.open", json=arguments) == error


def test_history_is_for_members(slack: Slack) -> None:
    assert refusal(slack.client.conversations_history, channel=RANDOM) == "not_in_channel"


def test_history_is_newest_first_and_bounded_in_time(slack: Slack, channel: str) -> None:
    one, two, three = (slack.post(channel, text) for text in ("one", "two", "three"))

    def read(**bounds: Any) -> list[str]:
        found = slack.client.conversations_history(channel=channel, **bounds)["messages"]
        return [message["text"] for message in found if "subtype" not in message]

    assert read() == ["three", "two", "one"]
    assert read(oldest=one) == ["three", "two"]
    assert read(latest=three) == ["two", "one"]
    assert read(oldest=one, latest=three) == ["two"]
    assert read(oldest=one, latest=three, inclusive=True) == ["three", "two", "one"]
    assert read(oldest=two, inclusive=True) == ["three", "two"]
    assert read(oldest="0", latest="") == ["three", "two", "one"]


def test_history_comes_page_by_page(slack: Slack, channel: str) -> None:
    posted = [slack.post(channel, str(number)) for number in range(5)]
    first = slack.client.conversations_history(channel=channel, limit=3)
    assert ([m["ts"] for m in first["messages"]], first["has_more"]) == (posted[:1:-1], True)
    cursor = first["response_metadata"]["next_cursor"]
    second = slack.client.conversations_history(channel=channel, limit=3, cursor=cursor)
    assert [m["ts"] for m in second["messages"]][:2] == posted[1::-1]
    assert not second["has_more"]


@pytest.mark.parametrize("which", ["oldest", "latest"])
def test_history_names_the_bound_it_does_not_understand(
    slack: Slack, channel: str, which: str
) -> None:
    bounds = {"oldest": "1", "latest": "2", which: "yesterday"}
    history = slack.client.conversations_history
    assert refusal(history, channel=channel, **bounds) == f"invalid_ts_{which}"


def test_a_thread_is_read_apart(slack: Slack, channel: str) -> None:
    root = slack.post(channel, "root")
    slack.post(channel, "answer", thread_ts=root)
    slack.post(channel, "for all", thread_ts=root, reply_broadcast=True)
    history = slack.client.conversations_history(channel=channel)["messages"]
    assert [m["text"] for m in history if "subtype" not in m] == ["for all", "root"]
    assert next(m for m in history if m["text"] == "root")["reply_count"] == 2
    thread = slack.client.conversations_replies(channel=channel, ts=root)["messages"]
    assert [m["text"] for m in thread] == ["root", "answer", "for all"]
    replies = slack.client.conversations_replies
    assert refusal(replies, channel=channel, ts="1.000000") == "thread_not_found"
