"""Let people be named while what is unique of them changes, and they are changed while they are named."""

# safe beside the version before: it holds what the constraints in its place held, in the same transaction.
# Until that version's processes have ended, one that merges two accounts may deadlock with a command of
# this version on the same person: PostgreSQL ends one of them, and its person is told to try again.

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

COLUMNS = ("email", "slack_user_id")


def upgrade() -> None:
    with op.batch_alter_table("users") as table:
        for column in COLUMNS:
            table.drop_constraint(op.f(f"uq_users_{column}"), type_="unique")
    for column in COLUMNS:
        known = sa.text(f"{column} IS NOT NULL")
        op.create_index(
            op.f(f"ix_users_{column}"),
            "users",
            [column],
            unique=True,
            postgresql_where=known,
            sqlite_where=known,
        )


def downgrade() -> None:
    for column in COLUMNS:
        op.drop_index(op.f(f"ix_users_{column}"), "users")
    with op.batch_alter_table("users") as table:
        for column in COLUMNS:
            table.create_unique_constraint(op.f(f"uq_users_{column}"), [column])
