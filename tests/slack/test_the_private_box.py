"""The box in Slack's form that makes an incident private."""

from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from incidentbot.channels.slack import blocks
from incidentbot.extensions import db
from incidentbot.incidents.models import Template
from incidentbot.incidents.queries import get_incident
from incidentbot.slack import modals
from incidentbot.users.actor import SYSTEM
from tests.slack.sender import declare


def ticked(view: dict[str, Any]) -> bool:
    box = next(block for block in view["blocks"] if block.get("block_id") == "is_private")
    return "initial_options" in box["element"]


def test_it_is_empty_at_first_and_stays_ticked_when_a_template_is_chosen(app: Flask) -> None:
    with app.app_context():
        session = db.session()
        view = modals.declare_view(session, "U0ADA")
        assert not ticked(view)
        template = session.query(Template).first()
        assert template
        option = {"value": str(template.id)}
        box = {"type": "checkboxes", "selected_options": [{"value": modals.PRIVATE}]}
        menu = {"type": "static_select", "selected_option": option}
        view["state"] = {"values": {"is_private": {"value": box}, "template": {"value": menu}}}
        assert modals.read_values(view)["is_private"] == modals.PRIVATE
        again = modals.declare_view_with_template(session, view, lambda _values: "")
        assert ticked(again)
        box["selected_options"] = []
        assert not ticked(modals.declare_view_with_template(session, view, lambda _values: ""))


def test_a_private_incident_says_so_wherever_slack_shows_it(
    app: Flask, client: FlaskClient
) -> None:
    reference = declare(client)
    with app.app_context():
        incident = get_incident(db.session(), reference, SYSTEM)
        for is_private in (True, False):
            incident.is_private = is_private
            shown = (
                blocks.card(incident, None, ""),
                blocks.incident_list([incident], 1, ""),
                blocks.summary_line(incident),
            )
            assert ["rivate" in str(what) for what in shown] == [is_private] * 3
