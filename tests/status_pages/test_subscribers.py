"""Subscriptions: asked first, confirmed by the mailbox, ended by a link, mailed in batches."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import select

from incidentbot import clock
from incidentbot.channels.own_page import handlers
from incidentbot.database import write_transaction
from incidentbot.incidents.commands import record_parked
from incidentbot.incidents.errors import InvalidInput, NotFound
from incidentbot.outbox.dispatch import Dispatcher, Handler, Receipt
from incidentbot.outbox.models import Delivery, DeliveryState
from incidentbot.status_pages import subscribers
from incidentbot.status_pages.models import Subscriber
from incidentbot.status_pages.subscribers import BATCH, Tokens
from tests.installation import small_company
from tests.status_pages.shown import show, switch_on
from tests.team import Team, together

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
TOKENS = Tokens("a secret")


def the_one(team: Team) -> Subscriber:
    with team.sessions() as session:
        return session.scalars(select(Subscriber)).one()


def subscribed(team: Team, *emails: str, service_ids: tuple[int, ...] = ()) -> None:
    for email in emails:
        with team.sessions() as session:
            subscribers.subscribe(session, email, service_ids)
            found = session.scalars(select(Subscriber).where(Subscriber.email == email)).one()
            subscribers.confirm(session, TOKENS, TOKENS.to_confirm(found, service_ids))


def test_nobody_is_subscribed_before_they_confirm(team: Team) -> None:
    with team.sessions() as session:
        subscribers.subscribe(session, " Ada@Example.com ")
        assert the_one(team).confirmed_at is None
        assert subscribers.count(session) == subscribers.Count(0, 1, 0)
        token = TOKENS.to_confirm(the_one(team), [])
        subscribers.confirm(session, TOKENS, token)
        subscribers.confirm(session, TOKENS, token)
        assert subscribers.count(session) == subscribers.Count(1, 0, 0)
    assert the_one(team).email == "ada@example.com"
    assert [d.kind for d in team.deliveries()] == ["email.confirm"]


def test_asking_again_sends_one_question_in_ten_minutes(team: Team) -> None:
    for minutes in (0, 1, 9, 11):
        at = NOON + timedelta(minutes=minutes)
        with time_machine.travel(at, tick=False), team.sessions() as session:
            subscribers.subscribe(session, "ada@example.com")
    assert len(team.deliveries(kind="email.confirm")) == 2


def test_an_address_is_asked_three_times_a_day_at_most(team: Team) -> None:
    for hours in (*range(0, 24, 2), 25):
        at = NOON + timedelta(hours=hours)
        with time_machine.travel(at, tick=False), team.sessions() as session:
            subscribers.subscribe(session, "ada@example.com")
    asked = [d.created_at - NOON for d in team.deliveries(kind="email.confirm")]
    assert asked == [timedelta(hours=hours) for hours in (0, 2, 4, 25)]


def test_who_asks_again_can_confirm_for_as_long_as_the_mail_says(team: Team) -> None:
    with time_machine.travel(NOON, tick=False), team.sessions() as session:
        subscribers.subscribe(session, "ada@example.com")
    with time_machine.travel(NOON + timedelta(days=6), tick=False), team.sessions() as session:
        subscribers.subscribe(session, "ada@example.com")
        token = TOKENS.to_confirm(the_one(team), [])
    with time_machine.travel(NOON + timedelta(days=12), tick=False), team.sessions() as session:
        subscribers.subscribe(session, "bob@example.com")
        subscribers.confirm(session, TOKENS, token)
        assert subscribers.count(session) == subscribers.Count(1, 1, 0)


def test_the_same_address_twice_at_one_moment_is_asked_once(team: Team) -> None:
    def ask() -> None:
        with team.sessions() as session:
            subscribers.subscribe(session, "ada@example.com")

    assert together(*[ask] * 4) == [None] * 4
    assert len(team.deliveries(kind="email.confirm")) == 1


def test_a_question_nobody_answered_is_forgotten(team: Team) -> None:
    with time_machine.travel(NOON, tick=False), team.sessions() as session:
        subscribers.subscribe(session, "ada@example.com")
        token = TOKENS.to_confirm(the_one(team), [])
    with time_machine.travel(NOON + timedelta(days=9), tick=False), team.sessions() as session:
        with pytest.raises(NotFound):
            subscribers.confirm(session, TOKENS, token)
        subscribers.subscribe(session, "bob@example.com")
    assert the_one(team).email == "bob@example.com"


def test_a_link_ends_its_own_subscription_and_no_other(team: Team) -> None:
    with time_machine.travel(NOON, tick=False):
        subscribed(team, "ada@example.com")
        token = TOKENS.to_leave(the_one(team))
        with team.sessions() as session:
            subscribers.unsubscribe(session, TOKENS, token)
            subscribers.unsubscribe(session, TOKENS, token)
            assert subscribers.count(session) == subscribers.Count(0, 0, 0)
    with time_machine.travel(NOON + timedelta(hours=1), tick=False), team.sessions() as session:
        subscribed(team, "bob@example.com")
        subscribers.unsubscribe(session, TOKENS, token)  # on SQLite Bob has Ada's number now
        assert subscribers.count(session) == subscribers.Count(1, 0, 0)


@pytest.mark.parametrize("token", ["", "x", "WzEsIDFd.forged", "é"])
def test_a_forged_link_does_nothing(team: Team, token: str) -> None:
    subscribed(team, "ada@example.com")
    with team.sessions() as session:
        for change in (subscribers.confirm, subscribers.unsubscribe):
            with pytest.raises(NotFound):
                change(session, TOKENS, token)
        with pytest.raises(NotFound):
            change(session, Tokens("another secret"), TOKENS.to_leave(the_one(team)))
        assert subscribers.count(session) == subscribers.Count(1, 0, 0)


@pytest.mark.parametrize(
    "typed",
    ["", "ada", "ada@", "@example.com", "ada@example", "a da@example.com", "a@b.c\nBcc: x@y.z"],
)
def test_what_is_no_address_is_refused(team: Team, typed: str) -> None:
    with team.sessions() as session, pytest.raises(InvalidInput):
        subscribers.subscribe(session, typed)


def test_an_admin_forgets_an_address_and_the_audit_log_does_not_keep_it(team: Team) -> None:
    subscribed(team, "ada@example.com")
    with team.sessions() as session:
        subscribers.remove(session, team.grace, "Ada@example.com")
        with pytest.raises(InvalidInput):
            subscribers.remove(session, team.grace, "ada@example.com")
        assert subscribers.count(session) == subscribers.Count(0, 0, 0)
    (entry,) = [e for e in team.audit() if e.action == "remove_subscriber"]
    assert "ada@" not in str((entry.subject, entry.before, entry.after, entry.reason))


def test_a_public_update_is_one_delivery_in_its_transaction_and_a_mail_each_in_batches(
    team: Team,
) -> None:
    with team.sessions() as session:
        switch_on(session)
        ids = show(session)
    count = BATCH * 2 + 7
    with team.sessions() as session, write_transaction(session):
        for number in range(count):
            now = clock.now()
            session.add(
                Subscriber(email=f"s{number}@example.com", created_at=now, confirmed_at=now)
            )
    subscribed(team, "pays@example.com", service_ids=(ids["payments"],))
    subscribed(team, "looks@example.com", service_ids=(ids["search"],))
    with team.sessions() as session:
        subscribers.subscribe(session, "silent@example.com")
    team.declare(severity="P1", public="Payments fail.")
    assert len(team.deliveries(kind="email.subscribers")) == 1
    assert team.deliveries(kind="email.update") == []

    settings = small_company(
        team.database_url, smtp_url="smtp://127.0.0.1:9", mail_from="status@example.com"
    )
    sent: list[str] = []

    def send(delivery: Delivery) -> Receipt:
        sent.append(delivery.target)
        return {}

    every = handlers(settings, team.sessions)
    every |= {kind: Handler(send) for kind in ("email.update", "email.confirm")}
    Dispatcher(team.sessions, every, record_parked).run_until_idle()
    updates = team.deliveries(kind="email.update")
    assert len(updates) == len({d.target for d in updates}) == count + 1
    assert len(team.deliveries(kind="email.subscribers")) == 3
    assert {d.state for d in updates} == {DeliveryState.DONE}
    with team.sessions() as session:
        by_id = {str(s.id): s.email for s in session.scalars(select(Subscriber))}
    told = {by_id[d.target] for d in updates}
    assert "pays@example.com" in told
    assert not {"looks@example.com", "silent@example.com"} & told
