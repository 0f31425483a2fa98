"""The Bolt app: who acts, which listener answers, and what a failure looks like to a person."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from slack_bolt import Ack, App, BoltResponse
from slack_bolt.authorization import AuthorizeResult
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from incidentbot.channels.slack.api import make_client
from incidentbot.channels.slack.blocks import incident_url
from incidentbot.channels.slack.mrkdwn import escape, link
from incidentbot.config import Settings, SlackSecrets
from incidentbot.extensions import db
from incidentbot.incidents import commands as incidents
from incidentbot.incidents.errors import AlreadyDone, IncidentError, ReasonNeeded
from incidentbot.incidents.models import Incident
from incidentbot.incidents.permissions import overrides
from incidentbot.incidents.queries import get_incident
from incidentbot.slack import actions, modals
from incidentbot.slack.answers import (
    broken,
    field_errors,
    not_now,
    notice,
    refuse,
    shown_blocks,
)
from incidentbot.slack.commands import Asked, answer, ask_why
from incidentbot.slack.requests import Malformed, incident_here, read_actor, read_command
from incidentbot.users.actor import Actor

log = logging.getLogger(__name__)

# A modal must be open within 3 s of the click: https://docs.slack.dev/interactivity
_MODAL_TIMEOUT_SECONDS = 2

Body = dict[str, Any]


def make_bolt_app(settings: Settings, secrets: SlackSecrets) -> App:
    """Return the Bolt app with every listener."""
    token = secrets.bot_token
    bolt = App(
        signing_secret=secrets.signing_secret,
        client=make_client(token, settings.slack_api_url, _MODAL_TIMEOUT_SECONDS),
        # Answered without asking Slack: a command works while Slack's API does not.
        authorize=lambda: AuthorizeResult(enterprise_id=None, team_id=None, bot_token=token),
        # The answer is the HTTP response itself, so a listener runs to its end first.
        process_before_response=True,
        logger=_quiet_log(),
    )
    bolt.error(_explain_failure)
    _listen_to_commands(bolt, settings.base_url)
    _listen_to_modals(bolt, settings)
    _listen_to_buttons(bolt, settings.base_url)
    return bolt


def _quiet_log() -> logging.Logger:
    """Return a log for Bolt itself, which warns of what is meant here (a token it will not use)."""
    quiet = logging.getLogger("incidentbot.slack.bolt")
    quiet.setLevel(logging.ERROR)
    return quiet


def _listen_to_commands(bolt: App, base_url: str) -> None:
    def command(ack: Ack, body: Body, client: WebClient) -> None:
        session = db.session()
        read = read_command(session, body)
        try:
            asked = Asked(session, client, base_url, read_actor(session, body), read)
            try:
                given = answer(asked)
            except ReasonNeeded as needed:
                given = ask_why(asked, needed)
        except IncidentError as error:
            given = refuse(error, read.typed)
        ack(given if given is not None else "")

    bolt.command("/incident")(command)
    bolt.command("/inc")(command)


def _listen_to_modals(bolt: App, settings: Settings) -> None:
    base_url = settings.base_url

    @bolt.view("declare")
    def declare(ack: Ack, body: Body) -> None:
        session = db.session()
        _submit(
            ack,
            body,
            lambda: actions.declare(
                session, read_actor(session, body), modals.read_values(body["view"]), base_url
            ),
        )

    def submission(ack: Ack, body: Body) -> None:
        session, view = db.session(), body["view"]
        act = actions.SUBMISSIONS[view["callback_id"]]

        def carry_out() -> dict[str, Any]:
            result = act(
                session,
                _acting(session, body),
                str(view.get("private_metadata") or ""),
                modals.read_values(view),
            )
            # The channel shows what changed; who came second is told what happened.
            return {} if result.changed else notice("Nothing to do", escape(result.sentence))

        _submit(ack, body, carry_out)

    for callback_id in actions.SUBMISSIONS:
        bolt.view(callback_id)(submission)

    @bolt.view("override")
    def override(ack: Ack, body: Body, client: WebClient) -> None:
        session = db.session()

        def carry_out() -> dict[str, Any]:
            request = {"command": "/incident", **modals.kept_command(body["view"])}
            read = read_command(session, request)
            given = answer(Asked(session, client, base_url, _acting(session, body), read))
            return notice("Done", given["text"]) if given else {}

        _submit(ack, body, carry_out)

    def foresee_for(session: Session, body: Body) -> Callable[[actions.Values], str]:
        """Return what says what declaring would do; nothing to whom we do not answer."""
        try:
            actor = read_actor(session, body)
        except IncidentError:  # it is said when they send the form
            return lambda _values: ""
        return partial(actions.foresee, session, actor, has_mail=settings.mail is not None)

    @bolt.action({"block_id": "template", "action_id": "value"})
    def template(ack: Ack, body: Body, client: WebClient) -> None:
        ack()
        session, view = db.session(), body["view"]
        again = modals.declare_view_with_template(session, view, foresee_for(session, body))
        session.rollback()  # all is read, and Slack may take its time
        _redraw(client, view, again, insists=True)

    @bolt.action({"block_id": modals.DECIDES, "action_id": "value"})
    def choice(ack: Ack, body: Body, client: WebClient) -> None:
        ack()
        session, view = db.session(), body["view"]
        text = foresee_for(session, body)(modals.read_values(view))
        session.rollback()  # all is read, and Slack may take its time
        if text or modals.says_what_will_happen(view):
            again = modals.with_what_will_happen(view, text)
            _redraw(client, view, again, insists=not modals.awaits_template(view))


def _redraw(
    client: WebClient, view: Mapping[str, Any], again: modals.View, *, insists: bool
) -> None:
    """Show an open modal anew; one that was closed meanwhile is not missed.

    Of two quick choices the second comes with the modal as it was before the first was answered. Who
    `insists` knows of both, and is shown all the same.
    """
    for guard in ({"hash": view["hash"]}, {})[: 2 if insists else 1]:
        try:
            client.views_update(view_id=view["id"], view=again, **guard)
            return
        except SlackApiError as error:
            # https://docs.slack.dev/reference/methods/views.update
            if error.response["error"] not in ("hash_conflict", "not_found"):
                raise


def _listen_to_buttons(bolt: App, base_url: str) -> None:
    def button(ack: Ack, body: Body, client: WebClient, action: Mapping[str, Any]) -> None:
        ack()
        session = db.session()
        try:
            actor = read_actor(session, body)
            incident = _of_the_button(session, body, action, actor)
            view = actions.BUTTONS[action["action_id"]](session, incident, actor)
            if overrides(actor, incident.commander_id):
                view = modals.with_reason(view)
        except IncidentError as error:
            view = notice("That did not work", escape(str(error)))["view"]
        session.rollback()  # all is read, and Slack may take its time
        client.views_open(trigger_id=body["trigger_id"], view=view)

    for action_id in actions.BUTTONS:
        bolt.action(action_id)(button)

    @bolt.action("draft_postmortem")
    def draft_postmortem(
        ack: Ack, body: Body, client: WebClient, action: Mapping[str, Any]
    ) -> None:
        ack()
        session = db.session()
        try:
            actor = read_actor(session, body)
            incident = _of_the_button(session, body, action, actor)
            result = incidents.draft_postmortem(session, incident.reference, actor)
            page = f"{incident_url(base_url, result.incident)}/postmortem"
            text = f"{escape(result.sentence)} {link(page, 'Open it')}"
        except ReasonNeeded as needed:
            typed = f"postmortem {needed.reference}"
            view = modals.reason_view(needed.reference, needed.commander, typed, _channel(body))
            session.rollback()
            client.views_open(trigger_id=body["trigger_id"], view=view)
            return
        except IncidentError as error:
            text = f":warning: {escape(str(error))}"
        session.rollback()
        _whisper(client, body, text)

    @bolt.action("open_in_browser")
    def open_in_browser(ack: Ack) -> None:
        ack()  # the button is a link; Slack only tells that it was clicked


def _acting(session: Session, body: Body) -> Actor:
    """Return who submitted a modal, with why they act in the commander's place if it asked that."""
    reason = modals.read_values(body["view"]).get(modals.REASON, "")
    return replace(read_actor(session, body), override_reason=reason)


def _submit(ack: Ack, body: Body, carry_out: Callable[[], dict[str, Any]]) -> None:
    """Carry out a modal's submission; a refusal is shown at its field, with the modal still open."""
    try:
        given = carry_out()
    except AlreadyDone:
        given = {}
    except IncidentError as error:
        shown = shown_blocks(body["view"])
        if isinstance(error, ReasonNeeded) and modals.REASON not in shown:
            given = {"response_action": "update", "view": modals.with_reason(body["view"])}
        else:
            given = field_errors(error, shown)
    ack(given) if given else ack()


def _of_the_button(
    session: Session, body: Body, action: Mapping[str, Any], actor: Actor
) -> Incident:
    """Return the incident that a button names. Raises NotFound, NotAllowed."""
    incident_here(session, _channel(body), actor)
    return get_incident(session, str(action.get("value") or ""), actor)


def _channel(body: Body) -> str:
    """Return the id of the channel a button was pressed in."""
    return str((body.get("channel") or {}).get("id") or "")


def _whisper(client: WebClient, body: Body, text: str) -> None:
    """Tell the person who pressed a button, and nobody else."""
    channel = _channel(body)
    if channel:
        client.chat_postEphemeral(channel=channel, user=body["user"]["id"], text=text)


def _explain_failure(error: Exception, body: Body) -> BoltResponse:
    """Answer for a listener that failed: never a traceback, never a silent loss of what was typed."""
    if isinstance(error, Malformed):
        return BoltResponse(status=400, body="not a request as Slack sends it")
    log.error("a Slack request failed", exc_info=error)
    return not_now(body) if isinstance(error, SQLAlchemyError) else broken(body)
