"""Which page the mapping belongs to, when a maintenance really ended, and when somebody was asked last."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
NEW_COLUMNS = (
    ("status_page_settings", "mapped_page_id", sa.String(length=64)),
    ("public_incidents", "statuspage_looked_at", MOMENT),
    ("maintenances", "ended_at", MOMENT),
    ("subscribers", "asked_at", MOMENT),
)


def upgrade() -> None:
    for table, name, kind in NEW_COLUMNS:
        with op.batch_alter_table(table) as batch:
            batch.add_column(sa.Column(name, kind, nullable=True))
    op.create_index("ix_maintenances_ended_at", "maintenances", ["ended_at"])
    op.execute("UPDATE status_page_settings SET mapped_page_id = statuspage_page_id")
    op.execute("UPDATE subscribers SET asked_at = created_at")
    op.execute("UPDATE maintenances SET ended_at = ends_at WHERE status = 'completed'")
    # When one that was called off was to end is not known any more.
    op.execute(
        "UPDATE maintenances SET ends_at = starts_at "
        "WHERE status = 'completed' AND ends_at < starts_at"
    )


def downgrade() -> None:
    op.execute("UPDATE maintenances SET ends_at = ended_at WHERE ended_at IS NOT NULL")
    op.drop_index("ix_maintenances_ended_at", "maintenances")
    for table, name, _kind in NEW_COLUMNS:
        with op.batch_alter_table(table) as batch:
            batch.drop_column(name)
