"""Mailboxes that refuse are counted, what is over is found by its age, checks of the audit log are kept."""

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
    op.create_table(
        "audit_checks",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("until", sa.Integer(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("next_seq", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("problems", sa.JSON(), nullable=False),
        sa.Column("problem_count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_checks")),
    )


def downgrade() -> None:
    op.drop_table("audit_checks")
    op.drop_index("ix_deliveries_over", table_name="deliveries")
    with op.batch_alter_table("subscribers") as table:
        table.drop_column("refused_since")
        table.drop_column("refusals")
