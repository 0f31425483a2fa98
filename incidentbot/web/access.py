"""Who may open what: nothing is open without signing in, but for what is listed here.

What a person may do to an incident is not decided here but in `incidents/permissions.py`.
"""

from flask import Flask, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from incidentbot.extensions import db, login
from incidentbot.users.actor import Actor, Door, actor_for
from incidentbot.users.models import User
from incidentbot.users.people import get_user

# Endpoints open to anyone. The Slack door checks signatures of its own, the metrics their token.
PUBLIC = frozenset(
    {
        "static",
        "health.health",
        "metrics.metrics",
        "auth.welcome",
        "auth.sign_in",
        "auth.redeem",
        "slack.events",
        "slack.commands",
        "slack.interactions",
    }
)


def install(app: Flask) -> None:
    """Close every page that is not public to people who have not signed in."""
    app.before_request(_require_sign_in)
    login.user_loader(_load_user)


def actor(request_key: str | None = None) -> Actor:
    """Return the signed-in person as the actor of this request."""
    user: User = current_user._get_current_object()
    request_id = f"form/{user.id}/{request_key[:64]}" if request_key else None
    return actor_for(user, Door.WEB, request.remote_addr or "", request_id)


def _require_sign_in() -> Response | None:
    # A path that does not exist is not closed but unknown: it gets its 404.
    if request.endpoint is None or request.endpoint in PUBLIC or current_user.is_authenticated:
        return None
    wanted = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("auth.welcome", next=wanted))


def _load_user(user_id: str) -> User | None:
    number, _, _epoch = user_id.partition(".")
    user = get_user(db.session(), int(number)) if number.isdecimal() else None
    return user if user is not None and user.is_active and user.get_id() == user_id else None
