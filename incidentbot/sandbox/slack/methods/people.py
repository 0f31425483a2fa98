"""auth.test, team.info, users.* and usergroups.*: who is who."""

from __future__ import annotations

from incidentbot.sandbox.slack.calls import Call, Method, page_of
from incidentbot.sandbox.slack.errors import SlackError
from incidentbot.sandbox.slack.model import Json, User
from incidentbot.sandbox.slack.present import user_json, usergroup_json


def auth_test(call: Call) -> Json:
    """auth.test."""
    return {
        "url": f"{call.base_url}/",
        "team": call.ws.team_name,
        "user": call.bot.name,
        "team_id": call.ws.team_id,
        "user_id": call.bot.id,
        "bot_id": call.bot.bot_id,
        "is_enterprise_install": False,
    }


def team_info(call: Call) -> Json:
    """team.info."""
    return {
        "team": {
            "id": call.ws.team_id,
            "name": call.ws.team_name,
            "url": f"{call.base_url}/",
            "domain": call.ws.team_domain,
            "email_domain": "example.com",
            "icon": {"image_default": True},
        }
    }


def _shown(call: Call, user: User) -> Json:
    return user_json(call.ws, user, with_email="users:read.email" in call.scopes)


def user_info(call: Call) -> Json:
    """users.info."""
    user = call.ws.users.get(call.args.needed("user"))
    if user is None:
        raise SlackError("user_not_found")
    return {"user": _shown(call, user)}


def list_users(call: Call) -> Json:
    """users.list."""
    page, metadata = page_of(call, list(call.ws.users.values()), 1000, 1000)
    return {
        "members": [_shown(call, user) for user in page],
        "cache_ts": int(call.now),
        "response_metadata": metadata,
    }


def lookup_by_email(call: Call) -> Json:
    """users.lookupByEmail."""
    email = call.args.needed("email").lower()
    for user in call.ws.users.values():
        if user.email.lower() == email and not user.deleted:
            return {"user": _shown(call, user)}
    raise SlackError("users_not_found")


def list_usergroups(call: Call) -> Json:
    """usergroups.list."""
    full = call.args.flag("include_users")
    groups = call.ws.usergroups.values()
    return {"usergroups": [usergroup_json(call.ws, g, with_users=full) for g in groups]}


def list_usergroup_users(call: Call) -> Json:
    """usergroups.users.list."""
    group = call.ws.usergroups.get(call.args.needed("usergroup"))
    if group is None:
        raise SlackError("no_such_subteam")
    return {"users": list(group.users)}


METHODS = {
    "auth.test": Method(auth_test),
    "team.info": Method(team_info, ("team:read",)),
    "users.info": Method(user_info, ("users:read",), form_only=True),
    "users.list": Method(list_users, ("users:read",), form_only=True),
    "users.lookupByEmail": Method(lookup_by_email, ("users:read.email",), form_only=True),
    "usergroups.list": Method(list_usergroups, ("usergroups:read",), form_only=True),
    "usergroups.users.list": Method(list_usergroup_users, ("usergroups:read",), form_only=True),
}
