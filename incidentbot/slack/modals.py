"""Modals: each built and read here, so that both know the same field names.

A block's id is its field's name; in the declare modal a `@n` follows, because Slack keeps what a
person typed only in blocks whose id stays, and shows a new value only in those whose id changes.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from incidentbot.channels.slack.blocks import Block
from incidentbot.channels.slack.mrkdwn import OPTION_LIMIT, SECTION_LIMIT, escape, plain
from incidentbot.incidents.lifecycle import next_statuses
from incidentbot.incidents.models import Incident, Service, Template
from incidentbot.incidents.queries import list_services, list_templates
from incidentbot.incidents.severities import words_by_severity
from incidentbot.incidents.templates import fill_in, find_template
from incidentbot.incidents.text import REASON_LIMIT, TITLE_LIMIT, shorten
from incidentbot.slack.requests import Malformed
from incidentbot.status_pages.preview import Preview

View = dict[str, Any]

# https://docs.slack.dev/reference/block-kit/block-elements/plain-text-input-element
_INPUT_LIMIT = 3_000
_OPTIONS_PER_GROUP = 100
_NO_CHANGE = "no_change"
PRIVATE = "private"  # the value of the ticked box
REASON = "override_reason"
WILL_HAPPEN = "will_happen"
# The fields of the declare modal that decide what will happen, by their blocks' ids.
DECIDES = re.compile(r"(severity|service|commander|is_private)(@\d+)?")
# https://docs.slack.dev/reference/views/modal-views
METADATA_LIMIT = 3_000
_VIEW_KEYS = ("type", "callback_id", "title", "submit", "close", "private_metadata", "blocks")


def declare_view(session: Session, slack_user_id: str, title: str = "") -> View:
    """Return the declare modal, its title filled in with what was typed after the command."""
    values: dict[str, str] = {"commander": slack_user_id, "title": title[:TITLE_LIMIT]}
    if len(title) > TITLE_LIMIT:
        values["summary"] = title[:_INPUT_LIMIT]  # too long for a title, but not lost
    return _declare(session, values, template_id="", suffix="")


def declare_view_with_template(
    session: Session, view: Mapping[str, Any], foresee: Callable[[Mapping[str, str]], str]
) -> View:
    """Return the declare modal anew, the chosen template filling what the person did not type.

    The metadata names the template chosen before. `foresee` says what declaring with the values that
    it is given would do.
    """
    typed = read_values(view)
    chosen = find_template(session, typed.get("template", ""))
    before = find_template(session, str(view.get("private_metadata") or ""))
    values = fill_in(typed, chosen, before)
    suffix = f"@{chosen.id}" if chosen else "@0"
    again = _declare(session, values, template_id=str(chosen.id) if chosen else "", suffix=suffix)
    return with_what_will_happen(again, foresee(values))


def with_what_will_happen(view: Mapping[str, Any], foreseen: str) -> View:
    """Return a declare modal that ends with what declaring would do ("" for nothing to say).

    `view` may be an open one, as Slack sends it: what was typed in it stays.
    """
    shown = {key: view[key] for key in _VIEW_KEYS if view.get(key)}
    fields = [block for block in view["blocks"] if block.get("block_id") != WILL_HAPPEN]
    if foreseen:
        text = {"type": "mrkdwn", "text": shorten(foreseen, SECTION_LIMIT)}
        fields.append({"type": "section", "block_id": WILL_HAPPEN, "text": text})
    return {**shown, "blocks": fields}


def says_what_will_happen(view: Mapping[str, Any]) -> bool:
    """Whether an open declare modal ends with what declaring would do."""
    return any(block.get("block_id") == WILL_HAPPEN for block in view["blocks"])


def awaits_template(view: Mapping[str, Any]) -> bool:
    """Whether an open declare modal is about to be filled in: its template was chosen just now."""
    return read_values(view).get("template", "") != str(view.get("private_metadata") or "")


def update_view(incident: Incident) -> View:
    """Return the modal that posts a status update."""
    moves = [
        _option(status.value.capitalize(), status.value)
        for status in next_statuses(incident.status)
    ]
    stay = _option(f"Stay at {incident.status.value}", _NO_CHANGE)
    return _modal(
        "post_update",
        "Post update",
        "Post",
        incident,
        [
            _text("message", "What is new?", multiline=True, focus=True),
            _select("status", "Status", [stay, *moves], initial=stay),
            *_for_customers(incident),
        ],
    )


def severity_view(session: Session, incident: Incident) -> View:
    """Return the modal that changes the severity."""
    options = _severity_options(session)
    now = next(option for option in options if option["value"] == incident.severity.value)
    return _modal(
        "change_severity",
        "Change severity",
        "Change",
        incident,
        [
            _select("severity", "Severity", options, initial=now),
            _text("reason", "Why?", optional=True, multiline=True),
        ],
    )


def resolve_view(incident: Incident) -> View:
    """Return the modal that resolves the incident."""
    field = _text("message", "How was it solved?", optional=True, multiline=True, focus=True)
    return _modal("resolve", "Resolve", "Resolve", incident, [field, *_for_customers(incident)])


def publish_view(incident: Incident, shown: Preview) -> View:
    """Return the modal that tells customers, with all that they would read.

    Its metadata names what was shown, so that nothing else is published.
    """
    lines = [
        f"*{escape(shown.title, 600)}*",
        f"{shown.status.value.capitalize()} · impact {shown.impact.value}",
        *(
            f"{escape(name, 100)}: {shown.component_status.value.replace('_', ' ')}"
            for name in shown.components[:10]
        ),
    ]
    view = _modal(
        "publish",
        "Tell customers",
        "Publish",
        incident,
        [
            {"type": "section", "text": {"type": "mrkdwn", "text": "\n".join(lines)}},
            _text(
                "public",
                "Text",
                initial=shown.body[:_INPUT_LIMIT],
                multiline=True,
                focus=True,
                hint="Customers read this, just as it stands here, and nothing else of the incident.",
            ),
        ],
    )
    return {**view, "private_metadata": f"{incident.reference} {shown.seen}"}


def reopen_view(incident: Incident) -> View:
    """Return the modal that reopens the incident."""
    field = _text("reason", "Why is it open again?", multiline=True, focus=True)
    return _modal("reopen", "Reopen", "Reopen", incident, [field])


def hand_over_view(incident: Incident) -> View:
    """Return the modal by which the commander hands over."""
    return _modal(
        "hand_over", "Hand over", "Hand over", incident, [_person("commander", "To whom?")]
    )


def take_over_view(incident: Incident) -> View:
    """Return the modal by which somebody else takes over: what Hand over opens for them."""
    name = escape(incident.commander.name, 150)
    words = (
        f"*{name}* commands this incident. If they cannot be reached you may take over; "
        "everyone in the channel is told, and it is kept in the audit log."
    )
    return _modal(
        "take_over",
        "Take over",
        "Take over",
        incident,
        [
            {"type": "section", "text": {"type": "mrkdwn", "text": words}},
            _text("reason", "Why can they not be reached?", multiline=True),
        ],
    )


def with_reason(view: Mapping[str, Any]) -> View:
    """Return a modal that asks, last of all, why an admin acts in the commander's place.

    `view` may be an open one, as Slack sends it: what was typed in it stays.
    """
    field = _text(
        REASON,
        "Why do you act in the commander's place?",
        limit=REASON_LIMIT,
        hint="The audit log keeps it.",
    )
    shown = {key: view[key] for key in _VIEW_KEYS if view.get(key)}
    return {**shown, "blocks": [*view["blocks"], field]}


def reason_view(reference: str, commander: str, text: str, channel_id: str) -> View:
    """Return the modal that asks an admin for the reason of a command that they typed.

    Its metadata keeps the command's `text`, as Slack sent it, and where it was typed.
    """
    kept = json.dumps({"text": text, "channel_id": channel_id}, ensure_ascii=False)
    words = (
        f"*{escape(commander, 150)}* commands {reference}. You are about to do this as an admin:"
    )
    typed = plain(text.replace("```", "'''"), 2_500)  # escaped by Slack
    return with_reason(
        {
            "type": "modal",
            "callback_id": "override",
            "title": {"type": "plain_text", "text": "In the commander's place"},
            "submit": {"type": "plain_text", "text": "Do it"},
            "close": {"type": "plain_text", "text": "Cancel"},
            "private_metadata": kept,
            "blocks": [
                {
                    "type": "section",
                    "text": {"type": "mrkdwn", "text": f"{words}\n```/incident {typed}```"},
                }
            ],
        }
    )


def kept_command(view: Mapping[str, Any]) -> dict[str, str]:
    """Return the command that `reason_view` keeps, as the fields of a request. Raises Malformed."""
    try:
        kept = json.loads(view["private_metadata"])
        return {"text": str(kept["text"]), "channel_id": str(kept["channel_id"])}
    except (KeyError, TypeError, ValueError) as error:
        raise Malformed("a view without its command") from error


def read_values(view: Mapping[str, Any]) -> dict[str, str]:
    """Return what is in a modal's fields, by field name. Raises Malformed."""
    try:
        return {
            block_id.split("@")[0]: _value(element)
            for block_id, actions in view["state"]["values"].items()
            for element in actions.values()
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise Malformed("a view without its state") from error


def chosen_status(values: Mapping[str, str]) -> str:
    """Return the status picked in the update modal, "" for none."""
    status = values.get("status", "")
    return "" if status == _NO_CHANGE else status


def _for_customers(incident: Incident) -> list[Block]:
    """Return the field for a text for customers; a private incident has none."""
    if incident.is_private:
        return []
    return [
        _text(
            "public",
            "Tell customers",
            optional=True,
            multiline=True,
            hint="Published on the status page, just as written. What you write above stays inside.",
        )
    ]


def _declare(session: Session, values: Mapping[str, str], template_id: str, suffix: str) -> View:
    services = list_services(session)
    severities = _severity_options(session)
    view: View = {
        "type": "modal",
        "callback_id": "declare",
        "title": {"type": "plain_text", "text": "Declare an incident"},
        "submit": {"type": "plain_text", "text": "Declare"},
        "close": {"type": "plain_text", "text": "Cancel"},
        "private_metadata": template_id,
        "blocks": [
            *_template_menu(list_templates(session), template_id),
            _text(
                f"title{suffix}",
                "What is wrong?",
                initial=values.get("title", "")[:TITLE_LIMIT],
                limit=TITLE_LIMIT,
                hint="One line; people will read it on their phones.",
                focus=True,
            ),
            _select(
                f"severity{suffix}",
                "Severity",
                severities,
                initial=_find(severities, values.get("severity", "")),
            ),
            _service_menu(f"service{suffix}", services, values.get("service", "")),
            _person("commander", "Commander", initial=values.get("commander", "")),
            _text(
                f"summary{suffix}",
                "What do you know so far?",
                initial=values.get("summary", "")[:_INPUT_LIMIT],
                optional=True,
                multiline=True,
            ),
            _private_box(bool(values.get("is_private"))),
        ],
    }
    for block in view["blocks"]:
        if DECIDES.fullmatch(block["block_id"]):
            block["dispatch_action"] = True  # each choice is told, and answered with what it means
    return view


def _private_box(is_checked: bool) -> Block:
    """Return the box that makes the incident private. Its id stays, so what was ticked stays too."""
    option = {
        **_option("Private", PRIVATE),
        "description": {
            "type": "plain_text",
            "text": "Only its people and admins know of it. Nobody else is told.",
        },
    }
    element: Block = {"type": "checkboxes", "action_id": "value", "options": [option]}
    if is_checked:
        element["initial_options"] = [option]
    return _input("is_private", "Who may know?", element, optional=True)


def _template_menu(templates: Sequence[Template], chosen: str) -> list[Block]:
    if not templates:
        return []
    options = [_option(template.name, str(template.id)) for template in templates[:100]]
    field = _select("template", "Start from a template", options, initial=_find(options, chosen))
    return [{**field, "dispatch_action": True, "optional": True}]


def _service_menu(block_id: str, services: Sequence[Service], chosen: str) -> Block:
    """Return the menu of services: Slack takes 100 options, or 100 groups of 100."""
    options = [_option(service.name, service.slug) for service in services]
    if len(services) == 1:
        chosen = services[0].slug
    initial = _find(options, chosen)
    if len(options) <= _OPTIONS_PER_GROUP:
        return _select(block_id, "Service", options, initial=initial)
    groups = [
        {
            "label": {
                "type": "plain_text",
                "text": plain(
                    f"{part[0]['text']['text'][:30]} … {part[-1]['text']['text'][:30]}", 75
                ),
            },
            "options": part,
        }
        for part in (
            options[start : start + _OPTIONS_PER_GROUP]
            for start in range(0, len(options), _OPTIONS_PER_GROUP)
        )
    ]
    field = _select(block_id, "Service", [], initial=initial)
    del field["element"]["options"]
    field["element"]["option_groups"] = groups[:100]
    return field


def _severity_options(session: Session) -> list[Block]:
    return [
        _option(f"{severity.value}  {words.meaning}", severity.value)
        for severity, words in words_by_severity(session).items()
    ]


def _modal(
    callback_id: str, title: str, submit: str, incident: Incident, fields: list[Block]
) -> View:
    about = f"{incident.reference} · {incident.title}"
    return {
        "type": "modal",
        "callback_id": callback_id,
        "title": {"type": "plain_text", "text": title},
        "submit": {"type": "plain_text", "text": submit},
        "close": {"type": "plain_text", "text": "Cancel"},
        "private_metadata": incident.reference,
        "blocks": [
            {
                "type": "context",
                "elements": [{"type": "plain_text", "text": plain(about, 150), "emoji": False}],
            },
            *fields,
        ],
    }


def _text(
    block_id: str,
    label: str,
    *,
    initial: str = "",
    limit: int = _INPUT_LIMIT,
    hint: str = "",
    optional: bool = False,
    multiline: bool = False,
    focus: bool = False,
) -> Block:
    element: Block = {
        "type": "plain_text_input",
        "action_id": "value",
        "multiline": multiline,
        "max_length": limit,
        "focus_on_load": focus,
    }
    if initial:
        element["initial_value"] = initial
    block = _input(block_id, label, element, optional)
    if hint:
        block["hint"] = {"type": "plain_text", "text": hint}
    return block


def _select(
    block_id: str, label: str, options: list[Block], *, initial: Block | None = None
) -> Block:
    element: Block = {"type": "static_select", "action_id": "value", "options": options}
    if initial is not None:
        element["initial_option"] = initial
    return _input(block_id, label, element)


def _person(block_id: str, label: str, initial: str = "") -> Block:
    element: Block = {"type": "users_select", "action_id": "value"}
    if initial:
        element["initial_user"] = initial
    return _input(block_id, label, element)


def _input(block_id: str, label: str, element: Block, optional: bool = False) -> Block:
    return {
        "type": "input",
        "block_id": block_id,
        "label": {"type": "plain_text", "text": label},
        "element": element,
        "optional": optional,
    }


def _option(text: str, value: str) -> Block:
    return {"text": {"type": "plain_text", "text": plain(text, OPTION_LIMIT)}, "value": value}


def _find(options: Sequence[Block], value: str) -> Block | None:
    return next((option for option in options if option["value"] == value), None)


def _value(element: Mapping[str, Any]) -> str:
    option = element.get("selected_option")
    if option:
        return str(option["value"])
    if element.get("type") == "checkboxes":
        return ",".join(str(ticked["value"]) for ticked in element.get("selected_options") or ())
    return str(element.get("value") or element.get("selected_user") or "")
