"""What is said of customers before an incident is declared is what happens to them when it is."""

from collections.abc import Sequence
from itertools import product

import pytest
from sqlalchemy import select

from incidentbot import clock
from incidentbot.database import write_transaction
from incidentbot.incidents import commands
from incidentbot.incidents.lifecycle import Severity
from incidentbot.incidents.models import Service
from incidentbot.incidents.preview import foresee
from incidentbot.incidents.settings import fingerprint
from incidentbot.outbox.models import Delivery
from incidentbot.status_pages import connection
from incidentbot.status_pages.connection import Connection, SeenComponent, wanted_by_component
from incidentbot.status_pages.models import (
    SETTINGS_ID,
    ComponentStatus,
    Publication,
    PublicIncident,
    PublicUpdate,
    StatuspageComponent,
    StatusPageSettings,
    Subscriber,
)
from incidentbot.status_pages.outlook import Outlook, Shown
from incidentbot.status_pages.page import read_page
from incidentbot.status_pages.publication import Words
from incidentbot.status_pages.rules import edit_rule, rules_by_severity, texts_of
from incidentbot.status_pages.standing import OWN_PAGE, STATUSPAGE, places
from incidentbot.status_pages.subscribers import FAN_OUT, UPDATE, fan_out
from tests.status_pages.shown import map_components, show, switch_on
from tests.team import Team

COMPONENTS = [
    SeenComponent("c1", "Cards", ComponentStatus.OPERATIONAL),
    SeenComponent("c2", "Refunds", ComponentStatus.OPERATIONAL),
]
PLACES = [(), (STATUSPAGE,), (OWN_PAGE,), (STATUSPAGE, OWN_PAGE)]
AUTOMATIC = Publication.AUTOMATIC
# No SQL here differs from one database to another.
on_sqlite = pytest.mark.parametrize("team", ["sqlite"], indirect=True)


def prepare(team: Team, places: Sequence[str]) -> None:
    """Let customers read there of payments, and nowhere of search; three subscribers hear of payments."""
    with team.sessions() as session:
        if OWN_PAGE in places:
            switch_on(session)
            show(session, {"payments": ("Card payments", "")})
        if STATUSPAGE in places:
            connection.connect(session, team.grace, Connection("p", "k"), "Acme", "s")
            map_components(session, team.grace, COMPONENTS, dict.fromkeys(("c1", "c2"), "payments"))
        with write_transaction(session):
            of = {service.slug: [service] for service in session.scalars(select(Service))} | {
                "": []
            }
            for number, slug in enumerate(("", "payments", "payments", "search", "unconfirmed")):
                session.add(
                    Subscriber(
                        email=f"{number}@example.com",
                        created_at=clock.now(),
                        confirmed_at=None if slug == "unconfirmed" else clock.now(),
                        services=of.get(slug, []),
                    )
                )


def publish_by(team: Team, publication: Publication) -> None:
    with team.sessions() as session:
        for severity in Severity:
            now = texts_of(rules_by_severity(session)[severity])
            fields = {**now, "publication": publication.value}
            edit_rule(session, team.grace, severity, fields, fingerprint(now))


def ahead(team: Team, severity: str, service: str, *, is_private: bool = False) -> Outlook:
    with team.sessions() as session:
        prospect = foresee(session, team.ada, severity, service, None, is_private)
        assert prospect is not None
        return prospect.customers


def what_came(team: Team, reference: str) -> Outlook:
    """Return what customers see of an incident that has just been declared, and who gets mail of it."""
    incident = team.incident(reference)
    with team.sessions() as session:
        made = team.deliveries(incident_id=incident.id, kind="statuspage.component")
        wanted = wanted_by_component(session, [delivery.target for delivery in made])
        names = {component.id: component.name for component in COMPONENTS}
        page = read_page(session)
        components = [Shown(STATUSPAGE, names[d.target], wanted[d.target]) for d in made]
        components += [
            Shown(OWN_PAGE, service.name, service.status)
            for service in (page.services if page else ())
            if service.number == incident.service_id
        ]
        known = session.get(PublicIncident, incident.id)
        update = session.scalars(
            select(PublicUpdate).where(PublicUpdate.incident_id == incident.id)
        ).one_or_none()
        published = None
        if known is not None and update is not None:
            published = Words(known.title, update.status, known.impact, update.body, AUTOMATIC)
        with write_transaction(session):
            for delivery in team.deliveries(incident_id=incident.id, kind=FAN_OUT):
                fan_out(session, session.get_one(Delivery, delivery.id))
        mails = [
            mail for mail in team.deliveries(kind=UPDATE) if mail.payload["incident"] == incident.id
        ]
        return Outlook(
            tuple(places(session.get(StatusPageSettings, SETTINGS_ID))),
            tuple(components),
            published,
            len(mails),
        )


@on_sqlite
@pytest.mark.parametrize("where", PLACES, ids=[" and ".join(each) or "nowhere" for each in PLACES])
def test_what_was_foreseen_is_what_customers_see(team: Team, where: Sequence[str]) -> None:
    prepare(team, where)
    seen = set()
    for publication in Publication:
        publish_by(team, publication)
        for severity, service in product(Severity, ("payments", "search")):
            foreseen = ahead(team, severity, service)
            reference = team.declare(severity=severity, service=service)
            assert what_came(team, reference) == foreseen
            seen.add(foreseen.mails)
            if severity is not Severity.P4:  # its shadow falls on what comes after it
                team.do(commands.resolve, reference, team.ada)
    assert (3 in seen) == (OWN_PAGE in where), "who asked for all and who asked for payments"


@on_sqlite
def test_of_a_private_incident_customers_see_nothing(team: Team) -> None:
    prepare(team, PLACES[-1])
    publish_by(team, AUTOMATIC)
    assert ahead(team, "P1", "payments", is_private=True) == Outlook()
    came = what_came(team, team.declare(severity="P1", is_private=True))
    assert [(shown.place, shown.status) for shown in came.components] == [
        (OWN_PAGE, ComponentStatus.OPERATIONAL)
    ]
    assert (came.published, came.mails) == (None, 0)


@on_sqlite
def test_a_component_that_somebody_set_by_hand_is_left(team: Team) -> None:
    prepare(team, (STATUSPAGE,))
    by_hand = ComponentStatus.PARTIAL_OUTAGE
    with team.sessions() as session, write_transaction(session):
        session.scalars(
            select(StatuspageComponent).where(StatuspageComponent.name == "Cards")
        ).one().found = by_hand
    assert ahead(team, "P1", "payments").components == (
        Shown(STATUSPAGE, "Cards", by_hand, is_left=True),
        Shown(STATUSPAGE, "Refunds", ComponentStatus.MAJOR_OUTAGE),
    )


@on_sqlite
def test_a_page_that_is_not_connected_any_more_shows_nothing(team: Team) -> None:
    prepare(team, (STATUSPAGE,))
    with team.sessions() as session:
        connection.disconnect(session, team.grace)
    assert ahead(team, "P1", "payments") == Outlook()
