"""What customers are told follows the incident, in public words only."""

from typing import Any

import pytest
from sqlalchemy import select

from incidentbot.incidents import commands
from incidentbot.incidents.errors import Conflict, InvalidInput, NotAllowed
from incidentbot.incidents.lifecycle import Severity, Status
from incidentbot.incidents.models import EventKind
from incidentbot.incidents.settings import fingerprint
from incidentbot.status_pages import connection
from incidentbot.status_pages.connection import Connection, SeenComponent
from incidentbot.status_pages.models import ComponentStatus, PublicIncident, PublicUpdate
from incidentbot.status_pages.rules import edit_rule, reset_rule, rules_by_severity, texts_of
from tests.status_pages.shown import map_components
from tests.team import Team


def told(team: Team) -> list[tuple[str, str]]:
    with team.sessions() as session:
        rows = session.scalars(select(PublicUpdate).order_by(PublicUpdate.id))
        return [(row.status.value, row.body) for row in rows]


def known(team: Team) -> PublicIncident:
    with team.sessions() as session:
        return session.scalars(select(PublicIncident)).one()


def set_rule(team: Team, severity: str, **fields: Any) -> None:
    with team.sessions() as session:
        now = texts_of(rules_by_severity(session)[Severity(severity)])
        edit_rule(session, team.grace, Severity(severity), {**now, **fields}, fingerprint(now))


def show_payments(team: Team) -> None:
    """Switch our own page on, with the service payments under its public name."""
    team.execute(
        "INSERT INTO status_page_settings (id, is_on, title, about, time_zone, partial_outage_weight)"
        " VALUES (1, true, 'Status', '', 'UTC', 30)",
        "INSERT INTO public_services (service_id, name, group_name, position, shown_since)"
        " SELECT id, 'Card payments', '', 0, '2026-01-01 00:00:00' FROM services"
        " WHERE slug = 'payments'",
    )


def test_by_itself_from_the_declaration_to_the_end(team: Team) -> None:
    show_payments(team)
    set_rule(team, "P1", publication="automatic", opening="{service} is down. So is {service}.")
    team.declare(severity="P1")
    team.do(commands.post_update, "INC-1", team.ada, "internal")
    team.do(commands.move_to, "INC-1", team.ada, Status.MONITORING, "internal")
    team.do(commands.resolve, "INC-1", team.ada, "internal")
    assert [status for status, _ in told(team)] == ["investigating", "monitoring", "resolved"]
    assert told(team)[0][1] == "Card payments is down. So is Card payments."
    assert known(team).resolved_at is not None
    team.do(commands.reopen, "INC-1", team.ada, "internal")
    assert told(team)[-1][0] == "investigating"
    assert known(team).resolved_at is None
    assert all("internal" not in body for _, body in told(team))


def test_of_a_service_that_customers_do_not_know_nothing_is_told_by_itself(team: Team) -> None:
    show_payments(team)
    set_rule(team, "P1", publication="automatic")
    team.declare(severity="P1", service="search")
    assert told(team) == []
    team.do(commands.post_update, "INC-1", team.ada, "internal", "Some of you see errors.")
    assert told(team) == [("investigating", "Some of you see errors.")]
    assert known(team).title.lower().endswith("one of our services")


def test_a_text_opens_it_and_the_words_of_a_move_are_the_authors(team: Team) -> None:
    team.declare(severity="P3")
    team.do(commands.post_update, "INC-1", team.ada, "internal", "We look into it.")
    team.do(commands.move_to, "INC-1", team.ada, Status.IDENTIFIED, "", "We know why.")
    team.do(commands.move_to, "INC-1", team.ada, Status.IDENTIFIED, "", "We still know why.")
    team.do(commands.cancel, "INC-1", team.ada, "internal")
    assert told(team)[:3] == [
        ("investigating", "We look into it."),
        ("identified", "We know why."),
        ("identified", "We still know why."),
    ]
    assert told(team)[-1][0] == "resolved"
    events = [event.kind for event in team.timeline()]
    assert events.count(EventKind.PUBLIC) == 4
    assert team.problems() == []


def test_a_repeat_of_the_same_request_tells_nothing_twice(team: Team) -> None:
    team.declare(severity="P3", public="We look into it.")
    team.do(commands.resolve, "INC-1", team.ada, "", "It works.")
    team.do(commands.resolve, "INC-1", team.ada, "", "It works.")
    assert len(told(team)) == 2


@pytest.mark.parametrize("publication", ["confirm", "never"])
def test_nothing_is_told_where_nobody_said_so(team: Team, publication: str) -> None:
    set_rule(team, "P1", publication=publication)
    team.declare(severity="P1")
    team.do(commands.resolve, "INC-1", team.ada)
    assert told(team) == []


def test_of_a_private_incident_nothing_is_ever_told(team: Team) -> None:
    show_payments(team)
    set_rule(team, "P1", publication="automatic")
    team.declare(severity="P1", is_private=True)
    with pytest.raises(InvalidInput) as refused:
        team.do(commands.post_update, "INC-1", team.ada, "internal", "public")
    assert refused.value.field == "public"
    assert told(team) == []
    assert team.deliveries(kind="statuspage.component") == []


def test_the_impact_follows_the_severity(team: Team) -> None:
    team.declare(severity="P3", public="We look into it.")
    assert known(team).impact.value == "minor"
    team.do(commands.change_severity, "INC-1", team.ada, "P1")
    assert known(team).impact.value == "critical"
    assert len(told(team)) == 1


def test_another_impact_is_news_of_the_incident(team: Team) -> None:
    team.declare(severity="P1", public="Cards fail.")
    before = known(team).updated_at
    team.do(commands.post_update, "INC-1", team.ada, "internal")
    assert known(team).updated_at == before
    team.do(commands.change_severity, "INC-1", team.ada, "P3")
    assert known(team).updated_at > before


def test_the_mails_of_an_update_name_its_event_of_the_timeline(team: Team) -> None:
    show_payments(team)
    team.declare(severity="P3")
    team.do(commands.post_update, "INC-1", team.ada, "internal", "Cards fail.")
    (mails,) = team.deliveries(kind="email.subscribers")
    told_of = next(e for e in team.timeline() if e.seq == mails.payload["seq"])
    assert (told_of.kind, told_of.text) == (EventKind.PUBLIC, "Cards fail.")
    assert mails.payload["update"] == 1


def test_the_title_names_the_components_where_the_service_has_no_public_name(team: Team) -> None:
    seen = [
        SeenComponent(f"c{number}", name, ComponentStatus.OPERATIONAL)
        for number, name in enumerate(("Cards", "Refunds", "Invoices", "Payouts"))
    ]
    for count, title in (
        (1, "Cards"),
        (2, "Cards and Refunds"),
        (3, "Cards, Refunds and Invoices"),
    ):
        with team.sessions() as session:
            connection.connect(session, team.grace, Connection("p", "k"), "Acme", "s")
            choices = {component.id: "payments" for component in seen[:count]}
            map_components(session, team.grace, seen, choices)
        reference = team.declare(severity="P3", public="We look into it.")
        with team.sessions() as session:
            newest = session.scalars(
                select(PublicIncident).order_by(PublicIncident.incident_id.desc())
            ).first()
            assert newest is not None
            assert newest.title == f"Limitations with {title}", reference


def test_a_title_is_never_longer_than_its_column(team: Team) -> None:
    set_rule(team, "P3", title="{service} " * 10)
    seen = [SeenComponent("c1", "x" * 255, ComponentStatus.OPERATIONAL)]
    with team.sessions() as session:
        connection.connect(session, team.grace, Connection("p", "k"), "Acme", "s")
        map_components(session, team.grace, seen, {"c1": "payments"})
    team.declare(severity="P3", public="We look into it.")
    assert len(known(team).title) == 200


def test_rules_are_edited_by_admins_and_audited(team: Team) -> None:
    set_rule(team, "P2", publication="never")
    entry = team.audit()[-1]
    assert (entry.action, entry.subject) == ("edit_publication_rule", "P2")
    assert (entry.before["publication"], entry.after["publication"]) == ("confirm", "never")
    with team.sessions() as session:
        seen = fingerprint(texts_of(rules_by_severity(session)[Severity.P2]))
        for overtaken in (
            lambda: reset_rule(session, team.grace, Severity.P2, "old"),
            lambda: edit_rule(session, team.grace, Severity.P2, entry.before, "old"),
        ):
            with pytest.raises(Conflict):
                overtaken()
        reset_rule(session, team.grace, Severity.P2, seen)
        assert rules_by_severity(session)[Severity.P2].publication.value == "confirm"
        with pytest.raises(NotAllowed):
            reset_rule(session, team.ada, Severity.P2, seen)
    for field in ("publication", "impact", "title", "opening", "resolved"):
        with pytest.raises(InvalidInput) as wrong:
            set_rule(team, "P2", **{field: ""})
        assert wrong.value.field == field
