"""Mailboxes that refuse mail are counted; what is over is found for deletion by its age."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

IS_OVER = "incident_id IS NULL AND state IN ('done', 'skipped')"


def upgrade() -> None:
    with op.batch_alter_table("subscribers") as table:
        table.add_column(sa.Column("refusals", sa.Integer(), server_default="0", nullable=False))
        table.add_column(sa.Column("refused_since", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_deliveries_over",
        "deliveries",
        ["finished_at"],
        sqlite_where=sa.text(IS_OVER),
        postgresql_where=sa.text(IS_OVER),
    )


def downgrade() -> None:
    op.drop_index("ix_deliveries_over", table_name="deliveries")
    with op.batch_alter_table("subscribers") as table:
        table.drop_column("refused_since")
        table.drop_column("refusals")
