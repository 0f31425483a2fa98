"""Accounts, private incidents, figures, search, routing by moment: what the web console needs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from incidentbot.database import UtcDateTime
from incidentbot.incidents.search import words_of

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

OPEN_STATUSES = ("declared", "investigating", "identified", "monitoring")
MOVES = ("status", "resolved", "reopened", "cancelled")
TOLD = ("update", "status", "resolved")

ADD_WORDS_ON_POSTGRES = sa.text(
    "INSERT INTO incident_search (number, words) VALUES (:number, array_to_tsvector(:words))"
)
ADD_WORDS_ON_SQLITE = sa.text("INSERT INTO incident_search (rowid, words) VALUES (:number, :words)")

# What the tables hold that is read here.
services = sa.table("services", sa.column("id"), sa.column("name"))
events = sa.table(
    "timeline_events",
    sa.column("incident_id"),
    sa.column("seq"),
    sa.column("kind"),
    sa.column("at", UtcDateTime),
    sa.column("text"),
    sa.column("data", sa.JSON),
)
incidents = sa.table(
    "incidents",
    *map(sa.column, ("id", "number", "title", "summary", "service_id")),
    sa.column("declared_at", UtcDateTime),
    sa.column("first_update_at", UtcDateTime),
    sa.column("last_update_at", UtcDateTime),
    sa.column("status_since", UtcDateTime),
    *(sa.column(f"seconds_{status}") for status in OPEN_STATUSES),
)


def new_columns() -> dict[str, tuple[sa.Column[Any], ...]]:
    """Return what each table gets: made anew each time, as a column belongs to one table."""
    return {
        "users": (
            sa.Column("password_hash", sa.String(length=200), nullable=True),
            sa.Column("session_epoch", sa.Integer(), nullable=False, server_default="0"),
            sa.Column("time_zone", sa.String(length=64), nullable=True),
            sa.Column("theme", sa.String(length=8), nullable=True),
            sa.Column(
                "direct_messages", sa.String(length=32), nullable=False, server_default="all"
            ),
            sa.Column("deactivated_at", sa.DateTime(timezone=True), nullable=True),
            sa.Column("merged_into_id", sa.Integer(), nullable=True),
        ),
        "sign_in_links": (
            sa.Column("purpose", sa.String(length=32), nullable=False, server_default="sign_in"),
        ),
        "services": (sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),),
        "incidents": (
            sa.Column("is_private", sa.Boolean(), nullable=False, server_default=sa.false()),
            sa.Column("first_update_at", sa.DateTime(timezone=True), nullable=True),
            sa.Column("last_update_at", sa.DateTime(timezone=True), nullable=True),
            sa.Column("status_since", sa.DateTime(timezone=True), nullable=True),
            *(
                sa.Column(f"seconds_{status}", sa.Integer(), nullable=False, server_default="0")
                for status in OPEN_STATUSES
            ),
            sa.Column("updates_due", sa.Integer(), nullable=False, server_default="0"),
            sa.Column("updates_late", sa.Integer(), nullable=False, server_default="0"),
        ),
        "routing_rules": (
            sa.Column("service_id", sa.Integer(), nullable=True),
            sa.Column("on_start", sa.Boolean(), nullable=False, server_default=sa.true()),
            sa.Column("on_update", sa.Boolean(), nullable=False, server_default=sa.false()),
            sa.Column("on_end", sa.Boolean(), nullable=False, server_default=sa.true()),
        ),
    }


REFERENCES = {
    "users": ("merged_into_id", "users"),
    "routing_rules": ("service_id", "services"),
}
NEW_INDEXES = {
    "incidents": (
        ("declared_at",),
        ("severity", "number"),
        ("service_id", "number"),
        ("commander_id", "number"),
    ),
    "audit_entries": (
        ("actor_id", "seq"),
        ("action", "seq"),
        ("at",),
        ("outcome", "seq"),
        ("override", "seq"),
    ),
}
NEW_TABLES = (
    "action_items",
    "failed_sign_ins",
    "identities",
    "incident_people",
    "severity_settings",
)


def upgrade() -> None:
    for table, columns in new_columns().items():
        with op.batch_alter_table(table) as batch:
            for column in columns:
                batch.add_column(column)
            if table == "routing_rules":
                batch.drop_constraint("uq_routing_rules_severity_kind_target", type_="unique")
            if table in REFERENCES:
                name, other = REFERENCES[table]
                batch.create_foreign_key(op.f(f"fk_{table}_{name}_{other}"), other, [name], ["id"])
    for table, indexes in NEW_INDEXES.items():
        for names in indexes:
            op.create_index(f"ix_{table}_{'_'.join(names)}", table, list(names))
    _make_tables()
    _make_search()
    _count_what_was()


def downgrade() -> None:
    op.drop_table("incident_search")
    for table in NEW_TABLES:
        op.drop_table(table)
    for table, indexes in NEW_INDEXES.items():
        for names in indexes:
            op.drop_index(f"ix_{table}_{'_'.join(names)}", table)
    for table, columns in new_columns().items():
        with op.batch_alter_table(table) as batch:
            if table in REFERENCES:
                name, other = REFERENCES[table]
                batch.drop_constraint(op.f(f"fk_{table}_{name}_{other}"), type_="foreignkey")
            for column in columns:
                batch.drop_column(column.name)
            if table == "routing_rules":
                batch.create_unique_constraint(
                    "uq_routing_rules_severity_kind_target", ["severity", "kind", "target"]
                )


def _make_tables() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "identities",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("issuer", sa.String(length=200), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("linked_at", moment, nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_identities_user_id_users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identities")),
        sa.UniqueConstraint("issuer", "subject", name=op.f("uq_identities_issuer_subject")),
    )
    op.create_index(op.f("ix_identities_user_id"), "identities", ["user_id"])
    op.create_table(
        "failed_sign_ins",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("email_hash", sa.String(length=64), nullable=False),
        sa.Column("origin", sa.String(length=64), nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_failed_sign_ins")),
    )
    op.create_index("ix_failed_sign_ins_email_hash_at", "failed_sign_ins", ["email_hash", "at"])
    op.create_index("ix_failed_sign_ins_origin_at", "failed_sign_ins", ["origin", "at"])
    op.create_table(
        "incident_people",
        sa.Column("incident_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("added_at", moment, nullable=False),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.id"], name=op.f("fk_incident_people_incident_id_incidents")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_incident_people_user_id_users")
        ),
        sa.PrimaryKeyConstraint("incident_id", "user_id", name=op.f("pk_incident_people")),
    )
    op.create_index(op.f("ix_incident_people_user_id"), "incident_people", ["user_id"])
    op.create_table(
        "action_items",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("incident_id", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(length=500), nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("done_at", moment, nullable=True),
        sa.Column("done_by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["incident_id"], ["incidents.id"], name=op.f("fk_action_items_incident_id_incidents")
        ),
        *(
            sa.ForeignKeyConstraint(
                [name], ["users.id"], name=op.f(f"fk_action_items_{name}_users")
            )
            for name in ("owner_id", "created_by_id", "done_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_action_items")),
    )
    op.create_index(op.f("ix_action_items_incident_id"), "action_items", ["incident_id"])
    op.create_index("ix_action_items_owner_id_done_at", "action_items", ["owner_id", "done_at"])
    op.create_index(
        "ix_action_items_open",
        "action_items",
        ["incident_id"],
        sqlite_where=sa.text("done_at IS NULL"),
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.create_table(
        "severity_settings",
        sa.Column("severity", sa.String(length=32), nullable=False),
        sa.Column("meaning", sa.String(length=200), nullable=False),
        sa.Column("update_minutes", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("severity", name=op.f("pk_severity_settings")),
    )


def _make_search() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE TABLE incident_search (number integer PRIMARY KEY, words tsvector NOT NULL)"
        )
        op.execute("CREATE INDEX ix_incident_search_words ON incident_search USING gin (words)")
    else:
        op.execute("CREATE VIRTUAL TABLE incident_search USING fts5 (words)")


def _count_what_was() -> None:
    """Give the incidents that there are already their people, their figures and their words."""
    op.execute(
        "INSERT INTO incident_people (incident_id, user_id, role, added_at) "
        "SELECT id, commander_id, 'responder', declared_at FROM incidents"
    )
    if op.get_context().as_sql:  # the rest needs to be read first
        return
    connection = op.get_bind()
    on_postgres = connection.dialect.name == "postgresql"
    named = sa.select(incidents, services.c.name).join(
        services, services.c.id == incidents.c.service_id
    )
    for incident in connection.execute(named.order_by(incidents.c.id)).all():
        story = connection.execute(
            sa.select(events).where(events.c.incident_id == incident.id).order_by(events.c.seq)
        ).all()
        connection.execute(
            sa.update(incidents)
            .where(incidents.c.id == incident.id)
            .values(**_figures(incident.declared_at, story))
        )
        reference = f"INC-{incident.number}"
        texts = (event.text for event in story)
        words = words_of(reference, incident.title, incident.summary, incident.name, *texts)
        connection.execute(
            ADD_WORDS_ON_POSTGRES if on_postgres else ADD_WORDS_ON_SQLITE,
            {"number": incident.number, "words": words if on_postgres else " ".join(words)},
        )


def _figures(declared_at: datetime, story: Sequence[sa.Row[Any]]) -> dict[str, object]:
    """Return the columns that the timeline tells. What updates were due then, nobody has said."""
    told = [event.at for event in story if event.kind in TOLD]
    seconds = dict.fromkeys(OPEN_STATUSES, 0)
    since = declared_at
    for event in story:
        if event.kind in MOVES:
            if event.data["from"] in seconds:
                seconds[event.data["from"]] += int((event.at - since).total_seconds())
            since = event.at
    return {
        "first_update_at": min(told, default=None),
        "last_update_at": max(told, default=None),
        "status_since": since,
        **{f"seconds_{status}": spent for status, spent in seconds.items()},
    }
