"""Buttons and menus, and the modals they open: each one call of the core."""

from collections.abc import Callable, Mapping

from sqlalchemy.orm import Session

from incidentbot.channels.slack.blocks import incident_url
from incidentbot.channels.slack.mrkdwn import escape, link
from incidentbot.incidents import commands as incidents
from incidentbot.incidents import preview
from incidentbot.incidents.change import Result
from incidentbot.incidents.errors import InvalidInput
from incidentbot.incidents.models import Incident
from incidentbot.incidents.permissions import Action, judge
from incidentbot.slack import foreseen, modals
from incidentbot.slack.answers import Answer, notice
from incidentbot.status_pages.preview import tell_customers
from incidentbot.users.actor import Actor
from incidentbot.users.candidates import Among, Candidate, namesakes
from incidentbot.users.models import Role
from incidentbot.users.people import identify_slack_person

Values = Mapping[str, str]


def hand_over_or_take_over(_session: Session, incident: Incident, actor: Actor) -> modals.View:
    """Return the hand-over modal for whom may hand over, and for others the one to take over."""
    verdict = judge(Action.HAND_OVER, actor, incident.commander_id)
    return modals.hand_over_view(incident) if verdict.allowed else modals.take_over_view(incident)


# The button's action id -> the modal it opens.
BUTTONS: dict[str, Callable[[Session, Incident, Actor], modals.View]] = {
    "post_update": lambda _session, incident, _actor: modals.update_view(incident),
    "change_severity": lambda session, incident, _actor: modals.severity_view(session, incident),
    "resolve": lambda _session, incident, _actor: modals.resolve_view(incident),
    "hand_over": hand_over_or_take_over,
    "reopen": lambda _session, incident, _actor: modals.reopen_view(incident),
}


def declare(session: Session, actor: Actor, values: Values, base_url: str) -> Answer:
    """Declare the incident that the modal describes; the answer says where it is."""
    commander = values.get("commander", "")
    declaration = incidents.Declaration(
        title=values.get("title", ""),
        severity=values.get("severity", ""),
        service=values.get("service", ""),
        commander_id=identify_slack_person(session, commander).id if commander else None,
        summary=values.get("summary", ""),
        is_private=values.get("is_private") == modals.PRIVATE,
    )
    incident = incidents.declare(session, declaration, actor).incident
    return notice(
        f"{incident.reference} is declared",
        f"*{escape(incident.title)}*\nIts channel `#{incident.slack_channel_name}` is being made; "
        f"you will be invited. {link(incident_url(base_url, incident), 'Open it in the browser')}.",
    )


def foresee(session: Session, actor: Actor, values: Values, *, has_mail: bool) -> str:
    """Return what declaring with these values would do, "" while that is not chosen yet.

    Whoever may not declare is told nothing of who would hear of it.
    """
    if not judge(Action.DECLARE, actor, None).allowed:
        return ""
    prospect = preview.foresee(
        session,
        actor,
        values.get("severity", ""),
        values.get("service", ""),
        _in_slack(session, values.get("commander", "")),
        values.get("is_private") == modals.PRIVATE,
    )
    return foreseen.in_words(prospect, has_mail=has_mail) if prospect else ""


def _in_slack(session: Session, slack_user_id: str) -> Candidate | None:
    """Return whom Slack's menu of people names, met or not."""
    if not slack_user_id:
        return None
    known = namesakes(session, slack_user_id, Among.PEOPLE)
    unmet = Candidate(
        user_id=None,
        name=slack_user_id,
        real_name="",
        email=None,
        slack_user_id=slack_user_id,
        role=Role.RESPONDER,
        has_left=False,
    )
    return next((one for one in known if one.slack_user_id == slack_user_id), unmet)


def post_update(session: Session, actor: Actor, reference: str, values: Values) -> Result:
    """Post the update, with the move if one was chosen."""
    status, message = modals.chosen_status(values), values.get("message", "")
    return incidents.update_or_move(
        session, reference, actor, status, message, values.get("public", "")
    )


def hand_over(session: Session, actor: Actor, reference: str, values: Values) -> Result:
    """Hand over to the person chosen."""
    if not values.get("commander"):
        raise InvalidInput("commander", "Choose a person in the list.")
    person = identify_slack_person(session, values["commander"])
    return incidents.hand_over(session, reference, actor, person.id)


def publish(session: Session, actor: Actor, metadata: str, values: Values) -> Result:
    """Tell customers what the modal showed."""
    reference, _, seen = metadata.partition(" ")
    return tell_customers(session, reference, actor, values.get("public", ""), seen)


# The modal's callback id -> what its submission does to the incident it names.
SUBMISSIONS: dict[str, Callable[[Session, Actor, str, Values], Result]] = {
    "post_update": post_update,
    "change_severity": lambda session, actor, reference, values: incidents.change_severity(
        session, reference, actor, values.get("severity", ""), values.get("reason", "")
    ),
    "resolve": lambda session, actor, reference, values: incidents.resolve(
        session, reference, actor, values.get("message", ""), values.get("public", "")
    ),
    "reopen": lambda session, actor, reference, values: incidents.reopen(
        session, reference, actor, values.get("reason", "")
    ),
    "hand_over": hand_over,
    "publish": publish,
    "take_over": lambda session, actor, reference, values: incidents.take_over(
        session, reference, actor, values.get("reason", "")
    ),
}
