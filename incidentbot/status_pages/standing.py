"""How a service stands with customers: where they read of it, under which names, by which rule."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from incidentbot.incidents.models import Incident, Service
from incidentbot.status_pages.models import (
    SETTINGS_ID,
    PublicationRule,
    PublicService,
    StatuspageComponent,
    StatusPageSettings,
)
from incidentbot.status_pages.rules import Rule, rule_of

# Where customers read.
STATUSPAGE = "Statuspage"
OWN_PAGE = "the status page"

MOST_NAMES = 3  # a title that names more of them is no title
NOBODYS_NAME = "one of our services"


@dataclass(frozen=True)
class Standing:
    """What decides what customers are told of an incident.

    `reach` names where they read. `public_name` and `components`, those on Statuspage.io that follow the
    service, are empty where customers are not shown it at all. `followed` are the ids of all services
    that each of these components follows, by the component's id.
    """

    reach: Sequence[str]
    rule: Rule
    public_name: str
    components: Sequence[StatuspageComponent]
    followed: Mapping[str, Sequence[int]]

    @property
    def is_known(self) -> bool:
        """Whether customers know the service."""
        return bool(self.public_name or self.components)

    @property
    def name_in_texts(self) -> str:
        """The service's name in a sentence: the public one, else that of a few components."""
        names = [component.name for component in self.components]
        if self.public_name or not 0 < len(names) <= MOST_NAMES:
            return self.public_name or NOBODYS_NAME
        return " and ".join([*filter(None, [", ".join(names[:-1])]), names[-1]])


def places(settings: StatusPageSettings | None) -> list[str]:
    """Return where customers read, by name: nowhere while no status page is connected or on."""
    if settings is None:
        return []
    known = ((STATUSPAGE, settings.statuspage_page_id), (OWN_PAGE, settings.is_on))
    return [name for name, is_there in known if is_there]


def standing_of(session: Session, incident: Incident) -> Standing:
    """Return how an incident's service stands with customers, by the rule of its severity.

    With one question to the database: forms ask it whenever a choice changes.
    """
    followers = select(StatuspageComponent.component_id).where(
        StatuspageComponent.service_id == incident.service_id
    )
    rows = session.execute(
        select(StatusPageSettings, PublicationRule, PublicService.name, StatuspageComponent)
        .select_from(Service)
        .outerjoin(StatusPageSettings, StatusPageSettings.id == SETTINGS_ID)
        .outerjoin(PublicationRule, PublicationRule.severity == incident.severity)
        .outerjoin(PublicService, PublicService.service_id == Service.id)
        .outerjoin(StatuspageComponent, StatuspageComponent.component_id.in_(followers))
        .where(Service.id == incident.service_id)
        .order_by(StatuspageComponent.id)
    ).all()
    settings, edited_rule, public_name, _ = rows[0]
    components: list[StatuspageComponent] = []
    followed: dict[str, list[int]] = {}
    for *_, component in rows:
        if component is not None:
            followed.setdefault(component.component_id, []).append(component.service_id)
            if component.service_id == incident.service_id:
                components.append(component)
    return Standing(
        reach=places(settings),
        rule=rule_of(incident.severity, edited_rule),
        public_name=public_name or "",
        components=components,
        followed=followed,
    )
