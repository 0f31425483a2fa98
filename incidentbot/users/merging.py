"""Two accounts that turn out to be one person's: the one with the e-mail address goes on for both."""

from sqlalchemy import Column, ForeignKeyConstraint, Table, delete, select, update
from sqlalchemy.orm import Session, aliased

from incidentbot.audit import log as audit
from incidentbot.database import Base
from incidentbot.incidents.errors import Conflict
from incidentbot.users.actor import Actor
from incidentbot.users.models import DirectMessages, Role, User

# History stays as it was written.
APPEND_ONLY = frozenset({"timeline_events", "audit_entries"})


def may_merge(slack_person: User, account: User) -> bool:
    """Whether the two can be one: only one of them known to Slack, and nobody is let in by it.

    A closed account can take its person in Slack along: they are closed out there as well.
    """
    return (
        slack_person.id != account.id
        and slack_person.is_active
        and account.merged_into_id is None
        and slack_person.slack_user_id is not None
        and slack_person.password_hash is None
        and account.slack_user_id is None
    )


def merge(session: Session, slack_person_id: int, account_id: int, actor: Actor) -> User:
    """Have `account` go on for the person known by Slack id, inside the caller's transaction.

    What refers to that person refers to the account from now on, except for history. The account
    keeps its role: whom we met in Slack became responder by that alone. Raises Conflict.

    It locks both, in the order of their ids, as everyone does who locks several people: the caller has
    changed neither before. Who names them, in the timeline or as commander, does not wait for it.
    """
    locked = session.scalars(
        select(User)
        .where(User.id.in_((slack_person_id, account_id)))
        .order_by(User.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).all()
    by_id = {user.id: user for user in locked}
    slack_person, account = by_id[slack_person_id], by_id[account_id]
    if slack_person.merged_into_id == account.id:
        return account
    if not may_merge(slack_person, account):
        raise Conflict(
            "These are two accounts that both have sign-ins of their own. "
            "An admin can deactivate the one that is not used."
        )
    for table, column in _references():
        _move(session, table, column, slack_person.id, account.id)
    before = {"slack_user_id": None, "role": account.role.value}
    slack_id, slack_person.slack_user_id = slack_person.slack_user_id, None
    slack_person.email = None
    slack_person.merged_into_id = account.id
    slack_person.session_epoch += 1
    session.flush()  # the Slack id is unique: it is given up before it is taken
    account.slack_user_id = slack_id
    if slack_person.role is Role.ADMIN:  # nobody becomes that by being met
        account.role = Role.ADMIN
    _keep_choices(slack_person, account)
    session.flush()
    audit.append(
        session,
        actor,
        "merge_accounts",
        f"user {account.id}",
        before=before,
        after={
            "slack_user_id": slack_id,
            "role": account.role.value,
            "merged_user_id": slack_person.id,
        },
    )
    return account


def _keep_choices(slack_person: User, account: User) -> None:
    """Have the account keep what its person chose in Slack's sign-in and never chose in its own."""
    if account.direct_messages is DirectMessages.ALL:
        account.direct_messages = slack_person.direct_messages
    account.time_zone = account.time_zone or slack_person.time_zone
    account.theme = account.theme or slack_person.theme


def _references() -> list[tuple[Table, Column[int]]]:
    """Return every column that names a user, but for those of history."""
    return [
        (table, constraint.columns[0])
        for table in Base.metadata.sorted_tables
        if table.name not in APPEND_ONLY
        for constraint in table.constraints
        if isinstance(constraint, ForeignKeyConstraint)
        and constraint.referred_table.name == User.__tablename__
    ]


def _move(session: Session, table: Table, column: Column[int], old: int, new: int) -> None:
    """Have the rows that name `old` name `new`; where `new` is named already, one row is enough."""
    others = [key for key in table.primary_key if key is not column]
    if column.primary_key and others:
        twin = aliased(table)
        there = select(1).where(
            twin.c[column.name] == new, *(twin.c[key.name] == key for key in others)
        )
        session.execute(
            delete(table)
            .where(column == old, there.exists())
            .execution_options(synchronize_session=False)
        )
    session.execute(update(table).where(column == old).values({column.name: new}))
