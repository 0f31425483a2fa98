"""Read who there is in the workspace, at Slack's pace, so that people can be picked by name."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session, sessionmaker

from incidentbot import database
from incidentbot.channels.slack.api import SlackApi
from incidentbot.outbox.dispatch import DeliveryError, Wait
from incidentbot.users.directory import Entry, about_directory, store_directory

log = logging.getLogger(__name__)

EVERY = timedelta(hours=1)
# How often one process of the fleet looks whether it is time; a reading takes no longer.
TURN = timedelta(minutes=15)
PATIENCE_SECONDS = 14 * 60
# https://docs.slack.dev/reference/methods/users.list recommends no more.
PEOPLE_PER_PAGE = 200
# A bot that is not marked as one.
SLACKBOT = "USLACKBOT"


def keep_directory(api: SlackApi, sessions: sessionmaker[Session]) -> None:
    """Read the directory when that is due. A failure is only logged: the last copy stays."""
    with sessions() as session:
        last = about_directory(session).read_at
        if last is not None and database.now(session) - last < EVERY:
            return
    try:
        found = read_directory(api)
    except DeliveryError as error:
        log.warning("could not read Slack's directory: %s", error)
        return
    with sessions() as session:
        store_directory(session, found)
    log.info("read Slack's directory", extra={"people": len(found)})


def read_directory(api: SlackApi, pause: Callable[[float], None] = time.sleep) -> list[Entry]:
    """Return everyone in the workspace. Raises DeliveryError when Slack refuses or is away."""
    found: dict[str, Entry] = {}
    cursor, patience = "", float(PATIENCE_SECONDS)
    while True:
        try:
            answer = api.call("users_list", limit=PEOPLE_PER_PAGE, cursor=cursor)
        except Wait as wait:
            patience -= wait.after
            if patience < 0:
                raise
            pause(wait.after)
            continue
        found |= {entry.slack_user_id: entry for entry in _people(answer["members"])}
        cursor = (answer.get("response_metadata") or {}).get("next_cursor", "")
        if not cursor:
            return list(found.values())


def entry_of(user: Mapping[str, Any]) -> Entry:
    """Return a person as Slack describes them; the e-mail address only if Slack has confirmed it."""
    profile = user.get("profile") or {}
    real_name = profile.get("real_name") or user.get("real_name") or ""
    name = profile.get("display_name") or real_name or user.get("name") or ""
    # Anybody can write any address into an account; only a confirmed one says who somebody is.
    email = profile.get("email") if user.get("is_email_confirmed") else None
    return Entry(str(user.get("id", "")), name, real_name, email)


def _people(members: Iterable[Mapping[str, Any]]) -> Iterator[Entry]:
    for user in members:
        if not user.get("deleted") and not user.get("is_bot") and user.get("id") != SLACKBOT:
            yield entry_of(user)
