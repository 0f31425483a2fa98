"""What a declaration would do for customers, by the rules that then do it. Changes nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from incidentbot.incidents.models import EventKind, Incident
from incidentbot.status_pages.connection import has_drifted, wanted_by_component
from incidentbot.status_pages.models import ComponentStatus, StatusPageSettings
from incidentbot.status_pages.preview import OWN_PAGE, STATUSPAGE, places
from incidentbot.status_pages.publication import SETTINGS_ID, Names, Words, next_step
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
    settings = session.get(StatusPageSettings, SETTINGS_ID)
    reach = tuple(places(settings))
    if incident.is_private or not reach:
        return Outlook()
    step = next_step(session, incident, EventKind.DECLARED)
    is_mailed = step.publishes and OWN_PAGE in reach
    return Outlook(
        reach=reach,
        components=tuple(_components(session, incident, step.names, reach)),
        published=step.told if step.publishes else None,
        mails=count_readers(session, [incident.service_id]) if is_mailed else 0,
    )


def _components(
    session: Session, incident: Incident, names: Names, reach: Sequence[str]
) -> Iterator[Shown]:
    if STATUSPAGE in reach and names.components:
        ids = [component.component_id for component in names.components]
        wanted = wanted_by_component(session, ids, coming=incident)
        for row in names.components:
            if row.found is not None and has_drifted(row) and row.found != wanted[row.component_id]:
                yield Shown(STATUSPAGE, row.name, row.found, is_left=True)
            else:
                yield Shown(STATUSPAGE, row.name, wanted[row.component_id])
    if OWN_PAGE in reach and names.public:
        statuses = current_statuses(session, [incident.service_id], coming=incident)
        yield Shown(OWN_PAGE, names.public, statuses[incident.service_id])
