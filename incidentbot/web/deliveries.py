"""What was not delivered: why, since when, and what an admin may do about it."""

from collections.abc import Callable

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from incidentbot.extensions import db
from incidentbot.incidents.deliveries import retry_all, retry_delivery, skip_delivery
from incidentbot.incidents.errors import InvalidMove
from incidentbot.incidents.queries import names_by_slack_id, references_by_id
from incidentbot.outbox.models import Delivery, DeliveryState
from incidentbot.outbox.operate import list_deliveries
from incidentbot.users.actor import Actor
from incidentbot.web.access import actor

blueprint = Blueprint("deliveries", __name__, url_prefix="/settings/deliveries")


@blueprint.get("")
def index() -> str:
    """List what was given up and what is being tried again. For admins."""
    session = db.session()
    parked = list_deliveries(session, [DeliveryState.PARKED])
    waiting = [
        delivery
        for delivery in list_deliveries(
            session, [DeliveryState.PENDING, DeliveryState.RETRYING, DeliveryState.LEASED]
        )
        if delivery.last_error
    ]
    return render_template(
        "settings/deliveries.html",
        parked=parked,
        waiting=waiting,
        names=names_by_slack_id(session, {d.target for d in (*parked, *waiting)}),
        references=references_by_id(session, [d.incident_id for d in (*parked, *waiting)]),
    )


@blueprint.post("/retry-all")
def retry_everything() -> Response:
    """Try everything again that was given up. For admins."""
    retried = retry_all(db.session(), actor())
    flash(
        f"{retried} deliveries are tried again." if retried != 1 else "1 delivery is tried again."
    )
    return redirect(url_for("deliveries.index"))


@blueprint.post("/<int:delivery_id>/retry")
def retry(delivery_id: int) -> Response:
    """Try one delivery again now. For admins."""
    return _act(delivery_id, retry_delivery, "is tried again")


@blueprint.post("/<int:delivery_id>/skip")
def skip(delivery_id: int) -> Response:
    """Leave one delivery out for good. For admins."""
    return _act(delivery_id, skip_delivery, "is left out")


def _act(
    delivery_id: int, act: Callable[[Session, int, Actor], Delivery], outcome: str
) -> Response:
    try:
        act(db.session(), delivery_id, actor())
        flash(f"Delivery {delivery_id} {outcome}.")
    except InvalidMove as refusal:
        flash(str(refusal), "warning")
    incident = request.form.get("incident")
    if incident:  # back to that incident's own list
        return redirect(url_for("incident_tabs.deliveries", reference=incident))
    return redirect(url_for("deliveries.index"))
