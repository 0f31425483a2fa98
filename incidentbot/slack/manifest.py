"""The Slack app in one file: what it may do, and where Slack finds it."""

from typing import Any

from incidentbot.slack.commands import SUBCOMMANDS

# Each scope and what it is for. We ask for no more than is used.
SCOPES = {
    "commands": "/incident and /inc",
    "chat:write": "messages and cards",
    "chat:write.public": "announcements in public channels incidentbot has not joined",
    "channels:manage": "create the incident's channel, set its topic, invite people",
    "channels:read": "find the channel an interrupted attempt has made",
    "channels:join": "read back an announcement channel after an interrupted attempt",
    "channels:history": "look whether an interrupted attempt has posted its message",
    "groups:write": "the same for a private incident's channel, and taking people out of it",
    "groups:read": "find the private channel an interrupted attempt has made",
    "groups:history": "look whether an interrupted attempt has posted its message there",
    "pins:write": "pin the incident's card",
    "bookmarks:write": "bookmark the incident's page",
    "bookmarks:read": "look whether an interrupted attempt has made the bookmark",
    "im:write": "direct messages to the people who hear of P1 incidents",
    "im:history": "look whether an interrupted attempt has sent its direct message",
    "users:read": "people's names",
    "users:read.email": "people's e-mail addresses: one person in Slack and on the web",
}


def manifest(base_url: str) -> dict[str, Any]:
    """Return the app manifest for an installation at `base_url`.

    Slack takes it as JSON or YAML: https://docs.slack.dev/app-manifests
    """
    door = f"{base_url}/slack/events"
    hint = "[" + "|".join(SUBCOMMANDS) + "]"
    return {
        "display_information": {
            "name": "incidentbot",
            "description": "Runs incidents from the first alarm to the post-mortem",
        },
        "features": {
            "bot_user": {"display_name": "incidentbot", "always_online": True},
            "slash_commands": [
                {
                    "command": command,
                    "url": door,
                    "description": description,
                    "usage_hint": hint,
                    "should_escape": True,  # so that @ada arrives as <@U012AB3CD|ada>
                }
                for command, description in (
                    ("/incident", "Declare and run incidents"),
                    ("/inc", "Short for /incident"),
                )
            ],
        },
        "oauth_config": {"scopes": {"bot": list(SCOPES)}},
        "settings": {
            "interactivity": {"is_enabled": True, "request_url": door},
            "org_deploy_enabled": False,
            "socket_mode_enabled": False,
            "token_rotation_enabled": False,
        },
    }
