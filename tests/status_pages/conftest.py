from tests.team import migrated_postgres, migrated_sqlite, team

__all__ = ["migrated_postgres", "migrated_sqlite", "team"]
