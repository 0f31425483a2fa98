"""Who would hear of an incident's start, its updates and its end: all three moments at one look."""

from collections.abc import Iterable, Mapping

from sqlalchemy.orm import Session

from incidentbot.incidents.lifecycle import Severity
from incidentbot.incidents.models import EventKind, Service
from incidentbot.incidents.queries import names_by_slack_id
from incidentbot.outbox.publish import Effect
from incidentbot.routing.plan import WAR_ROOM, Audience, IncidentEvent, Moment, plan
from incidentbot.routing.preview import Preview
from incidentbot.routing.route import audience_of, who_is_here

_EVENT_OF = {
    Moment.START: EventKind.DECLARED,
    Moment.UPDATE: EventKind.UPDATE,
    Moment.END: EventKind.RESOLVED,
}
_TELLS = frozenset({"slack.message", "slack.announcement"})


def who_hears_when(
    session: Session, severity: Severity, service: Service | None
) -> Mapping[Moment, Preview]:
    """Return who would hear at each moment of an incident of `severity` on `service`.

    It is what routing itself decides. Of the update and the end: once they were told of the start.
    """
    service_id = service.id if service else None
    level = audience_of(session, severity, service_id)
    level, nobody, choices = who_is_here(session, level, Audience())

    def at(moment: Moment, told: Audience) -> list[Effect]:
        event = IncidentEvent(
            incident_id=0,
            reference="INC-0",
            kind=_EVENT_OF[moment],
            seq=1,
            severity=severity,
            service_id=service_id,
        )
        return [e for e in plan(event, level, told, (), choices) if e.target != WAR_ROOM]

    start = at(Moment.START, nobody)
    told = Audience(_targets(start, "slack.announcement"), _targets(start, "slack.dm"))
    effects = {moment: at(moment, told) for moment in (Moment.UPDATE, Moment.END)}
    effects = {Moment.START: start, **effects}
    people = {e.target for found in effects.values() for e in found if e.kind == "slack.dm"}
    names = names_by_slack_id(session, people)
    return {moment: _preview(moment, found, names) for moment, found in effects.items()}


def _preview(moment: Moment, effects: list[Effect], names: Mapping[str, str]) -> Preview:
    # A card that is only brought up to date tells nobody.
    kinds = _TELLS if moment is Moment.START else {"slack.message"}
    messages = [effect for effect in effects if effect.kind == "slack.dm"]
    return Preview(
        channels=_targets(effects, *kinds),
        people=tuple(names.get(m.target, m.target) for m in messages if m.skip_reason is None),
        spared=tuple(names.get(m.target, m.target) for m in messages if m.skip_reason),
    )


def _targets(effects: Iterable[Effect], *kinds: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(effect.target for effect in effects if effect.kind in kinds))
