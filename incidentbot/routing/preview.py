"""Who would hear of an incident, before there is one: what routing itself would publish, in names."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from incidentbot.incidents.lifecycle import Severity
from incidentbot.incidents.models import EventKind, Service
from incidentbot.outbox.publish import Effect
from incidentbot.routing.plan import WAR_ROOM, Audience, IncidentEvent, Moment
from incidentbot.routing.route import effects_of
from incidentbot.users.models import User

_EVENT_OF = {
    Moment.START: EventKind.DECLARED,
    Moment.UPDATE: EventKind.UPDATE,
    Moment.END: EventKind.RESOLVED,
}


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
    moment: Moment = Moment.START,
) -> Preview:
    """Return who would hear of an incident of `severity` on `service` beyond its own channel.

    At its update or end: when those who are told of the start were told of it.
    """

    def at(moment: Moment, told: Audience) -> list[Effect]:
        event = IncidentEvent(
            incident_id=0,  # no incident has it, so nobody was told or is throttled
            reference="INC-0",
            kind=_EVENT_OF[moment],
            seq=1,
            severity=severity,
            invite=tuple(user.slack_user_id for user in invite if user.slack_user_id),
            is_private=is_private,
            service_id=service.id if service else None,
        )
        return effects_of(session, event, told)

    effects = at(Moment.START, Audience())
    if moment is not Moment.START:
        effects = at(moment, Audience(_channels(effects), _people(effects)))
    messages = [effect for effect in effects if effect.kind == "slack.dm"]
    invited = [
        slack_id
        for effect in effects
        if effect.kind == "slack.invite"
        for slack_id in effect.payload["users"]
    ]
    names = _names(session, {*_people(messages), *invited})
    return Preview(
        channels=_channels(effects, with_cards=moment is Moment.START),
        people=_named(names, (m.target for m in messages if m.skip_reason is None)),
        spared=_named(names, (m.target for m in messages if m.skip_reason is not None)),
        invited=_named(names, invited),
    )


def _channels(effects: Iterable[Effect], *, with_cards: bool = True) -> tuple[str, ...]:
    """Return the channels that are told; a card that is only brought up to date tells nobody."""
    kinds = {"slack.message", "slack.announcement"} if with_cards else {"slack.message"}
    told = (e.target for e in effects if e.kind in kinds and e.target != WAR_ROOM)
    return tuple(dict.fromkeys(told))


def _people(effects: Iterable[Effect]) -> tuple[str, ...]:
    return tuple(effect.target for effect in effects if effect.kind == "slack.dm")


def _names(session: Session, slack_ids: set[str]) -> dict[str, str]:
    rows = session.execute(
        select(User.slack_user_id, User.name).where(User.slack_user_id.in_(slack_ids))
    )
    return {str(slack_id): name for slack_id, name in rows}


def _named(names: dict[str, str], slack_ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(names.get(slack_id, slack_id) for slack_id in slack_ids)
