"""What a declaration would do for customers, by the rules that then do it. Changes nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from sqlalchemy.orm import Session

from incidentbot.incidents.models import EventKind, Incident
from incidentbot.status_pages.component_status import worst
from incidentbot.status_pages.connection import has_drifted
from incidentbot.status_pages.models import ComponentStatus
from incidentbot.status_pages.publication import Words, next_step
from incidentbot.status_pages.standing import OWN_PAGE, STATUSPAGE, Standing
from incidentbot.status_pages.states import current_statuses
from incidentbot.status_pages.subscribers import count_readers


@dataclass(frozen=True)
class Shown:
    """A component as customers would see it: where, under which name.

    `is_left` says that somebody set it by hand, so that it is left as it is: as `status` says.
    """

    place: str
    name: str
    status: ComponentStatus
    is_left: bool = False


@dataclass(frozen=True)
class Outlook:
    """What customers would see, without anybody telling them anything.

    `reach` names where they read; nowhere while no status page is on, or when the incident is private.
    `published` is the text that goes out by itself, None for none, and `mails` to how many subscribers
    of our own page.
    """

    reach: tuple[str, ...] = ()
    components: tuple[Shown, ...] = ()
    published: Words | None = None
    mails: int = 0


def look_ahead(session: Session, incident: Incident) -> Outlook:
    """Return what declaring an incident would do; it is not there yet."""
    if incident.is_private:
        return Outlook()
    step = next_step(session, incident, EventKind.DECLARED)
    reach = step.standing.reach
    if not reach:
        return Outlook()
    is_mailed = step.publishes and OWN_PAGE in reach
    return Outlook(
        reach=tuple(reach),
        components=tuple(_components(session, incident, step.standing)),
        published=step.told if step.publishes else None,
        mails=count_readers(session, [incident.service_id]) if is_mailed else 0,
    )


def _components(session: Session, incident: Incident, standing: Standing) -> Iterator[Shown]:
    if not standing.is_known:
        return
    services = {incident.service_id, *chain.from_iterable(standing.followed.values())}
    statuses = current_statuses(session, services, coming=incident)
    for row in standing.components if STATUSPAGE in standing.reach else ():
        wanted = worst(statuses[service_id] for service_id in standing.followed[row.component_id])
        if row.found is not None and has_drifted(row) and row.found is not wanted:
            yield Shown(STATUSPAGE, row.name, row.found, is_left=True)
        else:
            yield Shown(STATUSPAGE, row.name, wanted)
    if standing.public_name and OWN_PAGE in standing.reach:
        yield Shown(OWN_PAGE, standing.public_name, statuses[incident.service_id])
