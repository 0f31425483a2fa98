from tests.team import migrated_postgres, migrated_sqlite, processes, team

__all__ = ["migrated_postgres", "migrated_sqlite", "processes", "team"]
