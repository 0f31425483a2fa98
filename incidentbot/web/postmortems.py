"""Read, edit and export post-mortems."""

from flask import (
    Blueprint,
    Response,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_login import current_user
from markdown_it import MarkdownIt
from markupsafe import Markup
from werkzeug.wrappers import Response as WerkzeugResponse

from incidentbot.config import Settings
from incidentbot.extensions import db
from incidentbot.incidents import commands
from incidentbot.incidents.action_items import list_action_items
from incidentbot.incidents.errors import AlreadyDone, Conflict, IncidentError, NotFound
from incidentbot.incidents.models import Incident, Postmortem
from incidentbot.incidents.people import nearest
from incidentbot.incidents.permissions import Action, Verdict, judge
from incidentbot.incidents.postmortem import export
from incidentbot.incidents.queries import find_postmortem, get_incident
from incidentbot.users.candidates import Among, offer
from incidentbot.web.access import actor
from incidentbot.web.actions import acting, verdicts
from incidentbot.web.errors import by_field, status_of
from incidentbot.web.requests import number
from incidentbot.web.zones import today_of

blueprint = Blueprint("postmortems", __name__, url_prefix="/incidents/<reference>/postmortem")

# HTML that people type is shown as text; links go only where a browser may safely go.
_markdown = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable("table")


@blueprint.get("")
def show(reference: str) -> str:
    """Show the post-mortem, or how to get one. For everyone signed in who may know of the incident."""
    session = db.session()
    incident = get_incident(session, reference, actor())
    postmortem = find_postmortem(session, incident.id)
    return render_template(
        "postmortems/show.html",
        incident=incident,
        postmortem=postmortem,
        rendered=_rendered(postmortem.body) if postmortem else "",
        may=verdicts(incident, actor()),
        may_edit=_may_edit(incident),
        items=list_action_items(session, incident.id),
        offered=offer(session, Among.PEOPLE, first=nearest(incident)),
        today=today_of(current_user),
    )


@blueprint.get("/edit")
def edit(reference: str) -> str:
    """Show the text to edit. Saving is for the commander and admins."""
    incident, postmortem = _existing(reference)
    return _form(incident, postmortem, postmortem.body)


@blueprint.post("/edit")
def save(reference: str) -> str | tuple[str, int] | WerkzeugResponse:
    """Save an edit, for the commander and admins; or show what it would look like."""
    incident, postmortem = _existing(reference)
    body, version = request.form.get("body", ""), request.form.get("version", "")
    if "preview" in request.form:
        if "HX-Request" in request.headers:
            return render_template("postmortems/_preview.html", preview=_rendered(body))
        return _form(incident, postmortem, body, preview=_rendered(body), version=version)
    try:
        result = commands.edit_postmortem(
            db.session(),
            incident.reference,
            acting(request.form),
            body,
            number(version) or 0,
        )
    except AlreadyDone:
        flash("That was done already.")
        return redirect(url_for("postmortems.show", reference=incident.reference))
    except IncidentError as error:
        db.session.rollback()
        incident, newest = _existing(reference)
        # After a conflict the next save is made from the version that is shown beside the text.
        base = str(newest.version) if isinstance(error, Conflict) else version
        return _form(incident, newest, body, error, version=base), status_of(error)
    flash(result.sentence)
    return redirect(url_for("postmortems.show", reference=incident.reference))


@blueprint.get("/download")
def download(reference: str) -> Response:
    """Return the post-mortem as a Markdown file. For everyone signed in."""
    incident, postmortem = _existing(reference)
    items = list_action_items(db.session(), incident.id)
    settings: Settings = current_app.extensions["settings"]
    body = export(postmortem.body, items, settings.base_url)
    response = Response(body, mimetype="text/markdown")
    response.headers.set(
        "Content-Disposition", "attachment", filename=f"{incident.reference}-postmortem.md"
    )
    return response


def _existing(reference: str) -> tuple[Incident, Postmortem]:
    incident = get_incident(db.session(), reference, actor())
    postmortem = find_postmortem(db.session(), incident.id)
    if postmortem is None:
        raise NotFound(f"{incident.reference} has no post-mortem yet.")
    return incident, postmortem


def _may_edit(incident: Incident) -> Verdict:
    return judge(Action.EDIT_POSTMORTEM, actor(), incident.commander_id, incident.commander.name)


def _rendered(body: str) -> Markup:
    """Return Markdown as HTML whose headings stand below the page's own."""
    tokens = _markdown.parse(body)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1]) + 1, 6)}"
    html: str = _markdown.renderer.render(tokens, _markdown.options, {})
    return Markup(html)  # noqa: S704 - HTML is off: what people type is escaped


def _form(
    incident: Incident,
    postmortem: Postmortem,
    body: str,
    error: IncidentError | None = None,
    *,
    preview: str = "",
    version: str = "",
) -> str:
    is_conflict = isinstance(error, Conflict)
    return render_template(
        "postmortems/edit.html",
        incident=incident,
        based_on=version or postmortem.version,
        body=body,
        theirs=postmortem.body if is_conflict and body != postmortem.body else "",
        values=request.form,
        errors=by_field(error),
        error=error,
        preview=preview,
        may_edit=_may_edit(incident),
    )
