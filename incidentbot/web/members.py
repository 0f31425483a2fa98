"""Settings, members: who may come in, and as what."""

from collections.abc import Mapping

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
from incidentbot.incidents.errors import AlreadyDone, IncidentError, InvalidInput
from incidentbot.users import members
from incidentbot.users.models import LinkPurpose, Role, User
from incidentbot.web.access import actor
from incidentbot.web.errors import status_of
from incidentbot.web.requests import number

blueprint = Blueprint("members", __name__, url_prefix="/settings/members")

PER_PAGE = 50
ROLES = {
    Role.VIEWER: "reads everything",
    Role.RESPONDER: "declares and runs incidents",
    Role.ADMIN: "everything, settings and members too",
}

Page = str | tuple[str, int] | Response


@blueprint.get("")
def index() -> str:
    """List people by name, fifty at a time. For admins."""
    search = request.args.get("q", "")
    found = members.list_members(db.session(), search, _after(), PER_PAGE + 1)
    last = found[PER_PAGE - 1] if len(found) > PER_PAGE else None
    return render_template(
        "settings/members.html", people=found[:PER_PAGE], last=last, search=search, roles=ROLES
    )


@blueprint.get("/invite")
def new() -> str:
    """Show the form that invites somebody. For admins."""
    return _invite_page({"role": Role.RESPONDER.value})


@blueprint.post("/invite")
def invite() -> Page:
    """Invite somebody: by e-mail, or with a link to hand over where no mail is sent. For admins."""
    values = request.form.to_dict()
    email, name = values.get("email", ""), values.get("name", "")
    by = actor(values.get("request_key"))
    try:
        role = _role(values.get("role", ""))
        if _sends_mail():
            user = members.invite(db.session(), email, role, name, by, by_mail=True)
            return _done(user, f"{user.name} is invited: the link is on its way to {user.email}.")
        user, secret = members.invite_by_hand(db.session(), email, role, name, by)
    except AlreadyDone:
        flash(
            "That form was sent before, and is not carried out again. Whom it invited is in the list.",
            "warning",
        )
        return redirect(url_for("members.index", q=email))
    except IncidentError as error:
        return _invite_page(values, error), status_of(error)
    return _member_page(user, link=_address(secret), purpose=LinkPurpose.INVITATION)


@blueprint.get("/<int:user_id>")
def show(user_id: int) -> str:
    """Show one person and what can be done about their access. For admins."""
    return _member_page(members.get_member(db.session(), user_id))


@blueprint.post("/<int:user_id>/name")
def rename(user_id: int) -> Page:
    """Call somebody by another name. For admins."""
    name = request.form.get("name", "")
    try:
        user = members.rename(db.session(), user_id, name, actor())
    except InvalidInput as error:
        return _again(user_id, error)
    return _done(user, f"The name is {user.name} now.")


@blueprint.post("/<int:user_id>/role")
def change_role(user_id: int) -> Page:
    """Give somebody another role; asked again before it is one's own. For admins."""
    role = request.form.get("role", "")
    try:
        user = members.change_role(db.session(), user_id, role, actor(), sure=_is_sure())
    except IncidentError as error:
        return _again(user_id, error, role)
    if user.id == current_user.id and user.role is not Role.ADMIN:
        flash(f"You are a {user.role.value} now.")
        return redirect(url_for("incidents.index"))
    return _done(user, f"{user.name} is {user.role.value} now.")


@blueprint.post("/<int:user_id>/deactivate")
def deactivate(user_id: int) -> Page:
    """Close somebody's account; asked again before it is one's own. For admins."""
    try:
        user = members.deactivate(db.session(), user_id, actor(), sure=_is_sure())
    except IncidentError as error:
        return _again(user_id, error)
    if user.id == current_user.id:
        logout_user()
        session.clear()
        flash("Your account is closed.")
        return redirect(url_for("auth.welcome"))
    return _done(user, f"{user.name}'s account is closed; they are signed out everywhere.")


@blueprint.post("/<int:user_id>/reactivate")
def reactivate(user_id: int) -> Page:
    """Open somebody's account again. For admins."""
    user = members.reactivate(db.session(), user_id, actor())
    return _done(user, f"{user.name} can sign in again.")


@blueprint.post("/<int:user_id>/send-link")
def send_link(user_id: int) -> Page:
    """Send somebody a link to choose a password, by e-mail. For admins."""
    by = actor(request.form.get("request_key"))
    try:
        user = members.send_link(db.session(), user_id, LinkPurpose.RESET, by)
    except AlreadyDone:
        user = members.get_member(db.session(), user_id)
    except IncidentError as error:
        return _again(user_id, error)
    return _done(user, f"The link is on its way to {user.email}.")


@blueprint.post("/<int:user_id>/show-link")
def show_link(user_id: int) -> Page:
    """Show a link to come in by, once, to hand over. For admins."""
    try:
        secret, purpose = members.show_link(db.session(), user_id, actor())
    except IncidentError as error:
        return _again(user_id, error)
    user = members.get_member(db.session(), user_id)
    return _member_page(user, link=_address(secret), purpose=purpose)


def _after() -> tuple[str, int] | None:
    """Return the name and id that the page before ended with."""
    last = number(request.args.get("after"))
    return None if last is None else (request.args.get("name", ""), last)


def _role(word: str) -> Role:
    try:
        return Role(word)
    except ValueError:
        raise InvalidInput("role", "Choose a role in the list.") from None


def _is_sure() -> bool:
    return request.form.get("sure") == "yes"


def _done(user: User, sentence: str) -> Response:
    flash(sentence)
    return redirect(url_for("members.show", user_id=user.id))


def _again(user_id: int, error: IncidentError, role: str = "") -> Page:
    db.session().rollback()
    user = members.get_member(db.session(), user_id)
    return _member_page(user, error, role=role), status_of(error)


def _member_page(
    user: User,
    error: IncidentError | None = None,
    link: str = "",
    purpose: LinkPurpose = LinkPurpose.RESET,
    role: str = "",
) -> str:
    asks = str(error) if isinstance(error, members.NotSure) else ""
    return render_template(
        "settings/members_show.html",
        person=user,
        roles=ROLES,
        chosen=role or user.role.value,
        errors=_by_field(error),
        problem=str(error) if error and not asks and not _by_field(error) else "",
        asks_about_role=asks if role else "",
        asks_about_closing="" if role else asks,
        link=link,
        purpose=purpose.value,
        sends_mail=_sends_mail(),
    )


def _invite_page(values: Mapping[str, str], error: IncidentError | None = None) -> str:
    return render_template(
        "settings/members_invite.html",
        values=values,
        roles=ROLES,
        errors=_by_field(error),
        problem=str(error) if error and not _by_field(error) else "",
        sends_mail=_sends_mail(),
    )


def _by_field(error: IncidentError | None) -> dict[str, str]:
    return {error.field: error.reason} if isinstance(error, InvalidInput) else {}


def _address(secret: str) -> str:
    return f"{_settings().base_url}{url_for('auth.sign_in', secret=secret)}"


def _sends_mail() -> bool:
    return _settings().mail is not None


def _settings() -> Settings:
    settings: Settings = current_app.extensions["settings"]
    return settings
