"""What customers are told: public incidents, states of services, maintenance, subscribers."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = (
    "publication_rules",
    "status_page_settings",
    "subscribers",
    "component_states",
    "maintenances",
    "public_services",
    "statuspage_components",
    "subscriber_services",
    "maintenance_services",
    "public_incidents",
    "public_updates",
)


def upgrade() -> None:
    op.create_table(
        "publication_rules",
        sa.Column("severity", sa.String(length=32), nullable=False),
        sa.Column("publication", sa.String(length=32), nullable=False),
        sa.Column("impact", sa.String(length=32), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("opening", sa.Text(), nullable=False),
        sa.Column("identified", sa.Text(), nullable=False),
        sa.Column("monitoring", sa.Text(), nullable=False),
        sa.Column("resolved", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("severity", name=op.f("pk_publication_rules")),
    )
    op.create_table(
        "status_page_settings",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("title", sa.String(length=100), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("host", sa.String(length=253), nullable=True),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("partial_outage_weight", sa.Integer(), nullable=False),
        sa.Column("statuspage_page_id", sa.String(length=64), nullable=True),
        sa.Column("statuspage_page_name", sa.String(length=200), nullable=True),
        sa.Column("statuspage_key", sa.Text(), nullable=True),
        sa.Column("reconciled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_status_page_settings")),
    )
    op.create_table(
        "subscribers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscribers")),
        sa.UniqueConstraint("email", name=op.f("uq_subscribers_email")),
    )
    op.create_table(
        "component_states",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["service_id"], ["services.id"], name=op.f("fk_component_states_service_id_services")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_component_states")),
    )
    op.create_index(
        op.f("ix_component_states_service_id_at"), "component_states", ["service_id", "at"]
    )

    op.create_table(
        "maintenances",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("statuspage_id", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["users.id"], name=op.f("fk_maintenances_created_by_id_users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_maintenances")),
    )
    op.create_index(op.f("ix_maintenances_ends_at"), "maintenances", ["ends_at"])

    op.create_table(
        "public_services",
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("group_name", sa.String(length=100), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("shown_since", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["service_id"], ["services.id"], name=op.f("fk_public_services_service_id_services")
        ),
        sa.PrimaryKeyConstraint("service_id", name=op.f("pk_public_services")),
    )
    op.create_table(
        "statuspage_components",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("component_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("last_set", sa.String(length=32), nullable=True),
        sa.Column("about_to_set", sa.String(length=32), nullable=True),
        sa.Column("found", sa.String(length=32), nullable=True),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["service_id"],
            ["services.id"],
            name=op.f("fk_statuspage_components_service_id_services"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statuspage_components")),
        sa.UniqueConstraint(
            "service_id",
            "component_id",
            name=op.f("uq_statuspage_components_service_id_component_id"),
        ),
    )
    op.create_index(
        op.f("ix_statuspage_components_component_id"), "statuspage_components", ["component_id"]
    )

    op.create_table(
        "subscriber_services",
        sa.Column("subscriber_id", sa.Integer(), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["service_id"], ["services.id"], name=op.f("fk_subscriber_services_service_id_services")
        ),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscribers.id"],
            name=op.f("fk_subscriber_services_subscriber_id_subscribers"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("subscriber_id", "service_id", name=op.f("pk_subscriber_services")),
    )
    op.create_table(
        "maintenance_services",
        sa.Column("maintenance_id", sa.Integer(), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["maintenance_id"],
            ["maintenances.id"],
            name=op.f("fk_maintenance_services_maintenance_id_maintenances"),
        ),
        sa.ForeignKeyConstraint(
            ["service_id"],
            ["services.id"],
            name=op.f("fk_maintenance_services_service_id_services"),
        ),
        sa.PrimaryKeyConstraint(
            "maintenance_id", "service_id", name=op.f("pk_maintenance_services")
        ),
    )
    op.create_table(
        "public_incidents",
        sa.Column("incident_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("impact", sa.String(length=32), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("statuspage_id", sa.String(length=64), nullable=True),
        sa.Column("statuspage_found", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["incident_id"],
            ["incidents.id"],
            name=op.f("fk_public_incidents_incident_id_incidents"),
        ),
        sa.PrimaryKeyConstraint("incident_id", name=op.f("pk_public_incidents")),
    )
    op.create_index(op.f("ix_public_incidents_opened_at"), "public_incidents", ["opened_at"])
    op.create_index(
        "ix_public_incidents_open",
        "public_incidents",
        ["opened_at"],
        sqlite_where=sa.text("resolved_at IS NULL"),
        postgresql_where=sa.text("resolved_at IS NULL"),
    )

    op.create_table(
        "public_updates",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("incident_id", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("author_id", sa.Integer(), nullable=True),
        sa.Column("statuspage_posted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["author_id"], ["users.id"], name=op.f("fk_public_updates_author_id_users")
        ),
        sa.ForeignKeyConstraint(
            ["incident_id"],
            ["public_incidents.incident_id"],
            name=op.f("fk_public_updates_incident_id_public_incidents"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_public_updates")),
        sa.UniqueConstraint("incident_id", "seq", name=op.f("uq_public_updates_incident_id_seq")),
    )


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
