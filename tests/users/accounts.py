"""Accounts to try things with."""

import time

import pytest
from sqlalchemy import text

from incidentbot.users.actor import Actor, Door, actor_for
from incidentbot.users.members import invite
from incidentbot.users.models import Role, User
from incidentbot.users.preferences import set_password
from tests.team import Team

# On SQLite one writes at a time.
on_postgres = pytest.mark.parametrize(
    "team", [pytest.param("postgres", marks=pytest.mark.server)], indirect=True
)
EMAIL, PASSWORD = "lin@example.com", "plums and thunder"


def account(
    team: Team, email: str = EMAIL, password: str | None = PASSWORD, role: Role = Role.RESPONDER
) -> Actor:
    """Return somebody with an account, and a password unless that is None."""
    with team.sessions() as session:
        user = invite(session, email, role, email.partition("@")[0].capitalize())
        actor = actor_for(user, Door.WEB, "192.0.2.9")
        if password is not None:
            set_password(session, actor, password, None)
    return actor


def user_of(team: Team, user_id: int | None) -> User:
    """Return a person as the database has them now."""
    with team.sessions() as session:
        return session.get_one(User, user_id)


def wait_until_waiting(team: Team, count: int) -> None:
    """Return once so many transactions in this database wait for another one."""
    query = text(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with team.sessions() as session:
        for _ in range(500):
            if session.execute(query).scalar_one() >= count:
                return
            session.rollback()
            time.sleep(0.02)
    raise AssertionError("not so many wait")
