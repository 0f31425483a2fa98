"""The Slack app in one file: what it may do, and where Slack finds it."""

from typing import Any

from incidentbot.channels.slack.scopes import SCOPES
from incidentbot.slack.commands import SUBCOMMANDS


def manifest(base_url: str) -> dict[str, Any]:
    """Return the app manifest for an installation at `base_url`.

    Slack takes it as JSON or YAML: https://docs.slack.dev/app-manifests
    """
    door = f"{base_url}/slack/events"
    oauth: dict[str, Any] = {"scopes": {"bot": list(SCOPES)}}
    if base_url.startswith("https://"):  # Slack sends people who sign in back to no other
        oauth["redirect_urls"] = [f"{base_url}/sign-in/with/slack/callback"]
        oauth["scopes"]["user"] = ["openid", "email", "profile"]
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
        "oauth_config": oauth,
        "settings": {
            "interactivity": {"is_enabled": True, "request_url": door},
            "org_deploy_enabled": False,
            "socket_mode_enabled": False,
            "token_rotation_enabled": False,
        },
    }
