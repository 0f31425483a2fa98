"""Who would hear of an incident, before there is one: what routing itself would publish, in names."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from incidentbot.incidents.lifecycle import Severity
from incidentbot.incidents.models import EventKind, Service
from incidentbot.outbox.publish import Effect
from incidentbot.routing.plan import WAR_ROOM, Audience, IncidentEvent, Level, Moment, plan
from incidentbot.routing.route import audience_of, who_is_here
from incidentbot.users.models import User

_EVENT_OF = {
    Moment.START: EventKind.DECLARED,
    Moment.UPDATE: EventKind.UPDATE,
    Moment.END: EventKind.RESOLVED,
}
_NOBODY = Audience()
_TELLS = frozenset({"slack.message", "slack.announcement"})


@dataclass(frozen=True)
class Preview:
    """Channels as the rules name them, people by name.

    `people` have a direct message, `spared` would have one but asked for none. `invited` are
    invited to the incident's channel.
    """

    channels: tuple[str, ...]
    people: tuple[str, ...]
    spared: tuple[str, ...]
    invited: tuple[str, ...] = ()


def who_hears(
    session: Session,
    severity: Severity,
    service: Service | None,
    *,
    is_private: bool = False,
    invite: Sequence[User] = (),
) -> Preview:
    """Return who would hear of the declaration of such an incident, beyond its own channel."""
    invited = tuple(user.slack_user_id for user in invite if user.slack_user_id)
    start = IncidentEvent(
        incident_id=0,  # no incident has it
        reference="INC-0",
        kind=EventKind.DECLARED,
        seq=1,
        severity=severity,
        invite=invited,
        is_private=is_private,
        service_id=service.id if service else None,
    )
    named = {user.slack_user_id: user.name for user in invite if user.slack_user_id}
    return _foresee(session, {Moment.START: start}, named)[Moment.START]


def who_hears_when(
    session: Session, severity: Severity, service: Service | None
) -> Mapping[Moment, Preview]:
    """Return who would hear at each moment of an incident of `severity` on `service`.

    Of the update and the end: once they were told of the start.
    """
    events = {
        moment: IncidentEvent(
            incident_id=0,
            reference="INC-0",
            kind=kind,
            seq=1,
            severity=severity,
            service_id=service.id if service else None,
        )
        for moment, kind in _EVENT_OF.items()
    }
    return _foresee(session, events, {})


def _foresee(
    session: Session, events: Mapping[Moment, IncidentEvent], invited: Mapping[str, str]
) -> Mapping[Moment, Preview]:
    """Return who hears of each moment of one incident that begins with the first event.

    `invited` are the names of who is invited to its channel, by Slack id.
    """
    start = events[Moment.START]
    level, known = Level(), dict[str, User]()
    if not start.is_private:
        level, known = audience_of(session, start.severity, start.service_id)
    level, _, choices = who_is_here(level, _NOBODY, known)
    first = plan(start, level, _NOBODY, {}, choices)
    told = Audience(
        _channels(first, _TELLS), tuple(e.target for e in first if e.kind == "slack.dm")
    )
    effects = {
        moment: first if event is start else plan(event, level, told, {}, choices)
        for moment, event in events.items()
    }
    names = {**{slack_id: user.name for slack_id, user in known.items()}, **invited}
    return {moment: _preview(moment, found, names) for moment, found in effects.items()}


def _preview(moment: Moment, effects: list[Effect], names: Mapping[str, str]) -> Preview:
    messages = [effect for effect in effects if effect.kind == "slack.dm"]
    invited = (
        slack_id
        for effect in effects
        if effect.kind == "slack.invite"
        for slack_id in effect.payload["users"]
    )
    return Preview(
        # A card that is only brought up to date tells nobody.
        channels=_channels(effects, _TELLS if moment is Moment.START else {"slack.message"}),
        people=_named(names, (m.target for m in messages if m.skip_reason is None)),
        spared=_named(names, (m.target for m in messages if m.skip_reason is not None)),
        invited=_named(names, invited),
    )


def _channels(effects: Iterable[Effect], kinds: frozenset[str] | set[str]) -> tuple[str, ...]:
    told = (e.target for e in effects if e.kind in kinds and e.target != WAR_ROOM)
    return tuple(dict.fromkeys(told))


def _named(names: Mapping[str, str], slack_ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(names.get(slack_id, slack_id) for slack_id in slack_ids)
