"""What was not delivered: why, since when, and what an admin may do about it."""

from collections.abc import Callable

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from incidentbot.extensions import db
from incidentbot.incidents.deliveries import retry_all, retry_delivery, skip_delivery
from incidentbot.incidents.errors import InvalidMove
from incidentbot.incidents.queries import names_by_slack_id, references_by_id
from incidentbot.outbox.models import UNFINISHED, Delivery, DeliveryState
from incidentbot.outbox.operate import pile_up
from incidentbot.users.actor import Actor
from incidentbot.web.access import actor
from incidentbot.web.requests import number

blueprint = Blueprint("deliveries", __name__, url_prefix="/settings/deliveries")


@blueprint.get("")
def index() -> str:
    """List what was given up and what is being tried again. For admins."""
    session = db.session()
    parked, waiting = pile_up(session, [DeliveryState.PARKED]), pile_up(session, UNFINISHED)
    listed = [one for piles in (parked, waiting) for pile in piles.shown for one in pile.oldest]
    return render_template(
        "settings/deliveries.html",
        parked=parked,
        waiting=waiting,
        names=names_by_slack_id(session, {delivery.target for delivery in listed}),
        references=references_by_id(session, [delivery.incident_id for delivery in listed]),
    )


@blueprint.post("/retry-all")
def retry_everything() -> Response:
    """Try everything again that was given up, or all that was for one reason. For admins."""
    like = request.form.get("like")
    retried = retry_all(db.session(), actor(), None if like is None else number(like) or 0)
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
        show, before = (request.form.get(name) or None for name in ("show", "before"))
        place = url_for("incident_tabs.deliveries", reference=incident, show=show, before=before)
        return redirect(place)
    return redirect(url_for("deliveries.index"))
