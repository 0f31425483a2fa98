"""What declaring would do, told in the modal before it is done."""

import re
from collections.abc import Iterable, Iterator

from incidentbot.channels.slack.mrkdwn import escape
from incidentbot.incidents.preview import Prospect
from incidentbot.status_pages.component_status import WORDS
from incidentbot.status_pages.outlook import Outlook
from incidentbot.status_pages.standing import STATUSPAGE

_NAMES = 8  # more of them are counted
_NAME_LIMIT = 100
_BODY_LIMIT = 500
_CHANNEL_ID = re.compile(r"[CG][A-Z0-9]{6,}")


def in_words(prospect: Prospect, *, has_mail: bool) -> str:
    """Return what would happen as mrkdwn, a line each."""
    hears = prospect.hears
    private = "private " if prospect.is_private else ""
    lines = [f"opens the {private}channel `#{prospect.channel_name}`"]
    if hears.invited:
        lines.append(f"invites {_people(hears.invited)}")
    if hears.channels:
        lines.append(f"tells {_listed(map(_channel, hears.channels))}")
    if hears.people:
        people = "1 person" if len(hears.people) == 1 else f"{len(hears.people)} people"
        lines.append(f"sends a direct message to {people}: {_people(hears.people)}")
    if hears.spared:
        lines.append(f"leaves out {_people(hears.spared)}, who asked for no direct messages")
    if not hears.channels and not hears.people:
        lines.append("tells nobody else")
    name = escape(prospect.service.name, _NAME_LIMIT)
    return "\n".join(
        (
            f"*{prospect.severity.value} on {name}*",
            *(f"• {line}" for line in lines),
            *_for_customers(prospect.customers, prospect.is_private, has_mail),
        )
    )


def _for_customers(customers: Outlook, is_private: bool, has_mail: bool) -> Iterator[str]:
    if is_private:
        yield "*Customers* are told nothing of a private incident."
        return
    if not customers.reach:
        return
    if not customers.components and not customers.published:
        yield "*Customers* do not know this service, and are told nothing."
        return
    yield "*Customers*"
    for shown in customers.components[:_NAMES]:
        name, status = escape(shown.name, _NAME_LIMIT), WORDS[shown.status].lower()
        if shown.is_left:
            yield f"• {name} stays at _{status}_ on {shown.place}, as somebody set it by hand"
        else:
            yield f"• {name} shows as _{status}_ on {shown.place}"
    if (more := len(customers.components) - _NAMES) > 0:
        yield f"• and {more} more"
    if customers.published is None:
        yield "• no text is published by itself"
        return
    yield f"• published by itself on {' and '.join(customers.reach)}:"
    yield f">{escape(customers.published.title, _NAME_LIMIT)}"
    yield f">{escape(' '.join(customers.published.body.split()), _BODY_LIMIT)}"
    if customers.mails and has_mail:
        mails = "1 subscriber" if customers.mails == 1 else f"{customers.mails} subscribers"
        yield f"• mail to {mails}"
    if STATUSPAGE in customers.reach:
        yield "• Statuspage tells its own subscribers"


def _people(names: Iterable[str]) -> str:
    return _listed(escape(name, _NAME_LIMIT) for name in names)


def _channel(name: str) -> str:
    """Return a channel as the rule names it: of one given by its id, Slack shows the name."""
    return f"<#{name}>" if _CHANNEL_ID.fullmatch(name) else escape(name, _NAME_LIMIT)


def _listed(escaped: Iterable[str]) -> str:
    all_of_them = list(escaped)
    shown, more = ", ".join(all_of_them[:_NAMES]), len(all_of_them) - _NAMES
    return f"{shown} and {more} more" if more > 0 else shown
