"""What the person sees: results and refusals, in an ephemeral answer or beside a modal's field."""

from collections.abc import Mapping
from typing import Any

from slack_bolt import BoltResponse

from incidentbot.channels.slack.blocks import Block
from incidentbot.channels.slack.mrkdwn import TEXT_LIMIT, escape, plain
from incidentbot.incidents.errors import IncidentError, InvalidInput, InvalidInputs, NotFound
from incidentbot.slack.requests import readable

Answer = dict[str, Any]

_NOT_NOW = (
    "incidentbot cannot reach its database right now, so this was most likely not done. "
    "Please look at the incident in a minute, and try again."
)
_BROKEN = (
    "Something went wrong inside incidentbot; the error is in its log. "
    "Please try again, or use the web page."
)


def say(text: str, blocks: list[Block] | None = None) -> Answer:
    """Return an answer that only the person who asked sees. `text` is mrkdwn, escaped where need be."""
    answer: Answer = {"response_type": "ephemeral", "text": plain(text, TEXT_LIMIT)}
    if blocks:
        answer["blocks"] = blocks
    return answer


def refuse(error: IncidentError, typed: str) -> Answer:
    """Return the refusal of a slash command, with what was typed so that it can be sent again."""
    return say_with_typed(f":warning: {escape(str(error))}", typed)


def say_with_typed(text: str, typed: str) -> Answer:
    """Return an answer with what the person typed below it. `text` is mrkdwn."""
    kept = escape(typed.strip().replace("```", "'''"), 2_500)
    return say(f"{text}\nYou typed:\n```{kept}```")


def field_errors(error: IncidentError, block_ids: Mapping[str, str]) -> Answer:
    """Return the refusal of a modal: at its field, which keeps the modal open and what was typed.

    `block_ids` maps our fields to the blocks shown; an error of no field is shown at the first.
    """
    if isinstance(error, InvalidInputs) and error.reasons.keys() <= block_ids.keys():
        said = {block_ids[name]: plain(reason, 2_000) for name, reason in error.reasons.items()}
        return {"response_action": "errors", "errors": said}
    field = error.field if isinstance(error, InvalidInput) else ""
    block_id = block_ids.get(field) or next(iter(block_ids.values()), "")
    if not block_id:
        return notice("That did not work", escape(str(error)))
    return {"response_action": "errors", "errors": {block_id: plain(str(error), 2_000)}}


def notice(title: str, text: str) -> Answer:
    """Return a modal's last page: what came of it. `text` is mrkdwn."""
    view = {
        "type": "modal",
        "title": {"type": "plain_text", "text": plain(title, 24)},
        "close": {"type": "plain_text", "text": "Close"},
        "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": plain(text, 3_000)}}],
    }
    return {"response_action": "update", "view": view}


def not_now(body: Mapping[str, Any]) -> BoltResponse:
    """Return what to tell a person while the database is away: nothing they typed is lost."""
    return _excuse(body, _NOT_NOW)


def broken(body: Mapping[str, Any]) -> BoltResponse:
    """Return what to tell a person after a mistake of our own."""
    return _excuse(body, _BROKEN)


def _excuse(body: Mapping[str, Any], text: str) -> BoltResponse:
    if body.get("type") == "view_submission":
        answer = field_errors(NotFound(text), shown_blocks(body.get("view") or {}))
    elif "command" in body:
        typed = readable(str(body.get("text") or ""), {})
        answer = say_with_typed(f":warning: {text}", f"{body['command']} {typed}")
    else:
        # Slack sends an event again when it is not told 200; a button can be pressed again.
        return BoltResponse(status=500 if "event" in body else 200, body="")
    return BoltResponse(status=200, body=answer, headers={"content-type": ["application/json"]})


def shown_blocks(view: Mapping[str, Any]) -> dict[str, str]:
    """Return the ids of a modal's input blocks by our field name: `title@3` shows `title`."""
    return {
        block["block_id"].split("@")[0]: block["block_id"]
        for block in view.get("blocks", ())
        if block.get("type") == "input" and "block_id" in block
    }
