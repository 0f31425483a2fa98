"""The addresses Slack posts to. Open to Slack alone: each request is checked before it is read."""

import json
import logging
import time

from flask import Blueprint, Response, make_response, request
from slack_bolt import App, BoltRequest
from slack_bolt.adapter.flask.handler import to_bolt_request, to_flask_response
from slack_sdk.signature import SignatureVerifier
from sqlalchemy.exc import SQLAlchemyError

from incidentbot.audit.replays import is_first_time
from incidentbot.config import Settings, SlackSecrets
from incidentbot.extensions import db
from incidentbot.ops import context, metrics
from incidentbot.slack.answers import not_now
from incidentbot.slack.app import make_bolt_app
from incidentbot.slack.requests import Malformed, kind_of, require_shape
from incidentbot.users.actor import Door

log = logging.getLogger(__name__)

PATHS = ("/slack/events", "/slack/commands", "/slack/interactions")


def make_blueprint(settings: Settings, secrets: SlackSecrets) -> Blueprint:
    """Return the door as a blueprint."""
    verifier = SignatureVerifier(secrets.signing_secret)
    bolt = make_bolt_app(settings, secrets)
    blueprint = Blueprint("slack", __name__)

    def receive() -> Response:
        """Take whatever Slack sends. Only Slack may call: 401 unless signed, fresh and new."""
        started = time.perf_counter()
        context.note(door=Door.SLACK.value)
        if not _is_signed(verifier):
            return make_response("not signed by Slack, or too old", 401)
        try:
            bolt_request = to_bolt_request(request)
            require_shape(bolt_request.body)
        except (Malformed, ValueError, TypeError, AttributeError, KeyError):
            return make_response("not a request as Slack sends it", 400)
        try:
            if not is_first_time(db.session(), request.headers["X-Slack-Signature"]):
                return make_response("this request has been here before", 401)
        except SQLAlchemyError:
            log.exception("no database")
            return to_flask_response(not_now(bolt_request.body))
        answer = _dispatch(bolt, bolt_request)
        metrics.slack_answered(kind_of(bolt_request.body), time.perf_counter() - started)
        return answer

    for path in PATHS:
        blueprint.add_url_rule(path, path.rsplit("/", 1)[1], receive, methods=["POST"])
    return blueprint


def _is_signed(verifier: SignatureVerifier) -> bool:
    headers = request.headers
    try:
        return verifier.is_valid(
            request.get_data(),
            headers.get("X-Slack-Request-Timestamp", ""),
            headers.get("X-Slack-Signature", ""),
        )
    except ValueError:  # a timestamp that is no number, a body that is no text
        return False


def _dispatch(bolt: App, bolt_request: BoltRequest) -> Response:
    response = bolt.dispatch(bolt_request)
    if response.status == 404:  # signed, but nothing that incidentbot offers
        return make_response(json.dumps({"error": "unknown request"}), 400)
    return to_flask_response(response)
