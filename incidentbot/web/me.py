"""One's own page: what is on one's hands, how to be told, and how to sign in."""

from collections.abc import Callable, Mapping

from flask import (
    Blueprint,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask_login import current_user, logout_user
from werkzeug.wrappers import Response

from incidentbot.config import Settings
from incidentbot.extensions import db
from incidentbot.incidents.action_items import finish_action_item, list_open_of
from incidentbot.incidents.commanded import list_commanded
from incidentbot.incidents.errors import AlreadyDone, Conflict, IncidentError, InvalidInput
from incidentbot.users.identities import list_identities, unlink_identity, unlink_slack
from incidentbot.users.models import DirectMessages
from incidentbot.users.preferences import (
    Preferences,
    change_preferences,
    set_password,
    sign_out_everywhere,
    time_zones,
)
from incidentbot.users.sign_in import TooManyFailures
from incidentbot.web.access import actor
from incidentbot.web.auth import came_by_link, stay_signed_in, words_on_new_password
from incidentbot.web.errors import status_of
from incidentbot.web.zones import today_of

blueprint = Blueprint("me", __name__, url_prefix="/me")

Page = str | tuple[str, int] | Response

MESSAGES = {
    DirectMessages.ALL: "Everything I am on the list for",
    DirectMessages.START: "Only that an incident began",
    DirectMessages.NONE: "None",
}
THEMES = {"": "As the system says", "light": "Light", "dark": "Dark"}


@blueprint.get("")
def index() -> str:
    """Show the signed-in person their own page. For everyone signed in."""
    return _page(problem=str(session.pop("problem", "")))


@blueprint.post("/preferences")
def save() -> Page:
    """Store name, time zone, colours and which messages one wants. For everyone signed in."""
    values = request.form.to_dict()
    wanted = Preferences(
        name=values.get("name", ""),
        time_zone=values.get("time_zone", ""),
        theme=values.get("theme", ""),
        direct_messages=values.get("direct_messages", ""),
    )
    try:
        change_preferences(db.session(), actor(values.get("request_key")), wanted)
    except InvalidInput as error:
        return _page(values, error), status_of(error)
    except AlreadyDone as error:
        return _page(values, problem=str(error)), status_of(error)
    flash("Your settings are stored.")
    return redirect(url_for("me.index"))


@blueprint.post("/password")
def change_password() -> Page:
    """Change one's password; the one before is asked for. For everyone signed in."""
    current = None if came_by_link() else request.form.get("current", "")
    password = request.form.get("password", "")
    words = words_on_new_password()
    try:
        user = set_password(db.session(), actor(), password, current)
    except InvalidInput as error:
        return _page({}, error), status_of(error)
    except Conflict as refusal:
        return _page(problem=str(refusal)), status_of(refusal)
    except TooManyFailures as refusal:
        return _page(problem=str(refusal)), 429
    stay_signed_in(user)
    flash(words)
    return redirect(url_for("me.index"))


@blueprint.post("/action-items/<reference>/<int:item_id>")
def finish(reference: str, item_id: int) -> Page:
    """Tick an action item off. The core decides who may."""
    try:
        by = actor(request.form.get("request_key"))
        result = finish_action_item(db.session(), reference, by, item_id)
        flash(result.sentence, "message" if result.changed else "warning")
    except AlreadyDone:
        pass
    except IncidentError as refusal:
        return _page(problem=str(refusal)), status_of(refusal)
    return redirect(url_for("me.index"))


@blueprint.post("/sign-ins/slack/unlink")
def unlink_from_slack() -> Page:
    """Part one's account from one's person in Slack. For everyone signed in."""
    return _unlinked(lambda: unlink_slack(db.session(), actor()))


@blueprint.post("/sign-ins/<int:identity_id>/unlink")
def unlink(identity_id: int) -> Page:
    """Have an account elsewhere not sign one in any more. For everyone signed in."""
    return _unlinked(lambda: unlink_identity(db.session(), actor(), identity_id))


@blueprint.post("/sign-out-everywhere")
def end_sessions() -> Response:
    """End all one's sessions, this one as well. For everyone signed in."""
    sign_out_everywhere(db.session(), actor())
    logout_user()
    session.clear()
    flash("You are signed out on every device.")
    return redirect(url_for("auth.welcome"))


def _unlinked(act: Callable[[], None]) -> Page:
    try:
        act()
    except IncidentError as refusal:
        return _page(problem=str(refusal)), status_of(refusal)
    flash("It is not linked any more.")
    return redirect(url_for("me.index"))


def _page(
    values: Mapping[str, str] | None = None, error: InvalidInput | None = None, problem: str = ""
) -> str:
    database = db.session()
    settings: Settings = current_app.extensions["settings"]
    me = actor()
    return render_template(
        "me/index.html",
        commanded=list_commanded(database, me),
        action_items=list_open_of(database, me),
        today=today_of(current_user),
        values=values
        or {
            "name": current_user.name,
            "time_zone": current_user.time_zone or "",
            "theme": current_user.theme or "",
            "direct_messages": current_user.direct_messages.value,
        },
        errors={error.field: error.reason} if error else {},
        problem=problem,
        zones=time_zones(),
        messages=MESSAGES,
        themes=THEMES,
        providers=settings.providers,
        identities=list_identities(database, current_user.id),
        asks_for_password=current_user.password_hash is not None and not came_by_link(),
    )
