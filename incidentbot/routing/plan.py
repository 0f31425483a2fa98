"""From one event of an incident to its effects on Slack. Pure: everything it needs is passed in.

The incident's own channel hears everything. Cards and the topic show the incident as it is and are
brought up to date in place. People and channels elsewhere are told of three moments, as the rules
say: the start (a declaration, an escalation to P1 or P2), updates, and the end (also of the end: a
reopening). By default that is the start, and the end of what they were told of.

A direct message that comes too soon after another about the same incident is left out. One of the end
is put off instead: whoever was told that it burns must be told that it does not any more.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from incidentbot.incidents.lifecycle import Severity, renotifies
from incidentbot.incidents.models import EventKind
from incidentbot.outbox.publish import Effect
from incidentbot.users.models import DirectMessages

WAR_ROOM = "war-room"  # the target that stands for the incident's own channel
ON_END = "on_end"

# What the incident's channel is told in a message of its own; a declaration is told by its card.
_TOLD_IN_CHANNEL = frozenset(EventKind) - {EventKind.DECLARED, EventKind.CHANNEL}
# What the team relies on: when it is given up, the incident's channel is told.
_RELIED_ON = frozenset(
    {
        "slack.announcement",
        "slack.card",
        "slack.dm",
        "slack.invite",
        "slack.remove",  # a private incident's people would not know that somebody still reads it
        "statuspage.component",
        "statuspage.incident",
    }
)
# What the card in the channel and the topic show.
_CHANGES_CARD = frozenset(
    {
        EventKind.UPDATE,
        EventKind.STATUS,
        EventKind.SEVERITY,
        EventKind.RESOLVED,
        EventKind.REOPENED,
        EventKind.CANCELLED,
        EventKind.COMMANDER,
        EventKind.TAKEOVER,
    }
)
# What the cards elsewhere show: the same, and the link to the channel once there is one.
_CHANGES_ANNOUNCEMENT = _CHANGES_CARD | {EventKind.CHANNEL}
_UPDATES = frozenset({EventKind.UPDATE, EventKind.STATUS})
ENDS = frozenset({EventKind.RESOLVED, EventKind.REOPENED, EventKind.CANCELLED})
_TOO_SOON = "this person had a message about this incident within 5 minutes"
_ASKED_FOR_NONE = "they asked for no direct messages"
_ASKED_FOR_STARTS = "they asked for direct messages about the start only"


class Moment(StrEnum):
    """A moment of which people and channels elsewhere may be told."""

    START = "start"
    UPDATE = "update"
    END = "end"


@dataclass(frozen=True)
class Audience:
    """Slack channels (ids or #names) and people (Slack user ids) outside the incident's channel."""

    channels: tuple[str, ...] = ()
    people: tuple[str, ...] = ()


@dataclass(frozen=True)
class Level(Audience):
    """Who hears of incidents of one severity and service: the audience itself is told of the start.

    `on_end` hears of the end without having been told of the start. `not_on_end` are those whose
    rules say that they do not hear of the end, though they were told of the start.
    """

    on_update: Audience = Audience()
    on_end: Audience = Audience()
    not_on_end: frozenset[str] = frozenset()

    def hears_of_the_end(self, target: str) -> bool | None:
        """Whether whom the start is told to hears of the end as well; None where no rule names them."""
        if target in self.not_on_end:
            return False
        named = {*self.channels, *self.people, *self.on_end.channels, *self.on_end.people}
        return True if target in named else None


@dataclass(frozen=True)
class IncidentEvent:
    """What happened, reduced to what decides who hears of it. `seq` is its number in the timeline.

    `in_channel` is False for what the incident's own channel is spared. A private incident is told
    nowhere else.
    """

    incident_id: int
    reference: str
    kind: EventKind
    seq: int
    severity: Severity
    previous_severity: Severity | None = None
    invite: tuple[str, ...] = field(default=())  # Slack user ids who belong in the channel now
    remove: str | None = None  # the Slack user id of who does not belong there any more
    in_channel: bool = True
    is_private: bool = False
    service_id: int | None = None


def plan(
    event: IncidentEvent,
    level: Level,
    told: Audience,
    throttled: Mapping[str, datetime],
    choices: Mapping[str, DirectMessages] | None = None,
) -> list[Effect]:
    """Return the effects of `event`, in the order in which they should leave.

    `level` is who hears of incidents of this severity and service, `told` who has heard of this one
    already, `throttled` when those may have the next direct message about it who had one too recently,
    `choices` which direct messages a person wants who does not want all.
    """
    moment = moment_of(event)
    return [
        *_war_room(event),
        *_in_channel(event),
        *_announcements(event, moment, level, told),
        *_messages(event, moment, level, told),
        *_direct_messages(event, moment, level, told, throttled, choices or {}),
    ]


def moment_of(event: IncidentEvent) -> Moment | None:
    """Return the moment that an event is to people elsewhere; None when it is none."""
    if event.kind is EventKind.DECLARED or _is_escalation(event):
        return Moment.START
    if event.kind in _UPDATES:
        return Moment.UPDATE
    return Moment.END if event.kind in ENDS else None


def _is_escalation(event: IncidentEvent) -> bool:
    before = event.previous_severity
    if event.kind is not EventKind.SEVERITY or before is None:
        return False
    return renotifies(before, event.severity)


def _war_room(event: IncidentEvent) -> Iterator[Effect]:
    if event.kind is EventKind.DECLARED:
        yield _effect(event, "slack.war_room", WAR_ROOM, "war-room")
        yield _effect(event, "slack.card", WAR_ROOM, "card", needs_channel=True, newest_only=True)
        yield _effect(event, "slack.bookmark", WAR_ROOM, "bookmark", needs_channel=True)
    if event.kind in _CHANGES_CARD | {EventKind.DECLARED}:
        yield _effect(event, "slack.topic", WAR_ROOM, "topic", needs_channel=True, newest_only=True)
    if event.invite:
        yield _effect(
            event,
            "slack.invite",
            WAR_ROOM,
            "invite",
            needs_channel=True,
            payload={"users": list(event.invite)},
        )
    if event.remove:
        yield _effect(
            event,
            "slack.remove",
            WAR_ROOM,
            "invite",
            needs_channel=True,
            payload={"user": event.remove},
        )


def _in_channel(event: IncidentEvent) -> Iterator[Effect]:
    if event.in_channel and event.kind in _TOLD_IN_CHANNEL:
        yield _effect(
            event,
            "slack.message",
            WAR_ROOM,
            "messages",
            needs_channel=True,
            payload={"seq": event.seq},
        )
    if event.kind in _CHANGES_CARD:
        yield _effect(event, "slack.card", WAR_ROOM, "card", needs_channel=True, newest_only=True)


def _announcements(
    event: IncidentEvent, moment: Moment | None, level: Level, told: Audience
) -> Iterator[Effect]:
    """Post the card where the start is told, and bring it up to date where it is."""
    new = _others(level.channels, told.channels) if moment is Moment.START else ()
    changed = told.channels if event.kind in _CHANGES_ANNOUNCEMENT else ()
    for channel in (*new, *changed):
        yield _effect(
            event,
            "slack.announcement",
            channel,
            f"announcement/{channel}",
            newest_only=True,
            payload=_choice(moment, level, channel),
        )


def _messages(
    event: IncidentEvent, moment: Moment | None, level: Level, told: Audience
) -> Iterator[Effect]:
    """Tell channels in a message of its own, where their card alone would go unnoticed."""
    channels: tuple[str, ...] = ()
    if _is_escalation(event):
        channels = tuple(channel for channel in level.channels if channel in told.channels)
    elif moment is Moment.UPDATE:
        channels = level.on_update.channels
    elif moment is Moment.END:
        channels = _told_of_the_end(level.not_on_end, told.channels, level.on_end.channels)
    for channel in channels:
        yield _effect(
            event,
            "slack.message",
            channel,
            f"announcement/{channel}",
            payload={"seq": event.seq, **_choice(moment, level, channel)},
        )


def _direct_messages(
    event: IncidentEvent,
    moment: Moment | None,
    level: Level,
    told: Audience,
    throttled: Mapping[str, datetime],
    choices: Mapping[str, DirectMessages],
) -> Iterator[Effect]:
    people: tuple[str, ...] = ()
    if moment is Moment.START:
        people = level.people
    elif moment is Moment.UPDATE:
        people = level.on_update.people
    elif moment is Moment.END:
        people = _told_of_the_end(level.not_on_end, told.people, level.on_end.people)
    for person in people:
        skip_reason = _unwanted(moment, choices.get(person, DirectMessages.ALL))
        payload: dict[str, object] = {"seq": event.seq, **_choice(moment, level, person)}
        due_at = None
        if skip_reason is None and person in throttled:
            if moment is Moment.END:
                payload["put_off"], due_at = _TOO_SOON, throttled[person]
            else:
                skip_reason = f"throttled: {_TOO_SOON}"
        effect = _effect(
            event, "slack.dm", person, f"dm/{person}", payload=payload, skip_reason=skip_reason
        )
        yield replace(effect, due_at=due_at)


def _choice(moment: Moment | None, level: Level, target: str) -> dict[str, object]:
    """Return what is kept with the news of a start: whether its rules want the end told as well.

    The severity may be another by then, and have no rule for this target.
    """
    return {ON_END: level.hears_of_the_end(target)} if moment is Moment.START else {}


def _told_of_the_end(
    not_on_end: Collection[str], told: tuple[str, ...], more: tuple[str, ...]
) -> tuple[str, ...]:
    still = tuple(target for target in told if target not in not_on_end)
    return (*still, *_others(more, told))


def _others(targets: tuple[str, ...], known: Collection[str]) -> tuple[str, ...]:
    return tuple(target for target in targets if target not in known)


def _unwanted(moment: Moment | None, choice: DirectMessages) -> str | None:
    """Return why a person does not get this direct message; None when they want it."""
    if choice is DirectMessages.NONE:
        return _ASKED_FOR_NONE
    return (
        _ASKED_FOR_STARTS if choice is DirectMessages.START and moment is not Moment.START else None
    )


def _effect(
    event: IncidentEvent,
    kind: str,
    target: str,
    stream: str,
    *,
    needs_channel: bool = False,
    newest_only: bool = False,
    payload: dict[str, object] | None = None,
    skip_reason: str | None = None,
) -> Effect:
    # A message to a person must not wait behind another incident's, a card not behind a message.
    return Effect(
        kind=kind,
        target=target,
        stream=f"{event.reference}/{stream}",
        dedupe_key=f"{event.reference}/{event.seq}/{kind}/{target}",
        payload=payload or {},
        incident_id=event.incident_id,
        waits_for=war_room_key(event.reference) if needs_channel else None,
        newest_only=newest_only,
        priority=int(event.severity.value[1]),
        skip_reason=skip_reason,
    )


def pin(incident_id: int, reference: str, card: Mapping[str, str], priority: int) -> Effect:
    """Return the effect that pins a card posted at `{"channel", "ts"}`."""
    return Effect(
        kind="slack.pin",
        target=WAR_ROOM,
        stream=f"{reference}/pin",
        dedupe_key=f"{reference}/slack.pin/{card['ts']}",
        payload={"channel": card["channel"], "ts": card["ts"]},
        incident_id=incident_id,
        priority=priority,
    )


def is_relied_on(kind: str, target: str) -> bool:
    """Whether the incident's channel is told when this delivery is given up.

    Its own messages are not: what keeps one of them out would keep out the next as well.
    """
    return kind in _RELIED_ON or (kind == "slack.message" and target != WAR_ROOM)


def war_room_key(reference: str) -> str:
    """Return the dedupe key of the delivery that creates an incident's channel."""
    return f"{reference}/1/slack.war_room/{WAR_ROOM}"
