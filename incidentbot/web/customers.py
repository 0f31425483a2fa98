"""Telling customers of an incident: what they would read is shown first, then published."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from incidentbot.extensions import db
from incidentbot.incidents.errors import AlreadyDone, IncidentError
from incidentbot.incidents.permissions import Action, judge
from incidentbot.incidents.queries import get_incident
from incidentbot.status_pages.component_status import WORDS
from incidentbot.status_pages.models import ComponentStatus
from incidentbot.status_pages.preview import for_customers, tell_customers
from incidentbot.status_pages.publication import PUBLIC_TEXT_LIMIT
from incidentbot.web.access import actor
from incidentbot.web.actions import acting
from incidentbot.web.errors import by_field, status_of

blueprint = Blueprint("customers", __name__)


@blueprint.app_template_filter("public_words")
def public_words(status: ComponentStatus) -> str:
    """Return a component's status as customers read it."""
    return WORDS[status]


@blueprint.get("/incidents/<reference>/customers")
def show(reference: str) -> str:
    """Show what customers would read, and the button that publishes it. For who may see the incident."""
    return _page(reference)


@blueprint.post("/incidents/<reference>/customers")
def publish(reference: str) -> tuple[str, int] | Response:
    """Tell customers. Who may is decided by the core."""
    values, session = request.form, db.session()
    try:
        result = tell_customers(
            session,
            reference,
            acting(values),
            values.get("public", ""),
            values.get("seen", ""),
        )
        flash(result.sentence)
    except AlreadyDone:
        flash("That was done already.")
    except IncidentError as error:
        session.rollback()
        if for_customers(session, get_incident(session, reference, actor())) is None:
            raise  # there is no form any more that could hold the text
        return _page(reference, error), status_of(error)
    return redirect(url_for("incidents.show", reference=reference))


def _page(reference: str, error: IncidentError | None = None) -> str:
    session, values = db.session(), request.form
    incident = get_incident(session, reference, actor())
    customers = for_customers(session, incident)
    return render_template(
        "incidents/customers.html",
        incident=incident,
        customers=customers,
        preview=customers.preview if customers else None,
        verdict=judge(
            Action.TELL_CUSTOMERS, actor(), incident.commander_id, incident.commander.name
        ),
        text=values.get("public", customers.preview.body if customers else ""),
        values=values,
        errors=by_field(error),
        error=error,
        limit=PUBLIC_TEXT_LIMIT,
    )
