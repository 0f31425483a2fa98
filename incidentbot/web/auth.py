"""Signing in by a one-time link, and out."""

from urllib.parse import urlsplit

from flask import Blueprint, redirect, render_template, request, session, url_for
from flask_login import current_user, login_user, logout_user
from werkzeug.wrappers import Response

from incidentbot.extensions import db
from incidentbot.users.people import redeem_sign_in_secret

blueprint = Blueprint("auth", __name__)


@blueprint.get("/sign-in")
def welcome() -> str | Response:
    """Say how to get in. Open to anyone."""
    if current_user.is_authenticated:
        return redirect(url_for("incidents.index"))
    session["next"] = local_path(request.args.get("next", ""))
    return render_template("auth/welcome.html")


@blueprint.get("/sign-in/<secret>")
def sign_in(secret: str) -> str:
    """Show the button that uses the link up: a mail scanner's look does not. Open to anyone."""
    return render_template("auth/sign_in.html", secret=secret)


@blueprint.post("/sign-in/<secret>")
def redeem(secret: str) -> tuple[str, int] | Response:
    """Sign in the person the link was made for, once. Open to anyone."""
    user = redeem_sign_in_secret(db.session(), secret)
    if user is None:
        return render_template("auth/link_used.html"), 403
    wanted = session.get("next") or url_for("incidents.index")
    session.clear()  # a session begun before signing in is not carried over
    login_user(user)
    return redirect(wanted)


@blueprint.post("/sign-out")
def sign_out() -> Response:
    """Sign out. For the signed-in person."""
    logout_user()
    session.clear()
    return redirect(url_for("auth.welcome"))


def local_path(wanted: str) -> str:
    """Return `wanted` if it is a path of this site, else ""."""
    parts = urlsplit(wanted.replace("\\", "/"))
    is_local = wanted.startswith("/") and not wanted.startswith("//") and not parts.netloc
    return wanted if is_local and not parts.scheme else ""
