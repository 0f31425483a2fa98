"""Read, edit and export post-mortems."""

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from markdown_it import MarkdownIt
from markupsafe import Markup
from werkzeug.wrappers import Response as WerkzeugResponse

from incidentbot.extensions import db
from incidentbot.incidents import commands
from incidentbot.incidents.errors import IncidentError, NotFound
from incidentbot.incidents.models import Incident, Postmortem
from incidentbot.incidents.permissions import Action, judge
from incidentbot.incidents.queries import find_postmortem, get_incident
from incidentbot.web.access import actor
from incidentbot.web.errors import status_of

blueprint = Blueprint("postmortems", __name__, url_prefix="/incidents/<reference>/postmortem")

# HTML that people type is shown as text; links go only where a browser may safely go.
_markdown = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable("table")


@blueprint.get("")
def show(reference: str) -> str:
    """Show the post-mortem, or how to get one. For everyone signed in."""
    incident = get_incident(db.session(), reference, actor())
    postmortem = find_postmortem(db.session(), incident.id)
    rendered = Markup(_markdown.render(postmortem.body)) if postmortem else ""  # noqa: S704 - HTML is off
    return render_template(
        "postmortems/show.html",
        incident=incident,
        postmortem=postmortem,
        rendered=rendered,
        may_draft=judge(
            Action.DRAFT_POSTMORTEM, actor(), incident.commander_id, incident.commander.name
        ),
        may_edit=judge(
            Action.EDIT_POSTMORTEM, actor(), incident.commander_id, incident.commander.name
        ),
    )


@blueprint.get("/edit")
def edit(reference: str) -> str:
    """Show the text to edit. Saving is for the commander and admins."""
    incident, postmortem = _existing(reference)
    return _form(incident, postmortem, postmortem.body)


@blueprint.post("/edit")
def save(reference: str) -> str | tuple[str, int] | WerkzeugResponse:
    """Save an edit. For the commander and admins."""
    incident, _postmortem = _existing(reference)
    body, version = request.form.get("body", ""), request.form.get("version", "")
    try:
        result = commands.edit_postmortem(
            db.session(),
            incident.reference,
            actor(request.form.get("request_key")),
            body,
            int(version) if version.isdecimal() and len(version) < 10 else 0,
        )
    except IncidentError as error:
        db.session.rollback()
        incident, newest = _existing(reference)
        return _form(incident, newest, body, error), status_of(error)
    flash(result.sentence)
    return redirect(url_for("postmortems.show", reference=incident.reference))


@blueprint.get("/download")
def download(reference: str) -> Response:
    """Return the post-mortem as a Markdown file. For everyone signed in."""
    incident, postmortem = _existing(reference)
    response = Response(postmortem.body, mimetype="text/markdown")
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


def _form(
    incident: Incident, postmortem: Postmortem, body: str, error: IncidentError | None = None
) -> str:
    return render_template(
        "postmortems/edit.html",
        incident=incident,
        postmortem=postmortem,
        body=body,
        theirs=postmortem.body if error is not None and body != postmortem.body else "",
        error=error,
    )
