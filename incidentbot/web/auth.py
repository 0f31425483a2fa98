"""Signing in, by whichever way is set up, choosing a password, and signing out."""

import time
from urllib.parse import urlsplit

from flask import (
    Blueprint,
    abort,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask_login import current_user, login_user, logout_user
from werkzeug.wrappers import Response

from incidentbot.config import Settings
from incidentbot.extensions import db
from incidentbot.incidents.errors import Conflict, IncidentError, InvalidInput, NotAllowed
from incidentbot.users.identities import link_identity, sign_in_with_identity
from incidentbot.users.links import find_link, redeem_link
from incidentbot.users.members import ask_for_reset
from incidentbot.users.models import LinkPurpose, Role, User
from incidentbot.users.preferences import set_password
from incidentbot.users.sign_in import TooManyFailures, sign_in_with_password
from incidentbot.web import sso
from incidentbot.web.access import actor
from incidentbot.web.errors import by_field, status_of

blueprint = Blueprint("auth", __name__)

# For this long who came in by a one-time link may choose a password without the one before.
FRESH_SECONDS = 3600

Page = str | tuple[str, int] | Response


@blueprint.get("/sign-in")
def welcome() -> Page:
    """Offer every way in that is set up. Open to anyone."""
    if current_user.is_authenticated:
        return redirect(url_for("incidents.index"))
    session["next"] = local_path(request.args.get("next", ""))
    return _sign_in_page()


@blueprint.post("/sign-in")
def by_password() -> Page:
    """Sign in by e-mail and password. Open to anyone."""
    email = request.form.get("email", "")
    try:
        user = sign_in_with_password(
            db.session(), email, request.form.get("password", ""), request.remote_addr or ""
        )
    except TooManyFailures as refusal:
        return _sign_in_page(str(refusal), email, is_throttled=True), 429
    except NotAllowed as refusal:
        return _sign_in_page(str(refusal), email), 403
    return _enter(user)


@blueprint.get("/sign-in/forgot")
def forgot() -> str:
    """Ask for the address that a new password's link is sent to. Open to anyone."""
    return _forgot_page()


@blueprint.post("/sign-in/forgot")
def send_reset() -> str:
    """Send the link, and say the same whether or not the account exists. Open to anyone."""
    ask_for_reset(db.session(), request.form.get("email", ""))
    return _forgot_page(sent=True)


@blueprint.get("/sign-in/with/<provider>")
def begin(provider: str) -> Page:
    """Go to a provider to sign in, or from one's own page to link it. Open to anyone."""
    found = sso.find_provider(provider) or abort(404)
    session.pop("linking", None)
    if "link" in request.args and current_user.is_authenticated:
        if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            return redirect(url_for("me.index"))  # another site's idea
        session["linking"] = current_user.id
    db.session().rollback()  # no transaction waits for the provider
    try:
        return sso.go_to(found)
    except sso.SignInFailed as failure:
        return _refused(str(failure), 502)


@blueprint.get("/sign-in/with/<provider>/callback")
def callback(provider: str) -> Page:
    """Take the provider's answer: sign its person in, or link it. Open to anyone."""
    found = sso.find_provider(provider) or abort(404)
    try:
        claims = sso.claims_from(found)
    except sso.SignInFailed as failure:
        return _refused(str(failure), 403)
    try:
        linking = session.pop("linking", None)
        if linking is not None and current_user.is_authenticated and current_user.id == linking:
            flash(link_identity(db.session(), actor(), claims))
            return redirect(url_for("me.index"))
        user = sign_in_with_identity(
            db.session(), claims, request.remote_addr or "", _new_role(found.key)
        )
    except IncidentError as refusal:
        return _refused(str(refusal), 403)
    return _enter(user)


@blueprint.get("/sign-in/<secret>")
def sign_in(secret: str) -> Page:
    """Show the button that uses the link up: a mail scanner's look does not. Open to anyone."""
    link = find_link(db.session(), secret)
    if link is None:
        return _link_used()
    return render_template("auth/sign_in.html", secret=secret, link=link)


@blueprint.post("/sign-in/<secret>")
def redeem(secret: str) -> Page:
    """Sign in the person the link was made for, once. Open to anyone."""
    link = redeem_link(db.session(), secret, request.remote_addr or "")
    if link is None:
        return _link_used()
    response = _enter(link.user)
    session["came_by_link_at"] = int(time.time())
    if link.purpose is LinkPurpose.SIGN_IN:
        return response
    session["next"] = local_path(response.location or "")
    session["may_skip"] = link.purpose is LinkPurpose.INVITATION and bool(_settings().providers)
    return redirect(url_for("auth.choose"))


@blueprint.get("/password")
def choose() -> Page:
    """Ask who came by a one-time link for a new password. For the signed-in person."""
    if not came_by_link():
        return redirect(url_for("me.index") + "#password")
    if current_user.email is None:  # nothing to use a password with
        return redirect(_wanted_page())
    return _choose_page()


@blueprint.post("/password")
def set_new() -> Page:
    """Store the new password, and end all other sessions. For the signed-in person."""
    if not came_by_link():
        return redirect(url_for("me.index") + "#password")
    words = words_on_new_password()
    try:
        user = set_password(db.session(), actor(), request.form.get("password", ""), None)
    except (InvalidInput, Conflict) as error:
        return _choose_page(error), status_of(error)
    flash(words)
    return _enter(user)


@blueprint.post("/sign-out")
def sign_out() -> Response:
    """Sign out. For the signed-in person."""
    logout_user()
    session.clear()
    return redirect(url_for("auth.welcome"))


def came_by_link() -> bool:
    """Whether the signed-in person came in by a one-time link a short while ago."""
    at = session.get("came_by_link_at", 0)
    return isinstance(at, int) and 0 <= time.time() - at < FRESH_SECONDS


def words_on_new_password() -> str:
    """Return what to say once the new password is stored. The first one on an account ends little."""
    if current_user.password_hash is None:
        return "Your password is stored."
    return "Your new password is stored. You are signed out everywhere else."


def stay_signed_in(user: User) -> None:
    """Begin a new session after what has ended all others; this browser stays signed in."""
    session.clear()
    login_user(user)


def local_path(wanted: str) -> str:
    """Return `wanted` if it is a path of this site, else "".

    Browsers read a backslash as a slash, and leave out tabs and line breaks.
    """
    if not wanted.startswith("/") or wanted.startswith("//") or "\\" in wanted:
        return ""
    if not wanted.isprintable() or len(wanted) > 2000:
        return ""
    try:
        parts = urlsplit(wanted)
    except ValueError:
        return ""
    return "" if parts.scheme or parts.netloc else wanted


def _enter(user: User) -> Response:
    """Sign a person in, in a session of its own, and go on to where they wanted to go."""
    wanted = _wanted_page()
    flashed = session.get("_flashes")
    session.clear()  # a session begun before signing in is not carried over
    if flashed:
        session["_flashes"] = flashed
    login_user(user)
    return redirect(wanted)


def _refused(words: str, status: int) -> Page:
    """Say why a provider signed nobody in, where the other ways are."""
    if current_user.is_authenticated:
        session["problem"] = words
        return redirect(url_for("me.index"))
    return _sign_in_page(words), status


def _sign_in_page(problem: str = "", email: str = "", *, is_throttled: bool = False) -> str:
    return render_template(
        "auth/welcome.html",
        problem=problem,
        is_throttled=is_throttled,
        sends_mail=_settings().mail is not None,
        email=email,
        providers=_settings().providers,
        is_local=_settings().is_local,
    )


def _forgot_page(*, sent: bool = False) -> str:
    return render_template(
        "auth/forgot.html",
        sends_mail=_settings().mail is not None,
        sent=sent,
        wanted=session.get("next") or None,
    )


def _choose_page(error: IncidentError | None = None) -> str:
    return render_template(
        "auth/choose_password.html",
        errors=by_field(error),
        error=error,
        may_skip=session.get("may_skip"),
        after=_wanted_page(),
    )


def _wanted_page() -> str:
    """Return where the person wanted to go when they were asked to sign in."""
    return local_path(str(session.get("next") or "")) or url_for("incidents.index")


def _link_used() -> tuple[str, int]:
    page = render_template(
        "auth/link_used.html",
        is_local=_settings().is_local,
        sends_mail=_settings().mail is not None,
    )
    return page, 403


def _new_role(provider: str) -> Role | None:
    """Return the role of who signs in for the first time; None where they need an invitation."""
    if provider == "slack":
        return Role.RESPONDER  # as who types /incident for the first time
    role = _settings().oidc_role
    return None if role == "none" else Role(role)


def _settings() -> Settings:
    settings: Settings = current_app.extensions["settings"]
    return settings
